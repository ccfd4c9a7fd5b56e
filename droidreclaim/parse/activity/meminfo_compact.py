"""``dumpsys meminfo -c``: the memory of the whole device as comma-separated values."""

from __future__ import annotations

import re

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.meminfo_device import DeviceMemory, RamTotals, SizeRow
from droidreclaim.parse.text.answer import answer_lines, no_rows
from droidreclaim.units import KIB

COMPACT = "dumpsys meminfo -c"

# "proc,cached,com.example,2964,19345,120,a": kind, name, pid, PSS in KiB, swap (not before Android
# 8, N/A without any), and whether it has activities. A name may hold commas in a native process.
_PROCESS = re.compile(
    r"proc,(?P<kind>[a-z]{1,16}),(?P<name>.{1,300}?),(?P<pid>\d{1,8}),(?P<pss>\d{1,12})"
    r"(?:,(?P<swap>\d{1,12}|N/A))?,(?P<activities>[ae])"
)
_GROUP = re.compile(
    r"(?P<by>oom|cat),(?P<name>.{1,80}?),(?P<pss>\d{1,12})(?:,(?P<swap>\d{1,12}|N/A))?"
)
_NUMBERS = re.compile(
    r"(?P<key>ram|lostram|zram|ksm|time),(?P<values>-?\d{1,15}(?:,-?\d{1,15}){0,3})"
)
_COUNTS = {"ram": 3, "lostram": 1, "zram": 3, "ksm": 4, "time": 2}
_TUNING = re.compile(r"tuning(?:,\d{1,12}){2,5}(?P<flags>(?:,[a-z-]{1,24}){0,3})")


def parse_meminfo_compact(text: str) -> DeviceMemory:
    """
    Read ``dumpsys meminfo -c`` into what its table would give; it has no RSS and no status.

    Raises:
        ParseError: a row of a known kind cannot be read, or there is none.
    """
    processes: list[tuple[str, SizeRow]] = []
    groups: dict[str, list[SizeRow]] = {"oom": [], "cat": []}
    numbers: dict[str, tuple[int, ...]] = {}
    low_ram = None
    for number, line in answer_lines(COMPACT, text):
        if process := _PROCESS.fullmatch(line):
            processes.append((process["kind"], _row(process, int(process["pid"]))))
        elif group := _GROUP.fullmatch(line):
            groups[group["by"]].append(_row(group, None))
        elif (found := _NUMBERS.fullmatch(line)) and _is_whole(found):
            numbers[found["key"]] = tuple(int(value) for value in found["values"].split(","))
        elif tuning := _TUNING.fullmatch(line):
            low_ram = _low_ram(tuning["flags"])
        elif line:
            raise ParseError(COMPACT, number, line)
    if not processes and not any(groups.values()) and "ram" not in numbers:
        raise no_rows(COMPACT, text, "process and no total")
    uptime, realtime = numbers.get("time", (None, None))
    return DeviceMemory(
        uptime_s=None if uptime is None else uptime / 1000,
        realtime_s=None if realtime is None else realtime / 1000,
        pss_by_process=tuple(row for _, row in processes),
        pss_by_adj=tuple(_with_members(group, processes) for group in groups["oom"]),
        pss_by_category=tuple(groups["cat"]),
        rss_by_process=(),
        rss_by_adj=(),
        rss_by_category=(),
        totals=_totals(numbers, low_ram) if "ram" in numbers else None,
        apps=(),
    )


def _is_whole(found: re.Match[str]) -> bool:
    return found["values"].count(",") + 1 == _COUNTS[found["key"]]


def _row(match: re.Match[str], pid: int | None) -> SizeRow:
    swap = match["swap"]
    return SizeRow(
        name=match["name"],
        size_bytes=int(match["pss"]) * KIB,
        swap_bytes=None if swap in (None, "N/A") else int(swap) * KIB,
        pid=pid,
        has_activities=pid is not None and match["activities"] == "a",
    )


def _with_members(group: SizeRow, processes: list[tuple[str, SizeRow]]) -> SizeRow:
    members = tuple(row for kind, row in processes if kind == group.name)
    return SizeRow(group.name, group.size_bytes, group.swap_bytes, members=members)


def _totals(numbers: dict[str, tuple[int, ...]], low_ram: bool | None) -> RamTotals:
    total, free, used = (value * KIB for value in numbers["ram"])
    lost = numbers.get("lostram")
    zram, swap_total, swap_free = numbers.get("zram", (None, None, None))
    swap_used = None if swap_total is None or swap_free is None else swap_total - swap_free
    return RamTotals(
        total_bytes=total,
        status=None,
        free_bytes=free,
        cached_pss_bytes=None,
        cached_kernel_bytes=None,
        used_bytes=used,
        lost_bytes=None if lost is None else lost[0] * KIB,
        zram_used_bytes=None if zram is None else zram * KIB,
        swap_used_bytes=None if swap_used is None else swap_used * KIB,
        swap_total_bytes=None if swap_total is None else swap_total * KIB,
        low_ram=low_ram,
    )


def _low_ram(flags: str) -> bool | None:
    if "low-ram" in flags:
        return True
    return False if "high-end-gfx" in flags else None
