"""One user at a time of a device: a lock for each serial, which ends with its holder's process."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_path

from droidreclaim.errors import DeviceTimeout, NotPossible
from droidreclaim.escape import safe

_POLL_S = 0.2
_MOST_BYTES = 4096
_MOST_WORDS = 200  # of the command that holds a lease, told to who waits for it


@dataclass(frozen=True)
class Lease:
    """A device that is ours until `release`, or until this process ends, however it ends."""

    serial: str
    _descriptor: int

    def note(self, what: frozenset[str]) -> None:
        """Write down what is to be undone, before it is done; an empty set once it is undone."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, " ".join(sorted(what)).encode(), 0)

    def left(self) -> frozenset[str]:
        """Read what a process noted and did not undo before its process ended."""
        return frozenset(
            os.pread(self._descriptor, _MOST_BYTES, 0).decode("ascii", "replace").split()
        )

    @property
    def descriptor(self) -> int:
        """What holds the lock: a process that inherits it holds it, too."""
        return self._descriptor

    def release(self) -> None:
        """Let others have the device."""
        os.close(self._descriptor)


def take(
    candidates: Callable[[], Sequence[str]], count: int, *, timeout_s: float
) -> tuple[Lease, ...]:
    """
    Lease *count* devices, waiting until so many are free at once.

    No device is held while others are waited for: so two runs that want two each cannot block each
    other.

    Args:
        candidates: Called again while waiting, so that a device that comes back counts.

    Raises:
        DeviceTimeout: so many were not free at once within *timeout_s*.
    """
    end_s = time.monotonic() + timeout_s
    while True:
        serials = candidates()
        held: list[Lease] = []
        for serial in serials:
            lease = _try(serial)
            if lease is not None:
                held.append(lease)
            if len(held) == count:
                return tuple(held)
        for lease in held:
            lease.release()
        if time.monotonic() > end_s:
            listed = ", ".join(map(_with_holder, serials)) or "none is there"
            raise DeviceTimeout(f"no {count} free of these within {timeout_s:g} s: {listed}")
        time.sleep(_POLL_S)


def _try(serial: str) -> Lease | None:
    try:
        import fcntl  # noqa: PLC0415 (not on Windows)
    except ImportError as error:
        raise NotPossible("devices are leased with flock, which Windows has not") from error
    path = _file(serial, "lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    with suppress(OSError):  # words for others, no part of the lock
        words = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:_MOST_WORDS]
        _file(serial, "holder").write_text(f"pid {os.getpid()}: {words}", encoding="utf-8")
    return Lease(serial, descriptor)


def holder(serial: str) -> str | None:
    """Who leased a device last, as ``pid N: COMMAND``; None where nobody wrote that down."""
    try:
        with _file(serial, "holder").open(encoding="utf-8", errors="replace") as file:
            return safe(file.read(_MOST_BYTES)) or None
    except OSError:
        return None


def _with_holder(serial: str) -> str:
    who = holder(serial)
    return f"{serial} (last leased by {who})" if who else serial


def _file(serial: str, kind: str) -> Path:
    name = re.sub(r"[^\w.-]", "_", serial)[:200]
    return folder() / f"{name}.{kind}"


def folder() -> Path:
    """Where the locks lie: one place for all that this user runs."""
    chosen = os.environ.get("DROIDRECLAIM_STATE_DIR")
    state = Path(chosen) if chosen else user_state_path("droidreclaim", appauthor=False)
    return state / "leases"
