"""What outlives the process that started it comes to us, and is ended. On Linux alone."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_LOOK_S = 0.1


def adopt() -> None:
    """Have the kernel make every orphan below this process a child of it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end(within_s: float) -> None:
    """
    Wait for the children of this process, and kill those that have not ended *within_s*.

    One whose group's leader has ended is killed at once: nobody waits for it, and it would hold
    the lock of its device. A child in this process's own group has not begun one yet.
    """
    end_s = time.monotonic() + within_s
    ours = os.getpgrp()
    while _any_left():
        late = time.monotonic() > end_s
        for pid in _children():
            with suppress(ProcessLookupError):
                group = os.getpgid(pid)
                if late or (group != ours and not _lives(group)):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK_S)


def _any_left() -> bool:
    """Wait for the children that have ended; the kernel's list of them may leave one out then."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _children() -> list[int]:
    """The children of this process, whichever thread has them; none where it cannot be read."""
    found: list[int] = []
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, path.read_text("ascii").split())
    return found


def _lives(pid: int) -> bool:
    """Whether a process is there and has not ended, as one that nobody has waited for has."""
    try:
        # 4711 (sh) Z 1 4711 4711 0 -1 ...
        state = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return False
    return bool(state) and state[0] not in "ZX"
