"""
Every parser on a capture of our own, so that a clone without the big set holds each to something.

`TABLE` says which capture; a reader that is no `parse_` function is called by one of these parsers.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import droidreclaim.parse
from droidreclaim.parse.kills.logcat import parse_logcat
from droidreclaim.units import KIB, MIB

_CAPTURES = Path(__file__).parents[1] / "captures"
POCKET, WRITTEN = "pocket-33", "written"
GAME = "com.example.game"


def _parsers() -> dict[str, Callable[[str], Any]]:
    found = {}
    for module in pkgutil.walk_packages(droidreclaim.parse.__path__, "droidreclaim.parse."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if name.startswith("parse_") and value.__module__ == module.name:
                found[name] = value
    return found


def text_of(name: str) -> str:
    return (_CAPTURES / f"{name}.txt").read_bytes().decode()


# Parser, capture, what is looked at, and what it is. Commands of the pocket phone stand above.
TABLE: list[tuple[str, str, Callable[[Any], object], object]] = [
    # dumpsys activity processes; dumpsys activity lru; dumpsys activity exit-info, after kill -9
    (
        "parse_processes",
        f"{POCKET}/dumpsys-activity-processes",
        lambda d: [(r.ref.pid, r.ref.name, r.uid, r.cur_adj) for r in d.records][:1],
        [(123, "com.android.launcher3", 10081, 0)],
    ),
    (
        "parse_lru",
        f"{POCKET}/dumpsys-activity-lru",
        lambda d: (len(d), d[0].index, d[0].proc_state, d[1].ref.name),
        (11, 10, "TOP", "com.example.notes"),
    ),
    (
        "parse_exit_info",
        f"{POCKET}/exit-info",
        lambda d: [(e.pid, e.process, e.reason_name, e.status) for e in d],
        [(145, "com.example.notes", "SIGNALED", 9)],
    ),
    # dumpsys window; dumpsys activity activities; am start -W, of an app that ran
    (
        "parse_history",
        f"{POCKET}/dumpsys-activity-activities",
        lambda d: (len(d), d[0].token, d[1].class_name),
        (7, "6c99ee8", "com.example.notes.Main"),
    ),
    (
        "parse_launch",
        f"{POCKET}/am-start-W",
        lambda d: (d.status, d.launch_state, d.total_time_s, d.complete),
        ("ok", "HOT", 0.009, True),
    ),
    ("parse_launches", f"{POCKET}/am-start-W", lambda d: [one.wait_time_s for one in d], [0.01]),
    # uiautomator dump FILE, of the game after a tap and a text; dumpsys gfxinfo PACKAGE
    (
        "parse_views",
        f"{POCKET}/uiautomator-dump",
        lambda d: [(view.resource_id.partition("/")[2], view.text) for view in d],
        [("", ""), ("score", "Score: 1"), ("play", "Play"), ("player", "Ann B")],
    ),
    (
        "parse_gfxinfo",
        f"{POCKET}/gfxinfo",
        lambda d: [(one.pid, one.rendered, one.janky) for one in d],
        [(114, 21, 0)],
    ),
    # dumpsys meminfo PACKAGE
    (
        "parse_meminfo_app",
        f"{POCKET}/meminfo-app",
        lambda d: [(a.pid, a.name, a.rows[1].name, a.rows[1].cells["Pss Total"]) for a in d],
        [(145, "com.example.notes", "Dalvik Heap", 11661312)],
    ),
    # pm list packages -U; /data/system/packages.list
    (
        "parse_pm_list",
        f"{POCKET}/pm-list",
        lambda d: (len(d), d[0].name, d[2].uids),
        (13, "android", (2000,)),
    ),
    (
        "parse_packages_list",
        f"{POCKET}/packages-list",
        lambda d: (len(d), d[1].name, d[1].uid, d[1].installer),
        (13, "com.android.settings", 1000, "@system"),
    ),
    (
        "parse_settings",
        f"{POCKET}/settings",
        lambda d: (d.constants["max_cached_processes"], d.constants["use_compaction"]),
        ("32", "true"),
    ),
    (
        "parse_memory_limiter",
        "written/memory-limiter",
        lambda d: (d.enabled, d.visible_bytes, d.hidden_swap_bytes, d.events, d.ignored),
        (True, 1800 << 20, 450 << 20, 2, None),
    ),
    (
        "parse_start_info",
        "written/start-info",
        lambda d: [(s.pid, s.process, s.start_type, s.reason) for s in d][:2],
        [
            (812, "com.example.game", "HOT", "LAUNCHER"),
            (None, "com.example.game", "COLD", "START ACTIVITY"),
        ],
    ),
    # logcat -d -b all; logcat -d -v threadtime,uid; logcat -d -b events
    (
        "parse_logcat",
        f"{POCKET}/logcat",
        lambda d: (len(d), d[0].tag, d[0].buffer),
        (46, "am_proc_start", "events"),
    ),
    (
        "parse_logcat",
        f"{POCKET}/logcat-threadtime-uid",
        lambda d: (len(d), d[0].pid, d[0].level, d[0].buffer),
        (17, 106, "I", "system"),
    ),
    ("parse_kills", f"{POCKET}/logcat", lambda d: (d.records, d.unread), ((), ())),
    # /proc and /sys; of PID 1 what is a process's
    ("parse_meminfo", f"{POCKET}/proc-meminfo", lambda d: d.sizes_bytes["MemTotal"], 622882816),
    ("parse_vmstat", f"{POCKET}/proc-vmstat", lambda d: d.counters["nr_free_pages"], 86290),
    ("parse_pressure", f"{POCKET}/proc-pressure", lambda d: d.full.total_us, 0),
    (
        "parse_zoneinfo",
        f"{POCKET}/proc-zoneinfo",
        lambda d: (d.zones[0].name, d.zones[0].low_pages, d.zones[0].protection_pages[1]),
        ("DMA", 233, 568),
    ),
    (
        "parse_swaps",
        f"{POCKET}/proc-swaps",
        lambda d: [(a.path, a.size_bytes, a.priority) for a in d],
        [("/dev/zram0", 512 * MIB - 4 * KIB, -2)],
    ),
    (
        "parse_zram_mm_stat",
        f"{POCKET}/mm_stat",
        lambda d: (d.original_bytes, d.compressed_bytes, d.used_bytes),
        (4096, 65, 4096),
    ),
    (
        "parse_zram_bd_stat",
        f"{WRITTEN}/zram-bd-stat",
        lambda d: (d.held_bytes, d.read_bytes, d.written_bytes),
        (4096 * 5921, 4096 * 970, 4096 * 6890),
    ),
    (
        "parse_smaps",
        f"{WRITTEN}/smaps",
        lambda d: [(one.name, one.held_bytes) for one in d],
        [("[anon:dalvik-main space]", 24 * KIB), ("/system/lib64/libc.so", 4 * KIB)],
    ),
    (
        "parse_status",
        f"{POCKET}/pid1-status",
        lambda d: (d.name, d.pid, d.sizes_bytes["VmRSS"]),
        ("init", 1, 1814528),
    ),
    (
        "parse_stat",
        f"{POCKET}/pid1-stat",
        lambda d: (d.comm, d.start_ticks, d.rss_pages, d.major_faults),
        ("init", 38, 443, 26),
    ),
    # getprop; ps -A
    (
        "parse_getprop",
        f"{POCKET}/getprop",
        lambda d: (len(d), d["dalvik.vm.heapsize"]),
        (31, "512m"),
    ),
    (
        "parse_ps",
        f"{POCKET}/ps",
        lambda d: (len(d), d[0].user, d[0].virtual_bytes, d[0].rss_bytes),
        (73, "root", 2752 * KIB, 1772 * KIB),
    ),
    # written here
    (
        "parse_lmk",
        f"{WRITTEN}/lmk",
        lambda d: (d.total, d.at_or_below),
        (7, ((900, 7), (700, 2), (0, 0))),
    ),
    (
        "parse_kills",
        f"{WRITTEN}/kills",
        lambda d: [(k.by.value, k.pid, k.oom_score_adj, k.freed_bytes) for k in d.records],
        [("unknown", 4321, 905, None), ("lmkd", 4321, 905, 200 * MIB)],
    ),
]


@pytest.mark.parametrize(
    ("parser", "name", "look", "value"), TABLE, ids=[f"{row[0]}-{row[1]}" for row in TABLE]
)
def test_a_parser_reads_a_capture_of_our_own(
    parser: str, name: str, look: Callable[[Any], object], value: object
) -> None:
    assert look(_parsers()[parser](text_of(name))) == value


def test_events_are_read_from_a_log_of_our_own() -> None:
    events = _parsers()["parse_events"](parse_logcat(text_of(f"{POCKET}/events")))
    assert (len(events), events[0].pid, events[0].uid) == (20, 119, 10086)
    assert (events[-1].name, type(events[-1]).__name__) == ("com.example.notes", "ProcessBound")


def test_every_parser_has_a_capture_and_every_capture_a_parser() -> None:
    assert _parsers().keys() - {"parse_events"} == {row[0] for row in TABLE}
    files = {str(path.relative_to(_CAPTURES)) for path in _CAPTURES.glob("*/*.txt")}
    assert files == {f"{row[1]}.txt" for row in TABLE} | {f"{POCKET}/events.txt"}
