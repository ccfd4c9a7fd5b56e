"""`compare`: what may stand side by side, what may not, and how sure the difference is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from droidreclaim.errors import NotAchieved
from droidreclaim.lab.storm import compare as storms
from droidreclaim.lab.storm.events import Begin, Launch, Run
from droidreclaim.lab.storm.plan import Order, Parameters
from droidreclaim.qa import stats
from droidreclaim.qa.about import parse_build
from droidreclaim.qa.compare import Comparison, Subject, compare, sentences, subject
from droidreclaim.qa.figures import result
from droidreclaim.qa.folder import Folder
from droidreclaim.qa.record import Round
from in_process import droidreclaim
from qa_rounds import kept, lost, rounds_of, scenario

MIB = 1 << 20
HEAD: dict[str, Any] = {
    "device": {"serial": "R58M12", "model": "a phone", "sdk": 34, "kernel": "6.1"},
    "source": "device",
    "state": {"freezer": "on"},
    "app": {"versionCode": "12"},
}


def slower(rounds: list[Round], times: float) -> list[Round]:
    return [
        replace(one, back_s=(one.back_s or 0) * times * (1 + one.number % 3 / 100))
        for one in rounds
    ]


def written(path: Path, rounds: list[Round], **head: Any) -> Path:
    folder = Folder.new(path)
    folder.begin(scenario(), {**HEAD, **head})
    for one in rounds:
        folder.note(one)
    folder.finish(result(scenario(), rounds), {})
    return path


def told(*paths: Path, code: int = 0) -> dict[str, Any]:
    done = droidreclaim("compare", *map(str, paths), "--json")
    assert done.returncode == code, done.stderr
    return dict(json.loads(done.stdout))


def compared(*runs: tuple[list[Round], dict[str, Any]]) -> Comparison:
    form = scenario().model_dump(mode="json", by_alias=True, exclude_none=True)
    return compare(
        [
            subject(f"run{index}", {**HEAD, "scenario": form, **head}, rounds)
            for index, (rounds, head) in enumerate(runs)
        ]
    )


def test_two_builds_are_compared_with_intervals(tmp_path: Path) -> None:
    before = written(tmp_path / "a", rounds_of(12))
    worse = [lost(one.number, one.arm) if one.arm == "reclaim" else one for one in rounds_of(12)]
    after = written(tmp_path / "b", worse, app={"versionCode": "13"})
    found = told(before, after)
    assert found["differs_in"] == "build"
    assert found["differences"] == [f"app versionCode: 12 ({before}), 13 ({after})"]
    cells = {(one["arm"], one["run"]): one for one in found["arms"]}
    ours, theirs = cells["reclaim", str(after)], cells["reclaim", str(before)]
    assert (ours["hits"], theirs["hits"], ours["differs"], theirs["differs"]) == (0, 12, True, None)
    assert cells["none", str(after)]["differs"] is False
    assert theirs["share_low"] == pytest.approx(0.757, abs=0.001)
    text = droidreclaim("compare", str(before), str(after)).stdout
    assert "kept in 0 of 12" in text
    assert "that differs" in text


def test_a_slower_resume_is_shown_beside_what_would_have_been_seen() -> None:
    pytest.importorskip("scipy")
    rounds = rounds_of(12)
    found = compared(
        (slower(rounds, 1.0), {}), (slower(rounds, 1.5), {"app": {"versionCode": "13"}})
    )
    cell = next(one for one in found.cells if one.differs is not None and one.arm == "reclaim")
    assert cell.ratio is not None
    assert cell.ratio.interval is not None
    assert cell.ratio.interval.low < cell.ratio.ratio < cell.ratio.interval.high
    assert cell.ratio.ratio == pytest.approx(1.5)
    assert 1.0 < (cell.ratio.detectable or 0) < 1.05
    assert "took 1.50 times as long (1.4" in sentences(found)[2]


def using(rounds: list[Round], *mib: float) -> list[Round]:
    """Rounds whose background P90 is, in turn, one of *mib*."""
    return [
        replace(one, footprint={"background": {"p90": round(mib[one.number % len(mib)] * MIB)}})
        for one in rounds
    ]


def test_a_build_that_holds_more_behind_is_told_with_its_interval(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    before = written(tmp_path / "a", using(rounds_of(12), 300, 308, 304))
    grown = using(rounds_of(12), 340, 346, 340)
    after = written(tmp_path / "b", grown, app={"versionCode": "13"})
    [one] = [each for each in told(before, after)["footprint"] if each["arm"] == "reclaim"]
    assert (one["state"], one["figure"], one["rounds"]) == ("background", "p90", [12, 12])
    assert (one["mean_bytes"], one["more_bytes"]) == (342 * MIB, 38 * MIB)
    assert 34 * MIB < one["low_bytes"] < 38 * MIB < one["high_bytes"] < 42 * MIB
    assert 1 * MIB < one["detectable_bytes"] < 6 * MIB
    text = droidreclaim("compare", str(before), str(after)).stdout
    sure = r"\(95 %: 3[5-7]\.\d MiB to (?:39|40)\.\d MiB\)"
    assert re.search(r"reclaim: background P90 grew by 38\.0 MiB " + sure, text)
    assert re.search(r"reclaim +\S*b +background +342\.0 MiB +\+38\.0 MiB", text)
    page = tmp_path / "page.html"
    assert droidreclaim("compare", str(before), str(after), "--html", str(page)).returncode == 0
    assert "background P90 grew by 38.0 MiB" in page.read_text()


def test_memory_that_differs_by_chance_is_not_called_grown_and_few_rounds_have_no_interval() -> (
    None
):
    pytest.importorskip("scipy")
    head = {"app": {"versionCode": "13"}}
    same = compared((using(rounds_of(12), 300, 320), {}), (using(rounds_of(12), 320, 301), head))
    [words] = [line for line in sentences(same) if line.startswith("reclaim: background P90")]
    assert "no difference is shown (+512.0 KiB, 95 %: -" in words
    assert "would have been seen" in words
    less = compared((using(rounds_of(12), 300, 302), {}), (using(rounds_of(12), 280, 282), head))
    assert any("background P90 shrank by 20.0 MiB (95 %: 1" in line for line in sentences(less))
    few = compared((using(rounds_of(5), 300, 302), {}), (using(rounds_of(5), 340, 342), head))
    assert any("8 rounds of each are the least" in line for line in sentences(few))


def test_a_state_that_one_run_never_saw_is_not_compared() -> None:
    found = compared(
        (rounds_of(12), {}), (using(rounds_of(12), 300), {"app": {"versionCode": "13"}})
    )
    assert found.growths == ()
    assert not any("P90" in line for line in sentences(found))


def test_two_devices_are_compared_and_their_settings_may_differ() -> None:
    other = {
        "device": {**HEAD["device"], "serial": "X1", "model": "b"},
        "state": {"freezer": "off"},
    }
    found = compared((rounds_of(5), {}), (rounds_of(5), other))
    assert found.what == "device"
    assert [line.partition(":")[0] for line in found.differing] == ["model", "serial", "freezer"]


def test_what_a_device_and_its_settings_both_tell_is_told_once() -> None:
    heads = [{"device": {"sdk": sdk}, "state": {"sdk": str(sdk)}} for sdk in (31, 36)]
    found = compared(*((rounds_of(5), head) for head in heads))
    assert found.differing == ("sdk: 31 (run0), 36 (run1)",)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ({"app": {"versionCode": "13"}, "device": {"model": "b"}}, "both the build"),
        ({"state": {"freezer": "off"}}, "other settings: freezer: on (run0), off (run1)"),
        ({"source": "phone"}, "what was played differs: source: device (run0), phone (run1)"),
        ({"state": {}}, "freezer: on (run0), unknown (run1)"),
    ],
    ids=["build and device", "settings", "emulated", "unknown settings"],
)
def test_what_is_not_comparable_is_refused_by_name(head: dict[str, Any], words: str) -> None:
    with pytest.raises(NotAchieved, match=re.escape(words)):
        compared((rounds_of(5), {}), (rounds_of(5), head))


def test_another_step_or_option_of_an_arm_is_named() -> None:
    form = scenario().model_dump(mode="json", by_alias=True, exclude_none=True)
    waits = {**form, "steps": [*form["steps"][:-1], {"wait": 2.0}, form["steps"][-1]]}
    with pytest.raises(NotAchieved, match=re.escape("scenario.steps[3].resume")):
        compared((rounds_of(5), {}), (rounds_of(5), {"scenario": waits}))
    arms = [one if one["arm"] != "reclaim" else {**one, "what": "all"} for one in form["arms"]]
    with pytest.raises(
        NotAchieved, match=re.escape("arm.reclaim.what: unknown (run0), all (run1)")
    ):
        compared((rounds_of(5), {}), (rounds_of(5), {"scenario": {**form, "arms": arms}}))


def test_arms_that_only_one_has_are_left_out_and_said() -> None:
    form = scenario(arms=("kill", "none")).model_dump(mode="json", by_alias=True)
    found = compared((rounds_of(5), {}), (rounds_of(5), {"scenario": form}))
    assert found.left_out == ("reclaim",)
    assert {cell.arm for cell in found.cells} == {"kill", "none"}
    with pytest.raises(NotAchieved, match="no arm is in all"):
        compared(
            (rounds_of(5), {"scenario": {**form, "arms": [{"arm": "reclaim"}]}}),
            (rounds_of(5), {"scenario": form}),
        )


def test_rounds_and_seed_may_differ_and_discarded_rounds_do_not_count() -> None:
    form = scenario().model_dump(mode="json", by_alias=True)
    away = replace(kept(6), discarded="device 'x' not found")
    found = compared(
        (rounds_of(5), {}), ([*rounds_of(8), away], {"scenario": {**form, "rounds": 8, "seed": 9}})
    )
    assert found.what == "nothing"
    assert [cell.measured.total for cell in found.cells if cell.arm == "reclaim"] == [5, 8]


def test_a_run_that_was_cut_short_is_called_so(tmp_path: Path) -> None:
    one = written(tmp_path / "a", rounds_of(5))
    two = written(tmp_path / "b", rounds_of(4))
    assert [run["complete"] for run in told(one, two)["runs"]] == [True, False]
    assert f"{two} was cut short" in droidreclaim("compare", str(one), str(two)).stdout


def test_a_comparison_is_one_page_that_fetches_nothing(tmp_path: Path) -> None:
    one = written(tmp_path / "a", rounds_of(5))
    two = written(tmp_path / "b", rounds_of(5), app={"versionCode": "<b>\x1b[31m"})
    page = tmp_path / "page.html"
    done = droidreclaim("compare", str(one), str(two), "--html", str(page))
    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert text.count("<circle") == 6
    assert "&lt;b&gt;" in text
    assert "\x1b" not in text + done.stdout
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)


def test_what_cannot_be_compared_is_one_line(tmp_path: Path) -> None:
    one = written(tmp_path / "a", rounds_of(1))
    two = written(tmp_path / "b", rounds_of(1), source="phone")
    assert told(one, two, code=7)["error"]["exit_code"] == 7
    for words in ([one], [one, one], [one, tmp_path]):
        done = droidreclaim("compare", *map(str, words))
        assert (done.returncode, done.stderr.startswith("droidreclaim: ")) == (2, True)


def test_storms_are_compared_by_the_same_rules() -> None:
    def storm(name: str, hot: int, **state: str) -> Subject:
        device = {"model": "a phone", "accelerator": "tcg", "serial": name}
        run = Run(Begin("lazy", 1, 10, 4096, device, {"freezer": "on", **state}))
        for index in range(10):
            state_word = "HOT" if index < hot else "COLD"
            run.add(Launch(1.0, "com.example.a", state_word, 0.5, first=False, pid=1, took_bytes=0))
        what = Parameters(None, 1, 10, Order.UNIFORM, packages=("com.example.a",))
        return storms.subject(name, what, [run], "0.1")

    found = compare([storm("a", 10), storm("b", 1)])
    assert (found.what, found.cells[1].differs) == ("nothing", True)
    assert sentences(found)[0].startswith("lazy: hot in 1 of 10 (b) and 10 of 10 (a)")
    with pytest.raises(NotAchieved, match="other settings"):
        compare([storm("a", 10), storm("b", 1, freezer="off")])


def test_a_ratio_of_two_samples_needs_eight_of_each() -> None:
    pytest.importorskip("scipy")
    assert stats.ratio([], [1.0]) is None
    few = stats.ratio([2.0] * 7, [1.0] * 12)
    assert few is not None
    assert (few.ratio, few.interval) == (2.0, None)
    same = stats.ratio([2.0] * 8, [1.0] * 8)
    assert same is not None
    assert same.interval is not None
    assert same.interval.low == pytest.approx(2.0)


def test_the_build_is_the_installed_ones() -> None:
    text = (
        "Packages:\n  Package [com.example.game] (1f):\n    versionCode=12 minSdk=24 targetSdk=34\n"
        "    versionName=1.2.0 beta\n    lastUpdateTime=2026-11-01 10:00:00\n"
        "Hidden system packages:\n    versionCode=3 minSdk=24 targetSdk=34\n"
    )
    assert parse_build(text) == {
        "versionCode": "12",
        "versionName": "1.2.0 beta",
        "lastUpdateTime": "2026-11-01 10:00:00",
    }
    assert parse_build("Unable to find package: x\n") == {}
