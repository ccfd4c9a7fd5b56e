"""What a guard with a profile would do on a device at this moment: the guard's program is asked."""

from __future__ import annotations

from droidreclaim import profiles
from droidreclaim.guard import floor
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.guard_wire import ConditionLine, ExplainLine, Explanation, TurnLine
from droidreclaim.helper.wire import lines_of, only_line_of
from droidreclaim.model.profile import Profile


def explain(running: RunningHelper, profile: Profile) -> Explanation:
    """
    What a guard with *profile* would do now. Nothing is touched.

    Raises:
        DeviceError, ParseError: it was lost, or an answer cannot be read.
    """
    here = floor.for_device(running, profile)
    *_, reply = running.session.call_all([*profiles.lines(here), ("guard_explain", {})])
    apps = lines_of(reply, "turn", TurnLine)
    return Explanation(
        here,
        only_line_of(reply, "explain", ExplainLine),
        lines_of(reply, "condition", ConditionLine),
        tuple(app for app in apps if app.turn is not None),
        tuple(app for app in apps if app.turn is None),
    )
