"""
One command on several devices at once: a process for each, and one answer of them all.

Each process is a fork of this one, made when everything on the command line was found to make
sense. So a device that hangs, a defect, or the memory of one answer is no other device's matter,
all cores work, and a Ctrl-C ends each as it ends a command on one device.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from typing import Any

import typer

from droidreclaim.cli import connect, failure, output
from droidreclaim.cli.failure import Failure
from droidreclaim.cli.options import Connection
from droidreclaim.errors import NotPossible, exit_code_of_all
from droidreclaim.report import together

_AT_ONCE = 64
_LOOK_S = 1.0
_SIGNALS_MOST = 64  # that are taken at once
# What a command loads once it has a device: loaded here it is loaded once, not by each process.
_LOADS = {
    "ps": ("helper.shell_info", "inspect.states"),
    "reclaim": ("inspect.states", "reclaim.unrooted", "report.reclaim"),
    "kills": ("inspect.kills", "report.kills"),
    "headroom": ("inspect.headroom", "inspect.states", "report.headroom"),
    "doctor": ("inspect.doctor", "report.doctor"),
}
_PYTHONS_OWN = ("importlib.readers", "encodings.ascii")  # which Python would load in each process

Call = Callable[..., None]


def run(call: Call, connection: Connection, values: Mapping[str, Any]) -> None:
    """
    Run a command on each chosen device, and print what they say together.

    Args:
        call: The command, to be given a connection to one device.
        values: Its options: with ``as_json`` each document is a line, with ``follow`` lines come
            as they are said.

    Raises:
        typer.Exit: with the exit code, where it is not 0 on each.
        UsageError, DeviceError: as `connect.chosen`.
    """
    serials = connect.chosen(connection)
    if not hasattr(os, "fork"):
        raise NotPossible("several devices at once need fork(), which Windows has not")
    desk = _Desk(call, connection, as_json=bool(values.get("as_json")))
    desk.stream = bool(values.get("follow"))
    for name in _LOADS.get(getattr(call, "func", call).__name__, ()):
        importlib.import_module(f"droidreclaim.{name}")
    for name in _PYTHONS_OWN:
        importlib.import_module(name)
    gc.freeze()  # a collection in a child would copy all pages of ours
    desk.work(serials)
    if not desk.as_json:
        for table in together.tables(desk.tables):
            output.show(table)
        output.write("".join(f"{line}\n" for line in together.lines(desk.texts)))
    code = desk.exit_code()
    if code:
        raise typer.Exit(code)


@dataclass
class _One:
    """A device with its process, while that runs."""

    serial: str
    process: ForkProcess
    began_s: float
    answered: bool = False


@dataclass
class _Desk:
    """Starts the processes, reads what they send, and keeps what is printed at the end."""

    call: Call
    connection: Connection
    as_json: bool
    stream: bool = False
    tables: list[tuple[str, Any]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    failures: dict[str, Failure | None] = field(default_factory=dict)
    _running: dict[Pipe, _One] = field(default_factory=dict)
    _total: int = 0
    _ending: bool = False

    def work(self, serials: tuple[str, ...]) -> None:
        """Run all to their end; a Ctrl-C is handed on to those that run, a second one kills."""
        waiting, self._total = deque(serials), len(serials)
        with _ending_signals() as signals:
            while waiting or self._running:
                while waiting and len(self._running) < _AT_ONCE:
                    self._start(waiting.popleft(), signals.handlers)
                for pipe in wait([*self._running, signals.heard]):
                    if isinstance(pipe, Pipe):
                        self._receive(pipe)
                    else:
                        self._end(signals.heard.recv(_SIGNALS_MOST), waiting)

    def _end(self, numbers: bytes, waiting: deque[str]) -> None:
        """Start no more, hand the first signal on to those that run, and kill at the next."""
        for number in numbers:
            for serial in waiting:
                self.failures[serial] = Failure(f"{serial}: interrupted", None, 128 + number)
            waiting.clear()
            self._end_all(signal.SIGKILL if self._ending else number)
            self._ending = True

    def exit_code(self) -> int:
        """The exit code for all: of those that occurred, the first in rank."""
        return exit_code_of_all(one.exit_code for one in self.failures.values() if one is not None)

    def _start(self, serial: str, handlers: Mapping[int, Any]) -> None:
        ours, theirs = multiprocessing.Pipe()
        one = replace(self.connection, serials=(serial,), all_devices=False, one_of_several=True)
        context = multiprocessing.get_context("fork")
        words = (self.call, one, theirs, handlers)
        process = context.Process(target=_work, args=words, daemon=True)
        signal.pthread_sigmask(signal.SIG_BLOCK, handlers)  # until it has handlers of its own
        process.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, handlers)
        theirs.close()
        self._running[ours] = _One(serial, process, time.monotonic())

    def _receive(self, pipe: Pipe) -> None:
        one = self._running[pipe]
        try:
            kind, value = pipe.recv()
        except (EOFError, OSError):
            ended = Failure(f"{one.serial}: ended by a signal, or by the system", None, 1)
            kind, value = "end", ended
        if kind == "end":
            self._ended(pipe, one, value)
        elif kind == "words":
            output.to_stderr(together.words(one.serial, value))
        elif kind in ("document", "line"):
            one.answered = True
            output.emit_line(together.of_device(one.serial, value))
        elif kind == "table":
            self.tables.append((one.serial, value))
        elif self.stream:
            output.write(together.stream(one.serial, value))
        else:
            self.texts.append((one.serial, value))

    def _ended(self, pipe: Pipe, one: _One, failed: Failure | None) -> None:
        del self._running[pipe]
        pipe.close()
        one.process.join()
        self.failures[one.serial] = failed
        count = f"{len(self.failures)} of {self._total}"
        if failed is None:
            took_s = time.monotonic() - one.began_s
            output.say(f"{one.serial}: done in {took_s:.1f} s, {count}", self.connection)
            return
        if self.as_json and not one.answered:
            output.emit_line(together.of_device(one.serial, {"error": asdict(failed)}))
        message = str(failed)
        named = message if message.startswith(f"{one.serial}: ") else f"{one.serial}: {message}"
        output.warn(f"{named}, {count}" if "\n" not in named else named)

    def _end_all(self, number: int) -> None:
        for one in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                assert one.process.pid is not None
                os.kill(one.process.pid, number)


class _ToParent:
    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def take(self, kind: str, value: Any) -> None:
        self._pipe.send((kind, value))


@dataclass(frozen=True)
class _Signals:
    """Those that end a command: their numbers come out of *heard*; *handlers* they had before."""

    heard: socket.socket
    handlers: Mapping[int, Any]


@contextlib.contextmanager
def _ending_signals() -> Iterator[_Signals]:
    """
    Have signals that end a command tell a socket.

    The exception that they raise otherwise is lost where it falls into a finalizer, as one runs
    whenever a process has ended: Python prints it, and goes on. And a handler in Python runs only
    once a wait has ended that began in the instant before: Python's own one, in C, writes at once.
    """
    heard, tell = socket.socketpair()
    tell.setblocking(False)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {int(number): signal.getsignal(number) for number in numbers}
    handlers = {number: handler for number, handler in before.items() if callable(handler)}
    told_before = signal.set_wakeup_fd(tell.fileno())
    try:
        for number in handlers:
            signal.signal(number, lambda *_: None)
        yield _Signals(heard, handlers)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(told_before)
        heard.close()
        tell.close()


def _work(call: Call, connection: Connection, pipe: Pipe, handlers: Mapping[int, Any]) -> None:
    """In a process of its own: run the command on one device, and say how it ended."""
    signal.set_wakeup_fd(-1)  # which is the parent's
    for number, handler in handlers.items():
        signal.signal(number, handler)
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)  # the terminal's Ctrl-C is the parent's, which hands it on once
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    output.printed.reset()
    output.elsewhere.sink = _ToParent(pipe)
    failed = None
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, handlers)
        call(connection=connection)
    except BrokenPipeError:
        return
    except typer.Exit as done:
        failed = Failure("ended", None, done.exit_code) if done.exit_code else None
    except (Exception, KeyboardInterrupt) as error:
        failed = failure.describe(error)
    with contextlib.suppress(OSError):
        pipe.send(("end", failed))


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)  # SIGINT is ignored behind a script's "&"
