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
    """Give the device's answers in turn, one for each command; the last one is repeated."""
    left = list(texts)

    def shell(peer: Peer, _: str) -> None:
        text = left.pop(0) if len(left) > 1 else left[0]
        peer.okay()
        peer.send(packet(STDOUT, text) + packet(EXIT, b"\0"))

    adb.handlers["shell,v2"] = shell


def test_each_look_tells_what_is_waited_for(
    adb: AdbServer, address: Server, memory: RootMemory
) -> None:
    answer(adb, b"booted=\n", b"booted=\n", b"booted=1\n", BOOTED, ROOT)
    told: list[str] = []
    ready = wait_ready(address, Choice(), memory, timeout_s=5, notify=told.append)
    assert (ready.device.serial, ready.way) == ("R58M12", RootWay.ADBD)
    assert told == [
        "R58M12: Android has not finished booting, 0 of 5 s",
        "R58M12: Android has not finished booting, 0 of 5 s",
        "R58M12: the package manager does not answer yet, 0 of 5 s",
        "R58M12: looking for root",
    ]


def told_of(
    adb: AdbServer, address: Server, memory: RootMemory, *looks: bytes, package: str | None = None
) -> list[str]:
    """Return what is reported while waiting for a booted device, without serial and time."""
    first, *rest = (BOOTED + look for look in looks)
    answer(adb, first, *rest)
    inner = adb.handlers["shell,v2"]

    def shell(peer: Peer, request: str) -> None:
        if "self/status" not in request:
            inner(peer, request)
            return
        peer.okay()
        peer.send(packet(STDOUT, ROOT) + packet(EXIT, b"\0"))

    adb.handlers["shell,v2"] = shell
    told: list[str] = []
    wait_ready(address, Choice(), memory, timeout_s=5, notify=told.append, package=package)
    return [line.removeprefix("R58M12: ").partition(", ")[0] for line in told]


def test_swap_that_init_turns_on_late_is_waited_for(
    adb: AdbServer, address: Server, memory: RootMemory
) -> None:
    for sign, words in (
        (
            b"fstab=/vendor/etc/fstab.ranchu\n",
            "swap is not on yet (/vendor/etc/fstab.ranchu has some)",
        ),
        (b"mmd=true\n", "swap is not on yet (mmd.zram.enabled is true)"),
        (b"zram=1073741824\n", "swap is not on yet (zram0 has a size)"),
    ):
        told = told_of(adb, address, memory, b"swaps=1\n" + sign, b"swaps=2\n" + sign)
        assert told == [words, "looking for root"]
    for none in (b"swaps=1\nzram=0\n", b"zram=7\n", b"swaps=1\nzram=\nmmd=\n"):
        assert told_of(adb, address, memory, none) == ["looking for root"]


def test_swap_that_never_comes_is_told_and_ends_no_wait(
    adb: AdbServer, address: Server, memory: RootMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait, "SWAP_S", 0.1)
    told = told_of(adb, address, memory, b"swaps=1\nmmd=true\n")
    assert told[-1] == "no swap came within 0.1 s (mmd.zram.enabled is true): going on without"


def test_a_busy_device_is_waited_for_until_it_is_calm(
    adb: AdbServer, address: Server, memory: RootMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = [
        b"cpu  100 0 0 0 0 0 0 0 0 0\n",
        b"cpu  190 0 0 10 0 0 0 0 0 0\n",
        b"cpu  200 0 0 90 10 0 0 0 0 0\n",
    ]
    told = told_of(adb, address, memory, *looks)
    assert told == ["looking for root", "seeing whether it is calm", "busy"]
    monkeypatch.setattr(wait, "CALM_S", 0)
    told = told_of(adb, address, memory, *looks[:2], b"cpu  999 0 0 10 0 0 0 0 0 0\n")
    assert told[-1] == "busy"
    strange = [b"cpu  x y z\n", b"cpu  " + b"9" * 5000 + b" 1 1 1 1\n", b"cpu \n"]
    assert told_of(adb, address, memory, *strange) == ["looking for root"]


def test_an_app_is_waited_for_until_a_process_of_it_runs(
    adb: AdbServer, address: Server, memory: RootMemory
) -> None:
    told = told_of(
        adb, address, memory,
        b"installed=\nrunning=\n", b"installed=package:/data/a.apk\nrunning=\n",
        b"installed=package:/data/a.apk\nrunning=300\n", package="com.example.game",
    )  # fmt: skip
    assert told == [
        "com.example.game is not installed",
        "com.example.game does not run",
        "looking for root",
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
