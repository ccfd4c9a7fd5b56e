"""Sizes and durations as people write them, to bytes and seconds and back."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from droidreclaim.errors import UsageError

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

_SIZE = re.compile(r"([0-9]{1,19}(?:\.[0-9]{1,19})?)\s*(|[KMGT]i?B?|B|k|m|g)", re.IGNORECASE)
_FACTOR = {"": 1, "b": 1, "k": KIB, "m": MIB, "g": GIB, "t": 1024 * GIB}
_DURATION = re.compile(r"([0-9]{1,19}(?:\.[0-9]{1,19})?)(ms|s|m|h)")
_ADDRESS = re.compile(r"(0x)?[0-9a-fA-F]{1,16}")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_size(text: str) -> int:
    """
    Bytes from ``256MiB``, ``1G``, ``512k`` or a bare number; every suffix is a power of 1024.

    Raises:
        UsageError: *text* is not a size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a size", hint="write 256MiB, 1GiB or a number of bytes")
    size_bytes = int(float(match[1]) * _FACTOR[match[2].lower()[:1]])
    if not 0 <= size_bytes < 1 << 63:
        raise UsageError(f"{text!r} is more than any device has")
    return size_bytes


def parse_rate(text: str) -> int:
    """
    Bytes a second from ``64MiB`` or ``64MiB/s``.

    Raises:
        UsageError: *text* is no size, or too slow to ever end.
    """
    rate = parse_size(text.removesuffix("/s"))
    if rate < 64 * KIB:
        raise UsageError(f"{text!r} is too slow", hint="64KiB a second is the least")
    return rate


def parse_range(text: str) -> tuple[int, int]:
    """
    Start and end from ``7f12340000+8MiB``: an address as maps prints it, and a size.

    Raises:
        UsageError: *text* is no such range.
    """
    start, plus, size = text.partition("+")
    if not plus or not _ADDRESS.fullmatch(start):
        raise UsageError(f"{text!r} is no range", hint="7f12340000+8MiB, the start in hex")
    first = int(start, 16)
    return first, first + parse_size(size)


def parse_duration(text: str) -> float:
    """
    Seconds from ``10s``, ``500ms``, ``2m`` or ``8h``.

    Raises:
        UsageError: *text* is not a duration.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a duration", hint="write 10s, 500ms, 2m or 8h")
    return float(match[1]) * _SECONDS[match[2]]


def size_of(value: int | str) -> int:
    """
    Bytes, given as such or as `parse_size` reads them.

    Raises:
        UsageError: *value* is no size.
    """
    if isinstance(value, str):
        return parse_size(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(f"{value!r} is not a size", hint="bytes, or text like 256MiB")
    return value


def seconds_of(value: float | str) -> float:
    """
    Seconds, given as such or as `parse_duration` reads them.

    Raises:
        UsageError: *value* is no duration.
    """
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise UsageError(f"{value!r} is not a duration", hint="seconds, or text like 10s")
    return float(value)


def times_of(values: str | Iterable[float | str]) -> tuple[float, ...]:
    """
    Ascending seconds from ``1s,10s`` or from several durations.

    Raises:
        UsageError: one of them is no duration, or not later than the one before.
    """
    words = values.split(",") if isinstance(values, str) else list(values)
    times = tuple(seconds_of(word) for word in words)
    if any(later <= earlier for earlier, later in zip((0.0, *times), times, strict=False)):
        raise UsageError(f"{values!r}: times must rise from more than 0", hint="1s,10s,60s")
    return times


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 process``, ``2 processes``; *many* is *one* and an s where it is not given."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def format_size(size_bytes: int | None) -> str:
    """A size for people: ``64.0 MiB``, ``-3.5 MiB``, ``?`` when unknown."""
    if size_bytes is None:
        return "?"
    magnitude = abs(size_bytes)
    for unit, factor in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if magnitude >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} B"
