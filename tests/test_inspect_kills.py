"""Who was killed, from everything a device or a capture says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from local_shell import LocalShell

from droidreclaim.errors import ParseError
from droidreclaim.inspect import kills
from droidreclaim.inspect.clock import Clock
from droidreclaim.parse.activity.exits import LmkCounts
from droidreclaim.parse.kills.records import KilledBy, KillRecord
from droidreclaim.report import kills as report
from pipe_channel import ProcessChannel

_LOG = """--------- beginning of main
11-23 10:00:01.000    90    90 I lowmemorykiller: Kill 'com.example.a' (7), uid 10001, oom_score_adj 905 to free 1000kB rss, 20kB swap; reason: low watermark is breached
11-23 10:00:01.100   107   107 I am_proc_died: [0,7,com.example.a,905,17]
11-23 10:00:01.200   107   107 I ActivityManager: Process com.example.a (pid 7) has died: cch+5 CEM
11-23 10:00:02.000   107   107 I am_kill : [0,8,com.example.b,900,empty #17]
12-31 23:59:00.000   107   107 I am_kill : [0,9,com.example.c,900,remove task]
"""  # noqa: E501
_EXITS = """ACTIVITY MANAGER PROCESS EXIT INFO (dumpsys activity exit-info)
  package: com.example.b
    Historical Process Exit for uid=10002
        ApplicationExitInfo #0:
          timestamp=2026-11-23 10:00:02.010 pid=8 realUid=10002 packageUid=10002 user=0
          process=com.example.b reason=13 (OTHER KILLS BY SYSTEM) subreason=3 (TOO MANY EMPTY PROCS) status=0
          importance=400 pss=0.00 rss=7MB description=empty #17 state=empty trace=null
        ApplicationExitInfo #1:
          timestamp=2026-11-23 09:00:00.000 pid=11 realUid=10002 packageUid=10002 user=0
          process=com.example.b reason=1 (EXIT_SELF) status=0
          importance=400 pss=0.00 rss=7MB description=null state=empty trace=null
        ApplicationExitInfo #2:
          timestamp=2026-11-23 08:00:00.000 pid=12 realUid=10002 packageUid=10002 user=0
          process=com.example.b reason=3 (LOW_MEMORY) subreason=0 (UNKNOWN) status=0
          importance=400 pss=0.00 rss=7MB description=null state=empty trace=null
"""  # noqa: E501
_LMK = "  Total number of kills: 2\n    kills at or below oom_adj 999: 2\n"
_DMESG = "[  100.000000] Out of memory: Killed process 13 (le.d) total-vm:1kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:10004 pgtables:1kB oom_score_adj:900\n"  # noqa: E501


def shell(tmp_path: Path, kernel_s: int = 1000, **texts: str) -> LocalShell:
    """Return a shell whose logcat, dumpsys, dmesg and clock print the given texts."""
    told = {"log": _LOG, "exits": _EXITS, "lmk": _LMK, "dmesg": _DMESG} | texts
    for name, text in told.items():
        (tmp_path / name).write_text(text)
    return LocalShell(
        f"logcat() {{ cat {tmp_path}/log; }}\n"
        f"dmesg() {{ cat {tmp_path}/dmesg; }}\n"
        f"dumpsys() {{ case $2 in lmk) cat {tmp_path}/lmk;; *) cat {tmp_path}/exits;; esac; }}\n"
        "date() { echo '2026-11-23 10:10:00 +0100'; }\n"
        'cat() { case $1 in /proc/uptime) echo "1000.00 1.00";; *) command cat "$@";; esac; }\n'
        f"head() {{ echo 'Timer List Version: v0.9'; echo 'now at {kernel_s}000000000 nsecs'; }}\n"
    )


def test_every_source_is_joined_and_each_kill_counted_once(tmp_path: Path) -> None:
    seen = kills.of_device(shell(tmp_path), None, since_s=None, timeout_s=10)
    told = [(one.at, one.by.value, one.pid) for one in seen.records]
    assert told == [
        ("2025-12-31T23:59:00.000+01:00", "user", 9),
        ("2026-11-23T08:00:00.000+01:00", "lmkd", 12),
        ("2026-11-23T09:55:00.000+01:00", "kernel_oom", 13),
        ("2026-11-23T10:00:01.000+01:00", "lmkd", 7),
        ("2026-11-23T10:00:02.000+01:00", "activity_manager", 8),
    ]
    assert seen.counts == {"user": 1, "lmkd": 2, "kernel_oom": 1, "activity_manager": 1}
    assert seen.lmkd_since_boot is not None
    assert seen.lmkd_since_boot.total == 2
    lmkd = next(one for one in seen.records if one.pid == 7)
    assert (lmkd.freed_bytes, lmkd.swap_bytes, lmkd.oom_score_adj) == (1000 << 10, 20 << 10, 905)
    assert next(one for one in seen.records if one.pid == 8).freed_bytes == 7 << 20
    assert seen.silent == ()


def test_a_kernel_that_has_slept_cannot_date_its_log(tmp_path: Path) -> None:
    seen = kills.of_device(shell(tmp_path, kernel_s=400), None, since_s=None, timeout_s=10)
    assert seen.records[-1].at == "100.000000"
    recent = kills.of_device(shell(tmp_path, kernel_s=400), None, since_s=1800, timeout_s=10)
    assert [one.pid for one in recent.records] == [7, 8]


def test_since_counts_back_from_the_device_s_own_clock(tmp_path: Path) -> None:
    seen = kills.of_device(shell(tmp_path), None, since_s=600, timeout_s=10)
    assert [one.pid for one in seen.records] == [7, 8]


def test_sources_that_do_not_answer_are_named(tmp_path: Path) -> None:
    unknown = "Bad activity command: exit-info\n"
    silent = shell(tmp_path, dmesg="", exits=unknown, lmk="Bad activity command: lmk\n")
    seen = kills.of_device(silent, None, since_s=None, timeout_s=10)
    assert [one.pid for one in seen.records] == [9, 7, 8]
    assert [words.partition(" ")[0] for words in seen.silent] == ["dmesg:", "exit-info", "lmkd's"]
    assert seen.lmkd_since_boot is None


@pytest.mark.parametrize(
    ("name", "count", "by"),
    [
        ("logcat_events/android13_14-killinfo_39field.txt", 1, {"lmkd": 1}),
        ("kernel_lmk/arc_chromeos-kmsg_escaped.txt", 1, {"kernel_lmk": 1}),
        ("logcat_events/android8-gityuan_binder_bug.txt", 1, {"user": 1}),
    ],
)
def test_captures_name_the_killer(
    fixtures: Path, name: str, count: int, by: dict[str, int]
) -> None:
    seen = kills.of_capture(fixtures / name, since_s=None)
    assert len(seen.records) == count
    assert seen.counts == by


def test_exit_info_of_a_real_device_is_kills_by_activity_manager(fixtures: Path) -> None:
    path = fixtures / "dumpsys_activity_exit_info/android13-mtk_tb8168-healer.txt"
    seen = kills.of_capture(path, since_s=None)
    assert seen.counts["activity_manager"] > 20
    assert all(one.at is not None and one.at.startswith("2025-12-09T") for one in seen.records)


def test_a_log_without_kills_is_no_error_and_no_log_is_one(tmp_path: Path) -> None:
    (tmp_path / "quiet").write_text("11-23 10:00:01.000    90    90 I tag: nothing\n")
    assert kills.of_capture(tmp_path / "quiet", since_s=None).records == ()
    (tmp_path / "prose").write_text("Dear colleague,\nthe phone is slow.\n")
    with pytest.raises(ParseError):
        kills.of_capture(tmp_path / "prose", since_s=None)


# Android 17's limiter, as its documentation words it: reason 13, told by the description alone.
_LIMITED = """ACTIVITY MANAGER PROCESS EXIT INFO (dumpsys activity exit-info)
  package: com.example.b
    Historical Process Exit for uid=10002
        ApplicationExitInfo #0:
          timestamp=2026-11-23 10:00:02.010 pid=8 realUid=10002 packageUid=10002 user=0
          process=com.example.b reason=13 (OTHER KILLS BY SYSTEM) subreason=0 (UNKNOWN) status=0
          importance=400 pss=0.00 rss=7MB description=MemoryLimiter:AnonSwap state=empty trace=null
        ApplicationExitInfo #1:
          timestamp=2026-11-20 10:00:02.010 pid=8 realUid=10002 packageUid=10002 user=0
          process=com.example.b reason=4 (APP CRASH(EXCEPTION)) subreason=0 (UNKNOWN) status=0
          importance=100 pss=0.00 rss=7MB description=MemoryLimiter: gone state=empty trace=null
"""


def test_the_memory_limiter_is_a_killer_of_its_own(tmp_path: Path) -> None:
    seen = kills.of_device(shell(tmp_path, exits=_LIMITED), None, since_s=None, timeout_s=10)
    told = {(one.pid, one.by.value, one.reason) for one in seen.records if one.pid == 8}
    assert told == {
        (8, "memory_limiter", "MemoryLimiter:AnonSwap"),
        (8, "crash", "MemoryLimiter: gone"),
    }


def test_a_dump_names_the_memory_limiter(tmp_path: Path) -> None:
    (tmp_path / "dump").write_text(_LIMITED)
    seen = kills.of_capture(tmp_path / "dump", since_s=None)
    assert seen.counts == {"memory_limiter": 1, "crash": 1}


class Killed(ProcessChannel):
    """A program that is killed when its channel is closed."""

    def close(self) -> None:
        self.process.kill()
        super().close()


class FollowedShell(LocalShell):
    """A local shell whose commands can be followed."""

    def open(self, argv: Sequence[str], *, timeout_s: float) -> Killed:
        return Killed(["sh", "-c", f"{self._functions}\n{argv[2].removeprefix('exec ')}"])


def test_a_kill_that_is_followed_is_explained_by_exit_info(tmp_path: Path) -> None:
    phone = shell(tmp_path, exits=_LIMITED)
    line = "11-23 10:10:02.000   107   107 I am_kill : [0,8,com.example.b,900,killed]"
    (tmp_path / "exits").write_text(_LIMITED.replace("10:00:02.010", "10:10:02.010"))
    logcat = f"logcat() {{ echo '{line}'; exec sleep 30; }}\n"
    followed = FollowedShell(phone._functions + logcat)
    told = next(kills.follow(followed, None, timeout_s=10))
    assert (told.record.by, told.record.oom_score_adj) == (KilledBy.MEMORY_LIMITER, 900)
    assert told.record.at == "2026-11-23T10:10:02.000+01:00"


def record(at: str | None) -> KillRecord:
    return KillRecord(1, at, KilledBy.UNKNOWN, 7, "", "lmkd")


def test_a_clock_without_a_year_leaves_times_as_printed() -> None:
    [one] = Clock.of_capture(None).resolved([record("11-23 10:00:01.000")])
    assert one.at == "11-23 10:00:01.000"


def test_a_day_that_is_not_in_the_year_is_no_time() -> None:
    clock = Clock.of_capture("2026-03-01 10:00:00")
    [one] = clock.resolved([record("02-29 10:00:01.000")])
    assert clock.iso(one).at == "02-29 10:00:01.000"


def test_unknown_times_stand_behind_the_known() -> None:
    clock = Clock.of_capture("2026-11-23 10:00:00")
    ordered = clock.resolved([record(None), record("11-23 09:00:00.000")])
    assert Counter(one.at is None for one in ordered) == {True: 1, False: 1}
    assert ordered[-1].at is None


def test_a_followed_kill_says_what_lmkd_itself_counted() -> None:
    record = KillRecord(1, None, KilledBy.LMKD, 7, "low", "lmkd", "com.example.a")
    counted = LmkCounts(4, ((999, 4), (900, 2)))
    assert report.followed_json(record, counted)["lmkd_since_start"] == {
        "total": 4,
        "at_or_below_adj": {"999": 4, "900": 2},
    }
    assert report.followed_line(record, counted).endswith("low  (lmkd: 4 since the start)")
    assert report.followed_json(record, None)["lmkd_since_start"] is None


def test_seconds_since_1970_are_a_date_whatever_the_device_s_clock() -> None:
    at = Clock.of_capture(None).iso(record("1790448214.410")).at
    assert at == "2026-09-26T18:43:34.410+00:00"
    assert Clock.of_capture(None).iso(record("123.410")).at == "123.410"


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("Trimming phantom processes", "phantom"),
        ("CachedClean[(cch-empty)]", "vendor"),
        ("by rms", "vendor"),
        ("stop com.example.chat due to from process:com.miui.securitycenter", "vendor"),
        ("empty #17", None),
        ("stop com.example.chat due to from pid 812", None),
        ("a by rms of its own", None),
    ],
)
def test_a_kill_says_what_stands_behind_it_where_its_words_do(
    tmp_path: Path, reason: str, cause: str | None
) -> None:
    line = f"10-02 10:00:00.201  1500  1600 I am_kill : [0,5000,com.example.chat,905,{reason}]\n"
    (tmp_path / "log").write_text(line)
    [kill] = kills.of_capture(tmp_path / "log", since_s=None).records
    assert report.kill_json(kill)["cause"] == cause
