"""One attempt at a job, on the host where the device is: a lease, a look, and a subprocess."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from droidreclaim.device import lease
from droidreclaim.device.adb import AdbDevice, list_devices
from droidreclaim.device.server import Server
from droidreclaim.errors import DeviceError, DroidReclaimError
from droidreclaim.escape import safe
from droidreclaim.session.changes import restore

PROGRAM = (sys.executable, "-P", "-m", "droidreclaim")
_BUSY_S = 2.0  # how long a device that somebody else has is waited for
_LOOK_S = 15.0
_LAST_WORDS_S = 5.0  # for the rest of what a command said, once it has ended
_MOST_LINE_BYTES = 4096
_MOST_LOG_BYTES = 16 << 20
_OURS = "droidreclaim: "
_AS_FOUND = ("none", "undone")
_LEFT = {"held": "another run is under way", "left": "what a run changed is not undone"}
_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Task:
    """
    One attempt.

    Attributes:
        words: Of the tool, without device and folder.
        options: Of every command of the tool, before its name: ``--timeout``, ``--adb-root``.
        folder: Where the command is told to write, and beside it ``NUMBER.log`` of what it said.
    """

    serial: str
    words: tuple[str, ...]
    folder: Path
    server: Server
    program: tuple[str, ...] = PROGRAM
    options: tuple[str, ...] = ()

    @property
    def argv(self) -> list[str]:
        """The whole command line."""
        where = ["-H", self.server.host, "-P", str(self.server.port), "-s", self.serial]
        return [*self.program, *where, *self.options, *self.words, "-o", str(self.folder)]


@dataclass(frozen=True, slots=True)
class Ended:
    """
    How an attempt ended.

    Attributes:
        said: The last that the command said, or why there was none.
        blameless: Whether the job has no part in it: the device was not to be had, or its host
            was lost.
    """

    exit_code: int
    said: str
    took_s: float
    blameless: bool = False


@dataclass
class Running:
    """The subprocesses that run, so that an interrupt reaches each of them."""

    _all: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _number: int | None = None

    def add(self, child: subprocess.Popen[bytes]) -> None:
        """Hold a child; one that comes after the interrupt is interrupted at once."""
        with self._lock:
            self._all.add(child)
        if self._number is not None:
            _send(child, self._number)

    def remove(self, child: subprocess.Popen[bytes]) -> None:
        """Forget a child that has ended."""
        with self._lock:
            self._all.discard(child)

    def again(self) -> None:
        """Let children come without an interrupt: another run has begun."""
        self._number = None

    def end(self, number: int) -> None:
        """Send a signal to all, and to all that come."""
        self._number = number
        with self._lock:
            for child in self._all:
                _send(child, number)


def play(task: Task, tell: Tell, running: Running) -> Ended:
    """Lease the device, see that it is ready and as found, and run the command on it."""
    began_s = time.monotonic()
    try:
        [held] = lease.take(lambda: [task.serial], 1, timeout_s=_BUSY_S)
    except DroidReclaimError as error:
        return Ended(error.exit_code, str(error), time.monotonic() - began_s, blameless=True)
    blameless = True
    try:
        look(task.server, task.serial)
        blameless = False
        code, said = _run(task, tell, running, held.descriptor)
    except DroidReclaimError as error:
        code, said = error.exit_code, str(error)
    except OSError as error:
        code, said = 1, f"{error.filename or task.folder}: {error.strerror or error}"
    finally:
        held.release()
    return Ended(code, said, time.monotonic() - began_s, blameless)


def look(server: Server, serial: str) -> None:
    """
    See that a device is ready, and undo what a run before has left on it.

    Raises:
        DeviceError: it is not ready, or something is left there that cannot be undone.
    """
    attached = next((one for one in list_devices(server, _LOOK_S) if one.serial == serial), None)
    if attached is None:
        raise DeviceError(f"{serial}: not attached")
    device = AdbDevice(server, attached)
    booted = device.run(["getprop", "sys.boot_completed"], timeout_s=_LOOK_S).text.strip()
    if booted != "1":
        raise DeviceError(f"{serial}: still booting")
    left = restore(device, timeout_s=_LOOK_S)
    if left not in _AS_FOUND:
        raise DeviceError(f"{serial}: {_LEFT.get(left, 'what a run may have left is unknown')}")


def _run(task: Task, tell: Tell, running: Running, lock: int) -> tuple[int, str]:
    task.folder.parent.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        task.argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"NO_COLOR": "1"},
        pass_fds=(lock,),  # the device is leased as long as the command lives, whoever else ends
        process_group=0,  # the terminal's Ctrl-C is ours, which hands it on once
        preexec_fn=end_with_parent,  # noqa: PLW1509 (two system calls)
    ) as child:
        running.add(child)
        try:
            listener = _Listener(child, task.folder.with_name(f"{task.folder.name}.log"), tell)
            listener.start()
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        finally:
            _send(child, signal.SIGKILL)  # its group: what it started and left holds the device
            running.remove(child)
        listener.join(_LAST_WORDS_S)
        code, said = child.wait(), listener.said
    if code < 0:
        number = -code
        ours = number in (signal.SIGINT, signal.SIGTERM)
        return (128 + number if ours else 3), f"ended by {signal.Signals(number).name}"
    return code, said


class _Listener(threading.Thread):
    """Writes down what a command says and hands on its words; *said* is the last of them."""

    def __init__(self, child: subprocess.Popen[bytes], log: Path, tell: Tell) -> None:
        super().__init__(daemon=True)
        assert child.stdout is not None
        self.said = ""
        self._pipe, self._tell = child.stdout, tell
        self._log = log.open("wb")

    def run(self) -> None:
        """Read to the end."""
        size_bytes = 0
        with self._log, suppress(OSError, ValueError):  # ValueError: closed meanwhile
            for line in iter(lambda: self._pipe.readline(_MOST_LINE_BYTES), b""):
                size_bytes += len(line)
                if size_bytes <= _MOST_LOG_BYTES:
                    self._log.write(line)
                    self._log.flush()
                text = safe(line.decode("utf-8", "replace").rstrip("\n"))
                if text.startswith(_OURS):
                    self.said = text.removeprefix(_OURS)
                    self._tell(self.said)


def _send(child: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def end_with_parent() -> None:
    """
    In the child: have the kernel end it as Ctrl-C does when this process ends, however.

    What a script begins behind an ``&`` ignores Ctrl-C, and so would all that it begins.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
