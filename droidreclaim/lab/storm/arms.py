"""
The arms: ways to treat apps in the background.

An arm says what phone it needs and what is done on that phone when an app has left the screen. An
arm that leaves all to the device does nothing. A new arm is one more class.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from droidreclaim import profiles, snapshot
from droidreclaim.errors import NotAchieved, UsageError
from droidreclaim.helper.guard_wire import GuardLine
from droidreclaim.lab.hands import Hands
from droidreclaim.lab.storm.look import Seen
from droidreclaim.lab.storm.stage import Stage
from droidreclaim.model import ReclaimResult
from droidreclaim.model.profile import Profile
from droidreclaim.policy import Selection, choose, lazy
from droidreclaim.reclaim import Request
from droidreclaim.session import Guard, Phone

_GUARD = "guard"
_GUARD_S = 4 * 3600  # longer than any arm
_NOTICE_S = 0.15  # the guard looks every 0.1 s while apps come and go
_SETTLE_S = 3.0
_KEEPS = 0.10  # share of swap to keep free: the kernel fills it, and makes tasks wait for that


@dataclass(frozen=True, slots=True)
class Needs:
    """
    What an arm asks of its phone.

    Attributes:
        swap: Whether there is a zram.
        killer: Whether lowmemorykiller runs; without it the kernel's own OOM killer is left.
        ours: Whether it must be a phone of our own, for a setting that outlives a reboot.
    """

    swap: bool = True
    killer: bool = True
    ours: bool = False

    @property
    def of_any_device(self) -> bool:
        """Whether a device as it is will do; the other phones are booted for it."""
        return self.swap and self.killer and not self.ours


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
    """
    What page-outs did, as the tool or the guard that did them says.

    Attributes:
        swapped_bytes: None where page-outs of other moments may be among them: then they cannot be
            compared with the kernel's counter.
        cpu_s: CPU time of the guard; None where the helper's is measured instead.
        refused: Processes that were left alone or gave less, each with the reason.
    """

    duration_s: float
    targets: int
    advised_bytes: int
    reclaimed_bytes: int | None
    swapped_bytes: int | None
    gained_bytes: int | None
    cpu_s: float | None = None
    refused: tuple[str, ...] = ()


class Arm(Protocol):
    """What happens on a phone besides the launches."""

    def set_up(self, stage: Stage) -> None:
        """Prepare the phone, before the first launch."""

    def after_leaving(self, left: Left) -> Acted | None:
        """Treat the app that has left the screen, before the next launch."""

    def tear_down(self) -> None:
        """Undo what `set_up` did, after the last launch, however the arm ended."""


@dataclass
class LeaveAlone:
    """Leave the device to what it does by itself."""

    def set_up(self, stage: Stage) -> None:
        """Do nothing."""

    def after_leaving(self, left: Left) -> Acted | None:
        """Do nothing."""
        return None

    def tear_down(self) -> None:
        """Do nothing."""


class AmCompact(LeaveAlone):
    """ActivityManager compacts cached apps by itself, as phones do since Android 11."""

    def set_up(self, stage: Stage) -> None:
        """Switch on that ActivityManager compacts."""
        Hands(stage.phone, lambda: None).compaction()


@dataclass
class Eager(LeaveAlone):
    """Page an app out whenever it leaves the screen; *keeps*: stop at this share of free swap."""

    phone: Phone | None = None
    keeps: float = _KEEPS
    allow_flash: bool = False

    def set_up(self, stage: Stage) -> None:
        """Remember the phone, and whether its flash may be worn."""
        self.phone, self.allow_flash = stage.phone, stage.allow_flash

    def after_leaving(self, left: Left) -> Acted | None:
        """Page the app out."""
        start_s = time.monotonic()
        result = self._page_out(Selection(packages=(left.package,)))
        return acted_of(result, start_s) if result else None

    def _page_out(
        self, selection: Selection, budget_bytes: int | None = None
    ) -> ReclaimResult | None:
        assert self.phone is not None
        request = Request(
            selection, budget_bytes=budget_bytes, keep_swap_free=self.keeps,
            allow_flash=self.allow_flash,
        )  # fmt: skip
        try:
            return self.phone.run(request)
        except NotAchieved as error:
            return error.result  # None: the app was killed before it could be reached


@dataclass
class Lazy(Eager):
    """Page the oldest apps out, and only when memory is short of the next launch."""

    need_bytes: int = 0
    shared_bytes: int = 0

    def after_leaving(self, left: Left) -> Acted | None:
        """Make room for a launch that takes as much as any so far."""
        start_s = time.monotonic()
        self.need_bytes = max(self.need_bytes, left.took_bytes)
        seen = left.seen
        background = choose(snapshot.build(seen.processes, {}), Selection()).targets
        swap = seen.memory
        floor_bytes = round((swap.swap_total_bytes or 0) * self.keeps)
        memory = lazy.Memory(
            total_bytes=swap.total_bytes or 0,
            available_bytes=swap.available_bytes or 0,
            swap_room_bytes=max(0, (swap.swap_free_bytes or 0) - floor_bytes),
            ratio=seen.zram_ratio,
        )
        chosen = lazy.choose(background, self.need_bytes, memory, self.shared_bytes)
        if chosen is None:
            return None
        pids = tuple(process.pid for process in chosen.targets)
        result = self._page_out(Selection(pids=pids), chosen.budget_bytes)
        if result is None:
            return None
        shared = [target.advice.shared_bytes for target in result.targets]
        self.shared_bytes = max((one for one in shared if one), default=self.shared_bytes)
        return acted_of(result, start_s)


@dataclass
class Guarded(LeaveAlone):
    """The guard on the device decides and acts; the host starts it, and reads what it did."""

    profile: Profile
    guard: Guard | None = None
    before: GuardLine | None = None

    def set_up(self, stage: Stage) -> None:
        """Start the guard."""
        guard = stage.phone.guard(self.profile, _GUARD_S, allow_flash=stage.allow_flash)
        guard.start()  # raises where one runs already, which `tear_down` must not stop
        self.guard = guard
        self.before = guard.status().guard

    def after_leaving(self, left: Left) -> Acted | None:
        """
        Give the guard the time between two apps in which the other arms page out.

        The guard has seen the app leave after a tenth of a second. It is done when it misses no
        memory, or advises no more.
        """
        assert self.guard is not None
        start_s = time.monotonic()
        then = last = self.before or GuardLine(running=False)
        while time.monotonic() - start_s < _SETTLE_S:
            time.sleep(_NOTICE_S)
            now = self.guard.status().guard
            if now.missing is None or now.advised_bytes == last.advised_bytes:
                break
            last = now
        self.before = now
        if not now.running:
            raise NotAchieved(f"the guard ended by itself: {now.last_end or 'no reason known'}")
        acted = now.actions != then.actions
        if not acted and now.cpu_us == then.cpu_us and now.advised_bytes == then.advised_bytes:
            return None
        return Acted(
            duration_s=time.monotonic() - start_s if acted else 0.0,
            targets=_grown(then.actions, now.actions),
            advised_bytes=_grown(then.advised_bytes, now.advised_bytes),
            reclaimed_bytes=_grown(then.reclaimed_bytes, now.reclaimed_bytes),
            swapped_bytes=None,
            gained_bytes=None,
            cpu_s=_grown(then.cpu_us, now.cpu_us) / 1e6,
        )

    def tear_down(self) -> None:
        """Stop the guard, if it runs."""
        if self.guard is not None and (self.before is None or self.before.running):
            self.guard.stop()


def acted_of(result: ReclaimResult, start_s: float) -> Acted:
    """Return what a page-out did that began at *start_s* and has just ended."""
    totals = result.totals
    return Acted(
        duration_s=time.monotonic() - start_s,
        targets=len(result.targets),
        advised_bytes=totals.advised_bytes or 0,
        reclaimed_bytes=totals.reclaimed_bytes,
        swapped_bytes=totals.swapped_bytes,
        gained_bytes=totals.gained_bytes,
        refused=tuple(
            [f"{skip.process.name}: {skip.detail}" for skip in result.skipped]
            + [f"{target.process.name}: {target.why}" for target in result.targets if target.reason]
        ),
    )


def _grown(before: int | None, now: int | None) -> int:
    return (now or 0) - (before or 0)


_ARMS: dict[str, tuple[Needs, Callable[[], Arm]]] = {
    "no_swap": (Needs(swap=False), LeaveAlone),
    "lowmemorykiller": (Needs(), LeaveAlone),
    "kernel_swap": (Needs(killer=False), LeaveAlone),
    "eager": (Needs(), Eager),
    "lazy": (Needs(), Lazy),
    "am_compact": (Needs(ours=True), AmCompact),
}
NAMES = tuple(_ARMS)
USUAL = tuple(name for name in NAMES if name != "am_compact")
WITH_SWAP = tuple(name for name in USUAL if _ARMS[name][0].swap)
OF_ANY_DEVICE = tuple(name for name, (needs, _) in _ARMS.items() if needs.of_any_device)


def needs_of(name: str) -> Needs:
    """
    Return what an arm needs of its phone.

    Raises:
        UsageError: there is no such arm.
        ProfileFaults: the profile of a guard's arm cannot be read.
    """
    return _arm(name)[0]


def make(name: str) -> Arm:
    """
    Make an arm that has not played yet.

    Raises:
        UsageError, ProfileFaults: as `needs_of`.
    """
    return _arm(name)[1]()


def _arm(name: str) -> tuple[Needs, Callable[[], Arm]]:
    kind, _, profile = name.partition(":")
    if kind == _GUARD and profile:
        return Needs(), partial(Guarded, profiles.load(profile))
    if name not in _ARMS:
        raise UsageError(f"no arm {name!r}", hint=f"one of {', '.join(NAMES)}, guard:PROFILE")
    return _ARMS[name]
