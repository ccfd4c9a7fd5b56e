"""
lmkd's new strategy (Android 11 and later): watermarks, swap, thrashing and stalls decide, not free
memory as a share of RAM. Pure.

Written from reference descriptions of lmkd's decisions (lmkd.cpp, December 2023).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from droidreclaim.policy.lmkd_levels import Verdict
from droidreclaim.policy.lmkd_settings import Setting

_PERCEPTIBLE_FLOOR = 201  # above PERCEPTIBLE_APP_ADJ
_LOW_MEM_SDK = 34  # ActivityManager ceased to kill cached apps by number; lmkd took that over
_EVERYTHING = 100  # per cent: a limit that is never exceeded


@dataclass(frozen=True, slots=True)
class View:
    """
    One moment as lmkd sees it.

    Attributes:
        below_low, below_min, below_high: Free memory is under that mark.
        swap_low, swap_low_at_mark: Free swap is under its share, now, or once free memory has
            fallen to the low mark.
        thrashing: File pages that came back in a second, as a share of all file pages.
        direct: Allocations had to make room themselves.
        stall: Share of a second in which everything waited.
        swap_used: Swapped pages as a share of all that could be swapped.
    """

    below_low: bool
    below_min: bool
    below_high: bool
    swap_low: bool
    swap_low_at_mark: bool
    has_swap: bool
    thrashing: float
    direct: bool
    stall: float
    swap_used: float
    sdk: int


def decide(view: View, settings: Mapping[str, Setting]) -> Verdict:
    """The first rule, in lmkd's order, whose conditions hold; else the one next in line."""
    thrashing = view.thrashing > settings["thrashing_limit"].number / 100
    util_high = view.swap_used * 100 > settings["swap_util_max"].number
    if view.stall * 1000 >= settings["psi_complete_stall_ms"].number:
        return Verdict("not_responding", True, 0)
    if view.swap_low and thrashing:
        return Verdict("low_swap_and_thrashing", True, _swap_floor(view, settings))
    if view.swap_low and view.below_low:
        return Verdict("low_mem_and_swap", True, _swap_floor(view, settings))
    if view.below_low and util_high:
        return Verdict("low_mem_and_swap_util", True, 0)
    if view.below_low and thrashing:
        return Verdict("low_mem_and_thrashing", True, _thrashing_floor(view, settings))
    if view.direct and thrashing:
        # Direct reclaim is of who found less than the min mark: up to the high one memory is just
        # back from there, and will be again by lmkd's own look.
        rule = "low_mem" if view.below_high else "direct_recl"
        return Verdict(f"{rule}_and_thrashing", True, _thrashing_floor(view, settings))
    if view.below_low and view.sdk >= _LOW_MEM_SDK:
        return Verdict("low_mem", True, settings["lowmem_min_oom_score"].number)
    rule, floor = _next_in_line(view, settings, thrashing=thrashing, util_high=util_high)
    return Verdict(rule, False, floor)


def _next_in_line(
    view: View, settings: Mapping[str, Setting], *, thrashing: bool, util_high: bool
) -> tuple[str, int]:
    """The rule that fires first when memory goes on falling: at the low mark, else below it."""
    if view.swap_low_at_mark and thrashing:
        return "low_swap_and_thrashing", _thrashing_floor(view, settings)
    if view.swap_low_at_mark:
        return "low_mem_and_swap", _PERCEPTIBLE_FLOOR
    if util_high:
        return "low_mem_and_swap_util", 0
    if thrashing:
        return "low_mem_and_thrashing", _thrashing_floor(view, settings)
    if view.sdk >= _LOW_MEM_SDK:
        return "low_mem", settings["lowmem_min_oom_score"].number
    return _last_in_line(view, settings)


def _last_in_line(view: View, settings: Mapping[str, Setting]) -> tuple[str, int]:
    """
    The rule that fires where none does at the low mark.

    Swap fills, until too much of what could be there is, or until little of it is left; without
    that a stall or thrashing, whichever is nearer.
    """
    if view.has_swap and settings["swap_util_max"].number < _EVERYTHING:
        return "low_mem_and_swap_util", 0
    if view.has_swap and settings["swap_free_low_percentage"].number > 0:
        return "low_mem_and_swap", _PERCEPTIBLE_FLOOR
    stall = view.stall * 1000 / max(settings["psi_complete_stall_ms"].number, 1)
    if stall > view.thrashing * 100 / max(settings["thrashing_limit"].number, 1):
        return "not_responding", 0
    return "low_mem_and_thrashing", _PERCEPTIBLE_FLOOR


def _swap_floor(view: View, settings: Mapping[str, Setting]) -> int:
    return 0 if view.below_min else _thrashing_floor(view, settings)


def _thrashing_floor(view: View, settings: Mapping[str, Setting]) -> int:
    critical = view.thrashing >= settings["thrashing_limit_critical"].number / 100
    return 0 if critical else _PERCEPTIBLE_FLOOR
