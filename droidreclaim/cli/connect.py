"""From the options of a command to a device, and to a helper that runs on it."""

from __future__ import annotations

import os

from droidreclaim import inspect
from droidreclaim.cli.options import DEFAULT_TIMEOUT_S, Connection
from droidreclaim.cli.output import say
from droidreclaim.device.adb import AdbDevice
from droidreclaim.device.root import RootWay, default_memory, find_root
from droidreclaim.device.select import Choice, read_choice, select
from droidreclaim.device.server import Server, find_server
from droidreclaim.device.wait import wait_ready
from droidreclaim.errors import NotPossible
from droidreclaim.helper.connect import POCKET_PHONE, RunningHelper, connect
from droidreclaim.helper.remove import remove
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


def helper(connection: Connection) -> RunningHelper:
    """
    The helper, running as root on the chosen device.

    A way to root that worked last time is used without asking again; where it has ceased to work,
    every way is tried anew.
    """
    device = _device(connection)
    memory = default_memory()
    known = memory.recall(device)
    if known is not None:
        try:
            return connect(device, known, timeout_s=timeout_s(connection))
        except NotPossible:
            memory.forget(device)
    way = _root(device, connection)
    return connect(device, way, timeout_s=timeout_s(connection))


def device(connection: Connection) -> AdbDevice:
    """The chosen device, for what any adb shell may do."""
    return _device(connection)


def devices(connection: Connection) -> tuple[DeviceStatus, ...]:
    """Every device of the adb server, ready or why not."""
    return inspect.devices(
        server(connection),
        default_memory(),
        timeout_s=timeout_s(connection),
        notify=lambda line: say(line, connection),
    )


def uninstall(connection: Connection) -> tuple[str, list[str], list[str]]:
    """Remove everything of ours from the chosen device: its serial, what went, what is left."""
    device = _device(connection)
    try:
        way = _root(device, connection)
    except NotPossible as error:
        say(str(error), connection)
        way = None
    done = remove(device, way, timeout_s=timeout_s(connection))
    return device.serial, list(done.removed), list(done.left)


def _device(connection: Connection) -> AdbDevice:
    return select(server(connection), choice(connection), timeout_s(connection))


def _root(device: AdbDevice, connection: Connection) -> RootWay:
    return find_root(
        device,
        default_memory(),
        notify=lambda line: say(line, connection),
        restart_adbd=device.restart_as_root if connection.adb_root else None,
    )
