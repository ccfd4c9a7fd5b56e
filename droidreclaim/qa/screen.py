"""Views on a device's screen, chosen by a selector."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.views import View, parse_views
from droidreclaim.qa.screen_form import SelectorForm
from droidreclaim.qa.stage import StepFailed
from droidreclaim.qa.ui import Ui

PATIENCE_S = 5.0  # a screen that is still being built, or animated
_LOOK_S = 0.2
_MOST_SHOWN = 8
_MOST_TEXT, _MOST_TEXTS = 200, 100


class NotOnScreen(StepFailed):
    """The screen was read, shows the app, and does not have what was looked for."""


def read(ui: Ui) -> tuple[View, ...]:
    """
    All views on the screen.

    Raises:
        StepFailed: the device could not tell: an animation, a transition, no such program.
        DeviceError: it was lost, or does not answer.
    """
    try:
        return parse_views(ui.hierarchy())
    except (StepFailed, ParseError) as error:
        raise StepFailed(f"the screen could not be read: {error}") from error


def patience(deadline_s: float) -> float:
    """Until when a screen is given time, on this computer's clock."""
    return time.monotonic() + min(PATIENCE_S, deadline_s)


def find(ui: Ui, package: str, wanted: SelectorForm, until_s: float) -> View:
    """
    The first view that a selector means; waits for it until *until_s* of this computer's clock.

    Raises:
        NotOnScreen: the app shows, without it.
        StepFailed: the screen could not be read, or shows another app alone.
    """
    views = awaited(ui, package, lambda shown: any(map(wanted.means, shown)), until_s)
    found = next(filter(wanted.means, views), None)
    if found is None:
        raise NotOnScreen(f"nothing on the screen has {wanted}; there are: {_told(views)}")
    return found


def awaited(
    ui: Ui, package: str, holds: Callable[[Sequence[View]], bool], until_s: float
) -> tuple[View, ...]:
    """
    The views of the screen once *holds*, or as they are at *until_s*.

    Raises:
        StepFailed: the screen could not be read until then, or shows another app alone.
    """
    while True:
        left_s = until_s - time.monotonic()
        try:
            views = read(ui)
            if not any(view.package == package for view in views):
                others = ", ".join(sorted({view.package for view in views})[:3])
                raise StepFailed(f"{package} does not show: the screen is {others}'s")
            if left_s <= 0 or holds(views):
                return views
        except StepFailed:
            if time.monotonic() >= until_s:  # also where the answer itself took so long
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
