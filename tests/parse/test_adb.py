"""adb devices and adb root."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.shell.adb import RootAnswer, parse_adb_root, parse_devices


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("android12-tv_xgimi_z6x-tcp", [("192.168.0.109:5555", "device")]),
        ("blog-no_permissions_short", [("N7AIB700D379BYD", "no permissions")]),
        ("flutter358-unauthorized", [("8XV5000A20007972", "unauthorized")]),
        ("scrcpy-1-two_devices", [("0123456789abcdef", "device"), ("192.168.1.1:5555", "device")]),
        (
            "scrcpy-2-daemon_lines_mixed",
            [("0123456789abcdef", "unauthorized"), ("87654321", "device")],
        ),
        ("scrcpy-3-daemon_start", [("0123456789abcdef", "device")]),
        ("scrcpy-4-spaces_unauthorized", [("0123456789abcdef", "unauthorized")]),
        (
            "scrcpy-5-serial_with_spaces",
            [("adb-0123456789AB-CDdefg (2)._adb-tls-connect._tcp", "device")],
        ),
        ("scrcpy-6-devpath_without_colon", [("12345678", "device")]),
        ("szj202_twrp-recovery_line", [("KB18K627078", "recovery")]),
    ],
)
def test_serial_and_state_of_every_row(capture, name, expected):
    devices = parse_devices(capture(f"adb_devices/{name}.txt"))

    assert [(device.serial, device.state) for device in devices] == expected


def test_mixed_states(capture):
    devices = parse_devices(capture("adb_devices/flutter10293-mixed_states.txt"))

    assert [d.serial for d in devices if not d.ready] == ["emulator-5556"]
    assert len(devices) == 4


def test_usb_path_and_properties(capture):
    (bare,) = parse_devices(capture("adb_devices/scrcpy-6-devpath_without_colon.txt"))
    (marked,) = parse_devices(capture("adb_devices/scrcpy-3-daemon_start.txt"))

    assert (bare.usb, bare.properties["product"]) == ("3-1", "manet")
    assert (marked.usb, marked.properties["transport_id"]) == ("2-1", "1")


def test_no_permissions_keeps_its_reason():
    (device,) = parse_devices(
        "List of devices attached\r\n"
        "????????????\tno permissions (missing udev rules?); see [url]\r\n"
    )

    assert (device.serial, device.ready) == ("????????????", False)
    assert device.detail is not None
    assert device.detail.startswith("(missing udev")


def test_a_state_to_come_is_kept_under_a_header_only():
    (device,) = parse_devices("List of devices attached\nabc\thibernating\n")

    assert device.state == "hibernating"
    with pytest.raises(ParseError):
        parse_devices("abc\thibernating\n")


def test_a_header_alone_is_no_device_and_nothing_is_an_error():
    assert parse_devices("* daemon started successfully\nList of devices attached\n\n") == ()
    with pytest.raises(ParseError):
        parse_devices("")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("production_build-magisk425_pixel8.1_and_oneplus8", RootAnswer.PRODUCTION),
        ("restarting-skia_recipes", RootAnswer.RESTARTING),
    ],
)
def test_answers_of_adb_root(capture, name, answer):
    assert parse_adb_root(capture(f"adb_root/{name}.txt")) is answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("adbd is already running as root\n", RootAnswer.ALREADY),
        (
            "ADB Root access is disabled by system setting - enable in Settings\n",
            RootAnswer.DISABLED,
        ),
        ("adb: unable to connect for root: closed\n", RootAnswer.UNREACHABLE),
    ],
)
def test_other_answers_of_adb_root(text, answer):
    assert parse_adb_root(text) is answer


def test_an_unknown_answer_is_refused():
    with pytest.raises(ParseError):
        parse_adb_root("sure\n")
