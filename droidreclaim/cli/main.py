"""The entry point: whatever ends a command becomes one line and an exit code."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
import threading
from types import FrameType

from droidreclaim.cli import complete

_COLLECT_AFTER = 50_000  # new objects; 700 by default. What a stream of hours makes is collected


class Ended(KeyboardInterrupt):
    """
    SIGTERM or SIGHUP, which end a command as Ctrl-C does: what it started is taken down first.

    Attributes:
        exit_code: 128 and the signal's number, as a shell says it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.exit_code = 128 + number


def main() -> None:
    """Run the command line; the one place where an error becomes a message and an exit code."""
    words, ready = sys.argv[1:], False
    if complete.VARIABLE in os.environ:  # a shell waits for an answer to Tab
        raise SystemExit(complete.main(words, os.environ))
    try:
        _collect_seldom()
        _prepare_streams()
        _end_by_signals()
        from droidreclaim.cli import app

        ready = True
        code = app.run(words)
    except (Exception, KeyboardInterrupt) as error:
        code = _tell(error, words, ready=ready)
    raise SystemExit(code)


def _tell(error: BaseException, words: list[str], *, ready: bool) -> int:
    """Say what ended the command; not *ready*, an interrupt fell into the import of our modules."""
    if not ready and isinstance(error, KeyboardInterrupt):
        with contextlib.suppress(OSError):
            sys.stderr.write("droidreclaim: interrupted\n")
        return 130
    try:
        from droidreclaim.cli import failure

        return failure.tell(error, words)
    except KeyboardInterrupt:  # a second one
        return 130


def _prepare_streams() -> None:
    """
    Have three streams that never end a command with a traceback.

    One that is closed (``>&-``) becomes the null device, so that no file or socket takes its
    number; stdout read-only: writing fails there as it does where it is closed. What the locale
    cannot print is escaped.
    """
    modes = (("stdin", os.O_RDONLY), ("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY))
    for number, (name, mode) in enumerate(modes):
        if getattr(sys, name) is not None:
            continue
        os.set_inheritable(os.open(os.devnull, mode), True)  # the lowest number free: this one
        opened = open(number, "w" if number else "r", encoding="utf-8", closefd=False)  # noqa: SIM115
        setattr(sys, name, opened)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _collect_seldom() -> None:
    """
    Have garbage collected seldom, and not at the end.

    Modules are the garbage of a command that ends soon: looking through them while they are
    imported and once more at the end takes `ps` 80 ms of CPU, a fifth of all it needs.
    """
    gc.set_threshold(_COLLECT_AFTER)
    atexit.register(gc.freeze)


def _end_by_signals() -> None:
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # not under nohup
            signal.signal(number, _end)


def _end(number: int, _: FrameType | None) -> None:
    with contextlib.suppress(OSError, ValueError):
        signal.signal(number, signal.SIG_DFL)  # the next one is at once
    raise Ended(number)
