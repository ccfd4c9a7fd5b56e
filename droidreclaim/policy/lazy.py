"""
The lazy policy: page out as little as the next launch needs, as late as that, oldest first. Pure.

lmkd kills when free memory is under the low watermark and the kernel has to reclaim. MemAvailable
leaves the watermarks out already, so a launch that fits into it wakes neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from droidreclaim.model import Process
from droidreclaim.units import MIB

# What a launch takes besides the app's own anonymous memory: page tables, code, the framework's
# part. As a share of all memory, since larger devices have larger apps.
_MARGIN_SHARE = 1 / 64
_RATIO = 2.5  # what zram saves, as long as it holds too little to tell
_LEAST_BYTES = 2 * MIB  # less is not worth a look at anybody


@dataclass(frozen=True, slots=True)
class Memory:
    """
    The device before a launch.

    Attributes:
        swap_room_bytes: What may still go to swap.
        ratio: How much data swap holds for each byte it takes; None while not known.
    """

    total_bytes: int
    available_bytes: int
    swap_room_bytes: int
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom to page out, in this order, until *budget_bytes* have been advised."""

    targets: tuple[Process, ...]
    budget_bytes: int


def choose(
    background: Sequence[Process], need_bytes: int, memory: Memory, shared_bytes: int
) -> Choice | None:
    """
    Whom to page out now so that the next launch finds room; None when it does already.

    Args:
        background: Processes that may be touched, the oldest first.
        need_bytes: What the next launch will bring into memory.
        shared_bytes: Part of a process that others map too, and that no page-out moves.
    """
    short = need_bytes + round(memory.total_bytes * _MARGIN_SHARE) - memory.available_bytes
    saved = 1 - 1 / max(memory.ratio or _RATIO, 1.1)
    budget = min(round(short / saved), memory.swap_room_bytes)
    if short <= 0 or budget < _LEAST_BYTES:
        return None
    targets: list[Process] = []
    left = budget
    for process in background:
        moves = (process.memory.rss_anon_bytes or 0) - shared_bytes
        if moves < _LEAST_BYTES:
            continue
        targets.append(process)
        left -= moves
        if left <= 0:
            break
    return Choice(tuple(targets), budget) if targets else None
