"""The event log about processes."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.kills.event_values import (
    Compacted,
    FreezerSwitched,
    LmkdKilled,
    LowMemory,
    MemorySampled,
    ProcessBound,
    ProcessDied,
    ProcessFailed,
    ProcessKilled,
    ProcessStarted,
    PssSampled,
)
from droidreclaim.parse.kills.events import parse_events
from droidreclaim.parse.kills.logcat import parse_logcat


def events_of(text):
    return parse_events(parse_logcat(text))


def event_of(tag, values):
    (event,) = events_of(f"01-28 12:58:32.598   151   163 I {tag}: {values}\n")
    return event


def counts_of(events):
    kinds = [type(event).__name__ for event in events]
    return {kind: kinds.count(kind) for kind in kinds}


def test_a_whole_buffer_of_android_13(capture):
    events = events_of(capture("logcat_events/android13-mtk_tb8168-healer.txt"))
    memory = next(event for event in events if isinstance(event, MemorySampled))
    loader = next(event for event in events if getattr(event, "pid", 0) == 2625)

    assert counts_of(events) == {
        "ProcessStarted": 51,
        "ProcessBound": 51,
        "ProcessDied": 38,
        "ProcessKilled": 33,
        "LowMemory": 3,
        "MemorySampled": 3,
        "PssSampled": 134,
        "FreezerSwitched": 20,
    }
    assert (loader.uid, loader.kind, loader.component) == (1037, "", "")
    assert memory.free_bytes > 0


def test_reasons_keep_their_commas_and_brackets(capture):
    oplus = events_of(capture("logcat_events/android15-oplus_coloros-cachedclean.txt"))

    assert {event.reason for event in oplus} == {"CachedClean[(cch-empty)]"}
    assert oplus[4].name == "com.oplus.dmp:main"


def test_kills_of_android_7_and_12(capture):
    seven = events_of(capture("logcat_events/android7-xiaomi_gityuan.txt"))
    twelve = events_of(capture("logcat_events/android10_12-xiaomi-freezeit_notes.txt"))

    assert (seven[0].oom_score_adj, seven[0].reason) == (5, "stop com.tencent.tim: from pid 4617")
    assert (seven[4].kind, seven[5].kind) == ("service", "content provider")
    assert [event.oom_score_adj for event in twelve] == [910, 702, 500, 915, 935, 900, 920]


def test_an_adj_that_was_never_set_is_unknown(capture):
    events = events_of(capture("logcat_events/android8-gityuan_binder_bug.txt"))
    killed, died = events[1], events[3]

    assert (killed.oom_score_adj, killed.reason) == (None, "remove task")
    assert (died.oom_score_adj, died.proc_state) == (None, 18)


def test_killinfo_names_the_sizes_it_was_decided_by(capture):
    (kill,) = events_of(capture("logcat_events/android13_14-killinfo_39field.txt"))

    assert isinstance(kill, LmkdKilled)
    assert (kill.pid, kill.oom_score_adj, kill.min_oom_score_adj) == (23908, 915, 201)
    assert kill.freed_bytes == 173576 * 1024
    assert kill.sizes_bytes["SwapFree"] == 478784 * 1024


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("android5_15-batteryhistorian_tests", {"ProcessDied": 1, "LowMemory": 3}),
        ("android6-nexus-aosp_docs_low_memory", {"LowMemory": 7}),
        ("android6-xiaomi_gityuan-misc", {"ProcessBound": 1}),
    ],
)
def test_other_tags_are_skipped(capture, name, expected):
    assert counts_of(events_of(capture(f"logcat_events/{name}.txt"))) == expected


@pytest.mark.parametrize(
    ("tag", "values", "expected"),
    [
        (
            "am_kill ",
            "[0,7,a.b,900,empty #17,5000]",
            ProcessKilled("", 0, 7, "a.b", 900, "empty #17", 5120000),
        ),
        (
            "am_kill ",
            "[0,7,a.b,900,due to x, y]",
            ProcessKilled("", 0, 7, "a.b", 900, "due to x, y", None),
        ),
        (
            "30023   ",
            "[7,a.b,15,hidden #16]",
            ProcessKilled("", None, 7, "a.b", 15, "hidden #16", None),
        ),
        (
            "am_kill ",
            "[User=0,PID=7,Process Name=a.b,OomAdj=9,Reason=bg anr]",
            ProcessKilled("", 0, 7, "a.b", 9, "bg anr", None),
        ),
        ("am_proc_died", "[0,7,a.b,905,19]", ProcessDied("", 0, 7, "a.b", 905, 19)),
        ("am_proc_died", "[7,a.b]", ProcessDied("", None, 7, "a.b", None, None)),
        ("am_proc_died", "[0,7,a.b,900]", ProcessDied("", 0, 7, "a.b", 900, None)),
        (
            "am_proc_start",
            "[7,10059,a.b,activity,a.b/.C]",
            ProcessStarted("", None, 7, 10059, "a.b", "activity", "a.b/.C"),
        ),
        (
            "am_proc_start",
            "[0,7,10059,a.b,service,{a.b/a.C}]",
            ProcessStarted("", 0, 7, 10059, "a.b", "service", "a.b/a.C"),
        ),
        ("am_proc_bound", "[10,7,a.b]", ProcessBound("", 10, 7, "a.b")),
        ("am_freeze", "[7,a.b]", FreezerSwitched("", True, 7, "a.b", None)),
        ("30069   ", "[7,a.b,3]", FreezerSwitched("", False, 7, "a.b", "3")),
        ("am_low_memory", "19", LowMemory("", 19)),
        (
            "am_anr  ",
            "[0,7,a.b,123,Input dispatching timed out (a, b)]",
            ProcessFailed("", "anr", 0, 7, "a.b", "Input dispatching timed out (a, b)"),
        ),
        (
            "am_pss  ",
            "[7,10059,a.b,1024,512]",
            PssSampled("", 7, 10059, "a.b", 1024, 512, None, None, ()),
        ),
        (
            "am_pss  ",
            "[7,10059,a.b,1024,512,0,4096,0,19,3]",
            PssSampled("", 7, 10059, "a.b", 1024, 512, 0, 4096, (0, 19, 3)),
        ),
        ("am_meminfo", "[1,2,3,4,5]", MemorySampled("", 1, 2, 3, 4, 5)),
    ],
)
def test_forms_of_other_releases(tag, values, expected):
    event = event_of(tag, values)

    assert type(event) is type(expected)
    for field in type(expected).__slots__:
        if field != "at":
            assert getattr(event, field) == getattr(expected, field)


def test_compaction_is_in_bytes_though_the_log_counts_kib():
    event = event_of(
        "am_compact", "[7,a.b,all,900,300,500,100,-400,-100,-300,280,55,2,123456,905,16,2000,-90]"
    )

    assert isinstance(event, Compacted)
    before_kib = {"rss": 900, "file": 300, "anon": 500, "swap": 100}
    assert event.before_bytes == {kind: kib * 1024 for kind, kib in before_kib.items()}
    assert event.delta_bytes["anon"] == -300 * 1024
    assert (event.duration_ms, event.oom_score_adj, event.proc_state) == (55, 905, 16)
    assert event.zram_free_delta_bytes == -90 * 1024


@pytest.mark.parametrize(
    ("tag", "values"),
    [("am_kill", "[0,7,a.b,900"), ("am_kill", "[0,7]"), ("killinfo", "[1,2,x]"), ("am_pss", "[]")],
)
def test_an_event_that_cannot_be_read_is_refused(tag, values):
    with pytest.raises(ParseError):
        event_of(tag, values)
