"""Who was killed and by whom, from any log: main, system, events, dmesg, or several together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from droidreclaim.errors import ParseError
from droidreclaim.parse.am_lines import opens_record
from droidreclaim.parse.kernel_kills import read_kernel_kills
from droidreclaim.parse.kill_records import KilledBy, KillRecord, kernel_record, read_kill
from droidreclaim.parse.lines import log_lines
from droidreclaim.parse.lmkd import continues_lmkd_kill, opens_lmkd_kill
from droidreclaim.parse.logcat import LogEntry, LogForm, parse_logcat
from droidreclaim.parse.text import NumberedLine, no_rows

__all__ = ["KillLog", "KillRecord", "KilledBy", "parse_kills", "read_entries"]

_KERNEL_LINE = re.compile(
    r"<[0-9]{1,3}>|\[ *[0-9]{1,10}\.[0-9]{3,9}\]|[0-9]{1,4},[0-9]{1,12},[0-9]{1,15},.{1,9};"
)


@dataclass(frozen=True, slots=True)
class KillLog:
    """
    What a log says about kills.

    Attributes:
        records: In the order of the text.
        unread: Lines that start as a kill and cannot be read: cut at the edge of a buffer, or in
            a form not seen yet. Logs are cut as a rule, so this is no error; a reader that counts
            has to say how many there are.
    """

    records: tuple[KillRecord, ...]
    unread: tuple[NumberedLine, ...]


def parse_kills(text: str, source: str = "log") -> KillLog:
    """
    Read every kill of a log in any ``logcat -v`` form (raw too), of dmesg, or of both in one file.

    Raises:
        ParseError: *text* is no log.
    """
    numbered = list(log_lines(text))
    kernel, kernel_unread = read_kernel_kills(numbered)
    entries = _entries(text, numbered, source, kernel_kills=bool(kernel or kernel_unread))
    of_kernel = {row[0] for row in kernel_unread} | {kill.line_number for kill in kernel}
    records, unread = read_entries(e for e in entries if e.line_number not in of_kernel)
    return KillLog(
        tuple(sorted([*map(kernel_record, kernel), *records], key=lambda r: r.line_number)),
        tuple(sorted([*kernel_unread, *unread])),
    )


def read_entries(entries: Iterable[LogEntry]) -> tuple[list[KillRecord], list[NumberedLine]]:
    """The kills among log entries of any buffer, and the rows that start as one and are unread."""
    records: list[KillRecord] = []
    unread: list[NumberedLine] = []
    for entry in _joined(entries):
        try:
            record = read_kill(entry)
        except ValueError:
            unread.append((entry.line_number, f"{entry.tag or ''}: {entry.message}"))
            continue
        if record is not None:
            records.append(record)
    return records, unread


def _entries(
    text: str, numbered: list[NumberedLine], source: str, *, kernel_kills: bool
) -> tuple[LogEntry, ...]:
    try:
        return parse_logcat(text, source=source)
    except ParseError:
        if any(opens_lmkd_kill(line) or opens_record(line) for _, line in numbered):
            return parse_logcat(text, LogForm.RAW, source)
        marked = sum(_KERNEL_LINE.match(line) is not None for _, line in numbered)
        if kernel_kills or (numbered and marked * 2 >= len(numbered)):
            return ()
        raise no_rows(source, text, "log entry") from None


def _joined(entries: Iterable[LogEntry]) -> list[LogEntry]:
    """Android 9's lmkd prints one kill as two entries; put them back together."""
    joined: list[LogEntry] = []
    for entry in entries:
        if joined and _continues(joined[-1], entry):
            last = joined[-1]
            joined[-1] = replace(last, message=f"{last.message}\n{entry.message}")
        else:
            joined.append(entry)
    return joined


def _continues(last: LogEntry, entry: LogEntry) -> bool:
    return (
        (last.tag, last.pid) == (entry.tag, entry.pid)
        and opens_lmkd_kill(last.message)
        and continues_lmkd_kill(entry.message)
    )
