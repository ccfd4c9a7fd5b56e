"""
CachedAppOptimizer's compaction: anonymous memory of apps that became cached goes to swap.

When, how often and for whom follow AOSP (Android 11 to 16). The phone compacts apps by itself only
after ``device_config put activity_manager use_compaction true``: otherwise no other way to treat
apps could be measured on it.
"""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Mapping
from queue import SimpleQueue
from typing import NamedTuple

from . import memory
from .apps import Process
from .log import Log, Source
from .memory import Status
from .props import Properties

COMPACT = "/system/bin/compact"
ANON_ONLY_SDK = 33  # file compaction is off since: "some" does nothing, "full" is anonymous only
FROZEN_ONLY_SDK = 34  # before: an app is compacted when it becomes cached; since: when it is frozen
_CACHED = range(900, 1000)  # compact_throttle_min_oom_adj to max
_AGAIN_S = 10.0  # compact_throttle_4: full after full
_LEAST_ANON_KIB = 12_000  # compact_full_rss_throttle_kb
_LEAST_CHANGE_KIB = 8_000  # compact_full_delta_rss_throttle_kb
_LEAST_SWAP_FREE = 0.2  # below, "full" becomes "some"


class Last(NamedTuple):
    """The last compaction of a process: when it ended, and what it left."""

    at_s: float
    left: Status


def is_due(last: Last | None, now_s: float, held: Status, swap_free: float | None) -> bool:
    """Tell whether to compact a cached app now: not too soon, too little or into a full swap."""
    if swap_free is not None and swap_free < _LEAST_SWAP_FREE:
        return False
    if held.anon_bytes < _LEAST_ANON_KIB * 1024:
        return False
    if last is None:
        return True
    pairs = (
        (held.file_bytes, last.left.file_bytes),
        (held.anon_bytes, last.left.anon_bytes),
        (held.swap_bytes, last.left.swap_bytes),
    )
    change_bytes = sum(abs(now - then) for now, then in pairs)
    return now_s - last.at_s >= _AGAIN_S and change_bytes > _LEAST_CHANGE_KIB * 1024


class Compactor:
    """Compacts one process at a time, in a thread of its own."""

    def __init__(self, log: Log, props: Properties, *, freezes: bool) -> None:
        self._log = log
        self._props = props
        self._by_freezer = freezes and props.sdk >= FROZEN_ONLY_SDK
        self._last: dict[int, Last] = {}
        self._waiting: SimpleQueue[Process] = SimpleQueue()
        self._lock = threading.Lock()
        self._at_work: tuple[Process, int] | None = None  # with the pid of the program
        self.counts: Counter[str] = Counter()
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def _on(self) -> bool:
        table: Mapping[str, str] = self._props.tables.get("activity_manager", {})
        return table.get("use_compaction") == "true"

    def ranked(self, process: Process, old_adj: int | None, new_adj: int) -> None:
        """Queue a process that becomes cached; stop compacting one that no longer is."""
        if new_adj not in _CACHED:
            self._cancel(process)
        elif not self._by_freezer and old_adj is not None and old_adj < _CACHED.start and self._on:
            self._waiting.put(process)

    def frozen(self, process: Process) -> None:
        """Queue a process that was frozen just now."""
        if self._by_freezer and self._on:
            self._waiting.put(process)

    def forget(self, pid: int) -> None:
        """Forget the last compaction of *pid*, which another process may have next."""
        self._last.pop(pid, None)

    def compact(self, process: Process, how: str) -> None:
        """Page *process* out, and log the am_compact event, the only trace that this leaves."""
        if self._props.sdk >= ANON_ONLY_SDK and how == "some":
            return
        before, start_s = memory.status(process.pid), time.monotonic()
        what = "anon" if self._props.sdk >= ANON_ONLY_SDK else how
        with self._lock:
            pid = os.posix_spawn(COMPACT, ["compact", str(process.pid), what], dict(os.environ))
            self._at_work = (process, pid)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # its pid is nobody else's yet
        with self._lock:
            self._at_work = None
            os.waitpid(pid, 0)
        after, end_s = memory.status(process.pid), time.monotonic()
        self.counts[how] += 1
        self._last[process.pid] = Last(end_s, after)
        self._tell(process, how, before, after, end_s - start_s)

    def _tell(
        self, process: Process, how: str, before: Status, after: Status, took_s: float
    ) -> None:
        old = (before.rss_bytes, before.file_bytes, before.anon_bytes, before.swap_bytes)
        new = (after.rss_bytes, after.file_bytes, after.anon_bytes, after.swap_bytes)
        numbers = [
            *(size // 1024 for size in old),
            *((b - a) // 1024 for a, b in zip(old, new, strict=True)),
        ]
        rank = process.rank
        numbers += [round(took_s * 1000), 0, 0, rank.adj if rank else 0, 0, 0, 0]
        text = ",".join([str(process.pid), process.name, how, *map(str, numbers)])
        self._log.write("events", "I", "am_compact", f"[{text}]", Source(os.getpid()))

    def _cancel(self, process: Process) -> None:
        with self._lock:
            if self._at_work is not None and self._at_work[0] is process:
                os.kill(self._at_work[1], signal.SIGKILL)

    def _run(self) -> None:
        while True:
            process = self._waiting.get()
            rank, held = process.rank, memory.status(process.pid)
            if process.gone or rank is None or rank.adj not in _CACHED:
                continue
            last = self._last.get(process.pid)
            if is_due(last, time.monotonic(), held, memory.swap_free_share()):
                self.compact(process, "full")
