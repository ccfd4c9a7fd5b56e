"""Waiting for a device that boots, that never does, and that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from adb_server import EXIT, STDOUT, AdbServer, Peer, packet
from droidreclaim.device import wait
from droidreclaim.device.root import RootMemory, RootWay
from droidreclaim.device.select import Choice
from droidreclaim.device.server import Server
from droidreclaim.device.wait import wait_ready
from droidreclaim.errors import DeviceError, DeviceTimeout

BOOTED = b"booted=1\npackage:/system/framework/framework-res.apk\n"
ROOT = b"Uid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\nsu: \n"
SHELL = b"Uid:\t2000\t2000\t2000\t2000\nCapEff:\t0000000000000000\nsu: \n"


@pytest.fixture
def memory(tmp_path: Path) -> RootMemory:
    return RootMemory(tmp_path / "root.json")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait, "POLL_S", 0.02)


def answer(adb: AdbServer, *texts: bytes) -> None:
    """The device's answers, one a command; the last for ever."""
    left = list(texts)

    def shell(peer: Peer, _: str) -> None:
        text = left.pop(0) if len(left) > 1 else left[0]
        peer.okay()
        peer.send(packet(STDOUT, text) + packet(EXIT, b"\0"))

    adb.handlers["shell,v2"] = shell


def test_each_stage_of_the_boot_is_told_once(
    adb: AdbServer, address: Server, memory: RootMemory
) -> None:
    answer(adb, b"booted=\n", b"booted=\n", b"booted=1\n", BOOTED, ROOT)
    told: list[str] = []
    ready = wait_ready(address, Choice(), memory, timeout_s=5, notify=told.append)
    assert (ready.device.serial, ready.way) == ("R58M12", RootWay.ADBD)
    assert told == [
        "R58M12: Android has not finished booting",
        "R58M12: the package manager does not answer yet",
    ]


def test_a_device_that_appears_later_is_waited_for(
    adb: AdbServer, address: Server, memory: RootMemory
) -> None:
    listed = [adb.devices, adb.devices.replace(" device usb", " offline usb"), ""]
    adb.handlers["host:devices-l"] = lambda peer, _: peer.block(
        listed.pop() if len(listed) > 1 else listed[0]
    )
    answer(adb, BOOTED, ROOT)
    told: list[str] = []
    wait_ready(address, Choice(), memory, timeout_s=5, notify=told.append)
    assert "no device is attached" in told[0]
    assert "R58M12: offline" in told[1]


def test_a_device_that_never_boots_ends_at_the_deadline_and_says_what_is_missing(
    adb: AdbServer, address: Server, memory: RootMemory
) -> None:
    answer(adb, b"booted=\n")
    with pytest.raises(DeviceTimeout, match=r"not ready within 0\.3 s: .* not finished booting"):
        wait_ready(address, Choice(), memory, timeout_s=0.3, notify=lambda _: None)


def test_a_ready_device_without_root_is_a_device_error(
    adb: AdbServer, address: Server, memory: RootMemory
) -> None:
    answer(adb, BOOTED, SHELL)
    with pytest.raises(DeviceError, match="no root") as caught:
        wait_ready(address, Choice(), memory, timeout_s=5, notify=lambda _: None)
    assert caught.value.exit_code == 3
