"""The log: ring buffers of main, system and events, and how ``logcat`` prints them."""

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

BUFFERS = ("main", "system", "events", "crash")
DEFAULT_BUFFERS = ("main", "system", "crash")
ENTRIES_A_BUFFER = 2000


class Source(NamedTuple):
    """Who wrote a line; most are of the framework's own uid."""

    pid: int
    uid: int = 1000


class Entry(NamedTuple):
    """One line; *at_s* is wall clock time, *number* counts all lines of all buffers."""

    number: int
    buffer: str
    at_s: float
    source: Source
    level: str
    tag: str
    text: str


def _clock(at_s: float) -> str:
    millis = min(999, int(at_s % 1 * 1000))
    return time.strftime("%m-%d %H:%M:%S", time.localtime(at_s)) + f".{millis:03d}"


def line(entry: Entry, form: str, with_uid: bool = False) -> str:
    """Print one entry as ``logcat -v`` *form* does."""
    if form == "raw":
        return entry.text
    if form == "brief":
        return f"{entry.level}/{entry.tag:<8}({entry.source.pid:5d}): {entry.text}"
    if form == "tag":
        return f"{entry.level}/{entry.tag:<8}: {entry.text}"
    clock = f"{entry.at_s:.3f}" if form == "epoch" else _clock(entry.at_s)
    if form == "time":
        return f"{clock} {entry.level}/{entry.tag:<8}({entry.source.pid:5d}): {entry.text}"
    name = "root" if entry.source.uid == 0 else str(entry.source.uid)
    uid = f" {name:>5}" if with_uid else ""
    pid = f"{entry.source.pid:5d}"  # threads of the framework are not told apart
    return f"{clock}{uid} {pid} {pid} {entry.level} {entry.tag:<8}: {entry.text}"


class Log:
    """Ring buffers that one thread writes and others follow."""

    def __init__(self) -> None:
        self._buffers: dict[str, deque[Entry]] = {
            name: deque(maxlen=ENTRIES_A_BUFFER) for name in BUFFERS
        }
        self._changed = threading.Condition()
        self._last = 0

    def write(self, buffer: str, level: str, tag: str, text: str, source: Source) -> None:
        with self._changed:
            self._last += 1
            self._buffers[buffer].append(
                Entry(self._last, buffer, time.time(), source, level, tag, text)
            )
            self._changed.notify_all()

    def read(self, buffers: Iterable[str], after: int = 0) -> list[Entry]:
        """Return the entries after number *after*, oldest first."""
        with self._changed:
            entries = [
                entry for name in buffers for entry in self._buffers[name] if entry.number > after
            ]
        return sorted(entries)

    def move_dates(self, by_s: float) -> None:
        """Date every entry *by_s* seconds later."""
        with self._changed:
            for name, entries in self._buffers.items():
                moved = [entry._replace(at_s=entry.at_s + by_s) for entry in entries]
                self._buffers[name] = deque(moved, maxlen=ENTRIES_A_BUFFER)

    def clear(self, buffers: Iterable[str]) -> None:
        with self._changed:
            for name in buffers:
                self._buffers[name].clear()

    def wait(self, after: int, timeout_s: float) -> None:
        """Wait until there is an entry after number *after*."""
        with self._changed:
            if self._last <= after:
                self._changed.wait(timeout_s)
