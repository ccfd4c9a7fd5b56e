"""An adb server of our own for every test that wants one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from adb_server import AdbServer
from droidreclaim.device.adb import AdbDevice, list_devices
from droidreclaim.device.server import Server


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Make a folder that a shell of uid 2000 can enter; pytest closes its own to other users."""
    with tempfile.TemporaryDirectory(prefix="droidreclaim-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def adb() -> Iterator[AdbServer]:
    with AdbServer() as server:
        yield server


@pytest.fixture
def address(adb: AdbServer) -> Server:
    return Server("127.0.0.1", adb.port)


@pytest.fixture
def device(address: Server) -> AdbDevice:
    """The one device, listed and chosen."""
    (attached,) = list_devices(address, 5)
    return AdbDevice(address, attached)
