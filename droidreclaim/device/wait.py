"""Waiting until a device is ready for work: online, booted, its package manager answering, root."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from droidreclaim.device.adb import AdbDevice
from droidreclaim.device.link import Deadline
from droidreclaim.device.root import RootMemory, RootWay, find_root
from droidreclaim.device.select import Choice, select
from droidreclaim.device.server import Server
from droidreclaim.errors import DeviceError, DeviceTimeout, NotPossible, SeveralDevices

POLL_S = 1.0
_STEP_TIMEOUT_S = 10.0
_BOOT_STATE = "echo booted=$(getprop sys.boot_completed); pm path android"


@dataclass(frozen=True, slots=True)
class Ready:
    """A device that is ready, and how to be root on it."""

    device: AdbDevice
    way: RootWay


def wait_ready(  # each is one thing the command line says
    server: Server,
    choice: Choice,
    memory: RootMemory,
    *,
    timeout_s: float,
    notify: Callable[[str], None],
    adb_root: bool = False,
) -> Ready:
    """
    Wait until the chosen device is ready.

    Args:
        notify: Told each new reason why it is not, and what somebody must do on the phone.
        adb_root: Whether adbd may be restarted as root.

    Raises:
        DeviceTimeout: not ready within *timeout_s*; says what was missing last.
        DeviceError: it is ready but for root, and there is no way to root.
    """
    deadline = Deadline(timeout_s)
    told = ""
    while True:
        try:
            device = select(server, choice, min(_STEP_TIMEOUT_S, deadline.left_s()))
            missing = _missing(device, min(_STEP_TIMEOUT_S, deadline.left_s()))
        except SeveralDevices:
            raise
        except DeviceError as error:
            cut_short = told and not deadline.left_s()  # then the step before knew better
            missing = told if cut_short else str(error)
        else:
            if missing is None:
                return Ready(device, _root(device, memory, notify, adb_root, deadline))
        if deadline.left_s() <= POLL_S:
            raise DeviceTimeout(f"not ready within {timeout_s:g} s: {missing}")
        if missing != told:
            notify(missing)
            told = missing
        time.sleep(POLL_S)


def _missing(device: AdbDevice, timeout_s: float) -> str | None:
    """What the booting device still lacks; None when nothing."""
    result = device.run(["sh", "-c", _BOOT_STATE], timeout_s=timeout_s)
    lines = result.text.splitlines()
    if "booted=1" not in lines:
        return f"{device.serial}: Android has not finished booting"
    if not any(line.startswith("package:") for line in lines):
        return f"{device.serial}: the package manager does not answer yet"
    return None


def _root(
    device: AdbDevice,
    memory: RootMemory,
    notify: Callable[[str], None],
    adb_root: bool,
    deadline: Deadline,
) -> RootWay:
    restart = device.restart_as_root if adb_root else None
    try:
        return find_root(device, memory, notify=notify, restart_adbd=restart, deadline=deadline)
    except NotPossible as error:
        raise DeviceError(str(error)) from error
