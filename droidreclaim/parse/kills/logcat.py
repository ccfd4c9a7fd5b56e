"""``logcat`` in every ``-v`` form, into entries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from droidreclaim.parse.text.answer import NumberedLine, no_rows
from droidreclaim.parse.text.lines import log_lines

_LEVEL = r"(?P<level>[VDIWEFAS])"
_LEVEL_WORD = rf"{_LEVEL}(?:ERBOSE|EBUG|NFO|ARN|RROR|ATAL|SSERT)?"  # Eclipse wrote "INFO/tag"
_PID, _TID = r"(?P<pid>[0-9]{1,10})", r"(?P<tid>[0-9]{1,10})"
_UID = r"(?P<uid>[0-9]{1,10}|[a-z_][a-z0-9_]{1,31})"
# -v year, usec, nsec, zone (UTC), epoch and monotonic change the time in any form.
_AT = (
    r"(?P<at>(?:[0-9]{4}-)?[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3,9}"
    r"(?: [+-][0-9]{4})?|[0-9]{1,12}\.[0-9]{3,9})"
)
# "Nov 28 09:00:00", "2026-11-28T09:00:00.123456+01:00" of a syslog
_AT_SYSLOG = (
    r"(?P<at>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)"
)
_OWNER = rf"\( *(?:{_UID}: *)?{_PID}\)"  # "(  151)", "( 1000:  151)"
_ESCAPE = re.compile(r"\x1b\[[0-9;]{0,32}m")  # -v color
_DIVIDER = re.compile(r"-{6,} (?:beginning of|switch to) (?P<buffer>\S{1,32})")
_LONGEST_HEAD = 400  # tags are short; the message is cut off before matching, so heads cost little


class LogForm(StrEnum):
    """
    The forms of ``logcat -v``, and those that other programs give its entries.

    ``STRIPPED`` is threadtime after a tool dropped its numbers.
    """

    THREADTIME = "threadtime"
    TIME = "time"
    STUDIO = "studio"
    STUDIO_TABLE = "studio table"
    STRIPPED = "stripped"
    SYSLOG = "syslog"
    SYSLOG_5424 = "syslog of RFC 5424"
    LSPOSED = "LSPosed"
    LONG = "long"
    BRIEF = "brief"
    THREAD = "thread"
    PROCESS = "process"
    TAG = "tag"
    RAW = "raw"


# The tag ends at ": ", or at a ":" that ends the line; it may itself hold a colon.
_TAG = r"(?P<tag>[^:]{0,120}(?::[^ :][^:]{0,60}){0,3}?):(?: |$)"
_HEADS = {
    LogForm.THREADTIME: rf" *{_AT} +(?:{_UID} +)?{_PID} +{_TID} {_LEVEL} {_TAG}",
    LogForm.TIME: rf" *{_AT}:? {_LEVEL_WORD}/(?P<tag>.{{0,120}}?) *{_OWNER}:(?: |$)",
    LogForm.STUDIO: rf" *{_AT} {_PID}[-/]{_TID}(?:/\S{{1,255}})? {_LEVEL}/{_TAG}",
    LogForm.STUDIO_TABLE: (
        rf" *{_AT} +{_PID}-{_TID} +(?P<tag>\S.{{0,80}}?) {{1,80}}\S{{1,255}} +{_LEVEL} {{2}}"
    ),
    LogForm.STRIPPED: rf" *{_AT} +(?:{_LEVEL} )?(?P<tag>[\w.$-]{{1,64}}) *:(?: |$)",
    LogForm.SYSLOG: (
        rf"{_AT_SYSLOG} \S{{1,255}} (?P<tag>[\w./-]{{1,80}})(?:[\[(] *{_PID}[\])])? *:(?: |$)"
    ),
    # "<14>1 2026-11-28T09:00:00.123Z host tag 206 - - message"
    LogForm.SYSLOG_5424: (
        rf"<[0-9]{{1,3}}>1 {_AT_SYSLOG} \S{{1,255}} (?P<tag>[\w./-]{{1,80}}) (?:{_PID}|-)"
        r" \S{1,32} (?:-|\[.{0,120}?\]) "
    ),
    # "[ 2026-11-28T09:00:00.123     1000:  1500:  1501 I/ActivityManager ] message"
    LogForm.LSPOSED: (
        rf"\[ *{_AT_SYSLOG} +(?:{_UID}: *)?{_PID}: *{_TID} {_LEVEL}/(?P<tag>.{{0,120}}?) *\] "
    ),
    LogForm.LONG: rf"\[ *{_AT} +(?:{_UID}: *)?{_PID}: *{_TID} {_LEVEL}/(?P<tag>.{{0,120}}?) *\]$",
    LogForm.BRIEF: rf"{_LEVEL}/(?P<tag>.{{0,120}}?) *{_OWNER}:(?: |$)",
    LogForm.THREAD: rf"{_LEVEL}\( *(?:{_UID}: *)?{_PID}: *{_TID}\) ",
    LogForm.PROCESS: rf"{_LEVEL}{_OWNER} ",
    LogForm.TAG: rf"{_LEVEL}/{_TAG}",
}
_READERS = {form: re.compile(head) for form, head in _HEADS.items()}
# These heads are so loose that other text has lines like them: most lines must fit.
_LOOSE = frozenset({LogForm.BRIEF, LogForm.THREAD, LogForm.PROCESS, LogForm.TAG})
_WITH_TIME = (LogForm.THREADTIME, LogForm.TIME, LogForm.STUDIO, LogForm.STUDIO_TABLE)
# "I( 1000:  206) ..." is -v process with a uid as well as -v thread: only the former ends in a tag.
_TAG_BEHIND = re.compile(r".* {2}\([^()]{1,120}\)")
_PROCESS_TAG = re.compile(r"(?P<message>.*) {2}\((?P<tag>[^()]{0,120})\)")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """
    One line of a log; None for what its form does not print.

    Attributes:
        line_number: 1-based, in the text it came from.
        at: Time as printed (``01-18 17:13:33.654``, ``1790448214.410``), whose year and zone
            are usually unknown.
        uid: As printed: a number or a name (``root``, ``lmkd``), padding gone.
        level: One of V D I W E F A S.
        tag: Padding gone; a number where the tag file was missing on the device.
        message: Without the head; a line that a mail wrapped continues after ``\\n``.
        buffer: ``main``, ``events``... after a divider, else None.
    """

    line_number: int
    at: str | None
    uid: str | None
    pid: int | None
    tid: int | None
    level: str | None
    tag: str | None
    message: str
    buffer: str | None


def parse_logcat(
    text: str, form: LogForm | None = None, source: str = "logcat"
) -> tuple[LogEntry, ...]:
    """
    Read a log in any form but raw, which has to be asked for: it is text without a mark.

    A line that is no entry continues the one before (mails and terminals wrap); before the
    first entry it is the rest of one that was cut, and is skipped. A log with dividers and no
    entries is an empty tuple.

    Raises:
        ParseError: *text* is no log in that form, or in any.
    """
    lines = list(log_lines(text))
    chosen = form or form_of(lines)
    entries = tuple(iter_entries(lines, chosen)) if chosen else ()
    if not entries and not only_dividers(lines):
        raise no_rows(source, text, "log entry")
    return entries


def only_dividers(lines: Sequence[NumberedLine]) -> bool:
    """Whether a log is there and every buffer in it is empty."""
    return bool(lines) and all(_divider(line) is not None for _, line in lines)


def form_of(lines: Sequence[NumberedLine]) -> LogForm | None:
    """
    The form most of the first and last lines have, the stricter one of two that fit alike.

    Never raw, which every text would be.
    """
    return _best(lines)[0]


def begins_entry(line: str) -> bool:
    """Whether a line begins with a time and the rest of an entry's head."""
    return any(_READERS[form].match(line[:_LONGEST_HEAD]) is not None for form in _WITH_TIME)


def entry_elsewhere(number: int, line: str) -> LogEntry | None:
    """The entry that a line of another program's form is by itself, among lines of any kind."""
    for form in (LogForm.TIME, LogForm.LSPOSED, LogForm.SYSLOG, LogForm.SYSLOG_5424):
        if head := _READERS[form].match(line[:_LONGEST_HEAD]):
            return _Draft(number, head, None, [line[head.end() :]]).finish(form)
    return None


def log_lines_in(lines: Sequence[NumberedLine]) -> int:
    """How many of the first and last lines begin as entries of one form, dividers included."""
    dividers = sum(_divider(line) is not None for _, line in lines)
    return _best(lines)[1] + dividers


def fits_whole(lines: Sequence[NumberedLine], form: LogForm) -> bool:
    """Whether nine of ten of the first and last lines are entries of *form*."""
    sample = _sample(lines)
    fitting = sum(_READERS[form].match(line) is not None for line in sample)
    return form is LogForm.LONG or fitting * 10 >= len(sample) * 9


def _sample(lines: Sequence[NumberedLine]) -> list[str]:
    ends = lines if len(lines) <= 400 else [*lines[:200], *lines[-200:]]
    return [_plain(line)[:_LONGEST_HEAD] for _, line in ends if _divider(line) is None]


def _best(lines: Sequence[NumberedLine]) -> tuple[LogForm | None, int]:
    sample = _sample(lines)
    best, best_count = None, 0
    for form, reader in _READERS.items():
        count = sum(reader.match(line) is not None for line in sample)
        if form in _LOOSE and count * 2 < len(sample):
            continue
        if count > best_count:
            best, best_count = form, count
    if best is LogForm.THREAD:
        with_tag = sum(_TAG_BEHIND.fullmatch(line) is not None for line in sample)
        as_process = sum(_READERS[LogForm.PROCESS].match(line) is not None for line in sample)
        best = LogForm.PROCESS if min(with_tag, as_process) * 2 > best_count else best
    return best, best_count


@dataclass(slots=True)
class _Draft:
    """An entry while the lines that continue it come in."""

    number: int
    head: re.Match[str]
    buffer: str | None
    parts: list[str]

    def finish(self, form: LogForm) -> LogEntry:
        """The entry as a value."""
        found = self.head.groupdict()
        tag, parts = found.get("tag"), self.parts
        if form is LogForm.PROCESS and (trailer := _PROCESS_TAG.fullmatch(parts[0])) is not None:
            tag, parts = trailer["tag"], [trailer["message"], *parts[1:]]
        return LogEntry(
            line_number=self.number,
            at=found.get("at"),
            uid=found.get("uid"),
            pid=int(found["pid"]) if found.get("pid") else None,
            tid=int(found["tid"]) if found.get("tid") else None,
            level=found.get("level"),
            tag=tag.strip() if tag is not None else None,
            message="\n".join(parts),
            buffer=self.buffer,
        )


def iter_entries(lines: Iterable[NumberedLine], form: LogForm) -> Iterator[LogEntry]:
    """The entries of a log whose form is known, one at a time."""
    if form is LogForm.RAW:
        yield from (_raw(number, line) for number, line in lines if _divider(line) is None)
        return
    reader = _READERS[form]
    draft: _Draft | None = None
    buffer: str | None = None
    for number, coloured in lines:
        line = _plain(coloured)
        divider = _divider(line)
        head = reader.match(line[:_LONGEST_HEAD])
        if divider is None and head is None:
            if draft is not None:
                draft.parts.append(line)
            continue
        if draft is not None:
            yield draft.finish(form)
        draft = None
        if divider is not None:
            buffer = divider["buffer"]
        elif head is not None:
            rest = [] if form is LogForm.LONG else [line[head.end() :]]
            draft = _Draft(number, head, buffer, rest)
    if draft is not None:
        yield draft.finish(form)


def _plain(line: str) -> str:
    return _ESCAPE.sub("", line) if "\x1b" in line else line


def _divider(line: str) -> re.Match[str] | None:
    return _DIVIDER.fullmatch(line) if line.startswith("---") else None


def _raw(number: int, line: str) -> LogEntry:
    return LogEntry(number, None, None, None, None, None, None, _plain(line), None)
