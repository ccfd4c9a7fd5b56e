"""The app's memory over a round, against a device whose clock moves with what it is asked."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from droidreclaim.helper.protocol import Reply
from droidreclaim.qa.track import Tracker

APP, UID, PID = "com.example.game", 10123, 300
MIB = 1 << 20


class Device:
    """Answers ``sample``; the app starts at *starts_s* of its clock, which ends the test at 3 s."""

    def __init__(self, starts_s: float) -> None:
        self.now_us, self.starts_us = 0, round(starts_s * 1e6)
        self.ended = threading.Event()
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
                lines.append(self._sample())
            self.now_us += period_us
        if self.now_us >= 3_000_000:
            self.ended.set()
        return Reply("1", tuple(lines), ok=True, error=None, why=None)

    def _started(self) -> dict[str, object]:
        sizes = dict.fromkeys(("rss_anon_bytes", "rss_file_bytes", "rss_shmem_bytes"), MIB)
        return {
            "id": "1", "t": "proc", "pid": PID, "start": 7, "ppid": 1, "uid": UID, "adj": 0,
            "app_frozen": False, "state": "S", "name": APP, "comm": "game", "kthread": False,
            "swap_bytes": 0, **sizes,
        }  # fmt: skip

    def _sample(self) -> dict[str, object]:
        return {
            "id": "1", "t": "sample", "at_us": self.now_us, "pid": PID, "start": 7, "adj": 0,
            "rss_anon_bytes": MIB, "swap_bytes": 0, "errno": None,
        }  # fmt: skip


@pytest.mark.parametrize("starts_s", [0.0, 0.42, 1.31])
def test_an_app_is_sampled_as_soon_as_it_starts(
    monkeypatch: pytest.MonkeyPatch, starts_s: float
) -> None:
    device = Device(starts_s)
    track = Tracker(None, APP)  # type: ignore[arg-type]
    track._uid = UID
    track._helper = SimpleNamespace(session=device)  # type: ignore[assignment]
    monkeypatch.setattr(track, "_start", lambda: None)
    track.begin()
    assert device.ended.wait(5.0)
    track._helper = None
    points = track.end()
    assert starts_s <= points[0].boot_s <= starts_s + 0.11
    assert points[-1].boot_s > 2.0
    assert {point.pid for point in points} == {PID}
