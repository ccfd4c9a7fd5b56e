"""The device's clocks beside this computer's: marks, logs and samples on one of them."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime

from droidreclaim.errors import ParseError
from droidreclaim.session import Phone

_TIMEOUT_S = 30.0
_READ = "date +%s.%N; cat /proc/uptime"
# "1764300000.125000000\n3600.25 7000.11"
_CLOCKS = re.compile(r"\s*(\d{1,12}\.\d{1,9})\s+(\d{1,12}\.\d{1,3}) ")


@dataclass(frozen=True, slots=True)
class Clocks:
    """
    One reading, in the middle of asking for it.

    Attributes:
        host_s: This computer's, which never goes back; *wall_s*: the device's calendar, as its log
            has it; *boot_s*: its time since boot, sleep included (CLOCK_BOOTTIME).
    """

    host_s: float
    wall_s: float
    boot_s: float

    def boot_of_host(self, host_s: float) -> float:
        """A moment of this computer's clock on the device's boot clock."""
        return self.boot_s + host_s - self.host_s

    def boot_of_log(self, at: str | None) -> float | None:
        """A time of a log with its zone (ISO 8601) on the boot clock; None of another text."""
        try:
            moment = datetime.fromisoformat(at or "")
        except ValueError:
            return None
        return None if moment.tzinfo is None else self.boot_s + moment.timestamp() - self.wall_s

    def drift_s(self, later: Clocks) -> float:
        """How far the device's calendar was set in between."""
        return (later.wall_s - self.wall_s) - (later.boot_s - self.boot_s)


def read(phone: Phone) -> Clocks:
    """
    Read both clocks of the device.

    Raises:
        DeviceError, ParseError: it was lost, or its answer cannot be read.
    """
    before_s = time.monotonic()
    done = phone.device.run(["sh", "-c", _READ], timeout_s=_TIMEOUT_S)
    wall_s, boot_s = parse(done.text)
    return Clocks((before_s + time.monotonic()) / 2, wall_s, boot_s)


def parse(text: str) -> tuple[float, float]:
    """
    Read ``date +%s.%N; cat /proc/uptime``: seconds of the calendar, and since boot.

        1764300000.125000000
        3600.25 7000.11
    """
    found = _CLOCKS.match(text)
    if found is None:
        raise ParseError("date and /proc/uptime", 1, text[:80])
    return float(found[1]), float(found[2])
