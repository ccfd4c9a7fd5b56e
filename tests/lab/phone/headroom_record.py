"""Records headroom's samples while a phone is pressed, and which rule lmkd then killed by."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from commands import command
from droidreclaim.parse.kills.event_values import LmkdKilled
from droidreclaim.parse.kills.events import parse_events
from droidreclaim.parse.kills.logcat import parse_logcat
from handset import Handset, until

# killinfo's numbers, in lmkd's own order
RULES = (
    "pressure_after_kill", "not_responding", "low_swap_and_thrashing", "low_mem_and_swap",
    "low_mem_and_thrashing", "direct_recl_and_thrashing", "low_mem_and_swap_util",
    "low_filecache_after_thrashing", "low_mem",
)  # fmt: skip
_APP_MIB = 32
_APPS = 8


@dataclass(frozen=True)
class NamedKill:
    """One kill: the rule it was for, and the last sample before it (None: it came too soon)."""

    rule: str
    at_s: float
    sample_age_s: float
    sample: dict[str, Any] | None

    @property
    def named(self) -> bool:
        """Whether the sample foretold the rule."""
        return self.sample is not None and self.sample["next_rule"] == self.rule


def record(
    handset: Handset, settings: dict[str, str], kills: int, within_s: float
) -> list[NamedKill]:
    """
    Start apps until lmkd has killed *kills* times or *within_s* seconds are over.

    Args:
        settings: lmkd's, by its own names, as server flags.
    """
    for name, value in settings.items():
        handset.text(f"device_config put lmkd_native {name} {value}")
    clock_ahead_s = float(handset.text("date +%s.%N")) - time.time()
    started_s = time.time()
    with _samples(handset) as samples:
        until(lambda: bool(samples), timeout_s=60)
        _press(handset, kills, time.monotonic() + within_s, started_s + clock_ahead_s)
    return [
        _named(event, samples, clock_ahead_s)
        for event in _kills(handset, started_s + clock_ahead_s)
    ]


@contextlib.contextmanager
def _samples(handset: Handset) -> Iterator[list[tuple[float, dict[str, Any]]]]:
    """Samples of ``headroom --follow`` with the time they came at."""
    samples: list[tuple[float, dict[str, Any]]] = []
    words = command(handset, "headroom", "--follow", "--json")
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        lines = running.stdout

        def collect() -> None:
            for line in lines:
                samples.append((time.time(), json.loads(line)))

        reader = threading.Thread(target=collect)
        reader.start()
        try:
            yield samples
        finally:
            running.send_signal(2)
            running.wait(timeout=30)
            reader.join()


def _press(handset: Handset, kills: int, deadline_s: float, since_s: float) -> None:
    names = [f"com.example.press{number}" for number in range(_APPS)]
    for number, name in enumerate(names):
        handset.text(f"pocket install {name} {_APP_MIB} {number}")
    while True:
        for name in names:
            handset.shell(f"am start -W {name}")
            if time.monotonic() > deadline_s or len(_kills(handset, since_s)) >= kills:
                return


def _kills(handset: Handset, since_s: float) -> list[LmkdKilled]:
    text = handset.text("logcat -b events -d -v epoch")
    events = parse_events(parse_logcat(text + "\n"))
    kills = [event for event in events if isinstance(event, LmkdKilled)]
    return [kill for kill in kills if kill.at is not None and float(kill.at) >= since_s]


def _named(
    kill: LmkdKilled, samples: list[tuple[float, dict[str, Any]]], clock_ahead_s: float
) -> NamedKill:
    at_s = float(kill.at or 0) - clock_ahead_s
    before = [(came_s, sample) for came_s, sample in samples if came_s < at_s]
    came_s, sample = before[-1] if before else (at_s, None)
    return NamedKill(RULES[kill.reason], at_s, at_s - came_s, sample)
