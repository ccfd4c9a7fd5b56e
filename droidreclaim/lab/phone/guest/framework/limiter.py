"""
Android 17's MemoryLimiter: each app process has a memory.high and a memory.swap.max of its own.

As documented, without a file that says otherwise: 50 % of RAM for an app in front, 25 % for one
behind, half of each in swap. A cached app has no limit of swap.
"""

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from . import groups
from .apps import MIB, Process
from .props import Properties
from .text import FIRST_APP_UID, USER_UIDS

FIRST_SDK = 37
WHY = "MemoryLimiter:AnonSwap"
GRACE_PROPERTY, GRACE_S = "pocket.limiter_grace_s", "30"
_VISIBLE = frozenset({"TOP", "BTOP", "IMPF", "TPSL"})


class Limits(NamedTuple):
    """Limits of memory and of swap, for visible processes and for hidden ones."""

    visible: tuple[int, int]
    hidden: tuple[int, int]


def by_ram(ram_bytes: int) -> Limits:
    half, quarter = ram_bytes // 2, ram_bytes // 4
    return Limits((half, half // 2), (quarter, quarter // 2))


class MemoryLimiter:
    """
    Sets the limits and ends processes that stay above both.

    Args:
        kill: Called with a process that has been above both for as long as the grace lasts.
    """

    def __init__(self, props: Properties, ram_bytes: int, kill: Callable[[Process], None]) -> None:
        self._props = props
        self._kill = kill
        self.on = props.sdk >= FIRST_SDK
        self.limits = by_ram(ram_bytes)
        self.events = 0
        self._over_since: dict[int, float] = {}

    def limits_of(self, process: Process) -> tuple[int | str, int | str]:
        """Return memory.high and memory.swap.max for *process*, by its state."""
        if process.app.persistent or process.uid % USER_UIDS < FIRST_APP_UID:
            return "max", "max"
        if process.rank is not None and process.rank.cached:
            return self.limits.hidden[0], "max"
        shown = process.rank is not None and process.rank.state in _VISIBLE
        return self.limits.visible if shown else self.limits.hidden

    def limit(self, process: Process) -> None:
        """Give *process* the limits of its state, unless it has them already."""
        if not self.on or process.limits == (wanted := self.limits_of(process)):
            return
        # swap.max first: writing memory.high reclaims at once, into no more swap than that.
        if groups.write(process.group, "memory.swap.max", wanted[1]):
            groups.write(process.group, "memory.high", wanted[0])
            process.limits = wanted

    def enforce(self, processes: Iterable[Process]) -> None:
        """Kill processes that have held more than both limits for as long as the grace lasts."""
        if not self.on:
            return
        processes = list(processes)
        for process in processes:
            self.limit(process)
        over = [process for process in processes if self._is_over(process)]
        now = time.monotonic()
        since = {process.pid: self._over_since.get(process.pid, now) for process in over}
        self.events += len(since.keys() - self._over_since.keys())
        self._over_since = since
        grace_s = float(self._props.get(GRACE_PROPERTY, GRACE_S))
        for process in over:
            if now - since[process.pid] >= grace_s:
                del self._over_since[process.pid]
                self._kill(process)

    def _is_over(self, process: Process) -> bool:
        high, most = process.limits or ("max", "max")
        if isinstance(high, str) or isinstance(most, str):
            return False
        anon = groups.number(process.group, "memory.stat", "anon")
        swapped = groups.number(process.group, "memory.swap.current")
        return (anon or 0) + (swapped or 0) > high + most

    def status(self, processes: Iterable[Process]) -> str:
        """Print ``am memory-limiter status``."""
        (mem, swap), (hidden_mem, hidden_swap) = self.limits
        watched = sum(process.limits not in (None, ("max", "max")) for process in processes)
        return (
            "Memory limiter\n"
            "  enabled             monitoring=true      ignored=none\n"
            f"  visibleMem={mem // MIB}MB   visibleSwap={swap // MIB}MB"
            f"   notVisibleMem={hidden_mem // MIB}MB   notVisibleSwap={hidden_swap // MIB}MB\n"
            f"  started={watched}          watched={watched}           events={self.events}\n"
        )
