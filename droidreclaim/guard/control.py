"""The guard started, watched and stopped: requests to its own program, in a session of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from droidreclaim import profiles
from droidreclaim.errors import DroidReclaimError, NotAchieved, NotPossible
from droidreclaim.guard import floor
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.guard_wire import AppLine, EventLine, GuardLine
from droidreclaim.helper.protocol import Reply
from droidreclaim.helper.session import HelperError
from droidreclaim.helper.wire import lines_of, only_line_of
from droidreclaim.model import DeviceInfo
from droidreclaim.model.profile import Profile

_FOLLOW_S = 1.0


@dataclass(frozen=True)
class Status:
    """Whether a guard runs, and what it knows of each app."""

    guard: GuardLine
    apps: tuple[AppLine, ...]


def device_of(running: RunningHelper) -> DeviceInfo:
    """What names the device; raises DroidReclaimError when not our own program answers."""
    return running.device_info(verbs.hello_of(running.session.call("hello")))


def start(
    running: RunningHelper,
    profile: Profile,
    *,
    for_s: int,
    allow_flash: bool = False,
    ask_ms: int | None = None,
) -> GuardLine:
    """
    Start a guard that goes on without us, for *for_s* seconds.

    While there is work it asks Android every *ask_ms* (a minute) whether to spare the device.

    It keeps more swap free than the device's own lmkd calls low, whatever the profile says.

    Raises:
        NotAchieved: one runs already; the message has its pid and its profile.
        NotPossible: not on this device, with its reason.
    """
    running.session.call_all(profiles.lines(floor.for_device(running, profile)))
    try:
        reply = running.session.call(
            "guard_start",
            name=profile.name,
            for_s=for_s,
            allow_flash=1 if allow_flash else None,
            ask_ms=ask_ms,
        )
    except HelperError as error:
        raise _refusal(running.serial, error) from error
    return only_line_of(reply, "guard", GuardLine)


def stop(running: RunningHelper) -> GuardLine:
    """
    Stop the guard and wait for its end.

    Raises:
        NotAchieved: none runs, or it did not end.
    """
    try:
        return only_line_of(running.session.call("guard_stop"), "guard", GuardLine)
    except HelperError as error:
        raise _refusal(running.serial, error) from error


def status(running: RunningHelper) -> Status:
    """What the guard sees and has done; where none runs, a status that says so."""
    reply = running.session.call("guard_status")
    return Status(only_line_of(reply, "guard", GuardLine), lines_of(reply, "app", AppLine))


def log(running: RunningHelper) -> tuple[EventLine, ...]:
    """What guards of this device did, oldest first, as far back as their log goes."""
    return _events(running.session.call("guard_log"))


def follow(running: RunningHelper) -> Iterator[EventLine]:
    """Yield what guards of this device did, oldest first, then each new event until interrupted."""
    after = None
    while True:
        for event in _events(running.session.call("guard_log", after=after)):
            after = event.seq
            yield event
        time.sleep(_FOLLOW_S)


def _events(reply: Reply) -> tuple[EventLine, ...]:
    return lines_of(reply, "event", EventLine)


def _refusal(serial: str, error: HelperError) -> DroidReclaimError:
    why = error.why or error.errno or "no reason given"
    if error.errno == "EBUSY":
        return NotAchieved(f"{serial}: {why}", hint="one at a time: 'droidreclaim guard stop'")
    if error.errno in ("ENOENT", "ETIMEDOUT"):
        return NotAchieved(f"{serial}: {why}", hint="see 'droidreclaim guard status'")
    if error.errno == "EPERM":
        return NotPossible(f"{serial}: {why.partition(':')[0]}", hint="--allow-flash")
    return NotPossible(f"{serial}: {error.errno}: {why}")
