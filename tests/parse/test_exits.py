"""Ended processes and lmkd's counters."""

from collections import Counter
from datetime import datetime

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.exits import LmkCounts, parse_exit_info, parse_lmk

A13 = "dumpsys_activity_exit_info/android13-mtk_tb8168-healer.txt"


def test_a_shared_process_that_ended_once_is_one_record(capture):
    exits = parse_exit_info(capture(A13))
    (media,) = [one for one in exits if one.pid == 6107]
    assert media.process == "android.process.media"
    assert len(media.packages) == 3
    (acore,) = [one for one in exits if one.pid == 3120]
    assert "com.android.providers.userdictionary" in acore.packages
    assert (acore.pss_bytes, acore.rss_bytes) == (13 << 20, 117 << 20)


def test_reasons_and_times_are_read(capture):
    exits = parse_exit_info(capture(A13))
    assert sum(len(one.packages) for one in exits) == 46
    assert set(Counter(one.reason for one in exits)) == {1, 2, 13}
    newest = exits[0]
    assert (newest.pid, newest.when) == (6204, datetime(2025, 12, 9, 17, 4, 15, 644000))
    assert (newest.subreason, newest.subreason_name) == (3, "TOO MANY EMPTY PROCS")
    assert newest.description == "too many empty"
    (bluetooth,) = [one for one in exits if one.pid == 2850]
    assert (bluetooth.reason_name, bluetooth.description) == ("EXIT_SELF", None)


def test_a_decimal_comma_and_a_missing_description_are_read(capture):
    name = "android_localised_decimal_comma-atrainingtracker_excerpt.txt"
    (one,) = parse_exit_info(capture(f"dumpsys_activity_exit_info/{name}"))
    assert (one.pid, one.uid, one.reason, one.reason_name) == (23671, 10450, 16, "PACKAGE UPDATED")
    assert (one.pss_bytes, one.rss_bytes, one.importance) == (0, 557 << 20, 100)


def test_nested_parentheses_and_keys_in_a_description_are_text():
    (one,) = parse_exit_info(
        "  package: a.b\n        ApplicationExitInfo #0:\n"
        "          timestamp=2025-01-02 03:04:05.678 pid=7 realUid=10001 packageUid=10001 user=0\n"
        "          process=a.b:c reason=4 (APP CRASH(EXCEPTION)) subreason=0 (UNKNOWN) status=0\n"
        "          importance=100 pss=1,5MB rss=2MB\n"
        "          description=pid=9 gone state=odd state=46 bytes trace=/data/x\n"
    )
    assert (one.pid, one.reason_name, one.description) == (
        7, "APP CRASH(EXCEPTION)", "pid=9 gone state=odd",
    )  # fmt: skip


def test_a_record_without_a_pid_is_refused():
    with pytest.raises(ParseError, match="exit-info, line 3"):
        parse_exit_info("  package: a\n    ApplicationExitInfo #0:\n      timestamp=2025\n")


def test_a_title_alone_is_not_no_exit():
    with pytest.raises(ParseError, match="no record"):
        parse_exit_info("ACTIVITY MANAGER PROCESS EXIT INFO (dumpsys activity exit-info)\n")


def test_lmkd_counters_hold_every_level(capture):
    counts = parse_lmk(capture("dumpsys_activity_lmk/android13-mtk_tb8168-healer.txt"))
    assert counts.total == 0
    assert [adj for adj, _ in counts.at_or_below] == [
        999, 900, 800, 700, 600, 500, 400, 300, 250, 200, 100, 0,
    ]  # fmt: skip


def test_lmkd_counters_of_a_busy_device_are_numbers():
    counts = parse_lmk(
        "ACTIVITY MANAGER LMK KILLS (dumpsys activity lmk)\n  Total number of kills: 12\n"
        "    kills at or below oom_adj 900: 12\n    kills at or below oom_adj 0: 1\n"
    )
    assert (counts.total, counts.at_or_below) == (12, ((900, 12), (0, 1)))


def test_counters_are_compared_level_by_level_and_after_a_boot_start_anew():
    before = LmkCounts(5, ((999, 5), (900, 2), (0, 0)))
    after = LmkCounts(9, ((999, 9), (900, 4), (0, 1)))
    assert after.since(before) == LmkCounts(4, ((999, 4), (900, 2), (0, 1)))
    assert before.since(after) == before
