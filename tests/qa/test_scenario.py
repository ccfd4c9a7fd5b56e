"""Scenario files: what they hold, and every fault of one at once, at its place."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from droidreclaim import files
from droidreclaim.errors import ProfileError, UsageError
from droidreclaim.profiles.reader import faulty, read_form
from droidreclaim.qa import scenario
from droidreclaim.qa.form import ScenarioForm
from droidreclaim.qa.scenario import Scenario
from in_process import droidreclaim

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
STEPS = "steps: [launch, home, arm, resume]\n"
HEAD = "version: 1\nname: x\napp: com.example.game\n"


def faults(tmp_path: Path, text: str) -> list[str]:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    found = scenario.check(path)
    assert not isinstance(found, Scenario)
    return [f"{one.line}:{one.column} {one.path}: {one.message}" for one in found]


def test_scenarios_come_along() -> None:
    assert {path.stem for path in SCENARIOS} == {"any-app", "game"}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_that_comes_along_has_no_fault_and_opens_with_its_question(path: Path) -> None:
    assert isinstance(scenario.check(path), Scenario)
    assert path.read_text().splitlines()[0].startswith("# ")
    assert "?" in path.read_text().splitlines()[0]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_scenario_that_powershell_wrote_is_the_same_scenario(
    tmp_path: Path, encoding: str
) -> None:
    written = tmp_path / "s.yaml"
    written.write_bytes(SCENARIOS[0].read_text("utf-8").encode(encoding))
    assert scenario.check(written) == scenario.check(SCENARIOS[0])


@pytest.mark.parametrize("kind", ["fifo", "folder", "/dev/zero", "/dev/null", "absent"])
def test_what_is_no_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(files, "_WRITER_S", 0.2)
    path = Path(kind) if kind.startswith("/") else tmp_path / kind
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    began = time.monotonic()
    with pytest.raises(UsageError):
        scenario.load(path)
    assert time.monotonic() - began < 10


def test_every_fault_is_listed_at_its_place(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        "version: 1\nname: x\napp: game\narms: [kill, kil, {arm: none, what: anon}]\nrounds: 0\n"
        "steps:\n  - lauch\n  - wait: 3\n  - home: true\n    wait: 3s\n  - shell:\n",
    )
    assert [one.partition(":")[0] for one in found] == ["3", "4", "4", "5", "7", "8", "9", "11"]
    assert "4:14 arms[1].arm: 'kil' is no arm: kill," in found[1]
    assert found[4] == "7:5 steps[0].lauch: no such key here: launch?"
    assert "home and wait together" in found[6]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (HEAD + "arms: [kill]\nsteps: [launch, home, resume]\n", "exactly one step arm"),
        (HEAD + "arms: [kill]\nsteps: [launch, resume, arm]\n", "resume comes after step arm"),
        (HEAD + "arms: [kill]\nsteps: [home, arm, resume]\n", "nothing to come back to"),
        (HEAD + "arms: [kill, kill]\n" + STEPS, "twice"),
        (HEAD + "arms: [kill]\nexpect: [{remembered: score}]\n" + STEPS, "no step remembers"),
        (HEAD + "arms: [kill]\nexpect: [{same_pid: true, arm: none}]\n" + STEPS, "not among arms"),
        (HEAD + "arms: [kill]\nrounds: true\n" + STEPS, "must be a number"),
        (HEAD + "arms: []\n" + STEPS, "at least 1 item"),
        ("", "nothing in it"),
    ],
)
def test_what_makes_no_sense_together_is_a_fault(tmp_path: Path, text: str, wanted: str) -> None:
    assert wanted in "\n".join(faults(tmp_path, text))


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        ("pressure: {until: death}", "until 'death' is not known"),
        ("pressure: {until: kill, launch: [com.example.a]}", "exactly one"),
        ("pressure: {}", "exactly one"),
        ("pressure: {launch: [com.example.a], hold: 3s}", "are of until"),
        ("pressure: {until: kill, compressible: 30:1}", "is no ratio"),
        ("{pressure: {until: kill, hold: 60s}}", "not within the deadline of 60s"),
        ("{pressure: {until: kill}, deadline: 11m}", "1s to 10m"),
        ("tap: [-1, 2]", "greater than or equal to 0"),
        ("tap: [1]", "is missing"),
        ("key: back", "is no key"),
        ("key: 'BACK; reboot'", "is no key"),
        ('text: "a\\nb"', "cannot be typed"),
        ("monkey: {events: 0}", "greater than or equal to 1"),
        ("monkey: {}", "events"),
    ],
)
def test_a_step_that_cannot_be_done_is_a_fault_at_its_line(
    tmp_path: Path, step: str, wanted: str
) -> None:
    one = step if step.startswith("{") else f"{{{step}}}"
    text = HEAD + f"arms: [kill]\nsteps:\n  - launch\n  - {one}\n  - arm\n  - resume\n"
    [fault] = faults(tmp_path, text)
    assert fault.startswith("7:")
    assert wanted in fault


def test_a_match_that_is_no_regular_expression_is_a_fault(tmp_path: Path) -> None:
    step = "{remember: {name: a, shell: date, match: '(' }}"
    text = HEAD + f"arms: [kill]\nsteps: [launch, {step}, arm, resume]\n"
    assert "no regular expression" in faults(tmp_path, text)[0]


@pytest.mark.parametrize(
    "option", ["what: all", "only: [dalvik]", "budget: 1MiB", "allow_flash: true"]
)
def test_options_of_reclaim_are_a_fault_of_another_arm(tmp_path: Path, option: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(HEAD + f"arms: [kill, {{arm: reclaim, {option}}}]\n" + STEPS)
    scenario.load(path)
    found = faults(tmp_path, HEAD + f"arms: [kill, {{arm: cold, {option}}}]\n" + STEPS)
    assert "are of arm reclaim" in found[0]


def test_other_arms_keep_their_options_and_take_their_expectations_with_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        HEAD + "arms: [kill, {arm: reclaim, what: all}]\n"
        "expect: [same_pid, {differs: {from: kill}, arm: reclaim}]\n" + STEPS
    )
    own = scenario.load(path)
    fewer = scenario.adjusted(own, arms=["none", "reclaim"], rounds=3, seed=7)
    assert [(one.arm, one.what) for one in fewer.arms] == [("none", None), ("reclaim", "all")]
    assert [one.kind for one in fewer.expect] == ["same_pid"]
    assert (fewer.rounds, fewer.seed) == (3, 7)
    for wrong in (["kil"], ["none", "none"]):
        with pytest.raises(UsageError, match="--arms"):
            scenario.adjusted(own, arms=wrong)


def test_a_scenario_with_faults_is_exit_status_6_and_names_each(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("version: 1\nname: x\n")
    with pytest.raises(ProfileError, match=r"3 faults"):
        scenario.load(path)
    for words in (["run", "--check", str(path)], ["run", str(path)]):
        done = droidreclaim(*words)
        assert (done.returncode, done.stdout) == (6, "")
        assert "app: is missing" in done.stderr


def test_check_and_schema_need_no_device() -> None:
    done = droidreclaim("run", "--check", str(SCENARIOS[0]))
    assert (done.returncode, done.stderr) == (0, "")
    form = json.loads(droidreclaim("run", "--schema").stdout)
    assert {"app", "arms", "steps", "expect"} <= form["properties"].keys()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "which SCENARIO?"),
        (("nowhere.yaml",), "nowhere.yaml"),
        ((str(SCENARIOS[1]), "--resume"), "name it"),
        ((str(SCENARIOS[1]), "--resume", "--force", "-o", "x"), "without --force"),
        ((str(SCENARIOS[1]), "--arms", "kil"), "no such arm"),
        ((str(SCENARIOS[1]), "--rounds", "0"), "--rounds"),
    ],
)
def test_bad_words_are_one_line_and_exit_status_2(words: tuple[str, ...], said: str) -> None:
    done = droidreclaim("run", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_scenario_that_was_written_down_can_be_read_again() -> None:
    text = """
version: 1
name: x
app: com.example.app
arms: [kill, {arm: reclaim, budget: 64MiB}]
setup:
  - animations: false
  - setting: {name: stay_on_while_plugged_in, value: "7"}
  - install: app.apk
steps:
  - launch
  - wait: 300ms
  - {shell: "true", deadline: 1.5m}
  - arm
  - pressure: {launch: [a.b]}
  - resume
expect: [{resume: {p50: 20ms}}, {survived: {at_least: 90%}}, {differs: {from: kill}, arm: reclaim}]
"""
    form = ScenarioForm.model_validate(yaml.safe_load(text))
    told = form.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert told["steps"][1]["wait"] == "0.3s"
    assert ScenarioForm.model_validate(told) == form


_PIECES = (
    "", "*", "&a ", "*a", "!!binary ", "<<: ", "\t", "- ", "? ", "|", "012", "1:30", "{", "[", "'",
    "%YAML 9.9\n", "\n---\n", "\x85", "\u2028", '"\\x', "9" * 400, "-1", ".inf", ".nan", "null",
    "1e999", "{tap: 1}", "[[]]", "\x00", "\x1b[2J", "1000000h", "a: b\n", "\U0001f600",
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_scenario_changed_anywhere_is_one_or_has_faults_at_their_places(
    data: st.DataObject,
) -> None:
    text = data.draw(st.sampled_from(SCENARIOS)).read_text()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        end = at + data.draw(st.sampled_from([0, 1, 2, 8, 40]))
        text = text[:at] + data.draw(st.sampled_from(_PIECES)) + text[end:]
    found = read_form(text.encode(), ScenarioForm)
    if isinstance(found, ScenarioForm):
        json.dumps(found.model_dump(mode="json", by_alias=True), allow_nan=False)
        return
    assert found
    lines = text.count("\n") + text.count("\x85") + text.count("\u2028") + 1
    assert all(1 <= one.line <= lines and one.column >= 1 for one in found)
    assert str(faulty("s.yaml", found))


def test_the_schema_takes_every_scenario_that_run_takes() -> None:
    """An editor with the schema finds no fault with the shipped scenarios and the docs'."""
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(scenario.schema())
    docs = (Path(__file__).parents[2] / "docs" / "qa.md").read_text("utf-8")
    parts = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", docs, re.DOTALL)]
    whole = {"version": 1, "name": "x", "app": "com.example.game", "arms": ["none"]}
    wanted = [yaml.safe_load(path.read_text("utf-8")) for path in SCENARIOS]
    wanted += [{**whole, "steps": ["launch", "arm", "resume"], **part} for part in parts]
    assert len(wanted) >= 5
    for each in wanted:
        assert [error.message for error in validator.iter_errors(each)] == []
        assert ScenarioForm.model_validate(each)
    for wrong in ({"tap": {"i": 1}}, "lunch", {"maestro": 3}, {"wait": 2}):
        each = {**whole, "steps": ["launch", wrong, "arm", "resume"]}
        assert list(validator.iter_errors(each))
