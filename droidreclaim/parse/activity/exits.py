"""``dumpsys activity exit-info`` and ``lmk``: what ended processes, in the framework's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import NumberedLine, answer_lines, no_rows, size_bytes

EXIT_INFO = "dumpsys activity exit-info"
LMK = "dumpsys activity lmk"

_TIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:[.,]\d{1,6})?")
_CODE = re.compile(r"(?P<code>-?\d{1,9})(?: \((?P<name>.{0,100})\))?")
_KEY = re.compile(r"(?:^| )([A-Za-z]\w{0,30})=")
_LEVEL = re.compile(r" *kills at or below oom_adj (-?\d{1,5}): (\d{1,12})")
_TOTAL = re.compile(r" *Total number of kills: (\d{1,12})")
_NUMBER = re.compile(r"-?\d{1,12}")
_LONGEST_RECORD = 20_000  # characters; a description is free text from the app


@dataclass(frozen=True, slots=True)
class ProcessExit:
    """
    One ended process (``ApplicationExitInfo``, Android 11 and later).

    Attributes:
        when: Local time of the device; it prints no zone.
        packages: Every package the record is listed under: a process shared by several is
            printed once for each.
        uid: The uid it ran under (isolated ones included).
        package_uid: The uid of the app.
        reason: android.app.ApplicationExitInfo: 2 signalled, 3 low memory, 13 killed by
            ActivityManager (or its memory limiter: the description tells), 14 freezer. Where lmkd
            does not report to the framework, its kills are 2 with *status* 9.
        subreason: 3 is "too many empty", 0 unknown; None where not printed.
        status: Exit code or signal number.
        importance: RunningAppProcessInfo importance when it ended (100 foreground, 400 cached).
        pss_bytes: Last known, rounded; 0 also means never measured.
    """

    when: datetime
    packages: tuple[str, ...]
    pid: int
    process: str
    uid: int
    package_uid: int
    reason: int
    reason_name: str
    subreason: int | None
    subreason_name: str
    status: int
    importance: int | None
    pss_bytes: int | None
    rss_bytes: int | None
    description: str | None


@dataclass(frozen=True, slots=True)
class LmkCounts:
    """
    Kills that lmkd reported to ActivityManager since boot: compare two readings.

    Attributes:
        at_or_below: Kills by adj: each count holds those of the lower levels too.
    """

    total: int
    at_or_below: tuple[tuple[int, int], ...]

    def since(self, earlier: LmkCounts) -> LmkCounts:
        """Kills since an *earlier* reading; all, when the device booted in between."""
        if self.total < earlier.total:
            return self
        before = dict(earlier.at_or_below)
        levels = tuple((adj, count - before.get(adj, 0)) for adj, count in self.at_or_below)
        return LmkCounts(self.total - earlier.total, levels)


def parse_exit_info(text: str) -> tuple[ProcessExit, ...]:
    """
    Read ``dumpsys activity exit-info``, newest first; a shared process's copies are merged.

    Raises:
        ParseError: a record lacks its pid, time or reason, or there is no record.
    """
    lines = answer_lines(EXIT_INFO, text)
    exits: dict[tuple[int, datetime], ProcessExit] = {}
    for package, block in _records(lines):
        one = _read_record(package, block)
        known = exits.get((one.pid, one.when))
        if known is not None and package not in known.packages:
            one = replace(known, packages=(*known.packages, package))
        exits[one.pid, one.when] = one
    if not exits:
        raise no_rows(EXIT_INFO, text, "record of an ended process")
    return tuple(sorted(exits.values(), key=lambda one: one.when, reverse=True))


def parse_lmk(text: str) -> LmkCounts:
    """
    Read ``dumpsys activity lmk`` (Android 10 and later).

    Raises:
        ParseError: there is no total, or no level.
    """
    lines = answer_lines(LMK, text)
    total = None
    levels = []
    for number, line in lines:
        if match := _TOTAL.fullmatch(line):
            total = int(match[1])
        elif match := _LEVEL.fullmatch(line):
            levels.append((int(match[1]), int(match[2])))
        elif line.lstrip().startswith(("kills at or below", "Total number of kills")):
            raise ParseError(LMK, number, line)
    if total is None or not levels:
        raise no_rows(LMK, text, "kill counter")
    return LmkCounts(total, tuple(levels))


def _records(lines: list[NumberedLine]) -> Iterator[tuple[str, list[NumberedLine]]]:
    package = ""
    block: list[NumberedLine] = []
    for number, line in lines:
        row = line.strip()
        heading = row.startswith(("package: ", "Historical Process Exit for uid="))
        if (heading or row.startswith("ApplicationExitInfo #")) and block:
            yield package, block
            block = []
        if row.startswith("package: "):
            package = row.removeprefix("package: ")
        elif row.startswith("ApplicationExitInfo #"):
            block = [(number, line)]
        elif block:
            block.append((number, line))
    if block:
        yield package, block


def _read_record(package: str, block: list[NumberedLine]) -> ProcessExit:
    fields = exit_fields(" ".join(line.strip() for _, line in block[1:]))
    try:
        return _to_exit(package, fields)
    except (KeyError, ValueError) as error:
        number, line = block[1] if len(block) > 1 else block[0]
        raise ParseError(EXIT_INFO, number, line, hint=f"no usable {error}"[:100]) from error


def _to_exit(package: str, fields: dict[str, str]) -> ProcessExit:
    reason, reason_name = exit_code(fields["reason"])
    subreason, subreason_name = (
        exit_code(fields["subreason"]) if "subreason" in fields else (None, "")
    )
    description = fields.get("description")
    return ProcessExit(
        when=exit_time(fields["timestamp"]),
        packages=(package,) if package else (),
        pid=_int(fields["pid"]),
        process=fields["process"],
        uid=_int(fields["realUid"]),
        package_uid=_int(fields.get("packageUid", fields["realUid"])),
        reason=reason,
        reason_name=reason_name,
        subreason=subreason,
        subreason_name=subreason_name,
        status=_int(fields["status"]),
        importance=_int(fields["importance"]) if "importance" in fields else None,
        pss_bytes=size_bytes(fields.get("pss", "")),
        rss_bytes=size_bytes(fields.get("rss", "")),
        description=None if description in (None, "null") else description,
    )


def exit_fields(record: str) -> dict[str, str]:
    """The values of one record by key, as printed."""
    # Values hold blanks and parentheses; only the free text of description may hold a "key=".
    before, found, rest = record[:_LONGEST_RECORD].partition(" description=")
    keys = list(_KEY.finditer(before))
    ends = [*(key.start() for key in keys[1:]), len(before)]
    fields = {key[1]: before[key.end() : end] for key, end in zip(keys, ends, strict=False)}
    if found:
        cut = rest.rfind(" state=" if " state=" in rest else " trace=")
        fields["description"] = (rest if cut < 0 else rest[:cut]).strip()
    return fields


def exit_time(printed: str) -> datetime:
    """
    When it ended, from the form that ActivityManager prints.

    Raises:
        ValueError: it is none, as the short form in which an app's language prints it.
    """
    if _TIME.fullmatch(printed) is None:
        raise ValueError("timestamp")
    # SimpleDateFormat prints the digits of the device's language.
    western = "".join(str(int(c)) if c.isdecimal() else c for c in printed.replace(",", "."))
    return datetime.fromisoformat(western)


def exit_code(printed: str) -> tuple[int, str]:
    """
    A reason as number and words.

    Raises:
        ValueError: it has no number.
    """
    match = _CODE.fullmatch(printed)
    if match is None:
        raise ValueError("reason")
    return int(match["code"]), match["name"] or ""


def _int(printed: str) -> int:
    if _NUMBER.fullmatch(printed) is None:
        raise ValueError("number")
    return int(printed)
