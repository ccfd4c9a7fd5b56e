"""``dumpsys meminfo`` of the whole device: who holds memory, and how much is left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.meminfo_app import AppMemory, read_app_blocks
from droidreclaim.parse.text.answer import NumberedLine, answer_lines, kib_bytes, no_rows

DEVICE = "dumpsys meminfo"

_SECTION = re.compile(r"Total (?P<what>\w{1,10}) by (?P<by>process|OOM adjustment|category):")
_SIZE = r"-?\d[\d.,'\u00a0\u202f\u2019]{0,20}"
_ROW = re.compile(rf" *(?P<size>{_SIZE}) ?(?:K|kB): (?P<rest>\S.{{0,500}})")
_PID = re.compile(r" \(pid (?P<pid>\d{1,8})(?P<activities> / activities)?[^)]{0,40}\)")
_SWAP = re.compile(rf" \( *({_SIZE}) ?(?:K|kB) in swap")
_USER = re.compile(r" +\(user \d{1,6}\)")
_LINE = re.compile(r" *(?P<key>[A-Z][\w-]{1,10}(?: [A-Za-z]{1,6}){0,2}): +(?P<rest>.{0,400})")
# "94,888K cached pss", and until Android 6 "94888 cached pss" inside the parentheses
_TERM = re.compile(rf"({_SIZE})(?: ?(?:K|kB)\b)?(?: ([a-z][a-z ]{{1,30}}))?")
_TOTAL_KEYS = ("Total RAM", "Free RAM", "Used RAM", "Lost RAM", "ZRAM", "Tuning")
_STATUS = re.compile(r"\(status (\w{1,20})\)")
_CLOCK = re.compile(r"Uptime: (\d{1,15}) Realtime: (\d{1,15})")
_MEMBER_INDENT = 4  # columns; members stand 8 (Android 7+) or 15 (Android 5) right of their group


@dataclass(frozen=True, slots=True)
class SizeRow:
    """
    A row of a section, in bytes.

    Attributes:
        pid: None for groups and categories.
        has_activities: ActivityManager keeps activities for it.
        swap_bytes: None where the device prints no swap on rows (no swap used, or Android 7).
        members: Rows that stand below it.
    """

    name: str
    size_bytes: int
    swap_bytes: int | None = None
    pid: int | None = None
    has_activities: bool = False
    members: tuple[SizeRow, ...] = ()


@dataclass(frozen=True, slots=True)
class RamTotals:
    """
    The lines at the end, in bytes; None where this release has no such term.

    Attributes:
        status: ``normal``, ``moderate``, ``low`` or ``critical``; None on Android 5.
        lost_bytes: What nobody accounts for; may be negative.
        low_ram: The device calls itself so (Android Go); None where it says neither.
        zram_used_bytes: Memory that zram takes for *swap_used_bytes* of swapped pages.
    """

    total_bytes: int | None
    status: str | None
    free_bytes: int | None
    cached_pss_bytes: int | None
    cached_kernel_bytes: int | None
    used_bytes: int | None
    lost_bytes: int | None
    zram_used_bytes: int | None
    swap_used_bytes: int | None
    swap_total_bytes: int | None
    low_ram: bool | None


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """
    The whole answer; a section this release does not print is empty.

    Attributes:
        uptime_s: Without sleep; *realtime_s* with it.
        pss_by_adj: Groups of adj (``Native``, ``Cached``) with their processes.
        rss_by_process: Android 12 and later, and never to be added to the PSS ones.
        apps: The detailed blocks that ``-a`` prints first.
    """

    uptime_s: float | None
    realtime_s: float | None
    pss_by_process: tuple[SizeRow, ...]
    pss_by_adj: tuple[SizeRow, ...]
    pss_by_category: tuple[SizeRow, ...]
    rss_by_process: tuple[SizeRow, ...]
    rss_by_adj: tuple[SizeRow, ...]
    rss_by_category: tuple[SizeRow, ...]
    totals: RamTotals | None
    apps: tuple[AppMemory, ...]


def parse_meminfo_device(text: str) -> DeviceMemory:
    """
    Read ``dumpsys meminfo``, also with ``-a``, also only its last lines.

    Raises:
        ParseError: neither a section nor the totals are there, or a row cannot be read.
    """
    lines = answer_lines(DEVICE, text)
    sections = dict(_sections(lines))
    totals = _totals(lines)
    if totals is None and not any(sections.values()):
        raise no_rows(DEVICE, text, "process and no total")
    clock = next((m for _, line in lines if (m := _CLOCK.fullmatch(line))), None)
    return DeviceMemory(
        uptime_s=int(clock[1]) / 1000 if clock else None,
        realtime_s=int(clock[2]) / 1000 if clock else None,
        pss_by_process=sections.get(("PSS", "process"), ()),
        pss_by_adj=sections.get(("PSS", "OOM adjustment"), ()),
        pss_by_category=sections.get(("PSS", "category"), ()),
        rss_by_process=sections.get(("RSS", "process"), ()),
        rss_by_adj=sections.get(("RSS", "OOM adjustment"), ()),
        rss_by_category=sections.get(("RSS", "category"), ()),
        totals=totals,
        apps=read_app_blocks(DEVICE, lines),
    )


def _sections(
    lines: list[NumberedLine],
) -> Iterator[tuple[tuple[str, str], tuple[SizeRow, ...]]]:
    # RSS and PSS rows look alike: only the title above tells them apart.
    title = None
    rows: list[tuple[int, SizeRow]] = []
    for number, line in lines:
        match = _SECTION.fullmatch(line)
        if title is not None and (match or not line):
            yield title, _grouped(rows)
            title = None
        if match:
            title, rows = (match["what"].upper(), match["by"]), []
        elif title is not None and ("K: " in line or "kB: " in line):
            rows.append(_row(number, line))
    if title is not None:
        yield title, _grouped(rows)


def _row(number: int, line: str) -> tuple[int, SizeRow]:
    match = _ROW.fullmatch(line)
    size = kib_bytes(match["size"]) if match else None
    if match is None or size is None:
        raise ParseError(DEVICE, number, line)
    rest = match["rest"]
    pid, swap, user = (pattern.search(rest) for pattern in (_PID, _SWAP, _USER))
    end = min((found.start() for found in (pid, swap, user) if found), default=len(rest))
    return match.end("size"), SizeRow(
        name=rest[:end].rstrip(),
        size_bytes=size,
        swap_bytes=kib_bytes(swap[1]) if swap else None,
        pid=int(pid["pid"]) if pid else None,
        has_activities=pid is not None and pid["activities"] is not None,
    )


def _grouped(rows: list[tuple[int, SizeRow]]) -> tuple[SizeRow, ...]:
    # Numbers are right-aligned: how far right one ends says whether it belongs to the one above.
    groups: list[tuple[SizeRow, list[SizeRow]]] = []
    edge = rows[0][0] if rows else 0
    for end, row in rows:
        if groups and end >= edge + _MEMBER_INDENT:
            groups[-1][1].append(row)
        else:
            groups.append((row, []))
    return tuple(
        SizeRow(
            row.name, row.size_bytes, row.swap_bytes, row.pid, row.has_activities, tuple(members)
        )
        for row, members in groups
    )


def _totals(lines: list[NumberedLine]) -> RamTotals | None:
    found: dict[str, str] = {}
    for _, line in lines:
        match = _LINE.fullmatch(line)
        if match and match["key"] in _TOTAL_KEYS:
            found[match["key"]] = match["rest"]
    if not any(key.endswith(" RAM") for key in found):
        return None  # procrank has a "ZRAM:" line too
    status = _STATUS.search(found.get("Total RAM", ""))
    free, zram = _terms(found.get("Free RAM", "")), _terms(found.get("ZRAM", ""))
    return RamTotals(
        total_bytes=_first(found.get("Total RAM")),
        status=status[1] if status else None,
        free_bytes=_first(found.get("Free RAM")),
        cached_pss_bytes=free.get("cached pss"),
        cached_kernel_bytes=free.get("cached kernel", free.get("cached")),
        used_bytes=_first(found.get("Used RAM")),
        lost_bytes=_first(found.get("Lost RAM")),
        zram_used_bytes=zram.get("physical used for"),
        swap_used_bytes=zram.get("in swap"),
        swap_total_bytes=zram.get("total swap"),
        low_ram=_low_ram(found.get("Tuning", "")),
    )


def _low_ram(tuning: str) -> bool | None:
    if "(low-ram)" in tuning:
        return True
    return False if "(high-end-gfx)" in tuning else None


def _terms(rest: str) -> dict[str, int]:
    pairs = ((match[2], kib_bytes(match[1])) for match in _TERM.finditer(rest) if match[2])
    return {name.strip(): size for name, size in pairs if size is not None}


def _first(rest: str | None) -> int | None:
    match = _TERM.match(rest or "")
    return kib_bytes(match[1]) if match else None
