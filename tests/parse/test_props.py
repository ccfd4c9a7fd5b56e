"""getprop and its values of several lines."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.shell.props import parse_getprop


@pytest.mark.parametrize(
    ("name", "count", "key", "value"),
    [
        ("android13-motorola_berlin-automacao", 821, "ro.build.version.sdk", "33"),
        ("android13-mtk_tb8168-healer", 1169, "apexd.status", "ready"),
        (
            "android9-automotive_gwm-haval",
            968,
            "persist.vendor.gwm.cfg.barrel.instrument.type",
            "0",
        ),
        ("android12-tv_xgimi_z6x-initsvc_lines", 3, "init.svc_debug_pid.IceSea", "4227"),
    ],
)
def test_every_record_of_a_capture_is_read(capture, name, count, key, value):
    properties = parse_getprop(capture(f"getprop/{name}.txt"))

    assert len(properties) == count
    assert properties[key] == value


def test_a_value_may_hold_line_ends(capture):
    motorola = parse_getprop(capture("getprop/android13-motorola_berlin-automacao.txt"))
    mediatek = parse_getprop(capture("getprop/android13-mtk_tb8168-healer.txt"))

    assert motorola["persist.sys.boot.reason.history"].count("\n") == 3
    assert mediatek["persist.vendor.sys.pq.modeindex"] == "0\n"


def test_a_record_whose_bracket_a_terminal_moved(capture):
    car = parse_getprop(capture("getprop/android9-automotive_gwm-haval.txt"))

    assert car["persist.vendor.gwm.cfg.bean_file_version"] == "cfgVersion:E0480037"


def test_values_may_be_empty_or_hold_brackets_and_carriage_returns():
    text = "[a.b]: []\r\n[c]: [x]: [y]\r\n[d]: []]\r\n"

    assert parse_getprop(text) == {"a.b": "", "c": "x]: [y", "d": "]"}


@pytest.mark.parametrize("text", ["", "\n", "[a]: [b", "a: b\n", "noise\n[a]: [b]\n"])
def test_what_is_no_getprop_is_refused(text):
    with pytest.raises(ParseError):
        parse_getprop(text)
