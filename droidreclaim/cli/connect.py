"""From the options of a command to a device; what is told meanwhile goes to stderr."""

from __future__ import annotations

import logging
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from droidreclaim import session
from droidreclaim.cli.options import Connection, OnEach
from droidreclaim.cli.output import say, warn
from droidreclaim.device import lease
from droidreclaim.device.adb import list_devices
from droidreclaim.device.lease import Lease
from droidreclaim.device.link import Deadline
from droidreclaim.device.root import default_memory
from droidreclaim.device.select import Choice, by_avd_name, choose, read_choice
from droidreclaim.device.server import Server, find_server
from droidreclaim.device.wait import wait_ready
from droidreclaim.errors import UsageError
from droidreclaim.model import DeviceStatus
from droidreclaim.report import device_json
from droidreclaim.session import Phone
from droidreclaim.session.reach import DEFAULT_TIMEOUT_S

_held: list[Lease] = []


def phone(connection: Connection, *, root: bool = True, changes: bool = False) -> Phone:
    """
    The chosen device, with the helper running there unless *root* is false: see `connect`.

    Args:
        changes: The command changes the device: where it is one of several, nobody else who
            leases devices has this one until the command ends.

    Raises:
        OnEach: several devices are meant: the command is run again, for each of them.
    """
    on_each_of_several(connection)
    show_log(connection)
    if changes and connection.one_of_several:
        _held.extend(lease.take(lambda: connection.serials, 1, timeout_s=timeout_s(connection)))
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


def again(connection: Connection, lost: Phone) -> Phone:
    """The device that was *lost*, whatever chose it; raises DeviceError until it is back."""
    same = replace(connection, serials=(lost.serial,), usb=False, emulator=False)
    return phone(same, root=False)


def on_each_of_several(connection: Connection) -> None:
    """
    Go no further, where several devices are meant.

    Raises:
        OnEach: they are.
    """
    if connection.several:
        raise OnEach


def own_folder(folder: Path, connection: Connection) -> Path:
    """*folder*, or where several devices are worked on the one in it that is this device's."""
    return folder / _file_name(connection) if connection.one_of_several else folder


def own_file(file: Path, connection: Connection) -> Path:
    """*file*, or where several devices are worked on ``STEM-SERIAL.SUFFIX`` beside it."""
    if not connection.one_of_several:
        return file
    return file.with_name(f"{file.stem}-{_file_name(connection)}{file.suffix}")


def _file_name(connection: Connection) -> str:
    return re.sub(r"[^\w.-]", "_", connection.serials[0])[:200]


def chosen(connection: Connection) -> tuple[str, ...]:
    """
    Serials of the several devices that the options mean; those named, whether attached or not.

    Raises:
        UsageError: ``--all-devices`` beside an option that chooses.
        NoDevice: all are meant, and none is attached.
        DeviceError: the adb server does not answer.
    """
    if not connection.all_devices:
        listed = list_devices(server(connection), timeout_s(connection))
        named = (
            by_avd_name(server(connection), listed, Choice(one)).serial or one
            for one in connection.serials
        )
        return tuple(dict.fromkeys(named))
    if connection.serials or connection.usb or connection.emulator:
        raise UsageError("--all-devices and -s, -d, -e exclude one another")
    show_log(connection)
    listed = list_devices(server(connection), timeout_s(connection))
    if not listed:
        choose(listed, Choice())  # says what to do about it
    return tuple(dict.fromkeys(one.serial for one in listed))


def devices(connection: Connection) -> tuple[DeviceStatus, ...]:
    """Every device of the adb server that the options mean, ready or why not."""
    from droidreclaim.inspect import devices as look

    show_log(connection)
    wanted = chosen(connection) if connection.several else ()
    found = look.devices(
        server(connection),
        default_memory(),
        Choice() if wanted else _choice(connection),
        adb_root=connection.adb_root,
        timeout_s=timeout_s(connection),
        root_timeout_s=connection.timeout_s,
        notify=logging.getLogger("droidreclaim").warning,
    )
    return tuple(one for one in found if not wanted or one.serial in wanted)


def _choice(connection: Connection) -> Choice:
    return read_choice(
        connection.serial, connection.usb, connection.emulator, os.environ.get("ANDROID_SERIAL")
    )


def wait(connection: Connection, wait_s: float, package: str | None) -> None:
    """Wait until each chosen device is ready; says on stderr each second what is missing."""
    choices = [Choice(one) for one in chosen(connection)] if connection.several else []
    deadline = Deadline(wait_s)
    for choice in choices or [_choice(connection)]:
        wait_ready(
            server(connection),
            choice,
            default_memory(),
            timeout_s=deadline.left_s(),
            notify=lambda line: say(line, connection),
            adb_root=connection.adb_root,
            package=package,
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


def show_log(connection: Connection) -> None:
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
