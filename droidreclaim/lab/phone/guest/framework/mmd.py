"""
The part of Android 17's mmd that shows: it writes what a frozen app has in zram to flash.

"Flash" is a file behind zram's backing device. The app's oom_score_adj is then 249 at most.
"""

import os
import time
from array import array
from collections.abc import Iterable, Iterator

from . import memory
from .apps import MIB, Process
from .props import Properties

ZRAM = "/sys/block/zram0"
WRITTEN_BACK_ADJ = 249
FIRST_SDK = 36
WAIT_PROPERTY, WAIT_S = "pocket.writeback_after_s", "60"
LEAST_BYTES = MIB
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_SWAPPED, _OFFSET = (
    1 << 62,
    (1 << 50) - 1,
)  # of /proc/PID/pagemap; the offset is over 5 bits of type
_TYPE_BITS = 5


class Mmd:
    """Writes apps back, one at a time."""

    def __init__(self, props: Properties) -> None:
        self._props = props
        self.on = props.sdk > FIRST_SDK and _backing_device() != "none"
        if props.sdk >= FIRST_SDK:
            props.set("mmd.zram.enabled", "true")
            props.set("mmd.zram.writeback.enabled", "true" if self.on else "false")

    def due(self, processes: Iterable[Process]) -> list[Process]:
        """Return who has been frozen for long enough, and has something in zram."""
        if not self.on:
            return []
        wait_s, now = float(self._props.get(WAIT_PROPERTY, WAIT_S)), time.monotonic()
        return [
            process
            for process in processes
            if process.frozen
            and not process.written_back
            and now - process.frozen_s >= wait_s
            and memory.status(process.pid).swap_bytes >= LEAST_BYTES
        ]

    def write_back(self, pid: int) -> int:
        """Write a frozen process's pages in zram to flash; return how many were written."""
        before = _written_pages()
        try:
            slots = list(_slots(pid))
            with open(f"{ZRAM}/writeback", "w") as file:
                for slot in slots:
                    file.write(f"page_index={slot}")
                    file.flush()
        except OSError:
            pass  # it died, or the file is full: what was written counts
        return _written_pages() - before


def _backing_device() -> str:
    try:
        with open(f"{ZRAM}/backing_dev") as file:
            return file.read().strip()
    except OSError:
        return "none"


def _written_pages() -> int:
    with open(f"{ZRAM}/bd_stat") as file:
        return int(file.read().split()[2])


def _slots(pid: int) -> Iterator[int]:
    """Yield where in swap the pages of *pid* lie."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/pagemap", "rb") as pagemap:
        for line in maps:
            start, _, end = line.split()[0].partition("-")
            first, last = int(start, 16) // _PAGE_BYTES, int(end, 16) // _PAGE_BYTES
            if line.split()[1].startswith("rw"):
                pagemap.seek(first * 8)
                for entry in array("Q", pagemap.read((last - first) * 8)):
                    if entry & _SWAPPED:
                        yield entry >> _TYPE_BITS & _OFFSET
