"""From the options of a command to a device, and to a helper that runs on it."""

from __future__ import annotations

import os
import time
from typing import Any

from droidreclaim.cli.options import DEFAULT_TIMEOUT_S, Connection
from droidreclaim.cli.output import detail, say, warn
from droidreclaim.device.adb import AdbDevice
from droidreclaim.device.link import Deadline
from droidreclaim.device.root import RootWay, default_memory, find_root
from droidreclaim.device.select import Choice, read_choice, select
from droidreclaim.device.server import Server, find_server
from droidreclaim.device.wait import wait_ready
from droidreclaim.errors import DeviceTimeout, NotPossible, NotRoot
from droidreclaim.helper.connect import POCKET_PHONE, RunningHelper, connect
from droidreclaim.helper.remove import Removal, remove
from droidreclaim.inspect import apps
from droidreclaim.model import DeviceStatus


def source_of(model: str | None) -> str:
    """Where numbers come from: ``phone`` (the pocket phone) or ``device``."""
    return "phone" if model == POCKET_PHONE else "device"


def timeout_s(connection: Connection) -> float:
    """The deadline of each step."""
    return connection.timeout_s or DEFAULT_TIMEOUT_S


def server(connection: Connection) -> Server:
    """The adb server that the options or the environment name."""
    return find_server(connection.host, connection.port, os.environ)


def choice(connection: Connection) -> Choice:
    """The device that the options or ``$ANDROID_SERIAL`` name."""
    return read_choice(
        connection.serial,
        connection.usb,
        connection.emulator,
        os.environ.get("ANDROID_SERIAL"),
    )


def wait(connection: Connection, wait_s: float) -> None:
    """Wait until the chosen device is booted and rooted; says on stderr what is missing."""
    wait_ready(
        server(connection),
        choice(connection),
        default_memory(),
        timeout_s=wait_s,
        notify=lambda line: say(line, connection),
        adb_root=connection.adb_root,
    )


def helper(
    connection: Connection, on: AdbDevice | None = None, *, kind: str = "helper"
) -> RunningHelper:
    """
    The helper, or another *kind* of program, as root on the chosen device or *on* a given one.

    A way to root that worked last time is used without asking again; where it has ceased to work,
    every way is tried anew.
    """
    device = on or chosen_device(connection)
    began_s = time.monotonic()
    running = _remembered(device, connection, kind)
    if running is None:
        way = root(device, connection)
        detail(f"{device.serial}: root by {way.value}", connection)
        running = connect(device, way, timeout_s=timeout_s(connection), kind=kind)
    took_s = time.monotonic() - began_s
    detail(f"{device.serial}: {kind} {running.build} runs after {took_s:.2f} s", connection)
    return running


def _remembered(device: AdbDevice, connection: Connection, kind: str) -> RunningHelper | None:
    """The helper by the way to root that worked last time; None where there is none any more."""
    memory = default_memory()
    known = memory.recall(device)
    if known is None:
        return None
    try:
        return connect(device, known, timeout_s=timeout_s(connection), kind=kind)
    except NotRoot as error:
        detail(str(error), connection)
        memory.forget(device)
        return None
    except DeviceTimeout as error:
        if known is RootWay.ADBD:
            raise
        memory.forget(device)
        raise DeviceTimeout(f"{error}: {known.value} did not answer") from error


def devices(connection: Connection) -> tuple[DeviceStatus, ...]:
    """Every device of the adb server that the options mean, ready or why not."""
    return apps.devices(
        server(connection),
        default_memory(),
        choice(connection),
        adb_root=connection.adb_root,
        timeout_s=timeout_s(connection),
        root_timeout_s=connection.timeout_s,
        notify=lambda line: say(line, connection),
    )


def uninstall(connection: Connection) -> tuple[str, Removal]:
    """Remove everything of ours from the chosen device: its serial, what went, what is left."""
    device = chosen_device(connection)
    try:
        way = root(device, connection)
    except NotPossible as error:
        unseen = "what root may have put in /data/local cannot be seen or removed without root"
        warn(f"{error}: {unseen}")
        way = None
    return device.serial, remove(device, way, timeout_s=timeout_s(connection))


def chosen_device(connection: Connection) -> AdbDevice:
    """The device that the options choose, online."""
    return select(server(connection), choice(connection), timeout_s(connection))


def root(device: AdbDevice, connection: Connection) -> RootWay:
    """
    The way to root on *device*; a --timeout that was asked for bounds the whole search.

    Raises:
        NotRoot: there is none; the message names each way with its reason.
    """
    return find_root(
        device,
        default_memory(),
        notify=lambda line: say(line, connection),
        restart_adbd=device.restart_as_root if connection.adb_root else None,
        deadline=Deadline(connection.timeout_s) if connection.timeout_s else None,
    )


def rooted(device: AdbDevice, connection: Connection) -> tuple[RootWay, RunningHelper]:
    """The way to root on *device*, and the helper running by it; raises NotPossible without."""
    way = default_memory().recall(device) or root(device, connection)
    running = helper(connection, device)
    return default_memory().recall(device) or way, running


def root_if_any(device: AdbDevice, connection: Connection) -> RootWay | None:
    """The way to root, or None; what a look does not need root for goes on without."""
    try:
        return default_memory().recall(device) or root(device, connection)
    except NotPossible:
        return None


def head(device: AdbDevice) -> dict[str, Any]:
    """The ``device`` and ``source`` of an answer that no helper gave."""
    model = device.model.replace("_", " ") if device.model else None
    return {
        "device": {"serial": device.serial, "model": model},
        "source": "phone" if model == POCKET_PHONE else "device",
    }
