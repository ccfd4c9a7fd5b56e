"""Reading the adb server's list of devices: rows of real devices, and rows that are wrong."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from droidreclaim.device.attached import Attached, parse_attached
from droidreclaim.errors import ParseError

FIXTURES = Path(
    os.environ.get("DROIDRECLAIM_FIXTURES")
    or Path(__file__).parents[2].parent / "shared" / "fixtures"
)


def captured(name: str) -> tuple[Attached, ...]:
    """A capture of ``adb devices -l``, without what the client prints around the answer."""
    path = FIXTURES / "adb_devices" / name
    if not path.exists():
        pytest.skip(f"no captures at {FIXTURES}")
    lines = path.read_text().splitlines()
    noise = ("List of", "*", "adb server")
    return parse_attached("\n".join(line for line in lines if not line.startswith(noise)))


def test_a_phone_and_one_over_tcp() -> None:
    usb, tcp = captured("scrcpy-1-two_devices.txt")
    assert usb == Attached("0123456789abcdef", "device", "MyModel", "MyProduct", 1)
    assert (usb.kind, tcp.kind) == ("usb", "tcp")
    assert tcp.transport_id is None  # misspelt in this capture


def test_a_serial_may_hold_blanks() -> None:
    (phone,) = captured("scrcpy-5-serial_with_spaces.txt")
    assert phone.serial == "adb-0123456789AB-CDdefg (2)._adb-tls-connect._tcp"
    assert (phone.kind, phone.online, phone.transport_id) == ("tcp", True, 3)


def test_a_state_may_be_a_sentence() -> None:
    (phone,) = captured("blog-no_permissions_short.txt")
    assert phone.serial == "N7AIB700D379BYD"
    assert phone.state == "no permissions (user in plugdev group; are your udev rules wrong?)"


def test_a_state_with_its_url_and_tags_behind() -> None:
    (phone,) = parse_attached(
        "???????????? no permissions (missing udev rules? user is in the plugdev group); "
        "see [http://developer.android.com/tools/device.html] usb:1-1 transport_id:2\n"
    )
    assert phone.state.endswith("device.html]")
    assert phone.transport_id == 2


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("flutter10293-mixed_states.txt", ["device", "device", "unauthorized", "device"]),
        ("flutter358-unauthorized.txt", ["unauthorized"]),
        ("scrcpy-2-daemon_lines_mixed.txt", ["unauthorized", "device"]),
        ("scrcpy-3-daemon_start.txt", ["device"]),
        ("scrcpy-4-spaces_unauthorized.txt", ["unauthorized"]),
        ("scrcpy-6-devpath_without_colon.txt", ["device"]),
        ("szj202_twrp-recovery_line.txt", ["recovery"]),
        ("android12-tv_xgimi_z6x-tcp.txt", ["device"]),
    ],
)
def test_the_state_of_every_captured_row(name: str, states: list[str]) -> None:
    assert [attached.state for attached in captured(name)] == states


def test_a_state_of_a_later_release_is_kept_as_it_is() -> None:
    (phone,) = parse_attached("R58M12  hibernating usb:1-4 transport_id:3")
    assert (phone.state, phone.online, phone.transport_id) == ("hibernating", False, 3)


def test_no_device_is_an_empty_list() -> None:
    assert parse_attached("") == parse_attached("\n") == ()


def test_a_row_without_a_state_is_no_device() -> None:
    with pytest.raises(ParseError, match="line 2"):
        parse_attached("R58M12 device\nR58M13\n")


@given(st.text())
def test_any_text_is_a_list_or_a_parse_error(text: str) -> None:
    with suppress(ParseError):
        assert all(attached.serial and attached.state for attached in parse_attached(text))


_serial = st.one_of(
    st.from_regex(r"[0-9A-Z]{4,20}", fullmatch=True),
    st.from_regex(r"10\.0\.[0-9]{1,3}\.[0-9]{1,3}:5555", fullmatch=True),
    st.from_regex(r"adb-[0-9A-Z]{4,12}-[a-z]{6}( \(2\))?\._adb-tls-connect\._tcp", fullmatch=True),
)
_states = ("device", "offline", "unauthorized", "authorizing", "recovery", "sideload", "rescue")


@given(st.lists(st.tuples(_serial, st.sampled_from(_states)), unique_by=lambda row: row[0]))
def test_every_row_is_read_as_it_was_written(rows: list[tuple[str, str]]) -> None:
    plain = "".join(f"{serial}\t{state}\n" for serial, state in rows)
    wide = "".join(
        f"{serial:<22} {state} usb:1-1.2 product:a model:B_C device:d transport_id:3\n"
        for serial, state in rows
    )
    for text in (plain, wide):
        assert [(one.serial, one.state) for one in parse_attached(text)] == rows


def test_rows_with_paths_and_keys_not_seen_before() -> None:
    rows = parse_attached(
        "A device 2-1.4:1.0 product:b\n"
        "B device usb:1-1 product:x model:Pixel_9 transport_id:1 usb3.1:yes Wi-Fi:1\n"
        "C unauthorized usb:339804160X transport_id:1\nD rescue\nE authorizing transport_id:2\n"
        "adb-F (2)._adb-tls-connect._tcp connecting\n????????????    no permissions\n"
    )
    assert [one.state for one in rows] == [
        "device", "device", "unauthorized", "rescue", "authorizing", "connecting", "no permissions",
    ]  # fmt: skip
    assert [one.transport_id for one in rows[:3]] == [None, 1, 1]


@pytest.mark.parametrize("digits", ["9" * 5000, "9" * 400, "9" * 19, "-1", "1e9", "\u0663"])
def test_a_transport_id_that_is_no_number_of_adb_s_is_none(digits: str) -> None:
    with suppress(ParseError):
        (phone,) = parse_attached(f"R58M12 device transport_id:{digits}\n")
        assert phone.transport_id is None


def test_a_row_longer_than_any_is_no_row_and_takes_no_time() -> None:
    begun = time.process_time()
    for long in ("no permissions (" * 4000, "device " * 9000, " " * 60_000 + "x", "x" * 60_000):
        with pytest.raises(ParseError):
            parse_attached(f"R58M12 {long}")
    assert time.process_time() - begun < 1
