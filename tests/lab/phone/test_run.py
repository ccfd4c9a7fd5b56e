"""QA runs on a pocket phone: real kills, real page-outs, and verdicts that must be right."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands import command, run
from droidreclaim.qa.folder import Folder
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


def result_of(out: Path) -> dict[str, Any]:
    return dict(json.loads((out / "result.json").read_text()))


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
    process.stderr.read()
    assert process.wait(60) == 130
    assert result_of(out)["complete"] is False
    assert [one.key for one in Folder.load(out)[2]] == [(1, "none")]
    assert run(mine, *words).returncode == 2  # a run is there: neither overwritten nor gone on with
    done = run(mine, *words, "--resume")
    assert done.returncode == 0, done.stderr
    assert "[2/2]" in done.stderr
    assert result_of(out)["arms"][0]["kept"] == 2


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
