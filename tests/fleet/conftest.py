"""An adb server of many stand-in devices, and the command line in this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk

import in_process
from adb_server import AdbServer
from fleet_run import Run


@pytest.fixture
def adb() -> Iterator[AdbServer]:
    with AdbServer() as server:
        yield server


@pytest.fixture
def desk(adb: AdbServer) -> Desk:
    """Three devices of one model, ready."""
    return Desk(adb, 3)


@pytest.fixture
def droidreclaim(adb: AdbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line, in a folder of its own, with the stand-in devices."""
    monkeypatch.setenv("DROIDRECLAIM_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DROIDRECLAIM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    monkeypatch.chdir(tmp_path)
    return lambda *words: in_process.droidreclaim("-P", str(adb.port), *words)
