"""From the options of a command to a device; what is told meanwhile goes to stderr."""

from __future__ import annotations

import logging
import os
from typing import Any

from droidreclaim import session
from droidreclaim.cli.options import Connection
from droidreclaim.cli.output import say, warn
from droidreclaim.device.root import default_memory
from droidreclaim.device.select import read_choice
from droidreclaim.device.server import Server, find_server
from droidreclaim.device.wait import wait_ready
from droidreclaim.model import DeviceStatus
from droidreclaim.report import device_json
from droidreclaim.session import Phone
from droidreclaim.session.reach import DEFAULT_TIMEOUT_S


def phone(connection: Connection, *, root: bool = True) -> Phone:
    """The chosen device, with the helper running there unless *root* is false: see `connect`."""
    hear(connection)
    return session.connect(
        connection.serial,
        usb=connection.usb,
        emulator=connection.emulator,
        host=connection.host,
        port=connection.port,
        timeout_s=timeout_s(connection),
        root_timeout_s=connection.timeout_s,
        adb_root=connection.adb_root,
        root=root,
    )


def devices(connection: Connection) -> tuple[DeviceStatus, ...]:
    """Every device of the adb server that the options mean, ready or why not."""
    hear(connection)
    return session.devices(
        connection.serial,
        usb=connection.usb,
        emulator=connection.emulator,
        host=connection.host,
        port=connection.port,
        timeout_s=timeout_s(connection),
        root_timeout_s=connection.timeout_s,
        adb_root=connection.adb_root,
    )


def wait(connection: Connection, wait_s: float) -> None:
    """Wait until the chosen device is booted and rooted; says on stderr what is missing."""
    wait_ready(
        server(connection),
        read_choice(
            connection.serial,
            connection.usb,
            connection.emulator,
            os.environ.get("ANDROID_SERIAL"),
        ),
        default_memory(),
        timeout_s=wait_s,
        notify=lambda line: say(line, connection),
        adb_root=connection.adb_root,
    )


def timeout_s(connection: Connection) -> float:
    """The deadline of each step."""
    return connection.timeout_s or DEFAULT_TIMEOUT_S


def server(connection: Connection) -> Server:
    """The adb server that the options or the environment name."""
    return find_server(connection.host, connection.port, os.environ)


def head(phone: Phone) -> dict[str, Any]:
    """The ``device`` and ``source`` of an answer; by adb's words alone where no helper runs."""
    if phone.helper_runs:
        return device_json(phone.info, phone.source)
    return {"device": {"serial": phone.serial, "model": phone.model}, "source": phone.source}


def hear(connection: Connection) -> None:
    """Have the words of the library on stderr, as many as the options want."""
    log = logging.getLogger("droidreclaim")
    if not any(isinstance(one, _ToStderr) for one in log.handlers):
        log.addHandler(_ToStderr())
        log.propagate = False
    quiet, verbose = connection.quiet, connection.verbose
    log.setLevel(logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO)


class _ToStderr(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())
