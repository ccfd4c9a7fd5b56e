"""What a worker does at the host of its device: play a job there, and send its folder back."""

from __future__ import annotations

import io
import os
import signal
import tarfile
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from droidreclaim.device.server import find_server
from droidreclaim.errors import DroidReclaimError, UsageError
from droidreclaim.fleet.play import PROGRAM, Ended, Running, Task, look, play

TOPIC = "droidreclaim"
_LOOK_S = 0.5
MOST_BYTES = 256 << 20  # of a folder that is sent back
_running = Running()


@dataclass(frozen=True, slots=True)
class Order:
    """
    One attempt, as it is sent to a worker.

    Attributes:
        words: The command line; ``{folder}`` in a word stands for where *files* lie there.
        files: What the command reads, by its path below that folder.
    """

    serial: str
    words: tuple[str, ...]
    files: dict[str, bytes]
    adb_port: int | None = None
    program: str | None = None
    options: tuple[str, ...] = ()


def play_order(order: Order) -> tuple[Ended, bytes]:
    """Play an order; returns how it ended, and its folder and log as a tar file."""
    from distributed import get_worker  # noqa: PLC0415 (the extra fleet)

    worker = get_worker()
    with tempfile.TemporaryDirectory(prefix="droidreclaim-fleet-") as name:
        folder = Path(name)
        for path, data in order.files.items():
            file = folder / "files" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        words = tuple(word.replace("{folder}", str(folder / "files")) for word in order.words)
        program = (order.program,) if order.program else PROGRAM
        server = find_server(None, order.adb_port, os.environ)
        task = Task(order.serial, words, folder / "out" / "1", server, program, order.options)
        done = threading.Event()
        threading.Thread(
            target=_end_with_asker, args=(worker, worker.get_current_task(), done), daemon=True
        ).start()
        try:
            ended = play(task, lambda line: worker.log_event(TOPIC, (worker.name, line)), _running)
        finally:
            done.set()
        return ended, _packed(folder / "out")


def _end_with_asker(worker: Any, key: str, done: threading.Event) -> None:
    """Interrupt the job when nobody waits for it any more: who asked was killed, or went away."""
    while not done.wait(_LOOK_S):
        task = worker.state.tasks.get(key)
        if task is None or task.state in ("cancelled", "released", "forgotten"):
            _running.end(signal.SIGINT)
            return


def look_at(serial: str, adb_port: int | None) -> str | None:
    """Why a device is not ready there, or None: an error would need our classes at both ends."""
    try:
        look(find_server(None, adb_port, os.environ), serial)
    except DroidReclaimError as error:
        return str(error)
    return None


def end(number: int) -> None:
    """Send a signal to the job of this worker."""
    _running.end(number)


def again() -> None:
    """Let jobs begin again after `end`."""
    _running.again()


def _packed(folder: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        if folder.is_dir():
            tar.add(folder, arcname=".")
    return packed.getvalue()


def unpack(data: bytes, folder: Path, number: str) -> None:
    """
    Unpack what a worker sent, as attempt *number*; nothing lands outside of *folder*.

    Raises:
        UsageError: it is no such archive, or too large.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
            members = tar.getmembers()
            if sum(one.size for one in members) > MOST_BYTES:
                raise UsageError(f"{folder}: a run's folder of more than {MOST_BYTES >> 20} MiB")
            folder.mkdir(parents=True, exist_ok=True)
            for one in members:
                parts = Path(one.name).parts
                if parts and parts[0] in ("1", "1.log"):
                    one.name = str(Path(number + parts[0].removeprefix("1"), *parts[1:]))
                    tar.extract(one, folder, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise UsageError(f"{folder}: what the worker sent cannot be unpacked: {error}") from error
