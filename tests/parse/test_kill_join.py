"""Several lines, one kill."""

from itertools import permutations

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
        (KilledBy.MEMORY_LIMITER, KilledBy.MEMORY_LIMITER),
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


# What a real lmkd wrote of one kill, in its order: the event comes first, as in AOSP.
_EVENT = "I killinfo: [260,10063,920,201,54856,3,4792" + ",0" * 22 + ",27120,0]"
_SENTENCE = (
    "I lowmemorykiller: Kill 'com.example.maps' (260), uid 10063, oom_score_adj 920"
    " to free 54832kB rss, 27120kB swap; reason: low watermark is breached and swap is low"
)
_GONE = "I ActivityManager: Process com.example.maps (pid 260) has died: cch+2 CEM"
_EXIT = "I am_proc_died: [0,260,com.example.maps,920,16]"
_ZYGOTE = "I Zygote  : Process 260 exited due to signal 9 (Killed)"


def _of_log(*messages):
    rows = (
        f"11-28 01:52:59.8{at:02d}   209   209 {message}\n" for at, message in enumerate(messages)
    )
    return join_kills(parse_kills("".join(rows)).records)


@pytest.mark.parametrize("order", list(permutations([_EVENT, _SENTENCE, _GONE, _EXIT, _ZYGOTE], 3)))
def test_lmkd_s_sentence_is_the_reason_wherever_it_stands(order):
    if not {_EVENT, _SENTENCE} & set(order):
        return
    (kill,) = _of_log(*order)

    assert kill.by is KilledBy.LMKD
    expected = (
        "low watermark is breached and swap is low"
        if _SENTENCE in order
        else "low_mem_and_swap (reason 3)"
    )
    assert kill.reason == expected
    assert kill.swap_bytes == 27120 * 1024
    assert kill.freed_bytes == (54856 if _EVENT in order else 54832) * 1024


def test_what_exit_info_files_of_lmkd_s_kill_says_less_than_lmkd():
    filed = record(
        "01-01 10:00:00.000", 7, "a.b", KilledBy.LMKD, reason="LOW_MEMORY", source="exit-info"
    )
    said = record("01-01 10:00:00.001", 7, "a.b", KilledBy.LMKD, reason="low", source="lmkd")
    for order in ([filed, said], [said, filed]):
        (kill,) = join_kills(order)
        assert (kill.reason, kill.source) == ("low", "lmkd")


def test_a_kill_without_a_sentence_has_no_reason_given():
    event = "I killinfo: [262,10066,985,0,82032,-1,15088" + ",0" * 29 + "]"
    line = (
        "I lowmemorykiller: Kill 'com.example.game' (262), uid 10066, oom_score_adj 985"
        " to free 81944kb uss, 81951kb pss, and 0kb swap"
    )
    (kill,) = _of_log(event, line)
    assert (kill.reason, kill.freed_bytes, kill.swap_bytes) == ("no reason given", 82032 * 1024, 0)
    (alone,) = _of_log(line)
    assert (alone.reason, alone.freed_bytes, alone.swap_bytes) == ("", 81944 * 1024, 0)


def _killed(pid, tail=""):
    head = f"I lowmemorykiller: Kill 'com.a{pid}' ({pid}), uid 10066, oom_score_adj 985"
    return f"{head} to free 9kB{tail}"


_LEVEL = (
    "I lowmemorykiller: Reclaimed 9kB, cache(8164kB) and free(15088kB)-reserved(8064kB)"
    " below min(73728kB) for oom_score_adj 0"
)
_WHY = "cache(8164kB) and free(15088kB)-reserved(8064kB) below min(73728kB) for oom_score_adj 0"


@pytest.mark.parametrize(
    ("messages", "reasons"),
    [
        ([_killed(7), _LEVEL], [_WHY]),
        ([_killed(7), "I ActivityManager: other", _LEVEL], [_WHY]),
        ([_killed(7), _killed(8), _LEVEL], [_WHY, _WHY]),  # Android 8 to 9 killed several
        ([_killed(7), _LEVEL, _killed(8)], [_WHY, ""]),
        ([_LEVEL, _killed(7)], [""]),  # cut at the start: of a kill that is not there
        ([_killed(7, "; reason: its own"), _LEVEL], ["its own"]),
        ([_killed(7), "I lowmemorykiller: Reclaimed 9kB at oom_score_adj 900"], [""]),
        ([_killed(7), _LEVEL.replace("73728kB", "?")], [""]),
        ([_killed(7), _LEVEL.replace("I lowmemorykiller", "I Tag")], [""]),
    ],
)
def test_the_level_that_a_kill_was_for_is_its_reason(messages, reasons):
    assert [kill.reason for kill in _of_log(*messages)] == reasons


def test_the_real_lmkd_with_levels_told_one_for_each_kill(capture):
    kills = join_kills(
        parse_kills(capture("logcat_system/android12L-quest_pro-real_lmkd_minfree.txt")).records
    )
    assert len(kills) == 6
    assert all("below min(" in kill.reason for kill in kills)
