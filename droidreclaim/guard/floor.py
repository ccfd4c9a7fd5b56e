"""The share of swap that a guard keeps free on one device: above what its lmkd calls low."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from droidreclaim.helper.connect import RunningHelper
from droidreclaim.model.profile import Profile
from droidreclaim.parse.shell.props import parse_getprop
from droidreclaim.policy.lmkd_settings import settings_in_force

_GETPROP_TIMEOUT_S = 10.0
# Of all swap, kept beyond what lmkd calls low. With none a guard stopped at 25,852 of 26,212 kB,
# and a real lmkd killed a second later: the kernel swaps on by itself after the guard has stopped.
_MARGIN_PERMILLE = 50
_MOST_PERMILLE = 1000


def for_device(running: RunningHelper, profile: Profile) -> Profile:
    """
    *profile* with the floor of the device that *running* is on.

    Raises:
        DeviceError, ParseError: it was lost, or its properties cannot be read.
    """
    answer = running.device.run(["getprop"], timeout_s=_GETPROP_TIMEOUT_S)
    return above_lmkds_limit(profile, answer.read(parse_getprop))


def above_lmkds_limit(profile: Profile, properties: Mapping[str, str]) -> Profile:
    """
    *profile* for one device: it keeps at least what that device's lmkd calls low, and a margin.

    Where lmkd has no such limit (``swap_free_low_percentage`` is 0) the profile's own share stays.
    """
    limit = settings_in_force(properties)["swap_free_low_percentage"].number * 10
    if limit <= 0:
        return profile
    floor = min(limit + _MARGIN_PERMILLE, _MOST_PERMILLE)
    when = replace(
        profile.when, keep_swap_free_permille=max(profile.when.keep_swap_free_permille, floor)
    )
    return replace(profile, when=when)
