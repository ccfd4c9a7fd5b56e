"""
How ActivityManager ends apps: too many cached, too busy, hung, called while frozen, crashed.

The rules are ActivityManager's documented ones, and so are the words. The rules for cached
processes hold on Android 15 and later, where watch.py applies them once a second.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from .apps import Process
from .links import AppGone
from .log import Source
from .props import Properties

if TYPE_CHECKING:
    from .manager import ActivityManager

APP_CRASH, ANR, EXCESSIVE_USE, OTHER, FREEZER = 4, 6, 9, 13, 14  # reasons of exit-info
TOO_MANY_CACHED, TOO_MANY_EMPTY, EXCESSIVE_CPU, BINDER_TRANSACTION = 2, 3, 7, 20  # subreasons
NO_LIMIT = -1
CALLED_FROZEN = "Sync transaction while in frozen state"
ANR_PROPERTY, ANR_S = "pocket.anr_s", "10"  # of a broadcast in the foreground
_EXCEPTION = "android.app.RemoteServiceException$CrashedByAdbException"
_INDUCED = "shell-induced crash"
_APP_FLAGS = 948485709
_TABLE = "activity_manager"
_INTERVAL_MS = 300_000
_MAX_CPU = (25, 25, 10, 2)  # percent, for each further interval in the background
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Background:
    """
    The two rules for cached processes, both set by ``device_config`` of ``activity_manager``.

    Without ``max_cached_processes`` there is no limit: a storm opens more apps than AOSP's default
    leaves.

    Args:
        kill: Called with the process, its exit record and the reason in the log.
    """

    def __init__(
        self, props: Properties, kill: Callable[[Process, tuple[int, int, str], str], None]
    ) -> None:
        self._props = props
        self._kill = kill
        self._looked_s = time.monotonic()
        self._cpu_ms: dict[int, int] = {}

    def enforce(self, processes: Iterable[Process]) -> None:
        """End those of *processes*, most recently used first, that break a rule."""
        cached = [one for one in processes if one.rank is not None and one.rank.cached]
        most = self._props.setting(_TABLE, "max_cached_processes", NO_LIMIT)
        for process, exit_reason, reason in (*too_many(cached, most), *self._busy(cached)):
            self._kill(process, exit_reason, reason)

    def _busy(
        self, cached: Iterable[Process]
    ) -> Iterator[tuple[Process, tuple[int, int, str], str]]:
        interval_ms = max(1, self._props.setting(_TABLE, "power_check_interval", _INTERVAL_MS))
        now = time.monotonic()
        during_ms = round((now - self._looked_s) * 1000)
        if during_ms < interval_ms:
            return
        before, self._looked_s = self._cpu_ms, now
        self._cpu_ms = {one.pid: used for one in cached if (used := cpu_ms(one.pid)) is not None}
        for process in cached:
            if process.pid not in before or process.pid not in self._cpu_ms:
                continue
            used = self._cpu_ms[process.pid] - before[process.pid]
            for_ms = round((now - (process.cached_s or now)) * 1000)
            step = min(for_ms // interval_ms, len(_MAX_CPU) - 1)
            limit = self._props.setting(_TABLE, f"power_check_max_cpu_{step + 1}", _MAX_CPU[step])
            if used * 100 >= limit * during_ms:
                reason = f"excessive cpu {used} during {during_ms} dur={for_ms} limit={limit}"
                yield process, (EXCESSIVE_USE, EXCESSIVE_CPU, reason), reason


def too_many(
    cached: Iterable[Process], most: int
) -> Iterator[tuple[Process, tuple[int, int, str], str]]:
    """Yield the processes over the limit, half of which is for those without an activity."""
    cached = list(cached)
    if most == NO_LIMIT:
        return
    for kind, subreason, room in (
        ("cached", TOO_MANY_CACHED, most - most // 2),
        ("empty", TOO_MANY_EMPTY, most // 2),
    ):
        of_kind = [one for one in cached if one.activity == (kind == "cached")]
        for number, process in enumerate(of_kind[room:], room + 1):
            yield process, (OTHER, subreason, f"too many {kind}"), f"{kind} #{number}"


def cpu_ms(pid: int) -> int | None:
    """Return the processor time of a process until now; None when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) * 1000 // _TICKS_A_SECOND


def crash(am: "ActivityManager", process: Process) -> None:
    """Have *process* die of an exception, as ``am crash`` does."""
    source = Source(process.pid, process.uid)
    for line in (
        "FATAL EXCEPTION: main",
        f"Process: {process.name}, PID: {process.pid}",
        f"{_EXCEPTION}: {_INDUCED}",
    ):
        am.log.write("main", "E", "AndroidRuntime", line, source)
    words = f"{_APP_FLAGS},{_EXCEPTION},{_INDUCED},ActivityThread.java,2201,0"
    text = f"[{process.pid},0,{process.name},{words}]"
    am.log.write("events", "I", "am_crash", text, Source(os.getpid()))
    process.why_killed, process.gone = (APP_CRASH, 0, "crash"), True
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)  # its own handler of exceptions does that


def broadcast(am: "ActivityManager", process: Process, intent: str) -> None:
    """Send a broadcast; one not handled in time is an ANR, which ends a background app."""
    done = threading.Event()

    def deliver() -> None:
        with contextlib.suppress(AppGone):
            process.ask(f"beat {int(am.beats)}")
        done.set()

    threading.Thread(target=deliver, daemon=True).start()
    if done.wait(float(am.props.get(ANR_PROPERTY, ANR_S))) or process.gone:
        return
    reason = f"Broadcast of {intent}"
    text = f"[0,{process.pid},{process.name},{_APP_FLAGS},{reason}]"
    am.log.write("events", "I", "am_anr", text, Source(os.getpid()))
    for line in (f"ANR in {process.name}", f"PID: {process.pid}", f"Reason: {reason}"):
        am.log.write("system", "E", "ActivityManager", line, Source(os.getpid()))
    if process is not am.top():
        am.kill(process, (ANR, 0, "bg anr"), "bg anr")


def call(am: "ActivityManager", process: Process) -> bool:
    """Call *process* over binder and wait for it; True when it was frozen, and killed for that."""
    if not process.frozen:
        return False
    am.kill(process, (FREEZER, BINDER_TRANSACTION, CALLED_FROZEN), CALLED_FROZEN)
    return True
