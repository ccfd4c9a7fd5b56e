"""What a page-out would come to, from a dry run. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from droidreclaim.model import Advice, Estimate, Reason
from droidreclaim.reclaim.swap_state import SwapState


def estimate(
    advices: Iterable[Advice], swap: SwapState, *, swap_floor_bytes: int, budget_bytes: int | None
) -> Estimate:
    """
    What would leave and what zram would take for it, of all targets together.

    Pages of files leave without swap; what an app wrote into private mappings of files is counted
    with them, though it goes to swap.
    """
    anon = files = 0
    limited_by: str | None = None
    for advice in advices:
        files += advice.movable_file_bytes
        anon += (advice.movable_bytes or 0) - advice.movable_file_bytes
        limited_by = Reason.SWAP_LIMIT if advice.at_swap_limit else limited_by
    room = max(0, swap.free_bytes - swap_floor_bytes)
    limited_by = "swap_budget" if anon > room else limited_by
    anon = min(anon, room)
    if budget_bytes is not None and anon + files > budget_bytes:
        limited_by = "budget"
        anon = min(anon, budget_bytes)
        files = min(files, budget_bytes - anon)
    return Estimate(
        leaves_bytes=anon + files,
        zram_bytes=round(anon / swap.ratio) if swap.ratio else (None if anon else 0),
        limited_by=limited_by,
    )
