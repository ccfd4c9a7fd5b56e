"""
Rules that are levels: of free and file pages (the kernel's driver, ``use_minfree_levels``) or of
how long tasks wait (lmkd's old strategy without those). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from droidreclaim.parse.proc.kernel import MemInfo
from droidreclaim.policy.lmkd_settings import Setting, is_on, number_of

# The old strategy's PSI triggers, each over one second (psi_thresholds of lmkd.cpp).
OLD_LOW_MS = 70
OLD_MEDIUM_MS = 100
OLD_CRITICAL_MS = 70
_HIGHEST_ADJ = 1000
_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What a killer's rules make of one moment.

    Attributes:
        rule: The one that fires, or comes next; None where none can be named, and *why* says so.
        floor: Lowest oom_score_adj that it may kill.
    """

    rule: str | None
    firing: bool = False
    floor: int | None = None
    why: str | None = None


def by_minfree(
    levels: Sequence[tuple[int, int]], spare_pages: int, file_pages: int | None
) -> Verdict:
    """
    Kill from the adj of the first level that free and file pages are both under.

    Args:
        levels: Pages and adj, the least first.
        spare_pages: Free, less what the kernel keeps for itself.
    """
    if not levels:
        return Verdict(None, why="no minfree levels are set: nobody is killed by them")
    if file_pages is None:
        return Verdict(None, why="the pages of files are unknown")
    for pages, adj in levels:
        if spare_pages < pages and file_pages < pages:
            return Verdict("minfree", True, adj)
    return Verdict("minfree", False, levels[-1][1])


def file_pages(meminfo: MemInfo | None, page_bytes: int) -> int | None:
    """Pages of files that can go, as driver and lmkd count; None without a meminfo."""
    if meminfo is None or "Cached" not in meminfo.sizes_bytes:
        return None
    sizes = meminfo.sizes_bytes
    cached = sizes.get("Cached", 0) + sizes.get("Buffers", 0)
    pinned = sizes.get("Shmem", 0) + sizes.get("Unevictable", 0)
    return max(cached - pinned, 0) // page_bytes


def minfree_levels(text: str) -> list[tuple[int, int]]:
    """``18432:0,23040:100``: pages and the adj they protect down to, the least first."""
    pairs = [part.split(":") for part in text.split(",")]
    return [
        (int(pair[0]), int(pair[1]))
        for pair in pairs
        if len(pair) == 2 and all(number.isdecimal() and len(number) < 12 for number in pair)
    ]


def by_stalls(some_ms: float, full_ms: float, settings: Mapping[str, Setting]) -> Verdict:
    """The old strategy without minfree levels: the longer tasks wait, the lower the adj."""
    upgrades = is_on(settings, "critical_upgrade", default=False)
    swaps = number_of(settings, "downgrade_pressure", _PERCENT)
    if upgrades or swaps < _PERCENT:
        why = "critical_upgrade or downgrade_pressure is set: it goes by how much of its memory"
        return Verdict(None, why=f"{why} memcg finds in swap, which is not read here")
    medium = number_of(settings, "medium", 800)
    critical = number_of(settings, "critical", 0)
    if full_ms >= OLD_CRITICAL_MS and critical <= _HIGHEST_ADJ:
        return Verdict("pressure_critical", True, critical)
    if medium > _HIGHEST_ADJ:
        if critical > _HIGHEST_ADJ:
            return Verdict(None, why="medium and critical are both above every adj")
        return Verdict("pressure_critical", False, critical)
    return Verdict("pressure_medium", some_ms >= OLD_MEDIUM_MS, medium)
