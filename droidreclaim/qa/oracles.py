"""What kind of a resume it was, and whether state survived: by witnesses that may disagree."""

from __future__ import annotations

from droidreclaim.qa.record import Life, Round, State

HOT, WARM, COLD, RELAUNCH, UNKNOWN = "HOT", "WARM", "COLD", "RELAUNCH", "UNKNOWN"
_ALIVE = (HOT, WARM, RELAUNCH)


def kind_of(
    am_kind: str | None,
    before: Life | None,
    after: Life | None,
    *,
    process_began: bool | None,
    start_kind: str | None = None,
) -> str:
    """
    What kind of a resume it was.

    Args:
        am_kind: The word of ``am start -W``; None before Android 10, which has none.
        before, after: The app as it was left and as it is back.
        process_began: Whether the device's events tell of a new process of the app meanwhile; None
            where they could not be read.
        start_kind: The word of start-info; None where it has none. It knows no RELAUNCH.

    Returns ``UNKNOWN`` where the witnesses contradict each other: nothing is averaged.
    """
    if before is None or after is None:
        return UNKNOWN
    same_process = (before.pid, before.start_ticks) == (after.pid, after.start_ticks)
    if process_began is not None and process_began == same_process:
        return UNKNOWN
    if start_kind in (HOT, WARM, COLD) and (start_kind == COLD) == same_process:
        return UNKNOWN
    if start_kind in (HOT, WARM) and am_kind in (HOT, WARM) and start_kind != am_kind:
        return UNKNOWN
    if not same_process:
        return COLD if am_kind in (COLD, None) else UNKNOWN
    if am_kind is None:  # with the process alone, HOT and WARM cannot be told apart but by token
        known = before.activity is not None and after.activity is not None
        return UNKNOWN if not known else HOT if before.activity == after.activity else WARM
    if am_kind == HOT and before.activity != after.activity:
        return UNKNOWN
    return am_kind if am_kind in _ALIVE else UNKNOWN


def state_of(one: Round) -> State:
    """
    Whether the app's state survived this round.

    A process that is there again is not enough: an activity that was made anew (WARM, RELAUNCH) is
    never `kept`, nor is anything else than what was remembered. With nothing remembered, what was
    made anew is `lost`: that it was restored cannot be shown.
    """
    if one.fault is not None or one.kind == UNKNOWN:
        return State.UNKNOWN
    if any(value is None for value in one.remembered.values()):
        return State.UNKNOWN
    unread = any(one.found.get(name) is None for name in one.remembered)
    if unread:
        return State.UNKNOWN
    same = all(one.found[name] == value for name, value in one.remembered.items())
    if not same:
        return State.LOST
    if one.kind == HOT:
        known = one.before is not None and one.before.activity is not None
        return State.KEPT if known else State.UNKNOWN
    return State.RESTORED if one.remembered else State.LOST
