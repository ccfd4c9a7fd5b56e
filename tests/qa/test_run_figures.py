"""From rounds to a verdict: what is shown, and what proves nothing."""

from __future__ import annotations

import csv
import html
import json
import re
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from droidreclaim.errors import UsageError
from droidreclaim.qa import junit, stats
from droidreclaim.qa.figures import Result, result, to_json
from droidreclaim.qa.folder import Folder
from droidreclaim.qa.oracles import kind_of, state_of
from droidreclaim.qa.order import order
from droidreclaim.qa.page import round_marks_s
from droidreclaim.qa.record import Life, Memory, Round, State
from in_process import droidreclaim
from qa_rounds import BACK, LEFT, OTHER, kept, lost, rounds_of, scenario

# Witnesses


@pytest.mark.parametrize(
    ("am_kind", "after", "began", "kind"),
    [
        ("HOT", BACK, False, "HOT"),
        ("HOT", BACK, None, "HOT"),
        ("WARM", BACK, False, "WARM"),
        ("RELAUNCH", BACK, None, "RELAUNCH"),
        ("COLD", OTHER, True, "COLD"),
        (None, OTHER, None, "COLD"),
        (None, BACK, None, "HOT"),
        (None, replace(BACK, activity=None), None, "UNKNOWN"),
        ("HOT", OTHER, None, "UNKNOWN"),  # another process cannot be hot
        ("COLD", BACK, None, "UNKNOWN"),
        ("HOT", BACK, True, "UNKNOWN"),  # the log tells of a new process
        ("COLD", OTHER, False, "UNKNOWN"),
        ("HOT", replace(BACK, activity="c3"), None, "UNKNOWN"),  # hidden under a new activity
        ("HOT", None, None, "UNKNOWN"),
        ("UNKNOWN (0)", BACK, None, "UNKNOWN"),
    ],
)
def test_a_kind_is_known_where_the_witnesses_agree(
    am_kind: str | None, after: Life | None, began: bool | None, kind: str
) -> None:
    assert kind_of(am_kind, LEFT, after, process_began=began) == kind


@pytest.mark.parametrize(
    ("am_kind", "after", "filed", "kind"),
    [
        ("HOT", BACK, "HOT", "HOT"),
        ("HOT", BACK, None, "HOT"),
        ("HOT", BACK, "UNSET", "HOT"),
        ("HOT", BACK, "COLD", "UNKNOWN"),
        ("HOT", BACK, "WARM", "UNKNOWN"),
        ("RELAUNCH", BACK, "HOT", "RELAUNCH"),
        ("COLD", OTHER, "COLD", "COLD"),
        ("COLD", OTHER, "HOT", "UNKNOWN"),
        (None, BACK, "COLD", "UNKNOWN"),
    ],
)
def test_what_start_info_filed_is_a_witness_of_the_resume(
    am_kind: str | None, after: Life, filed: str | None, kind: str
) -> None:
    assert kind_of(am_kind, LEFT, after, process_began=None, start_kind=filed) == kind


def test_the_state_is_kept_by_one_life_that_remembers() -> None:
    assert state_of(kept(1)) is State.KEPT
    assert state_of(lost(1)) is State.LOST
    assert state_of(replace(lost(1), found={"score": "5"})) is State.RESTORED
    assert state_of(replace(kept(1), found={"score": "0"})) is State.LOST  # alive, and forgot
    assert state_of(replace(kept(1), kind="RELAUNCH")) is State.RESTORED
    assert state_of(replace(kept(1), found={"score": None})) is State.UNKNOWN
    assert state_of(replace(kept(1), fault="step 3 shell: no")) is State.UNKNOWN
    assert state_of(replace(lost(1), remembered={}, found={})) is State.LOST


def test_a_hot_resume_without_a_known_activity_is_not_called_kept() -> None:
    blind = replace(LEFT, activity=None)
    assert state_of(replace(kept(1), before=blind, after=blind)) is State.UNKNOWN


# Order


def test_arms_take_turns_and_every_second_round_turns_them_round() -> None:
    jobs = order(["kill", "none", "reclaim"], 6, seed=3)
    assert jobs == order(["kill", "none", "reclaim"], 6, seed=3)
    turns = [[arm for number, arm in jobs if number == one] for one in range(1, 7)]
    assert all(sorted(turn) == ["kill", "none", "reclaim"] for turn in turns)
    assert [turns[index][::-1] for index in (0, 2, 4)] == [turns[index] for index in (1, 3, 5)]
    assert len({tuple(order(["a", "b", "c"], 6, seed=seed)) for seed in range(20)}) > 5


# Statistics


@pytest.mark.parametrize(("hits", "total", "low"), [(10, 10, 72), (20, 20, 84), (50, 50, 93)])
def test_all_of_so_many_means_at_least(hits: int, total: int, low: int) -> None:
    found = stats.share(hits, total)
    assert found is not None
    assert (round(found.low * 100), found.high) == (low, 1.0)


def test_wilsons_interval_is_as_scipy_has_it() -> None:
    scipy = pytest.importorskip("scipy.stats")
    for hits, total in ((0, 5), (3, 7), (184, 256), (12, 12)):
        ours = stats.share(hits, total)
        theirs = scipy.binomtest(hits, total).proportion_ci(0.95, method="wilson")
        assert ours is not None
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_a_ratio_needs_eight_rounds_for_an_interval_and_says_what_it_could_see() -> None:
    pytest.importorskip("scipy")
    spread = {number: 1.1 * (1 + 0.01 * (number % 3)) for number in range(10)}
    found = stats.paired_ratio(spread, dict.fromkeys(range(10), 1.0))
    assert found is not None
    assert found.interval is not None
    assert found.interval.low < found.ratio < found.interval.high
    assert 1.0 < found.detectable < 1.02  # type: ignore[operator]
    few = stats.paired_ratio(spread, dict.fromkeys(range(7), 1.0))
    assert few is not None
    assert few.interval is None
    assert stats.paired_ratio({1: 1.0}, {2: 1.0}) is None


# The verdict


def test_kept_where_the_control_lost_is_shown() -> None:
    found = result(scenario("same_pid", {"remembered": "score"}), rounds_of(5))
    told = to_json(found)
    assert (told["verdict"], told["verdict_of"], found.failures) == ("kept", "reclaim", [])
    assert "kept in 5 of 5" in told["sentence"]
    assert "kill: lost in 5 of 5" in told["sentence"]
    assert [one["kept"] for one in told["arms"]] == [0, 5, 5]
    assert told["arms"][0]["kills"] == {"activity_manager": 5}
    assert told["arms"][2]["survival_low"] == pytest.approx(0.566, abs=0.001)


def sabotaged(count: int) -> list[Round]:
    return [lost(one.number, one.arm) if one.arm == "reclaim" else one for one in rounds_of(count)]


def toothless(count: int) -> list[Round]:
    return [kept(one.number, one.arm) for one in rounds_of(count)]


def upside_down(count: int) -> list[Round]:
    return [
        *(lost(n + 1, "reclaim") for n in range(count)),
        *(kept(n + 1, "kill") for n in range(count)),
    ]


@pytest.mark.parametrize(
    ("rounds", "why"),
    [
        (upside_down(12), "the control kill kept more than reclaim"),  # it did not kill
        (toothless(12), "do not differ"),  # the control cannot fail
        (sabotaged(12), "do not differ"),  # page-out replaced by a kill
        (rounds_of(4), "5 is the least"),
        ([one for one in rounds_of(5) if one.arm != "kill"], "5 is the least"),
    ],
    ids=["upside_down", "toothless", "sabotaged", "few", "control_lost"],
)
def test_what_does_not_differ_from_its_control_proves_nothing(
    rounds: list[Round], why: str
) -> None:
    found = result(scenario(), rounds)
    assert found.subject.verdict == "proves_nothing"
    assert why in found.failures[0]
    assert "proves nothing" in found.sentence


def test_without_a_control_nothing_is_proved_unless_none_is_asked_for() -> None:
    rounds = [one for one in rounds_of(5) if one.arm != "kill"]
    without = scenario(arms=("none", "reclaim"))
    assert "no control arm" in result(without, rounds).failures[0]
    assert result(without, rounds, control=False).subject.verdict == "kept"


def test_controls_alone_prove_nothing() -> None:
    rounds = [one for one in rounds_of(5) if one.arm == "kill"]
    found = result(scenario(arms=("kill",)), rounds)
    assert (found.subject.verdict, len(found.failures)) == ("proves_nothing", 1)


def test_one_lost_round_is_not_called_kept() -> None:
    rounds = [*rounds_of(11), lost(12), kept(12, "none"), lost(12, "reclaim")]
    found = result(scenario(), rounds)
    assert found.subject.verdict == "lost"
    assert "kept in 11 of 12, lost in 1 of 12" in found.sentence


@pytest.mark.parametrize(
    "slowest_s", [0.0004, 0.001, 0.03, 0.099, 0.406, 0.5, 1.0, 2.3, 47.0, 600.0]
)
def test_a_chart_s_marks_are_round_and_reach_just_beyond_what_is_shown(slowest_s: float) -> None:
    marks_s = round_marks_s(slowest_s)
    step_s = marks_s[1]
    assert marks_s[-2] < slowest_s <= marks_s[-1] * (1 + 1e-9)
    assert 2 <= len(marks_s) <= 6
    assert f"{step_s * 1000:.0f}".rstrip("0") in ("1", "2", "5")


def test_a_discarded_round_is_shown_and_does_not_count() -> None:
    away = replace(kept(6), discarded="device 'x' not found")
    [_, _, reclaim] = result(scenario(), [*rounds_of(5), away]).arms
    assert (reclaim.rounds, reclaim.discarded, reclaim.kept) == (5, 1, 5)


# Expectations


@pytest.mark.parametrize(
    ("expect", "held"),
    [
        ("same_pid", True),
        ("same_activity", True),
        ({"remembered": "score"}, True),
        ({"resume": {"kind": "HOT", "p95": "1s"}}, True),
        ({"resume": {"p50": "50ms"}}, False),
        ({"survived": {"at_least": "100%"}}, True),
        ({"survived": {"at_least": "10%"}, "arm": "kill"}, False),
        ({"same_pid": True, "arm": "kill"}, False),
        ({"not_killed": ["com.example.game"]}, True),
        ({"not_killed": ["com.example.game"], "arm": "kill"}, False),
        ({"differs": {"from": "kill"}, "arm": "reclaim"}, True),
        ({"differs": {"from": "none"}, "arm": "reclaim"}, False),
        ({"pss": {"below": "1MiB"}}, False),  # not measured is not small
    ],
)
def test_an_expectation_that_does_not_hold_fails_the_run(expect: object, held: bool) -> None:
    found = result(scenario(expect), rounds_of(5))
    assert found.expectations
    assert (found.failures == []) is held


def test_pss_is_held_against_its_bound_where_it_was_measured() -> None:
    small = Memory(1 << 20, 1 << 19, 0, 0)
    rounds = [replace(one, memory={"arm": small}) for one in rounds_of(5)]
    assert result(scenario({"pss": {"below": "1MiB"}}), rounds).failures == []
    assert result(scenario({"pss": {"below": "100KiB"}}), rounds).failures != []


# Files


def test_junit_has_a_case_for_each_round_and_expectation() -> None:
    away = replace(kept(6), discarded="\x1b[31mlost")
    found = result(scenario({"survived": {"at_least": "100%"}}), [*sabotaged(5), away])
    suite = Xml.fromstring(junit.render(found, {"device": {"serial": "R58M12"}}))
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    assert suite.get("tests") == str(len(list(suite.iter("testcase")))) == "18"
    assert cases["survived"].find("failure") is not None
    assert cases["verdict"].find("failure") is not None
    assert suite.get("skipped") == "1"
    assert suite.find("properties/property[@name='serial']").get("value") == "R58M12"  # type: ignore[union-attr]


def written(path: Path, found: Result) -> Folder:
    folder = Folder.new(path)
    folder.begin(found.scenario, {"device": {"serial": "R58M12"}})
    for one in found.rounds:
        folder.note(one)
    folder.finish(found, {})
    return folder


def test_rounds_come_back_from_the_folder_as_they_were_written(tmp_path: Path) -> None:
    found = result(
        scenario(), [*rounds_of(2), replace(kept(3), memory={"arm": Memory(1, 2, 3, 4)})]
    )
    written(tmp_path / "run", found)
    with (tmp_path / "run" / "samples.ndjson").open("a") as file:
        file.write('{"event": "round", "numb')  # a crash cut it
    _, head, rounds = Folder.load(tmp_path / "run")
    assert tuple(rounds) == found.rounds
    assert head["device"] == {"serial": "R58M12"}
    assert json.loads((tmp_path / "run" / "result.json").read_text())["schema"] == 1


def test_a_run_is_overwritten_only_where_that_is_asked_for(tmp_path: Path) -> None:
    written(tmp_path, result(scenario(), rounds_of(1)))
    with pytest.raises(UsageError, match="holds a run already"):
        Folder.new(tmp_path)
    (tmp_path / "own.txt").write_text("of the user")
    (tmp_path / "rounds" / "01-kill").mkdir(parents=True)
    Folder.new(tmp_path, force=True).begin(scenario(), {})
    assert {path.name for path in tmp_path.iterdir()} == {"own.txt", "run.json"}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"number": 1}'])
def test_a_folder_that_cannot_be_read_is_one_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="no run in"):
        Folder.load(tmp_path)
    (tmp_path / "run.json").write_text(text if text != '{"number": 1}' else "{}")
    (tmp_path / "samples.ndjson").write_text(f"{text}\n")
    with pytest.raises(UsageError, match="cannot be read"):
        Folder.load(tmp_path)


@settings(max_examples=30)
@given(st.data())
def test_a_run_damaged_anywhere_is_refused_or_told(data: st.DataObject) -> None:
    """Bytes of both files are changed, cut or put in; what is still read is still told."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        found = result(scenario(), rounds_of(2))
        written(path, found)
        file = path / data.draw(st.sampled_from(["run.json", "samples.ndjson"]))
        content = file.read_bytes()
        at = data.draw(st.integers(0, len(content)))
        with_this = data.draw(
            st.sampled_from([b"", b"9" * 400, b"-", b"e300", b"[", b'"', b"\xff", b"\n"])
        )
        cut = data.draw(st.integers(0, 3))
        file.write_bytes(content[:at] + with_this + content[at + cut :])
        try:
            again, head, rounds = Folder.load(path)
        except UsageError:
            return
        again.finish(result(scenario(), rounds), head)


def test_the_page_says_the_verdict_and_fetches_nothing(tmp_path: Path) -> None:
    hostile = replace(lost(6, "reclaim"), fault="<script>alert(1)</script>\x1b[31m", took_s=2.0)
    away = replace(kept(7), discarded="device 'x' not found")
    found = result(scenario({"survived": {"at_least": "100%"}}), [*rounds_of(5), hostile, away])
    folder = written(tmp_path, found)
    shot = tmp_path / "rounds" / "06-reclaim" / "screen.png"
    shot.parent.mkdir(parents=True)
    shot.write_bytes(b"\x89PNG")
    (shot.parent / "left.png").write_bytes(b"\x89PNG left")
    folder.finish(found, {})
    text = (tmp_path / "report.html").read_text()
    assert found.sentence in html.unescape(text)
    assert "<script>alert" not in text
    assert "\x1b" not in text
    assert "device 'x' not found" in html.unescape(text)
    assert text.count("<circle") == len(found.rounds)
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)
    assert text.count("data:image/png;base64,") == 2  # as it was left beside as it came back
    assert text.index("as it was left") < text.index("as it came back")


def test_a_page_of_a_run_without_any_round_can_be_written(tmp_path: Path) -> None:
    written(tmp_path, result(scenario(), [], complete=False))
    assert "cut short" in (tmp_path / "report.html").read_text()


def test_benchmark_json_has_the_shape_of_macrobenchmark(tmp_path: Path) -> None:
    written(tmp_path, result(scenario(), rounds_of(5)))
    told = json.loads((tmp_path / "benchmark.json").read_text())
    assert [one["name"] for one in told["benchmarks"]] == ["kill", "none", "reclaim"]
    metric = told["benchmarks"][1]["metrics"]["timeToBackMs"]
    assert metric == {
        "minimum": 50.0, "maximum": 50.0, "median": 50.0, "runs": [50.0] * 5,
    }  # fmt: skip


def test_every_round_is_a_line_of_the_csv_and_no_cell_a_formula(tmp_path: Path) -> None:
    away = replace(kept(3), discarded="=cmd|' /C calc'!A0")
    found = result(scenario(), [*rounds_of(2), replace(away, memory={"arm": Memory(1, 2, 3, 4)})])
    written(tmp_path / "run", found)
    done = droidreclaim("export", str(tmp_path / "run"), "--csv", str(tmp_path / "rounds.csv"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with (tmp_path / "rounds.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["round"], row["arm"], row["state"]) for row in rows] == [
        (str(one.number), one.arm, one.state.value) for one in found.rounds
    ]
    assert (rows[-1]["pss_arm_bytes"], rows[-1]["pss_resume_bytes"]) == ("2", "")
    assert rows[-1]["discarded"].startswith("'=")
    assert droidreclaim("export", str(tmp_path / "run"), "--csv", "-").stdout.count("\n") == 8


def test_what_cannot_be_exported_is_one_line_and_exit_status_2(tmp_path: Path) -> None:
    nothing = droidreclaim("export", str(tmp_path), "--csv", "-")
    assert (nothing.returncode, nothing.stderr) == (
        2,
        f"droidreclaim: there is no run in {tmp_path}\n",
    )
    assert droidreclaim("export", str(tmp_path)).returncode == 2


def test_a_full_disk_is_one_line_and_what_was_written_can_be_read(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode != 0:
        pytest.skip(f"no small disk here: {mounted.stderr.decode().strip()}")
    try:
        folder = Folder.new(disk / "run")
        folder.begin(scenario(), {})
        with pytest.raises(UsageError, match="No space left on device"):
            for number in range(1, 1000):
                folder.note(kept(number))
        [*_, last] = rounds = Folder.load(disk / "run")[2]
        assert last.number == len(rounds) > 10
    finally:
        subprocess.run(["umount", str(disk)], check=True)
