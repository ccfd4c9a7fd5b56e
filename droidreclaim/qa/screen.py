"""Views on a device's screen: read by ``uiautomator dump``, chosen by a selector."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from droidreclaim.device import CommandResult
from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.views import View, parse_views
from droidreclaim.qa.screen_form import SelectorForm
from droidreclaim.qa.stage import StepFailed
from droidreclaim.session import Phone

PATIENCE_S = 5.0  # a screen that is still being built, or animated
_LOOK_S = 0.2
_DUMP_S = 30.0  # uiautomator itself waits ten seconds for a screen that stands still
_MOST_SHOWN = 8
_MOST_TEXT, _MOST_TEXTS = 200, 100
# Its exit status is 0 whatever became of it, so the file says whether it worked. /dev/tty is no
# file without a terminal.
_DUMP = (
    "f=/data/local/tmp/.droidreclaim-$$.xml; trap 'rm -f \"$f\"' EXIT HUP; "
    'uiautomator dump "$f" 1>&2; cat "$f"'
)


class NotOnScreen(StepFailed):
    """The screen was read, shows the app, and does not have what was looked for."""


def read(phone: Phone) -> tuple[View, ...]:
    """
    All views on the screen.

    Raises:
        StepFailed: the device could not tell: an animation, a transition, no such program.
        DeviceError: it was lost, or does not answer.
    """
    done = phone.device.run(["sh", "-c", _DUMP], timeout_s=_DUMP_S)
    if done.exit_code != 0 or not done.text.strip():
        raise StepFailed(f"the screen could not be read: {_said(done)}")
    try:
        return parse_views(done.text)
    except ParseError as error:
        raise StepFailed(f"the screen could not be read: {error}") from error


def _said(done: CommandResult) -> str:
    """What the dump complained of: its exit status tells nothing."""
    lines = [line for line in done.error_text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return next(iter([*errors, *lines]), done.complaint)[:_MOST_TEXT]


def patience(deadline_s: float) -> float:
    """Until when a screen is given time, on this computer's clock."""
    return time.monotonic() + min(PATIENCE_S, deadline_s)


def find(phone: Phone, package: str, wanted: SelectorForm, until_s: float) -> View:
    """
    The first view that a selector means; waits for it until *until_s* of this computer's clock.

    Raises:
        NotOnScreen: the app shows, without it.
        StepFailed: the screen could not be read, or shows another app alone.
    """
    views = awaited(phone, package, lambda shown: any(map(wanted.means, shown)), until_s)
    found = next(filter(wanted.means, views), None)
    if found is None:
        raise NotOnScreen(f"nothing on the screen has {wanted}; there are: {_told(views)}")
    return found


def awaited(
    phone: Phone, package: str, holds: Callable[[Sequence[View]], bool], until_s: float
) -> tuple[View, ...]:
    """
    The views of the screen once *holds*, or as they are at *until_s*.

    Raises:
        StepFailed: the screen could not be read until then, or shows another app alone.
    """
    while True:
        left_s = until_s - time.monotonic()
        try:
            views = read(phone)
            if not any(view.package == package for view in views):
                others = ", ".join(sorted({view.package for view in views})[:3])
                raise StepFailed(f"{package} does not show: the screen is {others}'s")
            if left_s <= 0 or holds(views):
                return views
        except StepFailed:
            if left_s <= 0:
                raise
        time.sleep(_LOOK_S)


def texts(views: Sequence[View]) -> list[str]:
    """What can be read there, in its order, cut to what a record may hold."""
    return [view.text[:_MOST_TEXT] for view in views if view.text][:_MOST_TEXTS]


def _told(views: Sequence[View]) -> str:
    named = [view for view in views if view.text or view.resource_id or view.description]
    words = [
        f"{(view.text or view.description)[:40]!r} (id {view.resource_id.rpartition('/')[2][:40]})"
        if view.resource_id
        else repr((view.text or view.description)[:40])
        for view in named[:_MOST_SHOWN]
    ]
    more = len(named) - len(words)
    return ", ".join([*words, *([f"{more} more"] if more > 0 else [])]) or "none with a name"
