"""An emulator by the name of its AVD, and what its AVD asks for."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from console import TOKEN, Console

from adb_server import AdbServer
from droidreclaim.device import console
from droidreclaim.device.attached import Attached
from droidreclaim.device.select import Choice, select
from droidreclaim.device.server import Server
from droidreclaim.errors import NoDevice, SeveralDevices
from droidreclaim.inspect.doctor import _avd_of


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".emulator_console_auth_token").write_text(TOKEN)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def emulator(adb: AdbServer) -> Iterator[Console]:
    with Console("Pixel_7_API_34") as one:
        adb.devices = f"{one.serial} device product:sdk model:sdk transport_id:7\n"
        yield one


def test_an_emulator_is_chosen_by_the_name_of_its_avd(emulator: Console, address: Server) -> None:
    for name in ("Pixel_7_API_34", "Pixel 7 API 34", emulator.serial):
        assert select(address, Choice(name), 5).serial == emulator.serial
    with pytest.raises(NoDevice, match="'Pixel_8'"):
        select(address, Choice("Pixel_8"), 5)


def test_a_serial_that_is_attached_asks_no_console(emulator: Console, address: Server) -> None:
    select(address, Choice(emulator.serial), 5)
    select(address, Choice(), 5)
    assert emulator.lines == []


def test_two_emulators_of_one_avd_are_not_guessed_between(
    adb: AdbServer, emulator: Console, address: Server
) -> None:
    with Console("Pixel_7_API_34") as other:
        adb.devices += f"{other.serial} device transport_id:8\n"
        with pytest.raises(SeveralDevices, match=other.serial):
            select(address, Choice("Pixel_7_API_34"), 5)


def test_the_console_of_another_machines_emulator_is_not_asked(emulator: Console) -> None:
    listed = [Attached(emulator.serial, "device")]
    assert console.serial_of(Server("build-host"), listed, "Pixel_7_API_34") is None
    assert emulator.lines == []


@pytest.mark.parametrize("token", [None, "", "wrong", "two\nlines", "\x00" * 9000])
def test_a_console_that_refuses_or_a_token_that_is_none_is_no_name(
    emulator: Console, home: Path, token: str | None
) -> None:
    path = home / ".emulator_console_auth_token"
    path.unlink()
    if token is not None:
        path.write_text(token)
    assert console.avd_name(emulator.serial) is None


def test_what_is_no_console_or_silent_costs_two_seconds_at_most() -> None:
    begun_s = time.monotonic()
    with Console("", greets=False) as silent:
        assert console.avd_name(silent.serial) is None
    assert console.avd_name("emulator-1") is None
    for serial in ("emulator-99999", "emulator-", "R58M12", "emulator-5554x"):
        assert console.avd_name(serial) is None
    assert time.monotonic() - begun_s < 15


def test_what_the_avd_asks_for_is_read_only_of_the_emulator_that_is_meant(home: Path) -> None:
    (home / "config.ini").write_text("hw.ramSize=2G\nrubbish\nimage.sysdir.1=a/b/\n")
    with Console("Pixel", home) as emulator:
        mine = {"ro.boot.qemu.avd_name": "Pixel"}
        assert _avd_of(emulator.serial, mine) == {"hw.ramSize": "2G", "image.sysdir.1": "a/b/"}
        assert _avd_of(emulator.serial, {"ro.boot.qemu.avd_name": "Another"}) is None
        os.unlink(home / "config.ini")
        assert _avd_of(emulator.serial, mine) is None
    with Console("Pixel") as emulator:
        assert _avd_of(emulator.serial, mine) is None
