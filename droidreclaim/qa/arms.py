"""The arms: what is done to the app in the background, and nothing else differs between them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from droidreclaim import profiles
from droidreclaim.errors import NotAchieved, NotPossible, NotRoot
from droidreclaim.helper.guard_wire import EventLine
from droidreclaim.model import Process, ReclaimResult
from droidreclaim.qa.form import ArmForm, StepForm
from droidreclaim.qa.record import Round
from droidreclaim.qa.scenario import CONTROLS
from droidreclaim.session import Phone
from droidreclaim.session.app import run
from droidreclaim.units import format_size, plural

_PATIENCE_S = 20.0
_LOOK_S = 0.3
_BESIDES_S = 180  # of a round, besides its steps: looking, ending apps, settling
_COMPACT_SDK = 32  # am compact

Act = Callable[[Phone, str], str]


class ArmFailed(Exception):
    """The arm did not do what it is there for, in words."""


def act_of(arm: ArmForm) -> Act:
    """The function that does to an app what this arm is for; it returns what it did in words."""
    name = arm.arm
    if name == "kill":
        return _kill
    if name == "kill9":
        return _kill9
    if name == "none" or name.startswith("guard:"):
        return lambda phone, package: "left alone"
    return lambda phone, package: _reclaim(phone, package, arm)


def needs_root(arm: str) -> bool:
    """Whether this arm needs root; any adb shell may do the others."""
    return arm in ("kill9", "reclaim", "cold") or arm.startswith("guard:")


def require(phone: Phone, arms: Iterable[str]) -> None:
    """
    See that every arm can be played there, before the first round.

    Raises:
        NotPossible: one needs root, or a later Android.
    """
    for arm in arms:
        if needs_root(arm):
            try:
                phone.start()
            except NotRoot as error:
                message = f"arm {arm} needs root: {error.message}"
                raise NotRoot(message, hint="without root: kill, none, trim, am_compact") from error
        if arm == "am_compact" and (sdk := phone.info.sdk) is not None and sdk < _COMPACT_SDK:
            raise NotPossible(f"{phone.serial}: arm am_compact needs Android 12L, not API {sdk}")
        if arm.startswith("guard:"):
            _require_guard(phone, arm.removeprefix("guard:"))


def _require_guard(phone: Phone, profile: str) -> None:
    profiles.load(profile)
    running = phone.guard(profile).status().guard
    if running.running:
        raise NotPossible(
            f"{phone.serial}: a guard runs there already ({running.profile})",
            hint="'droidreclaim guard stop', or wait for its end: each arm begins without one",
        )


def longest_s(steps: Iterable[StepForm]) -> int:
    """How long a round may last; after that its guard ends, even if this computer was killed."""
    seconds = sum(step.deadline if step.wait is None else step.wait for step in steps)
    return math.ceil(seconds) + _BESIDES_S


@contextmanager
def running_guard(phone: Phone, arm: str, lasting_s: int) -> Iterator[Callable[[Round], None]]:
    """
    Keep running what an arm needs all through its round: the guard.

    Gives what says in the record of the round what came of it.
    """
    if not arm.startswith("guard:"):
        yield lambda one: None
        return
    with phone.guard(arm.removeprefix("guard:"), lasting=lasting_s) as guard:
        yield lambda one: _tell(one, guard.log())


def _tell(one: Round, events: Sequence[EventLine]) -> None:
    """Replace "left alone" in the round's record by what the guard did to the app."""
    if not one.marks or one.before is None:
        return
    since_us = one.marks[0].boot_s * 1e6
    own = [
        event
        for event in events
        if (event.what, event.pid) == ("action", one.before.pid) and event.boot_us >= since_us
    ]
    moved = sum(event.reclaimed_bytes or 0 for event in own)
    times = plural(len(own), "time") if own else "not at all"
    one.did = f"{one.arm} acted on it {times}: {format_size(moved)} left memory"


def is_control(arm: str) -> bool:
    """Whether this arm is there to show that the check can fail."""
    return arm in CONTROLS


def _kill(phone: Phone, package: str) -> str:
    """Kill the app as Android does with what is in the background, and see that all of it went."""
    processes = _processes(phone, package)
    try:
        phone.app(package).die()
    except NotAchieved as error:
        raise ArmFailed(str(error)) from error
    return _prove_gone(phone, package, processes, "am kill")


def _kill9(phone: Phone, package: str) -> str:
    processes = _processes(phone, package)
    if not processes:
        raise ArmFailed(f"{package} did not run: nothing to kill")
    pids = [str(one.pid) for one in processes]
    run(phone.device, phone.way.wrap(["kill", "-9", *pids]))
    return _prove_gone(phone, package, processes, "kill -9")


def _prove_gone(phone: Phone, package: str, before: tuple[Process, ...], by: str) -> str:
    deadline_s = time.monotonic() + _PATIENCE_S
    ids = {one.id for one in before}
    while left := ids & {one.id for one in _processes(phone, package)}:
        if time.monotonic() > deadline_s:
            pids = ", ".join(str(one.pid) for one in left if one)
            raise ArmFailed(f"{by} left pid {pids} of {package} alive")
        time.sleep(_LOOK_S)
    return f"{by} ended pid {', '.join(str(one.pid) for one in before)}"


def _processes(phone: Phone, package: str) -> tuple[Process, ...]:
    try:
        return tuple(one for one in phone.ps(package) if one.packages[:1] == (package,))
    except NotAchieved:
        return ()


def _reclaim(phone: Phone, package: str, arm: ArmForm) -> str:
    words: dict[str, object] = {"what": arm.what, "budget": arm.budget}
    if arm.allow_flash:
        words["allow_flash"] = True
    if arm.only is not None:
        words["only"] = arm.only
    if arm.arm in ("cold", "trim"):
        words["how"] = arm.arm
    elif arm.arm == "am_compact":
        words["backend"] = arm.arm
    try:
        result = phone.app(package).page_out(**words)  # type: ignore[arg-type]
    except NotAchieved as error:
        raise ArmFailed(str(error)) from error
    return _came(arm.arm, result)


def _came(arm: str, result: ReclaimResult) -> str:
    reclaimed = result.totals.reclaimed_bytes
    size = "unknown" if reclaimed is None else format_size(reclaimed)
    return f"{arm}: {size} left memory"
