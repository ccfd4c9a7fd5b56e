"""What is attached to each host of a fleet: asked here, and over ssh of the tool there."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from droidreclaim.device.adb import AdbDevice, list_devices
from droidreclaim.device.root import default_memory
from droidreclaim.device.select import Choice
from droidreclaim.device.server import Server
from droidreclaim.errors import DeviceError, DroidReclaimError
from droidreclaim.fleet.devices import ASK, FleetDevice, of_status
from droidreclaim.fleet.form import FleetForm, HostForm
from droidreclaim.inspect.devices import devices
from droidreclaim.model import DeviceStatus
from droidreclaim.records import read_json

_AT_A_TIME = 16
_FACTS_S = 10.0
_SSH_S = 60.0
_MOST_BYTES = 4 << 20
_LAST_LINE = 300
# Never a question, never a forwarding that a user's own settings ask for.
SSH = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ClearAllForwardings=yes")


@dataclass(frozen=True, slots=True)
class HostSeen:
    """What one host has, or why nobody could say."""

    host: str
    devices: tuple[FleetDevice, ...]
    error: str | None = None


class _Told(msgspec.Struct):
    """The document of ``fleet status --json`` there."""

    devices: list[dict[str, Any]]


def look(
    fleet: FleetForm, server_of: Callable[[HostForm], Server], *, timeout_s: float
) -> tuple[HostSeen, ...]:
    """Every host of the fleet, at once; one that cannot be reached is a row with the reason."""

    def ask(host: HostForm) -> HostSeen:
        try:
            found = _there(host) if host.ssh else _here(host, server_of(host), timeout_s)
        except DroidReclaimError as error:
            absent = f"{host.name} cannot be asked"
            return HostSeen(host.name, _named(host, (), absent), str(error))
        return HostSeen(host.name, _named(host, found, "not attached"))

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return tuple(pool.map(ask, fleet.hosts))


def _named(host: HostForm, found: tuple[FleetDevice, ...], absent: str) -> tuple[FleetDevice, ...]:
    """Those of *found* that the fleet means, and a row for each that it names and nobody has."""
    labelled = tuple(replace(one, own=host.labels_of(one.serial)) for one in found)
    if host.serials is None:
        return labelled
    by_serial = {one.serial: one for one in labelled}
    return tuple(
        by_serial.get(serial)
        or FleetDevice(host.name, serial, "absent", reason=absent, own=host.labels_of(serial))
        for serial in host.serials
    )


def _here(host: HostForm, server: Server, timeout_s: float) -> tuple[FleetDevice, ...]:
    found = devices(
        server, default_memory(), Choice(), timeout_s=timeout_s, root_timeout_s=timeout_s,
        notify=lambda line: None,
    )  # fmt: skip
    attached = {one.serial: one for one in list_devices(server, timeout_s)}

    def facts(one: DeviceStatus) -> str:
        if one.serial not in attached or not attached[one.serial].online:
            return ""
        try:
            device = AdbDevice(server, attached[one.serial])
            return device.run(["sh", "-c", ASK], timeout_s=_FACTS_S).text
        except DroidReclaimError:
            return ""

    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        texts = list(pool.map(facts, found))
    return tuple(
        of_status(host.name, one, text, host.labels_of(one.serial))
        for one, text in zip(found, texts, strict=True)
    )


def _there(host: HostForm) -> tuple[FleetDevice, ...]:
    """Ask the tool on another host; what it prints is read as a stranger's."""
    words = [
        host.droidreclaim or "droidreclaim",
        *adb_words(host),
        "fleet",
        "status",
        "--here",
        "--json",
    ]
    text = _over_ssh(host, words)
    try:
        rows = read_json(text, _Told).devices
        return tuple(
            replace(msgspec.convert(_fields(row), FleetDevice), host=host.name) for row in rows
        )
    except ValueError as error:
        said = str(error).splitlines()[0][:_LAST_LINE]
        raise DeviceError(
            f"{host.name}: no answer of 'droidreclaim fleet status' that can be read: {said}"
        ) from error


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    known = FleetDevice.__dataclass_fields__
    return {key: value for key, value in row.items() if key in known and key != "own"}


def adb_words(host: HostForm) -> list[str]:
    """The options of the tool that name a host's adb server."""
    return ["-P", str(host.adb_port)] if host.adb_port else []


def _over_ssh(host: HostForm, words: list[str]) -> bytes:
    assert host.ssh is not None
    argv = [*SSH, host.ssh, "--", shlex.join(words)]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SSH_S, check=False
        )
    except FileNotFoundError as error:
        raise DeviceError("there is no ssh here", hint="install an ssh client") from error
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"{host.name}: no answer within {_SSH_S:g} s") from error
    if done.returncode != 0 and not done.stdout:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        why = said[0][:_LAST_LINE] if said else "it said nothing"
        raise DeviceError(
            f"{host.name}: ssh exited {done.returncode}: {why}",
            hint=f"try 'ssh {host.ssh} {host.droidreclaim or 'droidreclaim'} fleet status --here'",
        )
    return done.stdout[:_MOST_BYTES]
