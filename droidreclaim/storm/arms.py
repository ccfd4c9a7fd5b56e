"""
The arms: ways to treat apps in the background.

An arm says what phone it needs and what is done on it when an app has left the screen. What a
device does by itself needs nothing done; a new arm is one class more.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from droidreclaim import lazy, reclaim, snapshot
from droidreclaim.errors import NotAchieved, UsageError
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.policy import Selection, choose
from droidreclaim.reclaim.engine import KEEP_SWAP_FREE
from droidreclaim.storm.look import Seen


@dataclass(frozen=True, slots=True)
class Needs:
    """
    What an arm asks of its phone.

    Attributes:
        swap: Whether there is a zram.
        killer: Whether lowmemorykiller runs; without it the kernel's own OOM killer is left.
    """

    swap: bool = True
    killer: bool = True

    @property
    def of_any_device(self) -> bool:
        """Whether a device as it is will do; the other phones are booted for it."""
        return self.swap and self.killer


@dataclass(frozen=True)
class Left:
    """
    An app has left the screen.

    Attributes:
        took_bytes: Anonymous memory that it had in the front and not before it was opened.
        seen: The device now.
    """

    package: str
    took_bytes: int
    seen: Seen


@dataclass(frozen=True, slots=True)
class Acted:
    """What one page-out did, by the tool's own account."""

    result: reclaim.Finished
    duration_s: float


class Arm(Protocol):
    """What happens on a phone besides the launches."""

    def set_up(self, helper: RunningHelper) -> None:
        """Before the first launch."""

    def after_leaving(self, left: Left) -> Acted | None:
        """When an app has left the screen, and before the next launch."""

    def tear_down(self) -> None:
        """After the last launch, however the arm ended."""


@dataclass
class LeaveAlone:
    """The device does what it does by itself."""

    def set_up(self, helper: RunningHelper) -> None:
        """Nothing."""

    def after_leaving(self, left: Left) -> Acted | None:
        """Nothing."""
        return None

    def tear_down(self) -> None:
        """Nothing."""


@dataclass
class Eager(LeaveAlone):
    """Page an app out whenever it leaves the screen."""

    helper: RunningHelper | None = None

    def set_up(self, helper: RunningHelper) -> None:
        """Remember the helper."""
        self.helper = helper

    def after_leaving(self, left: Left) -> Acted | None:
        """Page it out."""
        return self._page_out(reclaim.Request(Selection(packages=(left.package,))))

    def _page_out(self, request: reclaim.Request) -> Acted | None:
        assert self.helper is not None
        start_s = time.monotonic()
        try:
            result = reclaim.run(self.helper, request)
        except NotAchieved:
            return None  # it was killed before it could be reached
        return Acted(result, time.monotonic() - start_s)


@dataclass
class Lazy(Eager):
    """Page the oldest apps out, and only when memory is short of the next launch."""

    took_bytes: deque[int] = field(default_factory=lambda: deque(maxlen=lazy.REMEMBERED))
    shared_bytes: int = 0

    def after_leaving(self, left: Left) -> Acted | None:
        """Make room for a launch that takes as much as any of the last ones."""
        self.took_bytes.append(left.took_bytes)
        seen = left.seen
        background = choose(snapshot.build(seen.processes, {}), Selection()).targets
        swap = seen.memory
        floor_bytes = round((swap.swap_total_bytes or 0) * KEEP_SWAP_FREE)
        memory = lazy.Memory(
            total_bytes=swap.total_bytes or 0,
            available_bytes=swap.available_bytes or 0,
            swap_room_bytes=max(0, (swap.swap_free_bytes or 0) - floor_bytes),
            ratio=seen.zram_ratio,
        )
        chosen = lazy.choose(background, self.took_bytes, memory, self.shared_bytes)
        if chosen is None:
            return None
        pids = tuple(process.pid for process in chosen.targets)
        acted = self._page_out(
            reclaim.Request(Selection(pids=pids), budget_bytes=chosen.budget_bytes)
        )
        if acted is not None:
            shared = [target.advice.shared_bytes for target in acted.result.result.targets]
            self.shared_bytes = max((one for one in shared if one), default=self.shared_bytes)
        return acted


_ARMS: dict[str, tuple[Needs, Callable[[], Arm]]] = {
    "no_swap": (Needs(swap=False), LeaveAlone),
    "lowmemorykiller": (Needs(), LeaveAlone),
    "kernel_swap": (Needs(killer=False), LeaveAlone),
    "eager": (Needs(), Eager),
    "lazy": (Needs(), Lazy),
}
NAMES = tuple(_ARMS)
OF_ANY_DEVICE = tuple(name for name, (needs, _) in _ARMS.items() if needs.of_any_device)


def needs_of(name: str) -> Needs:
    """
    The phone that an arm asks for.

    Raises:
        UsageError: there is no such arm.
    """
    return _arm(name)[0]


def make(name: str) -> Arm:
    """
    A new arm, which has seen nothing yet.

    Raises:
        UsageError: there is no such arm.
    """
    return _arm(name)[1]()


def _arm(name: str) -> tuple[Needs, Callable[[], Arm]]:
    if name not in _ARMS:
        raise UsageError(f"no arm {name!r}", hint=f"one of {', '.join(NAMES)}")
    return _ARMS[name]
