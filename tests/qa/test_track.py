"""The app's memory over a round, against a device whose clock moves with what it is asked."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from droidreclaim.helper.protocol import Reply
from droidreclaim.qa.record import Point
from droidreclaim.qa.track import Tracker

APP, UID, PID = "com.example.game", 10123, 300
MIB = 1 << 20


class Device:
    """Answers ``sample``; the app starts at *starts_s* of its clock, which ends the test at 3 s."""

    def __init__(self, starts_s: float) -> None:
        self.now_us, self.starts_us = 0, round(starts_s * 1e6)
        self.ended = threading.Event()
        self.pid = PID
        self.looked = False

    def call(
        self, verb: str, *, targets: str | None, period_us: int, count: int, new: int,
        patience_s: float,
    ) -> Reply:  # fmt: skip
        assert (verb, new) == ("sample", 1)
        lines = []
        if not self.looked and self.now_us >= self.starts_us:
            self.looked = True
            lines.append(self._started())
        for _ in range(count):
            if targets is not None:
                lines.append(self._sample(int(targets.partition(":")[0])))
            self.now_us += period_us
        if self.now_us >= 3_000_000:
            self.ended.set()
        return Reply("1", tuple(lines), ok=True, error=None, why=None)

    def _started(self) -> dict[str, object]:
        sizes = dict.fromkeys(("rss_anon_bytes", "rss_file_bytes", "rss_shmem_bytes"), MIB)
        return {
            "id": "1", "t": "proc", "pid": self.pid, "start": 7, "ppid": 1, "uid": UID, "adj": 0,
            "app_frozen": False, "state": "S", "name": APP, "comm": "game", "kthread": False,
            "swap_bytes": 0, **sizes,
        }  # fmt: skip

    def _sample(self, pid: int) -> dict[str, object]:
        gone = pid != self.pid
        return {
            "id": "1", "t": "sample", "at_us": self.now_us, "pid": pid, "start": 7, "adj": 0,
            "rss_anon_bytes": None if gone else MIB, "swap_bytes": None if gone else 0,
            "errno": "ESRCH" if gone else None,
        }  # fmt: skip


@pytest.mark.parametrize("starts_s", [0.0, 0.42, 1.31])
def test_an_app_is_sampled_as_soon_as_it_starts(starts_s: float) -> None:
    device = Device(starts_s)
    points = played(tracker_of(device), device)
    assert starts_s <= points[0].boot_s <= starts_s + 0.11
    assert points[-1].boot_s > 2.0
    assert {point.pid for point in points} == {PID}


@pytest.mark.parametrize("pid", [PID, PID + 1], ids=["the same", "started anew"])
def test_an_app_of_the_round_before_is_sampled_from_the_beginning(pid: int) -> None:
    device = Device(0.4)
    tracker = tracker_of(device)
    played(tracker, device)
    device.now_us, device.starts_us, device.pid = 0, 0, pid
    device.looked = pid == PID  # a helper tells of each process once
    points = played(tracker, device)
    assert points[0].boot_s <= 0.6
    assert {point.pid for point in points} == {pid}


def test_the_first_question_is_answered_before_the_round_begins() -> None:
    device = Device(0.0)
    tracker = Tracker(SimpleNamespace(start_reader=lambda: reader_of(device)), APP)  # type: ignore[arg-type]
    tracker._uid = UID
    device.ended.set()
    tracker.begin()
    assert tracker._target is not None
    tracker.end()


def reader_of(device: Device) -> SimpleNamespace:
    return SimpleNamespace(session=device)


def tracker_of(device: Device) -> Tracker:
    """A tracker whose helper runs."""
    tracker = Tracker(None, APP)  # type: ignore[arg-type]
    tracker._uid = UID
    tracker._helper = reader_of(device)  # type: ignore[assignment]
    return tracker


def played(tracker: Tracker, device: Device) -> list[Point]:
    """What is sampled in a round of three seconds."""
    device.ended.clear()
    tracker.begin()
    assert device.ended.wait(5.0)
    return tracker.end()
