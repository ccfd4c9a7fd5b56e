"""What a run timed, on the device's boot clock: as a trace, as bytes that came back."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.kills.records import reason_number
from droidreclaim.qa import clock, trace
from droidreclaim.qa.figures import result, to_json
from droidreclaim.qa.folder import Folder
from droidreclaim.qa.record import Cost, Killed, Mark, Memory, Point, Round
from droidreclaim.report import perfetto
from in_process import droidreclaim
from qa_rounds import kept, lost, scenario

APP = "com.example.game"
MIB = 1 << 20


def timed() -> Round:
    """Left at 100 s, paged out at 101, back at 103; half of it came back within a second."""
    swaps = {100.0: 0, 102.0: 20, 103.1: 16, 104.2: 10, 113.2: 4}
    return replace(
        kept(1),
        marks=[Mark("launch", 99.0, 0.5), Mark("arm", 101.0, 0.4), Mark("resume", 103.0, 0.1)],
        track=[Point(at, 300, (20 - swap) * MIB, swap * MIB, 900) for at, swap in swaps.items()],
        did="reclaim: 20 MiB left memory",
    )


def killed_round() -> Round:
    kills = [
        Killed("lmkd", 301, "com.example.notes", 905, "low_swap_and_thrashing", 101.5),
        Killed("activity_manager", 300, APP, 900, "kill background", 102.0),
        Killed("kernel_oom", 302, "x", None, "", None),  # the log's time could not be read
    ]
    return replace(lost(2), marks=[Mark("resume", 110.0, 0.3)], killed=kills)


def packets(*rounds: Round) -> list[Any]:
    proto = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    return list(proto.Trace.FromString(perfetto.render(trace.of_rounds(rounds, APP))).packet)


def test_steps_are_slices_on_the_boot_clock() -> None:
    events = [one for one in packets(timed()) if one.HasField("track_event")]
    begun = {one.track_event.name: one for one in events if one.track_event.type == 1}
    assert set(begun) == {"round 1, reclaim: kept", "launch", "reclaim", "resume, HOT"}
    resume = begun["resume, HOT"]
    assert (resume.timestamp, resume.timestamp_clock_id) == (103_000_000_000, 6)
    ends = [
        one.timestamp
        for one in events
        if one.track_event.type == 2 and one.track_event.track_uuid == resume.track_event.track_uuid
    ]
    assert 103_100_000_000 in ends
    assert len(ends) == 3
    [words] = begun["reclaim"].track_event.debug_annotations
    assert words.string_value == "reclaim: 20 MiB left memory"


def test_memory_is_on_the_tracks_of_its_process() -> None:
    found = packets(timed())
    named = [one.process_tree.processes[0] for one in found if one.HasField("process_tree")]
    assert [(one.pid, list(one.cmdline)) for one in named] == [(300, [APP])]
    stats = [one.process_stats.processes[0] for one in found if one.HasField("process_stats")]
    assert [one.vm_swap_kb >> 10 for one in stats] == [0, 20, 16, 10, 4]
    assert {one.oom_score_adj for one in stats} == {900}


def test_kills_by_lmkd_are_told_as_lmkd_tells_them() -> None:
    found = packets(killed_round())
    prints = [
        (event.timestamp, event.print.buf)
        for one in found
        if one.HasField("ftrace_events")
        for event in one.ftrace_events.event
    ]
    assert prints == [(101_500_000_000, "N|1|lowmemorykiller|lmk,301,2,905\n")]
    names = [one.track_event.name for one in found if one.track_event.type == 3]
    assert names == ["com.example.notes by lmkd", f"{APP} by activity_manager"]
    pids = {p.pid for one in found for p in one.process_tree.processes}
    assert 301 in pids  # Perfetto's table of kills names a process that the trace knows


def test_a_reason_has_its_number_or_none() -> None:
    assert [reason_number(one) for one in ("low_mem", "not_responding (x)", "", "other")] == [
        8, 1, -1, -1,
    ]  # fmt: skip


def test_what_came_back_is_counted_from_the_end_of_the_resume() -> None:
    one = timed()
    assert one.came_back_bytes(1.0) == 10 * MIB
    assert one.came_back_bytes(10.0) == 16 * MIB
    assert one.came_back_bytes(20.0) is None  # not sampled so long
    assert replace(one, after=None).came_back_bytes(1.0) is None
    assert replace(one, track=[]).came_back_bytes(1.0) is None


def test_major_faults_of_a_resume_are_those_of_one_process() -> None:
    memory = {"arm": Memory(1, 1, 1, 7), "resume": Memory(1, 1, 1, 107)}
    assert replace(kept(1), memory=memory).resume_major_faults == 100
    assert replace(lost(1), memory=memory).resume_major_faults is None
    assert kept(1).resume_major_faults is None


def test_clocks_are_read_together_and_put_logs_on_the_boot_clock() -> None:
    wall_s, boot_s = clock.parse("1764300000.125000000\n3600.25 7000.11\n")
    assert (wall_s, boot_s) == (1764300000.125, 3600.25)
    clocks = clock.Clocks(10.0, wall_s, boot_s)
    assert clocks.boot_of_host(12.5) == 3602.75
    assert clocks.boot_of_log("2025-11-28T03:20:01.125+00:00") == pytest.approx(3601.25)
    assert clocks.boot_of_log("2025-11-28T05:20:01.125+02:00") == pytest.approx(3601.25)
    for text in (None, "", "3600.1", "2025-11-28 03:20:01.125"):
        assert clocks.boot_of_log(text) is None
    assert clocks.drift_s(clock.Clocks(20.0, wall_s + 70, boot_s + 10)) == pytest.approx(60.0)
    with pytest.raises(ParseError):
        clock.parse("date: bad format\n")


def written(path: Path, *rounds: Round) -> Path:
    folder = Folder.new(path)
    folder.begin(scenario(), {})
    for one in rounds:
        folder.note(one)
    folder.finish(result(scenario(), rounds), {})
    return path


def test_a_run_is_exported_from_its_folder(tmp_path: Path) -> None:
    proto = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    run, file = written(tmp_path / "run", timed(), killed_round()), tmp_path / "run.pftrace"
    done = droidreclaim("export", str(run), "--perfetto", str(file))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    found = proto.Trace.FromString(file.read_bytes()).packet
    assert sum(one.HasField("ftrace_events") for one in found) == 1
    assert sum(one.HasField("process_stats") for one in found) == 5
    done = droidreclaim("export", str(run), "--benchmark-json", "-")
    assert (done.returncode, '"timeToBackMs"' in done.stdout) == (0, True)


def test_what_has_no_times_is_no_trace(tmp_path: Path) -> None:
    run, file = written(tmp_path / "run", kept(1)), tmp_path / "run.pftrace"
    done = droidreclaim("export", str(run), "--perfetto", str(file))
    assert (done.returncode, file.exists()) == (2, False)
    assert "no round of this run has times" in done.stderr


def test_without_the_library_a_trace_is_refused_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "perfetto.protos.perfetto.trace", None)
    for words in (
        ("export", str(written(tmp_path / "run", timed()))),
        ("-s", "nowhere", "footprint", APP),  # not sampled for ten minutes first
    ):
        done = droidreclaim(*words, "--perfetto", str(tmp_path / "t"))
        assert (done.returncode, "pip install 'droidreclaim[perfetto]'" in done.stderr) == (4, True)


def test_the_page_shows_memory_over_time_with_what_was_done(tmp_path: Path) -> None:
    killed = replace(
        killed_round(), track=[Point(109.5, 300, MIB, 0, 900), Point(111, 400, 0, 0, 0)]
    )
    written(tmp_path, timed(), killed)
    text = (tmp_path / "report.html").read_text()
    data = json.loads(text.split('id="charts">')[1].split("</script>")[0])
    kill, reclaim = data["charts"]
    assert [(one["sign"], one["at_s"]) for one in reclaim["kills"]] == [("↓", 2.0), ("↑", 4.0)]
    assert reclaim["lines"][1]["values"] == [0.0, 20.0, 16.0, 10.0, 4.0]
    assert kill["lines"][0]["values"] == [1.0, None, 0.0]  # two processes: no line between them
    assert kill["kills"][0]["name"] == "notes by lmkd"
    assert text.count('class="chart"') == 2


def test_figures_have_what_came_back_and_what_it_cost() -> None:
    costly = replace(
        timed(), cost={"resume": Cost(0.1, 0.0, 500, 0), "round": Cost(0.5, 0.1, 0, 0)}
    )
    reclaim = to_json(result(scenario(), [costly]))["arms"][2]["medians"]
    assert reclaim["came_back_1s_bytes"] == 10 * MIB
    assert (reclaim["resume_paged_in"], reclaim["round_psi_some_s"]) == (500, 0.5)
    assert reclaim["pss_before_bytes"] is None
