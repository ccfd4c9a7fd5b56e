"""What the keys of the view do to the device, each as a job for `Side`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from droidreclaim.errors import DroidReclaimError, NotAchieved
from droidreclaim.helper.guard_wire import AppLine
from droidreclaim.model import ReclaimResult
from droidreclaim.parse.activity.meminfo_app import parse_meminfo_app
from droidreclaim.parse.kills.records import KillRecord
from droidreclaim.top.frame import Action, Row
from droidreclaim.top.side import Side
from droidreclaim.units import format_size

PROFILES = ("keep-games", "gentle", "favourites")
_MEMINFO_TIMEOUT_S = 20.0
_T = TypeVar("_T")


def attempt(
    job: Callable[[Side], _T], then: Callable[[_T | DroidReclaimError], None]
) -> Callable[[Side], None]:
    """Return a job that hands *then* the result of *job*, or its error."""

    def work(side: Side) -> None:
        try:
            done: _T | DroidReclaimError = job(side)
        except DroidReclaimError as error:
            done = error
        then(done)

    return work


def reclaim(row: Row, how: str, *, dry_run: bool) -> Callable[[Side], ReclaimResult]:
    """Page out the processes of *row* as it was seen, or bring them back (``prefetch``)."""
    targets = [f"pid:{part.id.pid}" for part in row.parts]

    def work(side: Side) -> ReclaimResult:
        try:
            return side.phone.reclaim(*targets, how=how, dry_run=dry_run)
        except NotAchieved as error:
            if (result := getattr(error, "result", None)) is None:
                raise
            assert isinstance(result, ReclaimResult)
            return result

    return work


def plan_lines(result: ReclaimResult) -> list[str]:
    """Say in sentences what a dry run found."""
    lines = []
    for one in result.targets:
        moves = one.advice.movable_bytes if result.how == "pageout" else one.advice.swapped_bytes
        verb = "would leave memory" if result.how == "pageout" else "would come back from swap"
        why = f" ({one.why})" if one.why else ""
        lines.append(f"{one.process.name}: {format_size(moves)} {verb}{why}")
    lines += [f"{one.process.name}: left alone: {one.detail}" for one in result.skipped]
    if (expected := result.estimate) is not None and result.how == "pageout":
        limit = f", held back by {expected.limited_by}" if expected.limited_by else ""
        lines.append(
            f"together {format_size(expected.leaves_bytes)}, zram takes "
            f"{format_size(expected.zram_bytes)}: gains {format_size(expected.gained_bytes)}{limit}"
        )
    return lines


def action_of(result: ReclaimResult) -> Action:
    """A finished page-out or prefetch as a row remembers it."""
    outcomes = [str(one.outcome) for one in result.targets] or ["nothing"]
    done = "reclaimed" if result.how == "pageout" else "prefetched"
    totals = result.totals
    moved = totals.reclaimed_bytes if result.how == "pageout" else totals.came_in_bytes
    gained = totals.gained_bytes if result.how == "pageout" else None
    outcome = done if done in outcomes else outcomes[0]
    return Action(result.how, time.monotonic(), outcome, moved, gained)


def done_line(result: ReclaimResult) -> str:
    """Say in one line what was done."""
    action = action_of(result)
    if action.outcome not in ("reclaimed", "prefetched"):
        whys = [one.why for one in result.targets if one.why]
        whys += [f"{one.reason}: {one.detail}" for one in result.skipped]
        return f"{action.what}: {action.outcome}" + (f": {whys[0]}" if whys else "")
    if action.what == "prefetch":
        return f"{format_size(action.moved_bytes)} came back from swap"
    return (
        f"{format_size(action.moved_bytes)} left memory, "
        f"gained {format_size(action.gained_bytes)} after what zram took"
    )


def kills(side: Side) -> tuple[KillRecord, ...]:
    """The kills that the device remembers, the newest first."""
    return tuple(reversed(side.phone.kills().records))


def guards_apps(side: Side) -> tuple[AppLine, ...]:
    """What the guard says of each app."""
    return side.guard.status().apps


def guard_start(profile: str) -> Callable[[Side], str]:
    """Return a job that starts a guard, and says which one runs."""

    def work(side: Side) -> str:
        line = side.phone.guard(profile).start()
        side.forget()  # ends the session with the guard's program, which is not needed any more
        return f"the guard runs with {line.profile or profile}, pid {line.pid}"

    return work


def guard_stop(side: Side) -> str:
    """Stop the guard."""
    side.guard.stop()
    return "the guard has stopped; what it paged out comes back as it is used"


def pss(package: str) -> Callable[[Side], int]:
    """PSS of all processes of an app, in bytes, by ``dumpsys meminfo``, which stalls them."""

    def work(side: Side) -> int:
        words = ["dumpsys", "meminfo", package]
        answer = side.phone.device.run(words, timeout_s=_MEMINFO_TIMEOUT_S)
        return sum(one.pss_bytes for one in answer.read(parse_meminfo_app))

    return work
