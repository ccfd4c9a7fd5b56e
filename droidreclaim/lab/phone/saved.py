"""
The machine state of a phone that has booted: memory and disk, in the user's cache.

A phone of the same image, QEMU and configuration starts from it, in a fraction of the time a boot
takes. Its clock, random numbers and boot id are its own: see guest/framework/wake.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from droidreclaim.errors import DroidReclaimError
from droidreclaim.lab.phone import adb
from droidreclaim.lab.phone.image import Image, cache_dir
from droidreclaim.lab.phone.qmp import Monitor
from droidreclaim.records import read_record
from droidreclaim.units import MIB

KEEP = 16
KEEP_BYTES = 3072 * MIB
SETTLE_S = 60.0  # the last app was started 4 s after the boot, on 2 idle cores
WAKE_S = 15.0
_MEMORY, _DISK, _LISTING = "memory", "disk.qcow2", "listing.json"
_POLL_S = 0.2
_WHOLE_BANDWIDTH = 1 << 40


class Unusable(DroidReclaimError):
    """Raised where no phone comes up from a saved state."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the state of one configuration is or would be."""

    folder: Path

    @property
    def disk(self) -> Path:
        return self.folder / _DISK

    def open_memory(self) -> int | None:
        """
        A file descriptor of the memory, when the state is there and whole; None otherwise.

        A state that is not whole is removed.
        """
        try:
            listing = read_record(self.folder / _LISTING, dict[str, str])
            for name in (_MEMORY, _DISK):
                if listing[name] != digest(self.folder / name):
                    raise ValueError(name)
            os.utime(self.folder)
            return os.open(self.folder / _MEMORY, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            self.discard()
            return None

    def discard(self) -> None:
        """Remove the state: a phone that runs from it keeps its open files."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def save(self, monitor: Monitor, port: int, base: Path) -> None:
        """
        Save the phone behind *monitor* once its apps are there; it runs on.

        Args:
            base: The image's disk.

        Raises:
            DroidReclaimError, DeviceTimeout, OSError: it could not be saved.
        """
        with _alone(self.folder) as alone:
            if not alone or self.folder.exists() or not _settled(port):
                return
            with tempfile.TemporaryDirectory(prefix=".building-state-", dir=cache_dir()) as name:
                partial = Path(name) / "state"
                partial.mkdir(mode=0o700)
                _write(monitor, partial, base)
                partial.rename(self.folder)
        remove_surplus()


def place_of(image: Image, words: list[str]) -> Place:
    """
    The place for phones that QEMU is started for with *words*.

    Args:
        words: The command line, without what differs between phones of one configuration.
    """
    program = Path(words[0]).resolve().stat()
    parts = [
        *words,
        *(str(program.st_size), str(program.st_mtime_ns), image.disk.parent.name),
        *(str(image.disk.stat().st_mtime_ns), digest(Path(__file__))),
    ]
    key = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return Place(cache_dir() / f"state-{key}")


def wake(monitor: Monitor, port: int) -> None:
    """
    Let a restored phone run, and tell it the time and some random bytes.

    Raises:
        Unusable: it did not come up.
    """
    try:
        monitor.wait_for_status("paused", "running")
        monitor.execute("cont")
    except DroidReclaimError as error:
        raise Unusable(str(error)) from error
    deadline = time.monotonic() + WAKE_S
    while time.monotonic() < deadline:
        command = f"pocket wake {time.time():.6f} {secrets.token_hex(32)}"
        answer = adb.run_on_phone(port, command, timeout_s=5.0)
        if answer is not None and answer.strip() == b'{"awake": true}':
            return
        time.sleep(_POLL_S)
    raise Unusable("the phone does not answer")


def remove_surplus(keep: int = KEEP, keep_bytes: int = KEEP_BYTES) -> None:
    """Remove the states that were not used for longest, until few enough are left."""
    aged = []
    for folder in cache_dir().glob("state-*"):
        with contextlib.suppress(OSError):
            size = sum(path.stat().st_blocks * 512 for path in folder.iterdir())
            aged.append((folder.stat().st_mtime, size, folder))
    total = 0
    for number, (_, size, folder) in enumerate(sorted(aged, reverse=True)):
        total += size
        if number >= keep or total > keep_bytes:
            Place(folder).discard()


def _write(monitor: Monitor, folder: Path, base: Path) -> None:
    monitor.execute("stop")
    try:
        _write_disk(monitor, folder / _DISK, base)
        with (folder / _MEMORY).open("wb") as memory:
            monitor.execute("getfd", fd=memory.fileno(), fdname="memory")
            monitor.execute("migrate-set-parameters", max_bandwidth=_WHOLE_BANDWIDTH)
            monitor.execute("migrate", uri="fd:memory")
            monitor.wait_for_migration()
    finally:
        monitor.execute("cont")
    listing = {name: digest(folder / name) for name in (_MEMORY, _DISK)}
    (folder / _LISTING).write_text(json.dumps(listing))


def _write_disk(monitor: Monitor, target: Path, base: Path) -> None:
    """
    Write what the phone has written over *base*.

    Not by ``drive-backup``: it opens *base* with the flags of the phone's own, temporary layer, and
    QEMU 7.2 then deletes it.
    """
    target.touch()
    monitor.execute("blockdev-add", driver="file", node_name="target-file", filename=str(target))
    layer = {"driver": "qcow2", "file": "target-file", "size": base.stat().st_size}
    layer |= {"backing-file": str(base), "backing-fmt": "raw"}
    monitor.execute("blockdev-create", job_id="create", options=layer)
    monitor.wait_for_job("create")
    monitor.execute(
        "blockdev-add", driver="qcow2", node_name="target", file="target-file", backing=None
    )
    monitor.execute(
        "blockdev-backup",
        job_id="save",
        device="disk",
        target="target",
        sync="top",
        auto_dismiss=False,
    )
    monitor.wait_for_job("save")
    monitor.execute("blockdev-del", node_name="target")
    monitor.execute("blockdev-del", node_name="target-file")


def _settled(port: int) -> bool:
    """Wait until the phone has started its apps; False if it does not within `SETTLE_S`."""
    deadline = time.monotonic() + SETTLE_S
    while time.monotonic() < deadline:
        answer = adb.run_on_phone(port, "getprop pocket.settled", timeout_s=5.0)
        if answer is not None and answer.strip() == b"1":
            return True
        time.sleep(_POLL_S)
    return False


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether no other process saves the same state; none can begin before the block ends."""
    path = folder.with_name(f"saving-{folder.name}.lock")
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)


def digest(path: Path) -> str:
    """The SHA-256 by which a file of a state is known."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
