"""Times of logs, which know no year, and of kernels, which count from boot, on one calendar."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from droidreclaim.parse.kills.records import KillRecord

_FORM = "%Y-%m-%d %H:%M:%S"
_NOW = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2})(?: (?P<zone>[+-]\d{2}:?\d{2}))?\s+"
    r"(?P<uptime>\d{1,12}\.\d{1,3})(?:[\s\S]{0,200}?\nnow at (?P<kernel_ns>\d{1,20}))?"
)
_DATED = re.compile(
    r"(?:(?P<year>\d{4})-)?(?P<rest>\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{3})\d{0,6}.{0,8}"
)
_SECONDS = re.compile(r"\d{1,12}\.\d{3,9}")
_FIRST_EPOCH_S = 1_000_000_000  # seconds since 1970 (logcat -v epoch), not since boot
_SKEW = timedelta(days=1)  # a log may be a little ahead of the clock we read
_AWAKE_S = 2.0


class Clock:
    """
    The local time of a device at one moment; None where a capture does not say.

    Args:
        boot: When it booted, on the same clock; None where it has slept since. The kernel's log
            does not count the time asleep, so nothing in it can be dated then.
        zone: Its offset from UTC (``+0100``), "" when unknown.
    """

    def __init__(self, now: datetime | None, boot: datetime | None = None, zone: str = "") -> None:
        self._now = now
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
    def of_capture(cls, taken_at: str | None) -> Clock:
        """From the time a bug report was taken."""
        return cls(datetime.strptime(taken_at, _FORM) if taken_at else None)

    def resolved(self, records: Iterable[KillRecord]) -> list[KillRecord]:
        """
        Records with whole dates, oldest first, those without any behind them.

        A kernel's seconds stay: they are too uncertain to tell two kills apart by.
        """
        dated = [(self._calendar(one.at), one) for one in records]
        ordered = sorted(dated, key=lambda pair: (pair[0] is None, pair[0] or datetime.min))
        return [
            replace(one, at=moment.isoformat(sep=" ", timespec="milliseconds")) if moment else one
            for moment, one in ordered
        ]

    def iso(self, record: KillRecord) -> KillRecord:
        """*record* with its time in ISO 8601, where it has a whole date."""
        if record.at and _SECONDS.fullmatch(record.at) and float(record.at) > _FIRST_EPOCH_S:
            since_1970 = datetime.fromtimestamp(float(record.at), UTC)
            return replace(record, at=since_1970.isoformat("T", "milliseconds"))
        moment = self._moment(record.at)
        if moment is None:
            return record
        return replace(record, at=moment.isoformat("T", "milliseconds") + self._zone)

    def is_older(self, record: KillRecord, age: timedelta) -> bool:
        """Whether it lies further back than *age*, or cannot be dated."""
        moment = self._moment(record.at)
        return moment is None or self._now is None or moment < self._now - age

    def sort_key(self, record: KillRecord) -> tuple[bool, datetime]:
        """Oldest first, those that cannot be dated behind them."""
        moment = self._moment(record.at)
        return moment is None, moment or datetime.min

    def _moment(self, at: str | None) -> datetime | None:
        return self._calendar(at) or self._since_boot(at)

    def _calendar(self, at: str | None) -> datetime | None:
        dated = _DATED.fullmatch(at) if at else None
        if dated is None:
            return None
        if dated["year"]:
            return _datetime(f"{dated['year']}-{dated['rest']}")
        if self._now is None:
            return None
        moment = _datetime(f"{self._now.year}-{dated['rest']}")
        if moment is not None and moment > self._now + _SKEW:
            return _datetime(f"{self._now.year - 1}-{dated['rest']}")
        return moment

    def _since_boot(self, at: str | None) -> datetime | None:
        if (
            at is None
            or _SECONDS.fullmatch(at) is None
            or self._boot is None
            or float(at) > _FIRST_EPOCH_S
        ):
            return None
        return self._boot + timedelta(seconds=float(at))


def _datetime(text: str) -> datetime | None:
    """A day that does not exist (29 February of another year) is no time."""
    try:
        return datetime.strptime(text, f"{_FORM}.%f")
    except ValueError:
        return None
