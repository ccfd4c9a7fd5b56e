"""A list of very many devices: they are asked side by side, in bounded time, a row for each."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from adb_server import EXIT, STDOUT, AdbServer, Peer, packet
from droidreclaim.device.root import RootMemory
from droidreclaim.device.select import Choice
from droidreclaim.device.server import Server
from droidreclaim.inspect import devices
from droidreclaim.model import DeviceStatus

MANY = 2000


def rows_of(adb: AdbServer, state: str, count: int = MANY) -> None:
    adb.devices = "".join(f"S{number} {state} transport_id:{number}\n" for number in range(count))


def listed(address: Server, tmp_path: Path, timeout_s: float) -> tuple[DeviceStatus, ...]:
    memory = RootMemory(tmp_path / "root.json")
    return devices.devices(address, memory, Choice(), timeout_s=timeout_s, notify=lambda _: None)


def test_two_thousand_devices_that_are_not_online_are_told_at_once(
    adb: AdbServer, address: Server, tmp_path: Path
) -> None:
    rows_of(adb, "offline")
    begun = time.monotonic()
    found = listed(address, tmp_path, 30)
    assert time.monotonic() - begun < 20
    assert len(found) == MANY
    assert all(one.reason and one.reason.startswith("offline") for one in found)


def test_two_thousand_devices_that_are_gone_when_they_are_asked_take_bounded_time(
    adb: AdbServer, address: Server, tmp_path: Path
) -> None:
    rows_of(adb, "device")
    adb.handlers["host:transport"] = lambda peer, _: peer.fail("no such transport")
    begun = time.monotonic()
    found = listed(address, tmp_path, 4)
    assert time.monotonic() - begun < 30
    assert [one.serial for one in found] == [f"S{number}" for number in range(MANY)]
    assert all(one.reason for one in found)


def test_devices_that_hang_do_not_keep_the_others_waiting(
    adb: AdbServer, address: Server, tmp_path: Path
) -> None:
    rows_of(adb, "device", 100)
    adb.handlers["shell,v2"] = lambda peer, _: (peer.okay(), time.sleep(20))[0]
    begun = time.monotonic()
    found = listed(address, tmp_path, 1)
    assert time.monotonic() - begun < 30
    assert "no answer within 1 s" in (found[0].reason or "")
    assert "not asked: those before it took 1 s" in (found[-1].reason or "")


def test_a_property_of_any_length_is_cut_and_an_sdk_of_any_is_a_number_or_none(
    adb: AdbServer, address: Server, tmp_path: Path
) -> None:
    def lie(peer: Peer, _: str) -> None:
        peer.okay()
        text = b"model=" + b"M" * 60_000 + b"\nsdk=" + b"9" * 5000 + b"\nabi=a\nbooted=1\n"
        peer.send(packet(STDOUT, text) + packet(EXIT, b"\0"))

    adb.handlers["shell,v2"] = lie
    [one] = listed(address, tmp_path, 5)
    assert one.sdk is None
    assert len(one.model or "") <= 92


def test_a_defect_in_one_row_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        devices._several_at_a_time(lambda row: 1 // 0, [object()] * 3)  # type: ignore[list-item, arg-type, return-value]
