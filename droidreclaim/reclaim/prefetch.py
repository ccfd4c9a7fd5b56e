"""Bringing what is in swap back before it is wanted, and what of that really came. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from droidreclaim.model import Outcome, Reason, ReclaimResult, SwapChange, TargetResult
from droidreclaim.parse.proc.kernel import parse_meminfo, parse_vmstat

KEEP_AVAILABLE = (
    0.10  # of all memory, where a prefetch stops: lmkd's low watermarks are at 1 to 5 %
)

COUNTERS = "vmstat"


def memory_floor_bytes(meminfo: str | None) -> int | None:
    """The available memory that a prefetch leaves; None where nobody says how much there is."""
    total_bytes = parse_meminfo(meminfo).total_bytes if meminfo else None
    return None if total_bytes is None else int(total_bytes * KEEP_AVAILABLE)


def came_in_bytes(
    before: Mapping[str, str | None], after: Mapping[str, str | None], page_bytes: int
) -> int | None:
    """What the device read from swap between two texts of its counters, for whomever."""
    texts = before.get("/proc/vmstat"), after.get("/proc/vmstat")
    pages = [parse_vmstat(text).get("pswpin") if text else None for text in texts]
    if pages[0] is None or pages[1] is None:
        return None
    return (pages[1] - pages[0]) * page_bytes


def prefetched(
    result: ReclaimResult, came_in: int | None, swap: SwapChange | None
) -> ReclaimResult:
    """
    *result* with what came in instead of what left.

    RSS and swap of a target do not show what waits in the swap cache: the device's counters are
    all there is, and where they stand still nothing was done.
    """
    totals = replace(
        result.totals,
        reclaimed_bytes=None,
        swapped_bytes=None,
        gained_bytes=None,
        came_in_bytes=came_in,
        swap_cached_delta_bytes=swap.cached_delta_bytes if swap else None,
    )
    targets = result.targets if came_in else tuple(map(_not_proven, result.targets))
    return replace(result, targets=targets, totals=totals)


def _not_proven(target: TargetResult) -> TargetResult:
    if target.outcome is not Outcome.PREFETCHED:
        return target
    detail = "asked for, and the device's counters tell of nothing read from swap"
    return replace(target, outcome=Outcome.NOTHING, reason=Reason.NOT_PROVEN, detail=detail)
