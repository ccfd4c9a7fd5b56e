"""A Ctrl-C that falls into the start of a thread ends a run like any other."""

from __future__ import annotations

import io
import subprocess
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from droidreclaim.lab.storm.host import HostWatch
from droidreclaim.qa import steps
from droidreclaim.qa.track import Tracker


@pytest.fixture(autouse=True)
def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", start)


def test_of_the_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    track = Tracker(None, "com.example.game")  # type: ignore[arg-type]
    helper = SimpleNamespace(session=None)
    monkeypatch.setattr(track, "_start", lambda: setattr(track, "_helper", helper))
    with pytest.raises(KeyboardInterrupt):
        track.begin()
    assert track.end() == []


def test_of_the_watch_of_the_computer() -> None:
    watch = HostWatch()
    with pytest.raises(KeyboardInterrupt):
        watch.start()
    assert watch.stop().ticks == 0


def test_of_a_reader_of_the_user_s_program_which_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Kept(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *words: object, **options: object) -> None:
            super().__init__(*words, **options)  # type: ignore[call-overload]
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Kept)
    with pytest.raises(KeyboardInterrupt):
        steps._ended(("sleep", "100"), {}, io.BytesIO(), 5.0)
    assert not Path(f"/proc/{started[0].pid}").exists()
