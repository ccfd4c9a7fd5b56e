"""How busy this computer is while an arm runs: an emulated phone is slow where its host is."""

from __future__ import annotations

import os
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

_TICK_S = 0.1
_LATE_S = 0.02  # the kernel wakes a sleeper within 1 ms on a machine that has a processor free
# Above these, times of an arm say more about the computer than about the arm. A busy host made
# lowmemorykiller ten times worse in a trial: its kills came late, and so did everything else.
_MOST_STEAL = 0.05
_MOST_LATE = 0.1
_MOST_LOAD = 1.5  # tasks for each processor; a phone of two processors on two is about 1


@dataclass(frozen=True, slots=True)
class Host:
    """
    How busy the computer was during one arm.

    Attributes:
        steal_share: Share of processor time that a hypervisor gave to others; None where the kernel
            does not say.
        load: Tasks that ran or wanted to run, on average over the arm; None where the kernel does
            not say.
        ticks: How often a thread slept for a tenth of a second; it woke more than 20 ms late from
            *late_ticks* of these, and *latest_s* late at worst.
    """

    processors: int
    steal_share: float | None
    load: float | None
    ticks: int
    late_ticks: int
    latest_s: float
    t: Literal["host"] = "host"

    @property
    def late_share(self) -> float:
        """Share of ticks that were late."""
        return self.late_ticks / self.ticks if self.ticks else 0.0

    @property
    def busy(self) -> str | None:
        """What was too much, in words; None where times can be trusted."""
        found = []
        if self.steal_share is not None and self.steal_share > _MOST_STEAL:
            found.append(f"{self.steal_share:.0%} of processor time stolen")
        if self.load is not None and self.load > _MOST_LOAD * self.processors:
            found.append(f"load {self.load:.1f} on {self.processors} processors")
        if self.late_share > _MOST_LATE:
            found.append(f"{self.late_share:.0%} of ticks late")
        return ", ".join(found) or None


@dataclass
class HostWatch:
    """Watches the computer from `start` to `stop`, in a thread that nearly always sleeps."""

    proc: Path = Path("/proc")
    late_s: list[float] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)

    def start(self) -> None:
        """Begin to watch."""
        self._before = processor_ticks(_text_of(self.proc / "stat"))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="host", daemon=True)
        self._thread.start()

    def stop(self) -> Host:
        """End the watch; returns how busy the computer was."""
        self._over.set()
        if self._thread.is_alive():  # not where its start was cut short
            self._thread.join()
        return Host(
            processors=len(os.sched_getaffinity(0)),
            steal_share=steal_share(self._before, processor_ticks(_text_of(self.proc / "stat"))),
            load=sum(self.loads) / len(self.loads) if self.loads else None,
            ticks=len(self.late_s),
            late_ticks=sum(late > _LATE_S for late in self.late_s),
            latest_s=max(self.late_s, default=0.0),
        )

    def _watch(self) -> None:
        while True:
            wanted_s = time.monotonic() + _TICK_S
            if self._over.wait(_TICK_S):
                return
            self.late_s.append(time.monotonic() - wanted_s)
            running = running_tasks(_text_of(self.proc / "loadavg"))
            if running is not None:
                self.loads.append(running)


def processor_ticks(stat: str) -> list[int]:
    """
    Ticks of all processors together since boot; empty where the text does not say.

    ``cpu  user nice system idle iowait irq softirq steal guest guest_nice``
    """
    found = re.match(r"cpu  ?((?:[0-9]{1,18} ?)+)", stat)
    return [int(one) for one in found[1].split()[:8]] if found else []


def steal_share(before: list[int], now: list[int]) -> float | None:
    """Share of the time between two looks that a hypervisor gave to others."""
    if len(before) < 8 or len(now) < 8 or sum(now) <= sum(before):
        return None
    return max(0.0, (now[7] - before[7]) / (sum(now) - sum(before)))


def running_tasks(loadavg: str) -> float | None:
    """
    Tasks that run or want to run now, besides the reader; None where the text does not say.

    ``0.42 0.35 0.30 3/214 5120``
    """
    found = re.search(r" ([0-9]{1,9})/[0-9]+ ", loadavg)
    return float(max(0, int(found[1]) - 1)) if found else None


def _text_of(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""
