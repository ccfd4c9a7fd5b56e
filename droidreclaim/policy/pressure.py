"""How a pressure is asked for, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from droidreclaim.errors import UsageError
from droidreclaim.units import parse_size

LONGEST_S = 600.0
_RATIO = re.compile(r"([0-9]{1,2}(?:\.[0-9]{1,3})?):1")
_MOST_RATIO = 20.0
_UNTIL = "kill, headroom<=0, available<=200MiB or taken>=1GiB"


@dataclass(frozen=True, slots=True)
class Until:
    """
    When enough was taken.

    Attributes:
        condition: ``kill``, ``headroom``, ``available`` or ``taken``.
        size_bytes: Of the last two.
    """

    condition: str
    size_bytes: int | None = None


def parse_until(text: str) -> Until:
    """
    When to stop: ``kill``, ``headroom<=0``, ``available<=200MiB``, ``taken>=1GiB``.

    ``headroom`` alone and a bare size, of available memory, will do.

    Raises:
        UsageError: *text* is none of these.
    """
    words = re.sub(r"\s", "", text)
    if words == "kill":
        return Until("kill")
    if words in ("headroom", "headroom<=0"):
        return Until("headroom")
    try:
        if words.startswith("taken>="):
            return Until("taken", parse_size(words.removeprefix("taken>=")))
        return Until("available", parse_size(words.removeprefix("available<=")))
    except UsageError as error:
        raise UsageError(f"until {text!r} is not known", hint=f"write {_UNTIL}") from error


def parse_compressible(text: str) -> int:
    """
    From ``3:1``, how far the content is to compress, the permille of it that is noise.

    Raises:
        UsageError: no ratio from 1:1 to 20:1.
    """
    match = _RATIO.fullmatch(text.strip())
    ratio = float(match[1]) if match else 0.0
    if not 1.0 <= ratio <= _MOST_RATIO:
        raise UsageError(f"compressible {text!r} is no ratio", hint="write 3:1, from 1:1 to 20:1")
    return round(1000 / ratio)
