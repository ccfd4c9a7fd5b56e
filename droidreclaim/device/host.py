"""This side of the cable: which adb program, which server, and how long the way is."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass

from droidreclaim.device import Device
from droidreclaim.device.adb import find_adb, server_version
from droidreclaim.device.server import Server
from droidreclaim.errors import DeviceError

_VERSION = re.compile(r"^Version (\S{1,40})", re.MULTILINE)
_PROTOCOL = re.compile(r"Android Debug Bridge version 1\.0\.(\d{1,6})")
_TIMEOUT_S = 10.0
_TRIPS = 5


@dataclass(frozen=True, slots=True)
class Host:
    """
    What stands between this program and the devices; None where it could not be found out.

    Attributes:
        version: Of the program, as platform-tools count (``36.0.0``).
        protocol: Of the program and of the server: 41 since 2019; they differ when another
            program started the server.
    """

    adb_path: str | None
    version: str | None
    protocol: int | None
    server: str
    server_protocol: int | None


def describe(server: Server, timeout_s: float) -> Host:
    """Look for adb and its server; never raises, since finding none is an answer, too."""
    path, said = None, ""
    try:
        path = find_adb()
        said = subprocess.run(
            [path, "version"], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        ).stdout
    except (DeviceError, OSError, subprocess.TimeoutExpired):
        pass
    version, protocol = _VERSION.search(said), _PROTOCOL.search(said)
    try:
        server_protocol = server_version(server, timeout_s)
    except DeviceError:
        server_protocol = None
    return Host(
        adb_path=path,
        version=version[1] if version else None,
        protocol=int(protocol[1]) if protocol else None,
        server=str(server),
        server_protocol=server_protocol,
    )


def round_trip_s(device: Device, timeout_s: float) -> float:
    """Time the shortest of five empty commands: connection, shell and back."""
    trips = []
    for _ in range(_TRIPS):
        begun = time.perf_counter()
        device.run(["true"], timeout_s=timeout_s)
        trips.append(time.perf_counter() - begun)
    return min(trips)
