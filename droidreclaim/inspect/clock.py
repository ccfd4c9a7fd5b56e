"""Times of logs, which know no year, and of kernels, which count from boot, on one calendar."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from droidreclaim.parse.kills.records import KillRecord
from droidreclaim.parse.kills.times import printed_time

_FORM = "%Y-%m-%d %H:%M:%S"
_NOW = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})(?: (?P<zone>[+-]\d{2}:?\d{2}))?\s+"
    r"(?P<uptime>\d{1,12}\.\d{1,3})(?:[\s\S]{0,200}?\nnow at (?P<kernel_ns>\d{1,20}))?"
)
_SECONDS = re.compile(r"\d{1,12}\.\d{3,9}")
_FIRST_EPOCH_S = 1_000_000_000  # seconds since 1970 (logcat -v epoch), not since boot
_SOME_YEAR = 2000  # has every day, and is never shown
_SKEW = timedelta(days=1)  # a log may be a little ahead of the clock we read
_AWAKE_S = 2.0


class Clock:
    """
    The local time of a device at one moment; None where a capture does not say.

    Args:
        boot: When it booted, on the same clock; None where it has slept since. The kernel's log
            does not count the time asleep, so nothing in it can be dated then.
        zone: Its offset from UTC (``+0100``), "" when unknown.
        ends_s: Last times of texts that count seconds, since boot or since 1970.
    """

    def __init__(
        self,
        now: datetime | None,
        boot: datetime | None = None,
        zone: str = "",
        *,
        knows_year: bool = True,
        ends_s: Sequence[float] = (),
    ) -> None:
        self._now = now
        self._ends_s = ends_s
        self._knows_year = knows_year
        self._boot = boot
        self._zone = f"{zone[:3]}:{zone[-2:]}" if zone else ""

    @classmethod
    def of_device(cls, text: str) -> Clock:
        """
        From date, /proc/uptime and the head of /proc/timer_list; knows nothing of other text.

        The latter, which only root can read, is the kernel's own clock; uptime goes on in sleep.
        """
        match = _NOW.search(text)
        if match is None:
            return cls(None)
        uptime_s, kernel_s = float(match["uptime"]), int(match["kernel_ns"] or 0) / 1e9
        awake = abs(uptime_s - kernel_s) < _AWAKE_S
        try:
            now = datetime.strptime(match["date"], _FORM)
            boot = now - timedelta(seconds=uptime_s) if awake else None
        except (ValueError, OverflowError):  # no day of any calendar
            return cls(None)
        return cls(now, boot, match["zone"] or "")

    @classmethod
    def of_capture(cls, taken_at: str | None, until: Sequence[str] = ()) -> Clock:
        """
        From the time a bug report was taken, else from the last times (*until*) of its texts.

        Without a year those only order and measure: nothing is dated by a year nobody has told.
        """
        seconds = [end_s for one in until if (end_s := _seconds(one)) is not None]
        taken = _datetime(f"{taken_at}.000") if taken_at else None
        if taken is not None:
            return cls(taken, ends_s=seconds)
        ends = [end for one in until if (end := printed_time(one, _SOME_YEAR)) is not None]
        if not ends:
            return cls(None, ends_s=seconds)
        last = max(ends, key=lambda end: end.moment)
        return cls(last.moment, knows_year=last.has_year, ends_s=seconds)

    def resolved(self, records: Iterable[KillRecord]) -> list[KillRecord]:
        """
        Records with whole dates, oldest first, those without any behind them.

        A kernel's seconds stay: they are too uncertain to tell two kills apart by.
        """
        dated = [(self._calendar(one.at), one) for one in records]
        ordered = sorted(dated, key=lambda pair: (pair[0] is None, pair[0] or datetime.min))
        return [
            replace(one, at=moment.isoformat(sep=" ", timespec="milliseconds"))
            if moment and self._is_dated(one.at)
            else one
            for moment, one in ordered
        ]

    def _is_dated(self, at: str | None) -> bool:
        found = printed_time(at, _SOME_YEAR) if at else None
        return found is not None and (found.has_year or (self._knows_year and found.has_date))

    def iso(self, record: KillRecord) -> KillRecord:
        """*record* with its time in ISO 8601, where it has a whole date."""
        at_s = _seconds(record.at)
        if at_s is not None and _is_epoch(at_s):
            since_1970 = datetime.fromtimestamp(at_s, UTC)
            return replace(record, at=since_1970.isoformat("T", "milliseconds"))
        moment = self._moment(record.at)
        if moment is None or not (self._is_dated(record.at) or self._since_boot(record.at)):
            return record
        return replace(record, at=moment.isoformat("T", "milliseconds") + self._zone)

    def is_older(self, record: KillRecord, age: timedelta) -> bool:
        """Whether the record is older than *age*, or its time cannot be compared."""
        moment = self._moment(record.at)
        if moment is not None and self._now is not None:
            return moment < self._now - age
        end_s, at_s = self._end_s(record.at), _seconds(record.at)
        return end_s is None or at_s is None or at_s < end_s - age.total_seconds()

    def is_comparable(self, record: KillRecord) -> bool:
        """Whether it can be told how old the record is."""
        dated = self._now is not None and self._moment(record.at) is not None
        return dated or self._end_s(record.at) is not None

    def _end_s(self, at: str | None) -> float | None:
        """The end of the texts that count seconds from where *at* does."""
        at_s = _seconds(at)
        if at_s is None:
            return None
        return max((end for end in self._ends_s if _is_epoch(end) == _is_epoch(at_s)), default=None)

    def sort_key(self, record: KillRecord) -> tuple[bool, datetime]:
        """Key to sort records by: oldest first, behind them those that cannot be dated."""
        moment = self._moment(record.at)
        return moment is None, moment or datetime.min

    def _moment(self, at: str | None) -> datetime | None:
        return self._calendar(at) or self._since_boot(at)

    def _calendar(self, at: str | None) -> datetime | None:
        if at is None:
            return None
        now = self._now
        found = printed_time(at, now.year if now else _SOME_YEAR)
        if found is not None and found.has_year:
            return found.moment
        if now is None:
            return None
        if found is None or not found.has_date:  # 29 February of another year is no time
            return _at_or_before(found.moment, now) if found else None
        if found.moment > now + _SKEW:
            earlier = printed_time(at, now.year - 1)
            return earlier.moment if earlier else None
        return found.moment

    def _since_boot(self, at: str | None) -> datetime | None:
        at_s = _seconds(at)
        if at_s is None or self._boot is None or _is_epoch(at_s):
            return None
        return self._boot + timedelta(seconds=at_s)


def _seconds(at: str | None) -> float | None:
    """The seconds of a kernel or of ``logcat -v epoch``; None for a time of a calendar."""
    return float(at) if at is not None and _SECONDS.fullmatch(at) else None


def _is_epoch(seconds: float) -> bool:
    return seconds > _FIRST_EPOCH_S


def _at_or_before(time_of_day: datetime, now: datetime) -> datetime:
    """The last time until *now* that has this time of day; a little skew is allowed."""
    today = datetime.combine(now.date(), time_of_day.time())
    return today - timedelta(days=1) if today > now + timedelta(hours=1) else today


def _datetime(text: str) -> datetime | None:
    """The time that the parts name; None for a day that does not exist."""
    try:
        return datetime.strptime(text, f"{_FORM}.%f")
    except ValueError:
        return None
