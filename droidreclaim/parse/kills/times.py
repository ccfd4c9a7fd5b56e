"""Times of log entries, in every form that a log or whoever copied from one writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# "Nov 28 09:00:00" of a syslog, "Sat Nov 28 09:00:00 2026" of ``dmesg -T``
_NAMED_DAY = re.compile(
    r"(?:[A-Z][a-z]{2} )?(?P<name>[A-Z][a-z]{2}) {1,2}(?P<day>[0-9]{1,2})"
    r" (?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?: (?P<year>[0-9]{4}))?"
)
# "01-18 17:13:33.654", "2026-01-18 17:13:33.654 +0100", "01-18 17:13:33", "17:13:33.654"
_TIME = re.compile(
    r"(?:(?:(?P<year>[0-9]{4})[-/])?(?P<month>[0-9]{2})[-/](?P<day>[0-9]{2})[ T]{1,3})?"
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
    r"(?:[.,](?P<fraction>[0-9]{1,9}))?.{0,8}"
)

_FIELDS = ("year", "month", "day", "hour", "minute", "second")


@dataclass(frozen=True, slots=True)
class PrintedTime:
    """A time, and what of it was printed; the rest is from the year that the reader gave."""

    moment: datetime
    has_year: bool
    has_date: bool


def printed_time(at: str, year: int) -> PrintedTime | None:
    """
    A printed time, in *year* where it names none, on 1 January where it has no date.

    None for seconds of a kernel or since 1970, and for a day that is not in its year.
    """
    found = _TIME.fullmatch(_numbered(at))
    if found is None:
        return None
    micros = int((found["fraction"] or "0")[:6].ljust(6, "0"))
    numbers = {name: int(text) for name in _FIELDS if (text := found[name])}
    try:
        moment = datetime(year, 1, 1, microsecond=micros).replace(**numbers)  # type: ignore[arg-type]
    except ValueError:
        return None
    return PrintedTime(moment, found["year"] is not None, found["month"] is not None)


def _numbered(at: str) -> str:
    """The time with its month's number in place of a name; any other time unchanged."""
    found = _NAMED_DAY.fullmatch(at)
    if found is None or found["name"] not in _MONTHS:
        return at
    year = f"{found['year']}-" if found["year"] else ""
    month, day = _MONTHS.index(found["name"]) + 1, int(found["day"])
    return f"{year}{month:02d}-{day:02d} {found['time']}"


def seconds_apart(one: str, other: str) -> float | None:
    """
    Seconds between two printed times; None where one of them is no time of a calendar.

    Where the year was not printed, the turn of a year and 29 February are taken in the way that
    brings them closer; where a date was not printed, midnight is.
    """
    gaps = []
    for first, second in ((2000, 2000), (2001, 2001), (2000, 2001), (2001, 2000)):
        a, b = printed_time(one, first), printed_time(other, second)
        if a is not None and b is not None:
            gap_s = abs((a.moment - b.moment).total_seconds())
            both_dated = a.has_date and b.has_date
            gaps.append(gap_s if both_dated else min(gap_s % 86400, 86400 - gap_s % 86400))
    return min(gaps, default=None)
