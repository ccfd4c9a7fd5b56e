"""Start a program of ours as root: by the way that worked last time, else by any that does."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from droidreclaim.device.adb import AdbDevice
from droidreclaim.device.link import Deadline
from droidreclaim.device.root import RootMemory, RootWay, find_root
from droidreclaim.errors import DeviceTimeout, NotRoot
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.connect import connect as start_program

_log = logging.getLogger("droidreclaim")


@dataclass(frozen=True)
class Search:
    """
    How to look for root on a device.

    Attributes:
        timeout_s: Bounds all of the search; None lets a first ``su`` wait 75 s for its answer.
        adb_root: Whether ``adb root`` is allowed, which restarts adbd.
    """

    device: AdbDevice
    memory: RootMemory
    timeout_s: float | None
    adb_root: bool

    def find(self) -> RootWay:
        """
        Any way that works now.

        Raises:
            NotRoot: there is none; the message names each way with its reason.
        """
        return find_root(
            self.device,
            self.memory,
            notify=_log.warning,
            restart_adbd=self.device.restart_as_root if self.adb_root else None,
            deadline=Deadline(self.timeout_s) if self.timeout_s else None,
        )

    def recall_or_find(self) -> RootWay:
        """The way that worked last time, else any that does now; raises as `find`."""
        return self.memory.recall(self.device) or self.find()


def start_rooted(
    search: Search, *, timeout_s: float, kind: str = "helper", watch: bool = False
) -> tuple[RootWay, RunningHelper]:
    """
    Start a program on the device, and say by which way it is root.

    The way that worked last time is used without asking again; where it has ceased to work, every
    way is tried anew.

    Raises:
        NotRoot: no way to root.
        NotPossible: the device refuses the program.
        DeviceError: the device was lost or did not answer within *timeout_s*.
    """
    device = search.device
    began_s = time.monotonic()
    started = _remembered(search, timeout_s, kind, watch)
    if started is None:
        way = search.find()
        _log.debug("%s: root by %s", device.serial, way.value)
        program = start_program(device, way, timeout_s=timeout_s, kind=kind, watch=watch)
        started = way, program
    took_s = time.monotonic() - began_s
    build = started[1].build
    _log.debug("%s: %s %s runs after %.2f s", device.serial, kind, build, took_s)
    return started


def _remembered(
    search: Search, timeout_s: float, kind: str, watch: bool
) -> tuple[RootWay, RunningHelper] | None:
    """Start the program by the way that worked last time; None where that works no more."""
    device, memory = search.device, search.memory
    way = memory.recall(device)
    if way is None:
        return None
    try:
        return way, start_program(device, way, timeout_s=timeout_s, kind=kind, watch=watch)
    except NotRoot as error:
        _log.debug("%s", error)
        memory.forget(device)
        return None
    except DeviceTimeout as error:
        if way is RootWay.ADBD:
            raise
        memory.forget(device)
        raise DeviceTimeout(f"{error}: {way.value} did not answer") from error
