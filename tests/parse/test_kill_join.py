"""Several lines, one kill."""

import pytest

from droidreclaim.parse.kills.join import join_kills
from droidreclaim.parse.kills.log import parse_kills
from droidreclaim.parse.kills.records import KilledBy, KillRecord


def record(at, pid, name, by=KilledBy.UNKNOWN, **more):
    reason, source = more.pop("reason", ""), more.pop("source", "test")
    return KillRecord(1, at, by, pid, reason, source, name=name, **more)


@pytest.mark.parametrize(
    ("name", "lines", "kills", "unexplained"),
    [
        ("logcat_system/android13-mtk_tb8168-healer", 6, 3, 0),
        ("logcat_system/android13_14-samsung-flutter161070_lmkd", 6, 4, 1),
        ("logcat_system/android_vendor-misc_kill_lines", 7, 5, 1),
        ("logcat_events/android8-gityuan_binder_bug", 2, 1, 0),
    ],
)
def test_a_capture_has_fewer_kills_than_lines(capture, name, lines, kills, unexplained):
    records = parse_kills(capture(f"{name}.txt")).records
    joined = join_kills(records)

    assert (len(records), len(joined)) == (lines, kills)
    assert [kill.by for kill in joined].count(KilledBy.UNKNOWN) == unexplained


def test_events_of_a_whole_buffer_pair_up(capture):
    joined = join_kills(
        parse_kills(capture("logcat_events/android13-mtk_tb8168-healer.txt")).records
    )

    assert [k.by for k in joined].count(KilledBy.ACTIVITY_MANAGER) == 33
    assert len(joined) == 38


def test_what_one_line_lacks_the_other_adds():
    (kill,) = join_kills(
        [
            record("01-01 10:00:00.000", 7, None, KilledBy.LMKD, freed_bytes=5, reason="low"),
            record("01-01 10:00:00.500", 7, "com.example", oom_score_adj=900),
        ]
    )

    assert (kill.by, kill.name) == (KilledBy.LMKD, "com.example")
    assert (kill.freed_bytes, kill.reason) == (5, "low")
    assert (kill.at, kill.oom_score_adj) == ("01-01 10:00:00.000", 900)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("01-01 10:00:00.000", 7, "a.b"), ("01-01 10:00:09.000", 7, "a.b")),
        (("01-01 10:00:00.000", 7, "a.b"), ("01-01 10:00:00.100", 8, "a.b")),
        (("01-01 10:00:00.000", 7, "com.one.of.two"), ("01-01 10:00:00.100", 7, "com.other")),
        (("10.000000", 7, "a.b"), ("20.000000", 7, "a.b")),
    ],
)
def test_two_kills_stay_two(first, second):
    assert len(join_kills([record(*first), record(*second)])) == 2


def test_a_kernel_record_has_the_end_of_the_name_and_another_clock():
    (kill,) = join_kills(
        [
            record("149.950550", 7, "d.process.media", KilledBy.KERNEL_LMK),
            record("01-01 10:00:00.000", 7, "android.process.media"),
        ]
    )

    assert (kill.name, kill.by) == ("android.process.media", KilledBy.KERNEL_LMK)


@pytest.mark.parametrize(
    ("filed", "by"),
    [
        (KilledBy.USER, KilledBy.USER),
        (KilledBy.FREEZER, KilledBy.FREEZER),
        (KilledBy.UNKNOWN, KilledBy.ACTIVITY_MANAGER),
        (KilledBy.LMKD, KilledBy.ACTIVITY_MANAGER),
    ],
)
def test_exit_info_knows_for_whom_activity_manager_killed(filed, by):
    (kill,) = join_kills(
        [
            record("01-01 10:00:00.000", 7, "a.b", KilledBy.ACTIVITY_MANAGER, oom_score_adj=900),
            record("01-01 10:00:00.100", 7, "a.b", filed, source="exit-info"),
        ]
    )

    assert (kill.by, kill.oom_score_adj) == (by, 900)
