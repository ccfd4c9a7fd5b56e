"""footprint --from: what a bug report or a dump tells of one moment, and that it is one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from droidreclaim.errors import NotAchieved, ParseError, UsageError
from droidreclaim.inspect.footprint.capture import of_capture
from droidreclaim.inspect.play_memory import load
from droidreclaim.model.footprint import PlayState
from droidreclaim.parse.activity.meminfo_app import parse_meminfo_app
from droidreclaim.parse.proc.smaps import parse_smaps
from droidreclaim.policy.footprint_made import at_least_bytes, made_of_smaps
from droidreclaim.report.footprint import moment as report
from in_process import droidreclaim as run

KIB = 1024
APP = "com.example.app"
DUMP = """  Process LRU list (sorted by oom_adj, 1 total, non-act at 0, non-svc at 0):
    Proc # 0: prcp  F/S/FGS  LCMN  t: 0 4321:com.example.app/u10a204 (service)
        com.example.app/.Tile<=Proc{117:com.android.systemui/u0a86}
"""
MEMORY = """Applications Memory Usage (in Kilobytes):
Uptime: 90000 Realtime: 90000

** MEMINFO in pid 4321 [com.example.app] **
                   Pss      Pss   Shared  Private   Shared  Private  SwapPss      Rss
                 Total    Clean    Dirty    Dirty    Clean    Clean    Dirty    Total
                ------   ------   ------   ------   ------   ------   ------   ------
  Native Heap  1300000        0      900  1300000        0        0     2000  1300900
  Dalvik Heap    40000        0     9000    40000        0        0      500    49000
       Ashmem      700        0        0      700        0        0        0      700
    GL mtrack    60000        0        0    60000        0        0        0    60000
     .so mmap     5000     4000        0     1000     9000     4000       10    14000
        TOTAL  1405700     4000     9900  1401700     9000     4000     2510  1424600

 Dalvik Details
        .Heap    30000        0     9000    30000        0        0        0    39000

 App Summary
            Graphics:    60000                          60000

 Native Allocations
                         Count                       Total(kB)
                        ------                         ------
   Bitmap (malloced):       12                         210000
Bitmap (nonmalloced):        3                           1000
"""
RULE = "------ {} ------\n"


def report_of(*, meminfo: str = MEMORY) -> str:
    return (
        "== dumpstate: 2026-11-28 10:00:00\n"
        + RULE.format("MEMORY INFO (/proc/meminfo)")
        + "MemTotal: 5800000 kB\nMemFree: 90000 kB\nMemAvailable: 400000 kB\n"
        + RULE.format("DUMPSYS MEMINFO (/system/bin/dumpsys -t 90 meminfo -a)")
        + meminfo
        + RULE.format("DUMPSYS NORMAL (/system/bin/dumpsys)")
        + "DUMP OF SERVICE activity:\n"
        + "ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)\n"
        + DUMP
    )


@pytest.fixture
def bug_report(tmp_path: Path) -> Path:
    file = tmp_path / "bugreport.txt"
    file.write_text(report_of())
    return file


def test_a_bug_report_tells_one_moment_and_says_so(bug_report: Path) -> None:
    done = run("footprint", APP, "--from", str(bug_report), "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["one_moment"] is True
    assert "no P90" in document["estimate"]
    assert (document["ram_gb"], document["taken_at"]) == (6, "2026-11-28 10:00:00")
    [one] = document["processes"]
    held = (1300000 + 40000 + 1000 + 2510) * KIB  # not Ashmem, not what the GPU's driver holds
    assert one["at_least_bytes"] == held
    assert one["rss_anon_and_swap_bytes"] is None
    assert (one["state"], one["user"]) == ("user_perceived_services", 10)
    assert one["reason"] == "service: com.example.app/.Tile by com.android.systemui (pid 117)"
    assert one["over_gb"] == [4, 6]
    bitmaps = one["made_of"]["bitmaps"]
    assert bitmaps["at_most_bytes"] == (1302000 + 60000) * KIB
    assert (bitmaps["count"], bitmaps["counted_bytes"]) == (15, 211000 * KIB)
    assert list(one["made_of"]["bytes"])[:2] == ["Native Heap", "GL mtrack"]
    assert ".Heap" not in one["made_of"]["bytes"]


def test_the_words_name_the_state_the_classes_and_the_largest_part(bug_report: Path) -> None:
    done = run("footprint", APP, "--from", str(bug_report))
    assert f"{APP} (user 10): over the threshold of phones of 4, 6 GB at that moment" in done.stdout
    assert "user-perceived services (FGS)" in done.stdout
    assert "Native Heap 1.33 GB" in done.stdout
    assert "15 counted with 0.22 GB" in done.stdout
    assert "one moment" in done.stdout


def test_a_dump_of_activity_manager_alone_has_a_state_and_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "processes.txt"
    file.write_text(DUMP)
    seen = of_capture(file, (APP,))
    [one] = seen.processes
    assert (one.state, one.at_least_bytes, one.made) == (PlayState.SERVICES, None, None)
    assert report.over_gb(one, load()) == []
    assert "its memory is not told: judged as 4 GB" in report.moment_text(seen, load())


def test_meminfo_alone_has_memory_and_no_state(tmp_path: Path) -> None:
    file = tmp_path / "meminfo.txt"
    file.write_text(MEMORY)
    [one] = of_capture(file, (APP,)).processes
    assert (one.state, one.proc_state) == (None, None)
    assert one.at_least_bytes is not None


def test_what_cannot_be_read_is_exit_5_and_an_app_that_is_not_there_7(
    bug_report: Path, tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing.txt"
    nothing.write_text("Dear diary\n")
    for words, code in (
        ([APP, "--from", str(nothing)], 5),
        (["com.example.other", "--from", str(bug_report)], 7),
        ([APP, "--from", str(tmp_path / "absent")], 2),
        ([APP, "--from", str(bug_report), "--gate"], 2),
    ):
        done = run("footprint", *words)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
    with pytest.raises(NotAchieved):
        of_capture(bug_report, ("com.example",))
    with pytest.raises(UsageError):
        of_capture(tmp_path / "absent", (APP,))


def test_a_process_that_died_meanwhile_is_left_out_and_the_others_are_read(tmp_path: Path) -> None:
    file = tmp_path / "bugreport.txt"
    file.write_text(report_of(meminfo="** MEMINFO in pid 9 [com.example.gone] **\n" + MEMORY))
    seen = of_capture(file, (APP,))
    assert [one.pid for one in seen.processes] == [4321]
    assert "died meanwhile" in " ".join(seen.left_out)


def test_a_capture_cut_anywhere_is_read_or_refused(tmp_path: Path) -> None:
    text, file = report_of(), tmp_path / "cut.txt"
    for end in range(0, len(text), 97):
        file.write_text(text[:end])
        try:
            of_capture(file, (APP,))
        except (ParseError, NotAchieved):
            continue


def test_real_tables_add_up(capture) -> None:  # type: ignore[no-untyped-def]
    [app] = parse_meminfo_app(capture("dumpsys_meminfo_app/android_64bit-memorylab-gracker.txt"))
    held = at_least_bytes(app)
    assert held is not None
    assert app.private_dirty_bytes is not None
    assert held <= app.private_dirty_bytes + (app.swap_bytes or 0)
    assert held > 100 << 20


def test_smaps_are_added_up_by_the_names_of_mappings() -> None:
    mapping = "{}-{} rw-p 00000000 00:00 0   {}\nRss: 99 kB\nAnonymous: {} kB\nSwap: {} kB\n"
    rows = (
        ("[anon:dalvik-main space]", 100, 20), ("[anon:stack_and_tls:71]", 8, 0),
        ("[anon:stack_and_tls:72]", 8, 4), ("/system/lib64/libx.so", 12, 0), ("", 5, 0),
        ("[anon:scudo:primary]", 300, 0), ("/dev/ashmem/x (deleted)", 0, 0),
        ("/dev/ashmem/dalvik-main space (deleted)", 40, 0), ("/lib/libc.so.6", 3, 0),
        ("/dev/ashmem/shared_memory/C0E1 (deleted)", 2, 0),
        ("/dev/ashmem/shared_memory/BE57 (deleted)", 2, 0),
    )  # fmt: skip
    text = "".join(mapping.format(f"{n}000", f"{n}fff", *row) for n, row in enumerate(rows, 1))
    made = made_of_smaps(7, parse_smaps(text), PlayState.CACHED, 5)
    assert {name: size // KIB for name, size in made.parts.items()} == {
        "scudo:primary": 300, "dalvik-main space": 160, "stack_and_tls": 20,
        "written pages of .so files": 15, "unnamed": 5, "shared_memory": 4,
    }  # fmt: skip
    with pytest.raises(ParseError):
        parse_smaps("")


def test_mappings_of_a_real_process_are_all_that_rollup_counts() -> None:
    words = [sys.executable, "-c", "keep = bytearray(8 << 20); print(flush=True); input()"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as still:
        assert still.stdin
        assert still.stdout
        still.stdout.readline()
        folder = Path(f"/proc/{still.pid}")
        mappings = parse_smaps((folder / "smaps").read_text())
        rollup = (folder / "smaps_rollup").read_text().splitlines()
        still.stdin.close()
    exact = sum(
        int(row.split()[1]) * KIB for row in rollup if row.startswith(("Anonymous:", "Swap:"))
    )
    assert sum(one.held_bytes for one in mappings) == exact > 8 << 20
