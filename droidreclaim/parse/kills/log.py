"""Who was killed and by whom, from any log: main, system, events, dmesg, or several together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from droidreclaim.parse.kills.am_lines import ForceStopped, read_activity_line
from droidreclaim.parse.kills.copied import behind_prefixes, plain, unglued, without_markup
from droidreclaim.parse.kills.exit_lines import has_exit, read_exits
from droidreclaim.parse.kills.kernel_kills import is_kernel_log, kernel_time, read_kernel_kills
from droidreclaim.parse.kills.lmkd import continues_lmkd_kill, opens_lmkd_kill, read_level
from droidreclaim.parse.kills.logcat import (
    LogEntry,
    LogForm,
    fits_whole,
    form_of,
    iter_entries,
    only_dividers,
)
from droidreclaim.parse.kills.pasted import is_fence, pasted_entries
from droidreclaim.parse.kills.quoted import out_of_quotes
from droidreclaim.parse.kills.records import (
    LMKD_TAGS,
    KilledBy,
    KillRecord,
    kernel_record,
    killer_of,
    read_kill,
)
from droidreclaim.parse.kills.remarks import Remark, read_remarks
from droidreclaim.parse.text.answer import NumberedLine, no_rows
from droidreclaim.parse.text.lines import log_lines

__all__ = ["KillLog", "KillRecord", "KilledBy", "parse_kills", "read_entries"]

_END_LINES = 1000  # a line without a time goes on where the one before it ended


@dataclass(frozen=True, slots=True)
class KillLog:
    """
    What a log says about kills.

    Attributes:
        records: In the order of the text.
        unread: Lines that start as a kill and cannot be read: cut at the edge of a buffer, or in
            a form not seen yet. Logs are cut as a rule, so this is no error; a reader that counts
            has to say how many there are.
        pasted: No form of logcat fits as a whole: records were looked for line by line.
        remarks: What else the log says about memory: zram that took no page, frozen apps.
        untagged: Its form prints no tags, so what only the event log tells is not seen.
        until: Time of the last entry, as printed; None where none has a time.
    """

    records: tuple[KillRecord, ...]
    unread: tuple[NumberedLine, ...]
    pasted: bool = False
    remarks: tuple[Remark, ...] = ()
    until: str | None = None
    untagged: bool = False


def parse_kills(text: str, source: str = "log") -> KillLog:
    """
    Read every kill of a log in any ``logcat -v`` form (raw too), of dmesg, or of both in one file.

    Raises:
        ParseError: *text* is no log.
    """
    lines = unglued(out_of_quotes(log_lines(plain(text))))
    numbered = [row for row in lines if not is_fence(row[1])]
    kernel, kernel_unread = read_kernel_kills(numbered)
    remarks = read_remarks(numbered)
    form = form_of(numbered)
    if form is None:  # it may stand behind what a machine has put before each line
        numbered = [(number, without_markup(line)) for number, line in numbered]
        bare = behind_prefixes(numbered)
        form = form_of(bare)
        numbered = numbered if form is None else bare
    pasted = form is None or not fits_whole(numbered, form)
    if form is None or pasted:
        entries = list(pasted_entries(numbered))
    else:
        entries = list(iter_entries(numbered, form))
    of_kernel = {row[0] for row in kernel_unread} | {kill.line_number for kill in kernel}
    records, unread = read_entries(e for e in entries if e.line_number not in of_kernel)
    anything = kernel or kernel_unread or remarks or records or unread
    if form is None and not (anything or _is_other_log(numbered)):
        raise no_rows(source, text, "log entry")
    return KillLog(
        tuple(sorted([*map(kernel_record, kernel), *records], key=lambda r: r.line_number)),
        tuple(sorted([*kernel_unread, *unread])),
        pasted=pasted and bool(records or unread),
        remarks=remarks,
        until=next((one.at for one in reversed(entries) if one.at), None) or _end_of(numbered),
        untagged=form is LogForm.THREAD,
    )


def read_entries(entries: Iterable[LogEntry]) -> tuple[list[KillRecord], list[NumberedLine]]:
    """The kills among log entries of any buffer, and the rows that start as one and are unread."""
    records: list[KillRecord] = []
    unread: list[NumberedLine] = []
    stopped: dict[str, str] = {}
    bare: dict[int | None, list[int]] = {}  # kills without a reason yet, by lmkd's pid
    for entry in _joined(entries):
        if entry.message.startswith("Force stopping "):
            stop = read_activity_line(entry.message)
            if isinstance(stop, ForceStopped):
                stopped[stop.package] = stop.reason
        try:
            if has_exit(entry.message):
                records += read_exits(entry)
                continue
            record = read_kill(entry)
        except ValueError:
            unread.append((entry.line_number, f"{entry.tag or ''}: {entry.message}"))
            continue
        if record is not None:
            if record.source == "lmkd" and not record.reason:
                bare.setdefault(entry.pid, []).append(len(records))
            records.append(_with_cause(record, stopped))
        elif entry.tag in LMKD_TAGS and (level := read_level(entry.message)):
            for index in bare.pop(entry.pid, ()):
                records[index] = replace(records[index], reason=level)
    return records, unread


def _with_cause(record: KillRecord, stopped: dict[str, str]) -> KillRecord:
    """Add the cause: before Android 11 a kill says "stop PACKAGE", the line before it says why."""
    cause = stopped.get(record.reason.removeprefix("stop "))
    if cause is None or not record.reason.startswith("stop "):
        return record
    reason = f"{record.reason} due to {cause}"
    return replace(record, reason=reason, by=killer_of(reason))


def _end_of(numbered: list[NumberedLine]) -> str | None:
    """Time of the last line of a kernel's log."""
    times = (kernel_time(line) for _, line in numbered[: -_END_LINES - 1 : -1])
    return next((at for at in times if at), None)


def _is_other_log(numbered: list[NumberedLine]) -> bool:
    """Whether this is a kernel log, or a log whose buffers are empty."""
    return only_dividers(numbered) or is_kernel_log(numbered)


def _joined(entries: Iterable[LogEntry]) -> Iterator[LogEntry]:
    """Android 9's lmkd prints one kill as two entries; put them back together."""
    last: LogEntry | None = None
    for entry in entries:
        if last is not None and _continues(last, entry):
            last = replace(last, message=f"{last.message}\n{entry.message}")
            continue
        if last is not None:
            yield last
        last = entry
    if last is not None:
        yield last


def _continues(last: LogEntry, entry: LogEntry) -> bool:
    return (
        (last.tag, last.pid) == (entry.tag, entry.pid)
        and opens_lmkd_kill(last.message)
        and continues_lmkd_kill(entry.message)
    )
