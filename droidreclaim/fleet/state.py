"""Which fleets of this user are up: a file for each, held locked by the process behind it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from droidreclaim.device.lease import folder as leases
from droidreclaim.errors import DeviceError, DeviceTimeout
from droidreclaim.fleet.play import PROGRAM
from droidreclaim.records import read_record

_UP_WITHIN_S = 150.0
_DOWN_WITHIN_S = 120.0
_LOOK_S = 0.1
_MOST_LOG = 600


class Up(msgspec.Struct):
    """
    A fleet that is up, or is coming up where *address* is empty.

    Attributes:
        pid: Of the process behind it.
        missing: Workers that did not come, in words.
        phones: Pocket phones that it has booted, by host.
        error: Why it did not come up.
    """

    pid: int
    address: str = ""
    workers: list[str] = []
    missing: list[str] = []
    phones: dict[str, list[str]] = {}
    error: str | None = None


def _path(fleet: Path | None) -> Path:
    """The file of a fleet, by that which says what it is."""
    name = hashlib.sha256(str(fleet.resolve()).encode()).hexdigest()[:16] if fleet else "here"
    return leases().parent / "fleets" / f"{name}.json"


@contextmanager
def held(fleet: Path | None) -> Iterator[Path]:
    """
    Hold the file of a fleet for as long as it is up, and remove it then.

    Raises:
        DeviceError: another process is behind this fleet.
    """
    path = _path(fleet)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DeviceError("this fleet is up already") from error
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)


def write(path: Path, up: Up) -> None:
    """Write down how far a fleet has come; the lock is that of the file, so it is kept."""
    path.write_text(json.dumps(msgspec.to_builtins(up)), encoding="utf-8")


def read(fleet: Path | None) -> Up | None:
    """The fleet that is up; None where none is, also where what was behind it was killed."""
    path = _path(fleet)
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        with suppress(OSError, ValueError):
            return read_record(path, Up)
        return None
    except OSError:
        return None
    path.unlink(missing_ok=True)
    return None


def start(fleet: Path | None, words: list[str], *, more_s: float) -> Up:
    """
    Start the process behind a fleet, and wait until its workers are there.

    Args:
        more_s: For pocket phones that are booted first.

    Raises:
        DeviceError: it did not come up; the message says why.
        DeviceTimeout: it was not up in time, and was ended.
    """
    log = _path(fleet).with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as said:
        child = subprocess.Popen(
            [*PROGRAM, *words], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            start_new_session=True,
        )  # fmt: skip
    end_s = time.monotonic() + _UP_WITHIN_S + more_s
    try:
        while time.monotonic() < end_s:
            up = read(fleet)
            if up is not None and up.pid == child.pid and up.address:
                return up
            if child.poll() is not None:
                raise DeviceError(f"the fleet did not come up: {_last_words(log)}")
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        child.terminate()
        raise
    child.terminate()
    within_s = _UP_WITHIN_S + more_s
    raise DeviceTimeout(f"the fleet was not up within {within_s:g} s: {_last_words(log)}")


def stop(fleet: Path | None, up: Up) -> None:
    """
    End a fleet; returns when the process behind it, and all that it started, has ended.

    Raises:
        DeviceTimeout: it has not ended in time.
    """
    with suppress(ProcessLookupError):
        os.kill(up.pid, signal.SIGTERM)
    end_s = time.monotonic() + _DOWN_WITHIN_S
    while read(fleet) is not None:
        if time.monotonic() > end_s:
            raise DeviceTimeout(f"the fleet, pid {up.pid}, has not ended in {_DOWN_WITHIN_S:g} s")
        time.sleep(_LOOK_S)


def _last_words(log: Path) -> str:
    try:
        lines = log.read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        return "it said nothing"
    ours = [line.removeprefix("droidreclaim: ") for line in lines if "droidreclaim: " in line]
    said = (ours or lines or ["it said nothing"])[-1]
    return said[-_MOST_LOG:]
