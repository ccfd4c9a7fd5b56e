"""QA runs on a pocket phone: real kills, real page-outs, and verdicts that must be right."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from commands import command, run
from droidreclaim import connect
from droidreclaim.qa.arms import act_of
from droidreclaim.qa.figures import result
from droidreclaim.qa.folder import Folder
from droidreclaim.qa.form import ArmForm
from droidreclaim.qa.record import Round
from droidreclaim.qa.rounds import Run
from droidreclaim.qa.scenario import adjusted, load
from handset import Handset

pytestmark = [pytest.mark.phone, pytest.mark.timeout(500)]

GAME = Path(__file__).parents[3] / "scenarios" / "game.yaml"
HEAD = "version: 1\nname: x\napp: com.example.game\n"
PLAYED = """steps:
  - launch
  - shell: input tap 160 240
  - remember: {name: score, shell: pocket score com.example.game, match: '"score": *([0-9]+)'}
"""


@pytest.fixture(scope="module")
def mine(boot_for_module: Callable[..., Handset]) -> Handset:
    """A phone of this module, whose apps are killed all the time."""
    return boot_for_module()


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "scenario.yaml"
    path.write_text(HEAD + text)
    return str(path)


def run_long(mine: Handset, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(mine, *words), capture_output=True, text=True, timeout=400, check=False
    )


def result_of(out: Path) -> dict[str, Any]:
    return dict(json.loads((out / "result.json").read_text()))


@pytest.mark.parametrize(
    "among_others",
    [False, pytest.param(True, marks=pytest.mark.nightly)],
    ids=["alone", "as it comes along"],
)
def test_the_game_keeps_its_score_and_the_control_loses_it(
    mine: Handset, tmp_path: Path, among_others: bool
) -> None:
    text, out, path = GAME.read_text(), tmp_path / "out", tmp_path / "game.yaml"
    pressure = "  - pressure:\n      launch: [com.example.notes, com.example.chat]\n"
    assert pressure in text
    path.write_text(text if among_others else text.replace(pressure, ""))
    words = ["run", str(path), "--rounds", "5", "--arms", "kill,reclaim", "-o", str(out), "--json"]
    done = run_long(mine, *words)
    assert done.returncode == 0, done.stderr
    assert "pageout: " not in done.stderr  # a round is told in one line
    told = json.loads(done.stdout)
    assert (told["verdict"], told["verdict_of"], told["complete"]) == ("kept", "reclaim", True)
    kill, reclaim = told["arms"]
    assert (kill["kept"], kill["lost"], kill["resume_kinds"]) == (0, 5, {"COLD": 5})
    assert kill["kills"] == {"activity_manager": 5}
    assert (reclaim["kept"], reclaim["kills"], reclaim["resume_kinds"]) == (5, {}, {"HOT": 5})
    assert reclaim["pss_after_bytes"] < reclaim["pss_before_bytes"] / 4  # really paged out
    assert all(one["passed"] for one in told["expectations"])
    assert result_of(out)["sentence"] == told["sentence"]
    suite = Xml.parse(out / "junit.xml").getroot()
    assert suite.get("failures") == "0"
    assert (out / "rounds" / "01-reclaim" / "log.txt").stat().st_size > 0
    assert "kill background" in (out / "rounds" / "01-kill" / "exit-info.txt").read_text().lower()


@pytest.mark.nightly
def test_a_page_out_that_kills_is_caught(mine: Handset, tmp_path: Path) -> None:
    scenario = adjusted(load(GAME), arms=("kill", "reclaim"), rounds=5)
    rounds: list[Round] = []
    with connect(mine.serial) as phone:
        killing = act_of(ArmForm(arm="kill"))
        played = Run(phone, scenario, tmp_path, rounds.append, acts={"reclaim": killing})
        assert played.play() is None
    found = result(scenario, rounds)
    assert [(one.arm, one.lost) for one in found.arms] == [("kill", 5), ("reclaim", 5)]
    assert found.subject.verdict == "proves_nothing"
    assert "do not differ" in found.failures[0]
    assert not any(one.passed for one in found.expectations)


BY_SCREEN = """arms: [kill, reclaim]
steps:
  - launch
  - tap: {id: play}
  - tap: Play
  - text: {type: Ann B, into: {id: player}}
  - remember: {name: score, screen: {id: score}, match: "([0-9]+)"}
  - remember: {name: player, screen: {id: player}}
    deadline: 1s
  - tap: {id: plya}
    continue_on_failure: true
    deadline: 1s
  - home
  - arm
  - resume
expect:
  - text: "Score: 2"
"""


@pytest.mark.nightly
def test_what_is_on_the_screen_is_tapped_typed_remembered_and_expected(
    mine: Handset, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ("--rounds", "1", "--no-control", "-o", str(out))
    done = run_long(mine, "run", written(tmp_path, BY_SCREEN), *words)
    assert done.returncode == 0, done.stderr
    rounds = {one.arm: one for one in Folder.load(out)[2]}
    kill, reclaim = rounds["kill"], rounds["reclaim"]
    assert reclaim.remembered == reclaim.found == {"score": "2", "player": "Ann B"}
    assert (kill.found, kill.state.value) == ({"score": "0", "player": ""}, "lost")
    assert reclaim.state.value == "kept"
    assert "Score: 2" in (reclaim.screen or [])
    assert "nothing on the screen has id 'plya'; there are: 'Score: 2' (id score)" in kill.notes[0]
    for one in rounds.values():  # the game draws ten frames a second, the resume among them
        assert one.drawn is not None
        assert 10 <= one.drawn.frames <= 40
        for name in ("left.png", "screen.png"):
            data = (out / "rounds" / one.folder_name / name).read_bytes()
            assert data.startswith(b"\x89PNG")
    assert "as it came back" in (out / "report.html").read_text()
    assert not mine.text("ls -A /data/local/tmp")


@pytest.mark.nightly
def test_every_arm_does_what_its_name_says(mine: Handset, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arms = "kill,kill9,none,reclaim,guard:keep-games,cold,trim,am_compact"
    words = ("run", str(GAME), "--rounds", "1", "--arms", arms, "--no-control", "-o", str(out))
    run_long(mine, *words)
    rounds = {one.arm: one for one in Folder.load(out)[2]}
    assert [one.fault for one in rounds.values()] == [None] * 8
    lost = {arm for arm, one in rounds.items() if one.state == "lost"}
    assert lost == {"kill", "kill9"}
    assert all(one.state == "kept" for arm, one in rounds.items() if arm not in lost)
    left = {arm: one.memory["arm"].pss_bytes for arm, one in rounds.items() if arm not in lost}
    shares = {arm: size / rounds[arm].memory["before"].pss_bytes for arm, size in left.items()}
    assert {arm for arm, share in shares.items() if share < 0.25} == {"reclaim", "am_compact"}
    assert shares["trim"] < 0.97  # the game gives up its caches
    assert rounds["none"].memory["arm"].swap_bytes == 0


def test_a_control_that_cannot_kill_is_called_out(mine: Handset, tmp_path: Path) -> None:
    text = f"arms: [kill]\n{PLAYED}  - arm\n  - resume\n"  # never left: am kill does nothing
    out = tmp_path / "out"
    done = run(mine, "run", written(tmp_path, text), "--rounds", "1", "-o", str(out))
    [one] = Folder.load(out)[2]
    assert done.returncode == 7, done.stderr
    assert "no arm but controls" in done.stderr
    assert (one.state, one.did.startswith("failed: com.example.game stayed at")) == ("kept", True)
    assert "am kill ends nothing under 500" in one.notes[0]


def test_steps_that_fail_are_counted_and_bounded(mine: Handset, tmp_path: Path) -> None:
    text = f"""arms: [none]
{PLAYED}
  - command: [sh, -c, "head -c 20000000 /dev/zero; sleep 1 & echo $DROIDRECLAIM_ARM"]
  - shell: exit 3
    continue_on_failure: true
  - home
  - arm
  - shell: sleep 60
    deadline: 1s
  - resume
"""
    out = tmp_path / "out"
    words = ("run", written(tmp_path, text), "--rounds", "1", "--no-control", "-o", str(out))
    done = run(mine, *words)
    [one] = Folder.load(out)[2]
    assert done.returncode == 0, done.stderr
    assert (one.state, one.kind) == ("unknown", "UNKNOWN")
    assert one.fault is not None
    assert one.fault.startswith("step 8 shell: ")
    assert "step 5 shell: 'exit 3'" in one.notes[0]
    assert (out / "rounds" / "01-none" / "command.txt").stat().st_size == 1 << 20


def test_an_app_that_is_not_there_is_said_before_anything_is_written(
    mine: Handset, tmp_path: Path
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        HEAD.replace("game", "nothing") + "arms: [kill]\n" + PLAYED + "  - arm\n  - resume\n"
    )
    done = run(mine, "run", str(path), "-o", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "not installed" in done.stderr
    assert not (tmp_path / "out" / "run.json").exists()


@pytest.mark.nightly
def test_a_full_disk_of_the_device_is_said_before_the_first_round(
    mine: Handset, tmp_path: Path
) -> None:
    ours = "/data/local/droidreclaim"
    run(mine, "uninstall")
    mine.text(f"mkdir {ours} && mount -t tmpfs -o size=8k,mode=700 tmpfs {ours}")
    try:
        words = ("--arms", "kill,reclaim", "-o", str(tmp_path / "out"))
        done = run(mine, "run", str(GAME), *words)
        assert done.returncode == 4, done.stderr
        assert "No space left on device" in done.stderr
        assert "free some space in /data" in done.stderr
        assert not (tmp_path / "out").exists()
        assert not mine.shell(f"ls -A {ours}").stdout
    finally:
        mine.text(f"umount {ours} && rmdir {ours}")


@pytest.mark.nightly
def test_a_disk_that_fills_up_in_a_round_stops_no_arm(mine: Handset, tmp_path: Path) -> None:
    ours = "/data/local/droidreclaim"
    text = f"""arms: [reclaim]
{PLAYED}
  - shell: mount -t tmpfs -o size=8k,mode=700 tmpfs {ours}
    continue_on_failure: true
  - home
  - arm
  - resume
"""
    out = tmp_path / "out"
    words = ("--rounds", "2", "--no-control", "-o", str(out))
    try:
        done = run(mine, "run", written(tmp_path, text), *words)
        rounds = Folder.load(out)[2]
        assert [(one.state.value, one.fault) for one in rounds] == [("kept", None)] * 2, done.stderr
    finally:
        while mine.shell(f"umount {ours}").returncode == 0:
            pass


def test_ctrl_c_leaves_the_rounds_that_ended_and_resume_goes_on(
    mine: Handset, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["run", str(GAME), "--rounds", "2", "--arms", "none", "--no-control", "-o", str(out)]
    process = subprocess.Popen(
        command(mine, *words), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    assert any("[1/2]" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    said = process.stderr.read()
    assert process.wait(60) == 130, said
    assert result_of(out)["complete"] is False
    assert [one.key for one in Folder.load(out)[2]] == [(1, "none")]
    assert run(mine, *words).returncode == 2  # a run is there: neither overwritten nor gone on with
    done = run(mine, *words, "--resume")
    assert done.returncode == 0, done.stderr
    assert "[2/2]" in done.stderr
    assert result_of(out)["arms"][0]["kept"] == 2
    for one in Folder.load(out)[2]:  # sampled all the time, on the clock of the marks
        assert [mark.what for mark in one.marks][-1] == "resume"
        inside = [point for point in one.track if point.boot_s > one.marks[0].boot_s]
        assert len(inside) > 4
        assert {point.pid for point in inside} == {one.before.pid if one.before else 0}
        assert one.came_back_bytes(1.0) is not None  # sampled before its resume, and after it
        assert one.cost["round"].psi_some_s is not None


def test_setup_is_undone_when_the_host_is_killed(mine: Handset, tmp_path: Path) -> None:
    mine.text("settings put system screen_off_timeout 60000")
    text = f"""arms: [none]
setup:
  - animations: false
  - setting: {{table: system, name: screen_off_timeout, value: "1800000"}}
{PLAYED}
  - home
  - arm
  - shell: settings get system screen_off_timeout | grep 1800000
  - shell: settings get global animator_duration_scale | grep 0
  - command: [sh, -c, "test $DROIDRECLAIM_ROUND = 1 || sleep 60"]
  - resume
"""
    out = tmp_path / "out"
    words = ("run", written(tmp_path, text), "--rounds", "2", "--no-control", "-o", str(out))
    host = subprocess.Popen(command(mine, *words), stderr=subprocess.PIPE, text=True)
    assert host.stderr is not None
    assert any("round 1, none: kept" in line for line in host.stderr)
    host.kill()
    host.wait()
    deadline_s = time.monotonic() + 20
    read = "settings get system screen_off_timeout; settings get global animator_duration_scale"
    while (seen := mine.text(read).split()) != ["60000", "null"]:
        assert time.monotonic() < deadline_s, seen
        time.sleep(0.2)
    mine.text("settings delete system screen_off_timeout")
    assert not mine.shell("ls /data/local/tmp/.droidreclaim-setup").stdout


@pytest.mark.nightly
def test_a_cable_out_for_a_moment_costs_its_round_since_the_setup_was_undone(
    mine: Handset, tmp_path: Path
) -> None:
    once, adb = tmp_path / "once", mine.adb
    cut = f"{adb} disconnect {mine.serial}; sleep 1; {adb} connect {mine.serial}"
    text = f"""arms: [none]
setup:
  - animations: false
{PLAYED}
  - command: [sh, -c, "test -e {once} || {{ touch {once}; {cut}; sleep 1; }}"]
  - shell: settings get global animator_duration_scale | grep 0
    continue_on_failure: true
  - home
  - arm
  - resume
"""
    out = tmp_path / "out"
    words = ("run", written(tmp_path, text), "--rounds", "2", "--no-control", "-o", str(out))
    done = run(mine, *words)
    assert done.returncode == 0, done.stderr
    rounds = Folder.load(out)[2]
    assert [(one.number, one.discarded is None) for one in rounds] == [
        (1, False), (2, True), (1, True),
    ]  # fmt: skip
    assert "what setup had changed was undone" in str(rounds[0].discarded)
    assert [(one.state.value, one.notes) for one in rounds[1:]] == [("kept", [])] * 2
    assert "null" in mine.text("settings get global animator_duration_scale")


@pytest.mark.nightly
def test_a_device_lost_in_the_middle_keeps_the_rounds_before(
    boot: Callable[..., Handset], tmp_path: Path
) -> None:
    lost = boot()
    text = f"""arms: [none]
{PLAYED}
  - home
  - arm
  - command: [sh, -c, "test $DROIDRECLAIM_ROUND = 1 || kill -9 {lost.phone.pid}"]
  - resume
"""
    out = tmp_path / "out"
    words = ("run", written(tmp_path, text), "--rounds", "3", "--no-control", "-o", str(out))
    done = subprocess.run(
        [sys.executable, "-m", "droidreclaim", "-s", lost.serial, "--timeout", "10", *words],
        capture_output=True, text=True, timeout=200, check=False, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    rounds = Folder.load(out)[2]
    assert [(one.number, one.discarded is None) for one in rounds] == [(1, True), (2, False)]
    assert result_of(out)["arms"][0]["discarded"] == 1
