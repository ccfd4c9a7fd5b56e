"""Processes that apps start by themselves, and ActivityManager's limit of them (Android 12)."""

import contextlib
import os
import signal
from typing import NamedTuple

from .apps import UNRANKED, Process
from .log import Log, Source
from .props import Properties
from .text import user

WHY = "Trimming phantom processes"
_MOST = 32
_NAME = "worker"


class Phantom(NamedTuple):
    """A process that *parent* has started."""

    pid: int
    parent: Process

    @property
    def record(self) -> str:
        """Return what ActivityManager's lines call it."""
        owner = user(self.parent.uid)
        words = f"{self.pid}:{self.parent.pid}:{_NAME}/{owner}"
        return f"PhantomProcessRecord {{{self.pid * 2654435761 & 0xFFFFFFF:x} {words}}}"


class Phantoms:
    """Knows the child processes of all apps, and ends those over ``max_phantom_processes``."""

    def __init__(self, log: Log, props: Properties) -> None:
        self._log = log
        self._props = props
        self._children: list[Phantom] = []

    def start(self, parent: Process, count: int) -> list[int]:
        """
        Have *parent* start *count* processes, and return their pids.

        Raises:
            AppGone: it died meanwhile.
        """
        answers = [parent.ask(f"child {_NAME}") for _ in range(count)]
        pids = [int(number) for word, number in answers if word == "ok"]
        self._children += [Phantom(pid, parent) for pid in pids]
        return pids

    def enforce(self) -> None:
        """End those over the limit, of the least important apps first."""
        alive = [one for one in self._children if os.path.exists(f"/proc/{one.pid}")]
        most = self._props.setting("activity_manager", "max_phantom_processes", _MOST)
        alive.sort(key=lambda one: (one.parent.rank or UNRANKED).adj)
        self._children = alive[:most]
        for one in alive[most:]:
            self._end(one)

    def _end(self, one: Phantom) -> None:
        adj = (one.parent.rank or UNRANKED).adj
        self._say("system", "ActivityManager", f"Killing {one.record}: {WHY}")
        self._say("events", "am_kill", f"[0,{one.pid},{_NAME},{adj},{WHY}]")
        with contextlib.suppress(ProcessLookupError):
            os.kill(one.pid, signal.SIGKILL)
        self._say("system", "ActivityManager", f"Process {one.record} died")

    def _say(self, buffer: str, tag: str, text: str) -> None:
        self._log.write(buffer, "I", tag, text, Source(os.getpid()))
