"""What bounds an app besides the device's memory: its own cgroups (v2). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from droidreclaim.model import Process
from droidreclaim.parse.activity.limiter import MemoryLimiter

Group = Mapping[str, int | None]  # a number of each file, None for "max"


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What bounds one process, of all its groups the one that leaves least; None without a limit.

    Attributes:
        group: Its own cgroup; None where it cannot be read.
        current_bytes: memory.current where memory.high is nearest, of its own group without one.
        swap_current_bytes: Likewise for *swap_max_bytes*.
        kill_left_bytes: What anonymous memory and swap together may still grow by before Android's
            limiter kills; a page-out does not change that sum.
    """

    process: Process
    group: str | None
    current_bytes: int | None
    high_bytes: int | None
    swap_current_bytes: int | None
    swap_max_bytes: int | None
    kill_left_bytes: int | None

    @property
    def memory_left_bytes(self) -> int | None:
        """Memory left until the kernel slows the app down; negative over the limit."""
        return _left(self.high_bytes, self.current_bytes)

    @property
    def swap_left_bytes(self) -> int | None:
        """Swap left until a page-out of the app moves nothing any more."""
        left = _left(self.swap_max_bytes, self.swap_current_bytes)
        return None if left is None else max(0, left)


@dataclass(frozen=True, slots=True)
class AppLimits:
    """
    The limits of an app's processes.

    Attributes:
        limiter: Android's own, as it tells; None with *no_limiter* saying why.
    """

    processes: tuple[Limits, ...]
    limiter: MemoryLimiter | None
    no_limiter: str | None


def limits_of(process: Process, groups: Mapping[str, Group]) -> Limits:
    """The limits of *process*; *groups* are its cgroups by path, its own first."""
    if not groups:
        return Limits(process, None, None, None, None, None, None)
    own = next(iter(groups))
    by_memory = _nearest(groups.values(), "high", "current") or groups[own]
    by_swap = _nearest(groups.values(), "swap.max", "swap.current") or groups[own]
    left = [one for group in groups.values() if (one := _kill_left(group)) is not None]
    return Limits(
        process,
        own,
        by_memory.get("current"),
        by_memory.get("high"),
        by_swap.get("swap.current"),
        by_swap.get("swap.max"),
        min(left, default=None),
    )


def _nearest(groups: Iterable[Group], limit: str, current: str) -> Group | None:
    known = [
        (left, group)
        for group in groups
        if (left := _left(group.get(limit), group.get(current))) is not None
    ]
    return min(known, key=lambda one: one[0])[1] if known else None


def _kill_left(group: Group) -> int | None:
    high, most = group.get("high"), group.get("swap.max")
    anon, swapped = group.get("anon"), group.get("swap.current")
    if high is None or most is None or anon is None or swapped is None:
        return None
    return high + most - anon - swapped


def _left(limit: int | None, current: int | None) -> int | None:
    return None if limit is None or current is None else limit - current
