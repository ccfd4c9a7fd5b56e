"""CachedAppOptimizer's freezer: an app that stays cached is frozen, and thawed when wanted."""

import os
import time
from collections.abc import Callable, Iterable

from . import groups
from .apps import Process
from .log import Log, Source
from .props import Properties

FIRST_SDK = 35  # the release whose groups the zygote makes
DEBOUNCE_MS = "10000"
NAMESPACE = "activity_manager_native_boot"
_WAKE_FOR_ACTIVITY = 1  # of UNFREEZE_REASON_*


class Freezer:
    """
    Freezes by the cgroup of each process; every call is made under ActivityManager's lock.

    Attributes:
        frozen: Called with each process that was frozen just now.
    """

    def __init__(self, log: Log, props: Properties) -> None:
        self._log = log
        self._props = props
        self.on = props.sdk >= FIRST_SDK
        self.frozen: Callable[[Process], None] = lambda process: None

    @property
    def debounce_ms(self) -> str:
        """Return how long an app is cached before it is frozen."""
        return self._props.tables.get(NAMESPACE, {}).get("freeze_debounce_timeout", DEBOUNCE_MS)

    def enforce(self, processes: Iterable[Process]) -> None:
        """Freeze those that have been cached for long enough and are not busy."""
        now = time.monotonic()
        for process in processes if self.on else ():
            if process.rank is None or not process.rank.cached:
                process.cached_s = None
                continue
            if process.cached_s is None:
                process.cached_s = now
            if not process.frozen and (now - process.cached_s) * 1000 >= int(self.debounce_ms):
                self._freeze(process)

    def _freeze(self, process: Process) -> None:
        if not process.busy.acquire(blocking=False):
            return  # it is being asked something
        try:
            if not groups.write(process.group, "cgroup.freeze", 1):
                return
            process.frozen, process.frozen_s = True, time.monotonic()
        finally:
            process.busy.release()
        self._say("am_freeze", f"[{process.pid},{process.name}]")
        self.frozen(process)

    def thaw(self, process: Process) -> bool:
        """Thaw *process*, which then no longer counts as written back; False when not frozen."""
        if not process.frozen:
            return False
        groups.write(process.group, "cgroup.freeze", 0)
        process.frozen = process.written_back = False
        process.cached_s = None
        self._say("am_unfreeze", f"[{process.pid},{process.name},{_WAKE_FOR_ACTIVITY}]")
        return True

    def _say(self, tag: str, text: str) -> None:
        self._log.write("events", "I", tag, text, Source(os.getpid()))
