"""Whom to touch, in which order, how, and for everyone else why not. Pure."""

from droidreclaim.policy.choose import (
    ASKED_FLOOR,
    DEFAULT_FLOOR,
    Plan,
    Selection,
    bands_of,
    choose,
    leave_java_heaps_in_use,
    parse_adj_range,
    parse_targets,
    refusal,
    require_running,
)

__all__ = [
    "ASKED_FLOOR",
    "DEFAULT_FLOOR",
    "Plan",
    "Selection",
    "bands_of",
    "choose",
    "leave_java_heaps_in_use",
    "parse_adj_range",
    "parse_targets",
    "refusal",
    "require_running",
]
