"""Answers of am start -W."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.launch import parse_launch, parse_launches


def test_a_cold_and_a_hot_start_are_told_apart(capture):
    cold, hot = parse_launches(capture("am_start/aosp_platform_testing-calculator.txt"))
    assert (cold.launch_state, cold.total_time_s, cold.wait_time_s) == ("COLD", 0.357, 0.377)
    assert (hot.launch_state, hot.total_time_s, hot.wait_time_s) == ("HOT", 0.06, 0.067)
    assert (cold.status, cold.warning, cold.complete) == ("ok", None, True)
    assert hot.warning is not None
    assert hot.activity is not None
    assert hot.activity.endswith("CalculatorGoogle")


def test_a_failed_start_says_why(capture):
    with pytest.raises(ParseError, match="refused by the framework"):
        parse_launch(capture("errors/am_start_security_exception-android12-tv_xgimi_z6x.txt"))
    with pytest.raises(ParseError, match="does not exist"):
        parse_launch(
            "Starting: Intent { cmp=a/.B }\nError: Activity class {a/.B} does not exist.\n"
        )


def test_a_start_before_android_10_has_no_launch_state():
    launch = parse_launch(
        "Starting: Intent { cmp=a.b/.C }\r\nStatus: ok\r\nActivity: a.b/.C\r\nThisTime: 512\r\n"
        "TotalTime: 512\r\nWaitTime: 540\r\nComplete\r\n"
    )
    assert (launch.launch_state, launch.total_time_s) == (None, 0.512)


def test_an_unknown_start_has_no_times():
    launch = parse_launch("Status: timeout\nLaunchState: UNKNOWN (0)\nActivity: a.b/.C\n")
    assert (launch.status, launch.launch_state, launch.total_time_s, launch.complete) == (
        "timeout", "UNKNOWN (0)", None, False,
    )  # fmt: skip


def test_several_answers_are_not_one(capture):
    with pytest.raises(ParseError, match="2 answers"):
        parse_launch(capture("am_start/aosp_platform_testing-calculator.txt"))


def test_an_intent_without_a_status_is_no_launch():
    with pytest.raises(ParseError, match="no status"):
        parse_launch("Starting: Intent { cmp=a/.B }\n")
