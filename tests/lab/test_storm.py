"""A storm's figures, its arms, its page and its command, from made-up events."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from storm_events import EVENTS, WHAT, kill, launch, run_of, sample, storm_of

from droidreclaim.cli.main import main
from droidreclaim.errors import DeviceLost, NotAchieved, UsageError
from droidreclaim.guard import control
from droidreclaim.helper.guard_wire import GuardLine
from droidreclaim.lab.phone import image
from droidreclaim.lab.storm import arms, measure, page, table, words
from droidreclaim.lab.storm.events import (
    End,
    Gone,
    Launch,
    Run,
    Sample,
    Verified,
    runs_of,
    to_line,
)
from droidreclaim.lab.storm.figures import figures
from droidreclaim.lab.storm.folder import Folder
from droidreclaim.lab.storm.host import Host
from droidreclaim.lab.storm.oracle import Room, Way, room_of
from droidreclaim.lab.storm.play import play
from droidreclaim.lab.storm.result import Storm, to_json
from droidreclaim.lab.storm.stage import Stage
from droidreclaim.lab.storm.state import difference
from droidreclaim.qa import stats
from droidreclaim.qa.stats import quantile
from droidreclaim.report import document, render
from droidreclaim.units import MIB
from in_process import droidreclaim

# Figures


def test_figures_are_what_the_events_say() -> None:
    one = figures([run_of("lazy")])
    assert (one.launches, one.hot_resumes, one.cold_starts) == (6, 2, 4)
    assert one.avoidable_cold_starts == 2
    assert one.lost_scores == 1
    assert (one.resume_p50_s, one.launch_p50_s) == (pytest.approx(0.2), 2.5)
    assert one.psi_some_s == pytest.approx(1.0)
    assert one.psi_full_s == pytest.approx(0.25)
    assert one.paged_out_bytes == 10 * MIB  # 2560 pages
    assert one.faulted_back_bytes == 2 * MIB
    assert (one.reported_bytes, one.counted_bytes) == (4 * MIB, 4 * MIB + 4096)
    assert one.reclaim_cpu_s == 0.75
    assert one.lowest_available_bytes == 20 * MIB
    assert (one.checksum_faults, one.checked_pages) == (0, 1300)
    assert one.complete


def test_an_arm_whose_resumes_came_from_flash_says_so() -> None:
    events = [
        replace(one, flash_read_bytes=5 * MIB + int(one.at_s) * MIB)
        if isinstance(one, Sample)
        else one
        for one in EVENTS
    ]
    run = run_of("lazy", events=tuple(events))
    assert figures([run]).from_flash_bytes == 7 * MIB
    assert any("7 MiB came back from flash" in line for line in table.warnings(storm_of(run)))
    assert figures([run_of("lazy")]).from_flash_bytes is None
    assert not any("flash" in line for line in table.warnings(storm_of(run_of("lazy"))))


def test_time_to_be_back_counts_every_re_opening_and_no_first_launch() -> None:
    one = figures([run_of("lazy")])  # 0.1 and 0.3 s hot, 2 and 5 s cold
    assert one.back_mean_s == pytest.approx(1.85)
    assert one.back_p50_s == pytest.approx(1.15)
    assert one.back_p90_s == pytest.approx(4.1)
    assert one.back_p95_s == pytest.approx(4.55)


def test_an_arm_that_lost_its_slow_apps_is_not_flattered() -> None:
    kept = figures([run_of("lazy", events=(launch(1.0, "a", "HOT", 0.4),))])
    lost = figures(
        [
            run_of(
                "lowmemorykiller",
                events=(launch(1.0, "a", "HOT", 0.1), launch(2.0, "b", "COLD", 2.0)),
            )
        ]
    )
    assert lost.resume_p50_s is not None
    assert kept.resume_p50_s is not None
    assert lost.resume_p50_s < kept.resume_p50_s
    assert lost.back_mean_s is not None
    assert kept.back_mean_s is not None
    assert lost.back_mean_s > kept.back_mean_s


def test_a_kill_that_no_log_speaks_of_is_not_passed_over() -> None:
    one = figures([run_of("lazy")])
    assert (one.kills, one.vanished, one.unexplained) == ({"lmkd": 1}, 2, 1)
    assert one.kills_of_others == 1
    said = "\n".join(table.warnings(storm_of(run_of("lazy"))))
    assert "1 app vanished that no log speaks of" in said


def test_seeds_are_added_up_and_their_times_put_together() -> None:
    other = (*EVENTS[:-1], launch(9.0, "a", "HOT", 0.5), replace(EVENTS[-1], longest_stall_s=0.2))  # type: ignore[type-var]
    both = figures([run_of("lazy"), run_of("lazy", 2, other)])
    assert (both.launches, both.hot_resumes, both.kills) == (13, 5, {"lmkd": 2})
    assert both.psi_some_s == pytest.approx(2.0)
    assert both.resume_p50_s == pytest.approx(0.3)
    assert both.longest_stall_s == 0.2


def test_what_a_device_cannot_tell_is_unknown_and_not_zero() -> None:
    blind = tuple(
        sample(one.at_s, psi_some_us=None, psi_full_us=None, paged_out=None, paged_in=None)
        if isinstance(one, Sample)
        else replace(one, score_lost=None)
        if isinstance(one, Launch)
        else one
        for one in EVENTS[:-2]
    )
    end = End(8.0, 20.0, 2, None, None, None, None)
    one = figures([run_of("lazy", events=(*blind, end))])
    unknown = ("psi_some_s", "psi_full_s", "paged_out_bytes", "faulted_back_bytes", "lost_scores")
    for name in (*unknown, "checksum_faults", "reclaim_cpu_s", "longest_stall_s"):
        assert getattr(one, name) is None, name


def test_a_page_that_changed_is_counted_wherever_it_was_found() -> None:
    end = replace(EVENTS[-1], resume_bad=2)  # type: ignore[type-var]
    one = figures([run_of("lazy", events=(*EVENTS[:-2], Verified(2, 1, 1000, 3, 1.0), end))])
    assert one.checksum_faults == 6


def test_quantiles_lie_between_the_nearest_values() -> None:
    assert quantile([], 0.5) is None
    assert quantile([None, 3.0], 0.95) == 3.0
    assert quantile([1, 2, 3, 4, 5], 0.5) == 3
    assert quantile([0.0, 1.0], 0.95) == pytest.approx(0.95)


# The document


def test_json_is_the_contract_of_the_command_line() -> None:
    told = json.loads(document(to_json(storm_of(run_of("lowmemorykiller"), run_of("lazy")))))
    for name in ("apps", "rounds", "seed", "ram_bytes", "zram_bytes"):
        assert isinstance(told[name], int), name
    contract = {
        *("arm", "hot_resumes", "cold_starts", "avoidable_cold_starts", "kills", "lost_scores"),
        *("checksum_faults", "resume_p50_s", "resume_p95_s", "launch_p50_s", "launch_p95_s"),
        *("longest_stall_s", "psi_some_s", "psi_full_s", "paged_out_bytes", "faulted_back_bytes"),
        "reclaim_cpu_s",
    }
    assert [one["arm"] for one in told["arms"]] == ["lowmemorykiller", "lazy"]
    for one in told["arms"]:
        assert contract <= one.keys()
        assert one["kills"] == {"lmkd": 1}
    quiet = run_of("lazy", events=EVENTS[:4])
    assert to_json(storm_of(quiet))["arms"][0]["kills"] == {"lmkd": 0}


def test_what_one_who_knows_the_future_would_reach_stands_beside_the_arms() -> None:
    full = replace(EVENTS[0], swap_used_bytes=60 * MIB, zram_used_bytes=20 * MIB)
    runs = [run_of(arm, seed, (*EVENTS[:4], full)) for arm in ("lowmemorykiller", "lazy")
            for seed in (1, 2)]  # fmt: skip
    found = storm_of(*runs)
    told = json.loads(document(to_json(found)))["oracle"]
    assert [(one["way"], one["seeds"]) for one in told] == [(way.value, [1, 2]) for way in Way]
    assert {one["hot_resumes"] + one["cold_starts"] for one in told} == {12}
    there = room_of(WHAT, runs)
    assert there == Room(100 * MIB, 576 * MIB, 3.0)
    text = render(table.storm_table(found), width=300)
    assert "(oracle's page-outs, lmkd's kills)" in text
    assert "What one who knows the future would reach" in page.render(found)
    assert any("simulated" in line for line in table.remarks(found))


def test_of_apps_whose_heaps_are_not_known_nothing_is_simulated() -> None:
    for what in (replace(WHAT, heap_bytes=None), replace(WHAT, writeback=True)):
        found = replace(storm_of(run_of("lazy")), what=what)
        assert to_json(found)["oracle"] == []
        assert "oracle" not in render(table.storm_table(found), width=300)
        assert not any("simulated" in line for line in table.remarks(found))
    blind = storm_of(run_of("lazy", events=EVENTS[1:4]))
    assert blind.oracle == ()


def test_arms_are_compared_with_todays_phone_seed_by_seed() -> None:
    worse = tuple(one for one in EVENTS if not (isinstance(one, Launch) and one.state == "HOT"))
    runs = [run_of("lowmemorykiller", seed, worse) for seed in (1, 2, 3)]
    runs += [run_of("lazy", seed) for seed in (1, 2, 3)]
    base, lazy = to_json(storm_of(*runs))["arms"]
    assert base["more_hot_than_baseline"] is None
    assert lazy["more_hot_than_baseline"]["mean"] == pytest.approx(2 / 6)
    assert lazy["hot_share_95"][0] < 2 / 6 < lazy["hot_share_95"][1]


def test_hot_resumes_are_counted_of_the_launches_that_could_be_hot() -> None:
    one = figures([run_of("lazy")])
    firsts = sum(isinstance(event, Launch) and event.first for event in EVENTS)
    assert firsts
    assert one.reopenings == one.launches - firsts
    assert f"{one.hot_resumes} of {one.reopenings}" in page.render(storm_of(run_of("lazy")))


def test_the_result_is_the_title_and_every_arm_says_what_it_is() -> None:
    worse = tuple(one for one in EVENTS if not (isinstance(one, Launch) and one.state == "HOT"))
    storm = storm_of(run_of("lowmemorykiller", events=worse), run_of("lazy"))
    title = words.headline(storm)
    assert title.startswith("With lazy, the app was still there 2 of ")
    assert "; with lowmemorykiller, 0 of " in title
    shown = page.render(storm)
    assert f"<h1>{title}</h1>" in shown
    assert table.remarks(storm)[0] == f"{title}."
    for arm in (*arms.NAMES, "guard:keep-games"):
        assert words.meaning(arm)
    assert words.meaning("lazy") in html.unescape(shown)


def test_a_title_praises_no_arm_that_was_not_better() -> None:
    same = words.headline(storm_of(run_of("lowmemorykiller"), run_of("lazy")))
    assert same.startswith("With lazy as with lowmemorykiller,")
    worse = tuple(one for one in EVENTS if not (isinstance(one, Launch) and one.state == "HOT"))
    lost = words.headline(storm_of(run_of("lowmemorykiller"), run_of("lazy", events=worse)))
    assert lost.startswith("With lowmemorykiller, ")
    alone = words.headline(storm_of(run_of("lazy")))
    assert alone.startswith("With lazy, the app was still there 2 of ")
    firsts = tuple(one for one in EVENTS if isinstance(one, Launch) and one.first)
    assert words.headline(storm_of(run_of("lazy", events=firsts))) == (
        "No app was opened a second time"
    )


def test_a_busy_computer_is_told_wherever_figures_are() -> None:
    busy = Host(2, steal_share=0.2, load=1.0, ticks=100, late_ticks=2, latest_s=0.03)
    storm = storm_of(run_of("lowmemorykiller", events=(*EVENTS, busy)), run_of("lazy"))
    said = "lowmemorykiller, seed 1: the computer was busy (20% of processor time stolen)"
    assert any(line.startswith(said) for line in table.warnings(storm))
    assert said in page.render(storm)
    first, second = to_json(storm)["runs"]
    assert first["host"]["busy"] == "20% of processor time stolen"
    assert second["host"] is None


def test_how_busy_the_computer_was_comes_back_as_it_was_written() -> None:
    host = Host(2, steal_share=None, load=1.5, ticks=10, late_ticks=0, latest_s=0.01)
    run = run_of("lazy", events=(*EVENTS, host))
    lines = [to_line(run.key, event) for event in (run.begin, *EVENTS, host)]
    assert runs_of(json.loads(json.dumps(lines)))[0].host == host


def test_few_differences_are_listed_and_get_an_interval_from_eight_on() -> None:
    pytest.importorskip("scipy")
    few = stats.paired({1: 0.9, 2: 0.8, 3: 0.7, 4: 0.1}, {1: 0.5, 2: 0.5, 3: 0.5})
    assert few is not None
    assert (few.pairs, few.interval) == (3, None)
    assert table.points(few) == "+40.0, +30.0, +20.0 points by seed"
    many = stats.paired({seed: 0.5 + seed / 100 for seed in range(8)}, dict.fromkeys(range(8), 0.5))
    assert many is not None
    assert many.interval is not None
    assert 0 < many.interval.low < many.mean < many.interval.high < 0.07


def test_arms_with_different_seeds_are_compared_by_pairs_and_the_table_warns() -> None:
    storm = storm_of(run_of("lowmemorykiller"), run_of("lazy"), run_of("lazy", 2))
    told = table.remarks(storm)
    assert "lazy against lowmemorykiller, hot resumes: +0.0 points, 1 pair" in told
    assert any("different seeds" in line and "lazy 1, 2" in line for line in told)
    assert not any("seeds" in line for line in table.warnings(storm_of(run_of("lazy"))))


def test_arms_of_phones_in_different_states_are_not_compared() -> None:
    runs = (run_of("lowmemorykiller"), run_of("lazy", freezer="on"))
    refused = difference(runs)
    assert isinstance(refused, NotAchieved)
    assert "freezer: off (lowmemorykiller, seed 1), on (lazy, seed 1)" in str(refused)
    told = to_json(storm_of(*runs))
    assert (told["comparable"], told["arms"][1]["more_hot_than_baseline"]) == (False, None)
    assert "must not be compared" in page.render(storm_of(*runs))


def test_neither_are_arms_of_different_devices() -> None:
    def run_on(arm: str, **device: object) -> Run:
        run = run_of(arm)
        return replace(run, begin=replace(run.begin, device={**run.begin.device, **device}))

    booted = [
        run_on("lazy", accelerator="tcg", serial=f"127.0.0.1:{port}") for port in (6520, 6530)
    ]
    assert difference(replace(run, begin=replace(run.begin, arm=f"a{number}"))
                      for number, run in enumerate(booted)) is None  # fmt: skip
    for name, value in (("kernel", "6.6"), ("accelerator", "kvm"), ("serial", "R58M12")):
        assert name in str(difference([run_on("lowmemorykiller"), run_on("lazy", **{name: value})]))


def test_the_table_says_when_it_has_no_interval_of_a_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storm = storm_of(run_of("lowmemorykiller"), run_of("lazy"))
    assert "(15-85 %)" in render(table.storm_table(storm))
    code = (
        "import sys; sys.modules['scipy'] = None\n"
        "from droidreclaim.qa import stats\n"
        "print(stats.AVAILABLE, stats.paired({1: 1.0}, {1: 0.5}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("False Difference(mean=0.5, by_seed={1: 0.5}, interval=None)")
    monkeypatch.setattr("droidreclaim.qa.stats.AVAILABLE", False)
    assert any("no interval of a difference" in line for line in table.remarks(storm))


# Measuring


def test_arms_take_turns_over_seeds_and_turn_round() -> None:
    jobs = measure.jobs_of(WHAT, ("lowmemorykiller", "lazy"), (7, 5))
    first, second = jobs[0].arm, jobs[1].arm
    assert {first, second} == {"lowmemorykiller", "lazy"}
    expected = [(first, 7), (second, 7), (second, 5), (first, 5)]
    assert [(job.arm, job.seed) for job in jobs] == expected
    assert jobs[0].launches == jobs[1].launches
    assert jobs[0].launches != jobs[2].launches


@pytest.mark.parametrize("error", [KeyboardInterrupt(), DeviceLost("gone")])
def test_what_ends_a_storm_early_does_not_take_away_what_was_measured(error: BaseException) -> None:
    @contextmanager
    def lost(needs: arms.Needs) -> Iterator[None]:
        raise error
        yield

    jobs = measure.jobs_of(WHAT, ("no_swap", "lazy"), (1,))
    said: list[str] = []
    runs, ended_by = measure.measure(jobs, lost, lambda key, event: None, said.append)  # type: ignore[arg-type]
    assert (runs, ended_by) == ([], error)
    assert re.search(r"\[no_swap, seed 1\] a phone is made ready; about .* left", said[0])


def test_a_report_that_cannot_be_written_hides_neither_the_result_nor_the_interrupt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def full(folder: Folder, storm: Storm) -> None:
        raise UsageError("--out: No space left on device")

    monkeypatch.setattr(image, "find", lambda: tmp_path)
    monkeypatch.setattr(Folder, "finish", full)
    monkeypatch.setattr(sys, "argv", ["droidreclaim", "storm", "--json", "--out", str(tmp_path)])
    cut = [run_of("lazy", events=EVENTS[:4])]
    monkeypatch.setattr(measure, "measure", lambda *words: (cut, KeyboardInterrupt()))
    with pytest.raises(SystemExit) as done:
        main()
    output, errors = capsys.readouterr()
    assert done.value.code == 130
    assert json.loads(output)["arms"][0]["launches"] == 3
    assert "No space left on device" in errors


def test_of_nothing_measured_there_is_no_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(image, "find", lambda: tmp_path)
    monkeypatch.setattr(sys, "argv", ["droidreclaim", "storm"])
    monkeypatch.setattr(measure, "measure", lambda *words: ([], DeviceLost("gone")))
    with pytest.raises(SystemExit) as done:
        main()
    assert (done.value.code, *capsys.readouterr()) == (3, "", "droidreclaim: gone\n")


def test_a_storm_with_write_back_plays_the_arms_that_have_zram_and_is_another_storm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(image, "find", lambda: tmp_path)
    monkeypatch.setattr(measure, "measure", lambda *words: ([], DeviceLost("gone")))
    assert storm("--api", "37", "--writeback", "--out", str(tmp_path / "out")).returncode == 3
    head = json.loads((tmp_path / "out" / "run.json").read_text())
    assert head["wanted"][0] == ["lowmemorykiller", "kernel_swap", "eager", "lazy"]
    assert head["parameters"]["writeback"] is True


def test_a_guard_that_ended_by_itself_ends_its_arm_and_is_not_stopped_again() -> None:
    arm, asked = guarded(GuardLine(running=False, last_end="swap is full"))
    with pytest.raises(NotAchieved, match="swap is full"):
        arm.after_leaving(LEFT)
    arm.tear_down()
    assert asked == ["start"]


def test_what_a_guard_took_without_acting_is_counted() -> None:
    arm, asked = guarded(GuardLine(running=True, actions=2, cpu_us=150_000))
    acted = arm.after_leaving(LEFT)
    assert acted is not None
    assert (acted.targets, acted.duration_s, acted.cpu_s) == (0, 0.0, pytest.approx(0.05))
    assert arm.after_leaving(LEFT) is None
    arm.tear_down()
    assert asked == ["start", "stop"]


def test_a_guard_that_runs_already_is_not_ours_to_stop() -> None:
    def refused(*words: object, **named: object) -> None:
        raise NotAchieved("one runs already")

    with pytest.raises(NotAchieved, match="one runs already"):
        guarded(GuardLine(running=True), start=refused)
    assert ASKED == []


ASKED: list[str] = []
LEFT = arms.Left("com.example.a", 0, None)  # type: ignore[arg-type]


def guarded(later: GuardLine, **changes: object) -> tuple[arms.Arm, list[str]]:
    """Return an arm with a guard that made two actions during set-up; *later* is its next state."""
    ASKED.clear()
    lines = iter([GuardLine(running=True, actions=2, cpu_us=100_000)])
    answers: dict[str, object] = {
        "start": lambda: ASKED.append("start"),
        "stop": lambda: ASKED.append("stop"),
        "status": lambda: control.Status(next(lines, later), ()),
    }
    guard = SimpleNamespace(**answers | changes)
    phone = SimpleNamespace(guard=lambda profile, lasting, allow_flash: guard)
    arm = arms.make("guard:gentle")
    try:
        arm.set_up(SimpleNamespace(phone=phone, allow_flash=False))  # type: ignore[arg-type]
    except NotAchieved:
        arm.tear_down()
        raise
    return arm, ASKED


def test_an_arm_that_was_half_set_up_is_torn_down(monkeypatch: pytest.MonkeyPatch) -> None:
    class Half(arms.LeaveAlone):
        def set_up(self, stage: Stage) -> None:
            raise DeviceLost("gone")

        def tear_down(self) -> None:
            ASKED.append("torn down")

    ASKED.clear()
    for name in ("_Player._prepare", "_Player._kswapd_cpu_s", "look_at_device"):
        monkeypatch.setattr(f"droidreclaim.lab.storm.play.{name}", lambda *words: None)
    stage = SimpleNamespace(phone=SimpleNamespace(helper=SimpleNamespace(session=None)))
    [job] = measure.jobs_of(WHAT, ("lazy",), (1,))
    with pytest.raises(DeviceLost):
        play(stage, job, Half(), arms.Needs(), print, print)  # type: ignore[arg-type]
    assert ASKED == ["torn down"]


def test_a_storm_that_was_cut_short_says_so() -> None:
    cut = run_of("lazy", events=EVENTS[:5])
    assert "lazy was cut short: 3 of 6 launches" in table.warnings(storm_of(cut))
    assert to_json(storm_of(cut))["arms"][0]["complete"] is False
    assert "cut short" in page.render(storm_of(cut))


# The page


def test_the_page_holds_every_figure_without_a_script() -> None:
    text = page.render(storm_of(run_of("lowmemorykiller"), run_of("lazy")))
    shown = re.sub(r"<script.*?</script>", "", text, flags=re.S)
    for figure in ("2 of 4", "200 ms / 290 ms", "1.0 s / 250 ms", "10.0 MiB", "0 of 1,300"):
        assert figure in shown, figure
    assert "low on swap" in shown
    assert "default-src 'none'" in text
    assert not re.search(r"<(link|img|iframe|object|embed|base|form)\b|@import|\burl\(", text)


def test_text_of_a_device_stays_text_in_the_page() -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    killed = replace(kill(100), name=evil, reason=evil)
    gone = Gone(1.0, 100, f"com.example.{evil}")
    text = page.render(storm_of(run_of("lazy", events=(*EVENTS, killed, gone))))
    assert "<img" not in text


def test_pressure_is_drawn_as_a_share_of_the_time() -> None:
    shares = page.stalls([sample(0.0), sample(2.0, psi_some_us=500_000), sample(3.0)])
    assert shares[:2] == [None, 25.0]


# The command


def storm(*words: str) -> subprocess.CompletedProcess[str]:
    return droidreclaim("storm", *words)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--arms", "nice"), 2, "no arm 'nice'"),
        (("--seed", "one"), 2, "whole numbers"),
        (("--resume",), 2, "--out DIR"),
        (("--resume", "--out", "/nonexistent"), 2, "there is no storm in"),
        (("--resume", "--quick", "--out", "/nonexistent"), 2, "--resume keeps --quick"),
        (("-s", "R58M12"), 2, "which of its apps"),
        (("--packages", "com.example.a"), 2, "two or more"),
        (("--packages", ""), 2, "a word is empty"),
        (("--packages", "a.b,c.d", "--quick"), 2, "--quick is for phones of our own"),
        (("--packages", "a.b,c.d", "--api", "33"), 2, "--api is for phones of our own"),
        (("--api", "99"), 2, "no API level 99"),
        (("--writeback",), 2, "write-back needs a phone with zram and mmd"),
        (("--writeback", "--api", "37", "--arms", "lazy,no_swap"), 2, "no_swap has no zram"),
        (("--packages", "a.b,c.d", "--writeback"), 2, "--writeback is for phones of our own"),
        (("--resume", "--writeback", "--out", "/nonexistent"), 2, "--resume keeps --writeback"),
        (("--ram", "64MiB"), 2, "boot no phone"),
        (("--zram", "0"), 2, "--zram 0: 4.0 MiB or more"),
        (("--app-size", "many"), 2, "not a size"),
        (("--packages", "a.b,c.d", "--app-size", "9MiB"), 2, "--app-size is for phones"),
        (("--resume", "--ram", "1GiB", "--out", "/nonexistent"), 2, "--resume keeps --ram"),
        (("--seed", ","), 2, "a word is empty"),
        (("--seed", "\u0661"), 2, "whole numbers"),
        (("--arms", ","), 2, "a word is empty"),
        (("--packages", "a.b,c.d", "--arms", "no_swap"), 4, "its killer and its settings"),
    ],
)
def test_bad_input_is_one_clear_line(words: tuple[str, ...], code: int, sentence: str) -> None:
    assert_one_line(storm(*words), code, sentence)


@pytest.mark.parametrize("serial", ["R58M12", "emulator-5554", "127.0.0.1:6555", "nobody"])
@pytest.mark.parametrize(
    ("words", "sentence"), [(("--arms", "nice"), "no arm"), (("--seed", "x"), "whole")]
)
def test_a_serial_of_the_environment_asks_no_storm_which_apps(
    monkeypatch: pytest.MonkeyPatch, serial: str, words: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.setenv("ANDROID_SERIAL", serial)
    done = storm(*words)
    assert_one_line(done, 2, sentence)
    assert "which of its apps" not in done.stderr


@pytest.mark.parametrize("words", [("--arms", "nice"), ("--seed", "x"), ("--api", "99")])
def test_nothing_is_written_before_it_is_known_what_is_wanted(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    assert storm("--out", str(tmp_path / "out"), *words).returncode == 2
    assert list(tmp_path.iterdir()) == []


def assert_one_line(done: subprocess.CompletedProcess[str], code: int, sentence: str) -> None:
    assert (done.returncode, done.stdout) == (code, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("char", ["\x1b", "\x00", "\x07", "\x9b", "\u202e", "\u2028"])
def test_no_control_character_of_a_device_reaches_the_page(char: str) -> None:
    hostile = f"com.evil{char}[31m<b>"
    killed = replace(kill(100), name=hostile, reason=hostile)
    gone = Gone(1.0, 100, hostile)
    run = run_of("lazy", events=(*EVENTS, killed, gone), kernel=hostile)
    text = page.render(storm_of(run))
    assert char not in text
    assert "com.evil" in text
    assert "<b>" not in text
