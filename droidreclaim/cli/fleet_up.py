"""What ``fleet up`` and ``fleet down`` do, and the two processes that they are made of."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from droidreclaim.cli import connect, fleet_run
from droidreclaim.cli.options import Connection
from droidreclaim.cli.output import emit, warn, write
from droidreclaim.device import lease
from droidreclaim.errors import DeviceError, DroidReclaimError, NotPossible
from droidreclaim.escape import safe
from droidreclaim.fleet import channel, keeper, over_dask, phones, state
from droidreclaim.fleet import host as at_host
from droidreclaim.fleet.devices import FleetDevice
from droidreclaim.fleet.form import FleetForm
from droidreclaim.units import plural

_JOBS_END_WITHIN_S = 30.0


def up(
    fleet: FleetForm, path: Path | None, where: list[str], connection: Connection, *, as_json: bool
) -> None:
    """
    Start a fleet, and say which workers are there.

    Raises:
        NotPossible: Dask is not installed.
        DeviceError: it is up already, or no worker came.
    """
    over_dask.require()
    if state.read(path) is not None:
        raise DeviceError("this fleet is up already", hint="'droidreclaim fleet down' ends it")
    count = sum(host.pocket_phones for host in fleet.hosts)
    more_s = count * (phones.BOOT_S + 1)
    if not count:  # says who is left out
        able, _ = fleet_run.ready(fleet_run.Chosen(fleet, path, connection, tuple(where)))
        more_s = len(able)
    words = ["fleet", "keep"]
    words += ["--fleet", str(path.absolute())] if path is not None else []
    words += [word for one in where for word in ("--where", one)]
    words += ["-H", connection.host] if connection.host else []
    words += ["-P", str(connection.port)] if connection.port else []
    words += [word for one in connection.serials for word in ("-s", one)]
    found = state.start(path, words, more_s=more_s)
    for line in found.missing:
        warn(line)
    if as_json:
        emit(msgspec.to_builtins(found))
    else:
        names = "".join(f"{safe(name)}\n" for name in found.workers)
        write(f"{names}{plural(len(found.workers), 'worker')} behind {found.address}\n")


def down(path: Path | None) -> None:
    """
    End a fleet.

    Raises:
        DeviceTimeout: it does not end.
    """
    found = state.read(path)
    if found is None:
        write("no such fleet is up\n")
        return
    state.stop(path, found)
    write("the fleet is down\n")


def keep(fleet: FleetForm, path: Path | None, where: list[str], connection: Connection) -> None:
    """Run the scheduler and the links to the hosts until a signal comes."""
    with state.held(path) as file:
        state.write(file, state.Up(os.getpid()))
        with phones.booted(fleet, warn, connection.port) as booted:
            for line in booted.missing:
                warn(line)
            whole = phones.with_phones(fleet, booted.serials)
            devices, _ = fleet_run.ready(fleet_run.Chosen(whole, path, connection, tuple(where)))

            def ready(told: dict[str, Any]) -> None:
                up = msgspec.convert({"pid": os.getpid(), **told}, state.Up)
                up.phones, up.missing = booted.serials, booted.missing + up.missing
                state.write(file, up)

            asyncio.run(_keep(whole, devices, ready))


async def _keep(
    fleet: FleetForm, devices: Sequence[FleetDevice], ready: Callable[[dict[str, Any]], None]
) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await keeper.keep(fleet.hosts, devices, ended, ready)


def host() -> None:
    """
    Run the workers that stdin asks for.

    Raises:
        NotPossible: Dask is not installed here, or stdin asks for nothing.
    """
    at_host.serve(_stdin(), over_dask.require)


def phones_held(count: int, connection: Connection) -> None:
    """
    Boot pocket phones, say the serial of each, and end them when stdin ends or is silent.

    However this process ends, its phones do: the kernel sees to it.

    Raises:
        NotPossible: the phone is not set up here, or stdin is closed.
        DroidReclaimError: one does not come up.
    """
    from droidreclaim.lab.phone import vm
    from droidreclaim.lab.phone.state import Config

    pipe = _stdin()
    server = connect.server(connection)
    serials: list[str] = []
    with ExitStack() as stack:
        for _ in range(count):
            phone = vm.start(Config(), server=server, die_with_us=True)
            stack.callback(vm.stop, phone, server)
            serials.append(phone.serial)
            write(f"{phone.serial}\n")
        channel.hold(pipe)
        _await_jobs(serials)


def _await_jobs(serials: list[str]) -> None:
    """Wait until the jobs on these devices have undone what they did; not for one that hangs."""
    with suppress(DroidReclaimError):
        lease.take(lambda: serials, len(serials), timeout_s=_JOBS_END_WITHIN_S)


def _stdin() -> BinaryIO:
    if sys.stdin is None or not hasattr(sys.stdin, "buffer"):
        raise NotPossible("stdin is closed: this is run by 'droidreclaim fleet up'")
    return sys.stdin.buffer
