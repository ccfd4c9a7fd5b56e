"""Bounds of a number, as people write them: ``30``, ``>=30``, ``>=30,<34``."""

from __future__ import annotations

import re

from droidreclaim.errors import UsageError

_BOUND = re.compile(r"(>=|<=|==|>|<|)\s*([0-9]{1,4})")
Bounds = tuple[tuple[str, int], ...]


def parse_bounds(text: object, what: str = "sdk") -> Bounds:
    """
    Read bounds that must hold together; a number alone is the only one that fits.

    Args:
        what: How an error calls it.

    Raises:
        UsageError: *text* is no number and no bounds.
    """
    found = [_BOUND.fullmatch(part.strip()) for part in str(text).split(",")]
    if isinstance(text, bool) or not all(found):
        raise UsageError(f"{what}={text!r}", hint="30, '>=30' or '>=30,<34'")
    return tuple((one[1] or "==", int(one[2])) for one in found if one)


def is_within(value: int, bounds: Bounds) -> bool:
    """Whether *value* is within all of *bounds*."""
    return all(_holds(value, *one) for one in bounds)


def _holds(value: int, sign: str, bound: int) -> bool:
    return {
        ">=": value >= bound,
        "<=": value <= bound,
        "==": value == bound,
        ">": value > bound,
        "<": value < bound,
    }[sign]
