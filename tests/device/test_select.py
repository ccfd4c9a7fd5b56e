"""One device out of many, and what is said when there is no single one."""

from __future__ import annotations

import pytest

from adb_server import AdbServer
from droidreclaim.device.attached import Attached
from droidreclaim.device.select import Choice, choose, read_choice, select
from droidreclaim.device.server import Server
from droidreclaim.errors import DeviceError, NoDevice, UsageError

PHONE = Attached("R58M12", "device", "Pixel_6", "oriole", 7)
EMULATOR = Attached("emulator-5554", "device", "sdk_gphone64", "sdk", 8)
TCP = Attached("127.0.0.1:6555", "offline", None, None, 9)
ALL = (PHONE, EMULATOR, TCP)


def test_the_only_device_is_taken() -> None:
    assert choose([PHONE], Choice()) is PHONE


def test_several_devices_and_no_choice_lists_them_all_and_the_options() -> None:
    with pytest.raises(NoDevice) as caught:
        choose(ALL, Choice())
    text = str(caught.value)
    for word in (
        "R58M12",
        "Pixel_6",
        "emulator-5554",
        "127.0.0.1:6555",
        "offline",
        "-s SERIAL",
        "-d",
        "-e",
    ):
        assert word in text


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        (Choice(serial="emulator-5554"), EMULATOR),
        (Choice(usb=True), PHONE),
    ],
)
def test_each_option_chooses_its_device(choice: Choice, chosen: Attached) -> None:
    assert choose(ALL, choice) is chosen


def test_an_option_that_fits_two_lists_only_those() -> None:
    with pytest.raises(NoDevice) as caught:
        choose(ALL, Choice(emulator=True))
    assert "R58M12" not in str(caught.value)


def test_a_serial_that_is_not_attached_lists_those_that_are() -> None:
    with pytest.raises(NoDevice, match="no device 'X' is attached, only:\n  R58M12"):
        choose([PHONE], Choice(serial="X"))


def test_an_address_that_is_not_connected_says_how_to_connect() -> None:
    with pytest.raises(NoDevice, match=r"adb connect 10\.0\.0\.2:5555"):
        choose([], Choice(serial="10.0.0.2:5555"))


def test_no_device_at_all_says_what_to_do() -> None:
    with pytest.raises(NoDevice, match="USB debugging"):
        choose([], Choice())


@pytest.mark.parametrize(
    ("state", "advice"),
    [
        ("offline", "adb reconnect offline"),
        ("unauthorized", "accept 'Allow USB debugging'"),
        ("no permissions (missing udev rules?)", "udev rule"),
        ("recovery", "boot Android"),
    ],
)
def test_a_device_that_is_not_online_says_what_next(state: str, advice: str) -> None:
    with pytest.raises(DeviceError, match=advice) as caught:
        choose([Attached("R58M12", state)], Choice())
    assert caught.value.exit_code == 3
    assert state in str(caught.value)


def test_the_environment_counts_only_without_an_option() -> None:
    assert read_choice(None, False, False, "E") == Choice(serial="E")
    assert read_choice("S", False, False, "E") == Choice(serial="S")
    assert read_choice(None, True, False, "E") == Choice(usb=True)
    assert read_choice(None, False, False, "") == Choice()


def test_two_options_at_once_are_a_usage_error() -> None:
    with pytest.raises(UsageError):
        read_choice("S", True, False, None)


def test_selecting_asks_the_server_once(adb: AdbServer, address: Server) -> None:
    assert select(address, Choice(), 5).serial == "R58M12"
    assert adb.requests == ["host:devices-l"]
