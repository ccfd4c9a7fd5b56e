"""One test at a time on a device: a lock for each serial, which ends with its holder's process."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_path

from droidreclaim.errors import DeviceTimeout, NotPossible

_POLL_S = 0.2
_MOST_BYTES = 4096


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
        """Read what a test run noted and did not undo before its process ended."""
        return frozenset(
            os.pread(self._descriptor, _MOST_BYTES, 0).decode("ascii", "replace").split()
        )

    def release(self) -> None:
        """Let other test runs have the device."""
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
            listed = ", ".join(serials) or "none is there"
            raise DeviceTimeout(f"no {count} free of these within {timeout_s:g} s: {listed}")
        time.sleep(_POLL_S)


def _try(serial: str) -> Lease | None:
    try:
        import fcntl  # noqa: PLC0415 (not on Windows)
    except ImportError as error:
        raise NotPossible("devices are leased with flock, which Windows has not") from error
    path = folder() / (re.sub(r"[^\w.-]", "_", serial)[:200] + ".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Lease(serial, descriptor)


def folder() -> Path:
    """Where the locks lie: one place for every pytest run of this user."""
    chosen = os.environ.get("DROIDRECLAIM_STATE_DIR")
    state = Path(chosen) if chosen else user_state_path("droidreclaim", appauthor=False)
    return state / "leases"
