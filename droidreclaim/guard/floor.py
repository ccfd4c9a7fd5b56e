"""The share of swap that a guard keeps free on one device: above what its lmkd calls low."""

from __future__ import annotations

from droidreclaim.helper.connect import RunningHelper
from droidreclaim.model.profile import Profile
from droidreclaim.parse.shell.props import parse_getprop
from droidreclaim.policy.guard import above_lmkds_limit

_GETPROP_TIMEOUT_S = 10.0


def for_device(running: RunningHelper, profile: Profile) -> Profile:
    """
    *profile* with the floor of the device that *running* is on.

    Raises:
        DeviceError, ParseError: it was lost, or its properties cannot be read.
    """
    answer = running.device.run(["getprop"], timeout_s=_GETPROP_TIMEOUT_S)
    return above_lmkds_limit(profile, answer.read(parse_getprop))
