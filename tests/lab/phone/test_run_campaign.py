"""QA runs ended at random: Ctrl-C, a cut cable, a host that is killed; nothing may be left."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import command
from droidreclaim.qa.folder import Folder
from handset import ADB, Handset

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(7200)]

TIMES = int(os.environ.get("CAMPAIGN_RUNS", "200"))
SEED = int(os.environ.get("CAMPAIGN_SEED", "16"))
LONGEST_S = 12.0  # a round takes about as long
SCENARIO = """version: 1
name: x
app: com.example.game
arms: [reclaim, none]
rounds: 3
setup:
  - animations: false
steps: [launch, home, arm, resume]
"""
OURS = (
    "for exe in /proc/[0-9]*/exe; do readlink $exe; done 2>/dev/null | grep -c droidreclaim; "
    "pgrep -f uia2[.]Main"
)
LEFT = "settings list global | grep -c _scale; ls -A /data/local/tmp | wc -l; " + OURS


@pytest.fixture(scope="module")
def mine(boot_for_module: Callable[..., Handset]) -> Handset:
    return boot_for_module()


def until_nothing_is_left(mine: Handset, patience_s: float) -> str:
    """What is still there: settings of ours, files of adb's, running programs."""
    end_s = time.monotonic() + patience_s
    while (left := mine.shell(LEFT).stdout.decode()) != "0\n0\n0\n" and time.monotonic() < end_s:
        time.sleep(0.3)
    return left


def cut_cable(mine: Handset, process: subprocess.Popen[str]) -> None:
    subprocess.run([ADB, "disconnect", mine.serial], capture_output=True, check=False)
    time.sleep(0.5)
    subprocess.run([ADB, "connect", mine.serial], capture_output=True, check=False)


def interrupt(mine: Handset, process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)


def kill_host(mine: Handset, process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)


ENDINGS: list[tuple[Callable[[Handset, subprocess.Popen[str]], None], set[int]]] = [
    (interrupt, {130}),
    (cut_cable, {0, 3, 7}),  # it goes on when the device is back within 20 s
    (kill_host, {-signal.SIGKILL}),
]


def test_a_run_that_is_ended_anywhere_leaves_nothing(mine: Handset, tmp_path: Path) -> None:
    end_runs(mine, tmp_path, SCENARIO)


def test_nor_does_one_that_reads_the_screen_by_uiautomator2(mine: Handset, tmp_path: Path) -> None:
    pytest.importorskip("uiautomator2", reason="needs the extra ui")
    stand_in = str(Path(__file__).with_name("ui_server.py"))
    assert mine.run("push", stand_in, "/system/bin/app_process").returncode == 0
    mine.text("chmod 755 /system/bin/app_process")
    tapped = SCENARIO.replace("launch,", "launch, {tap: Play},")
    end_runs(mine, tmp_path, f"{tapped}ui: uiautomator2\n")


def end_runs(mine: Handset, tmp_path: Path, scenario: str) -> None:
    """End runs of *scenario* at moments drawn from the seed; each must leave nothing."""
    path = tmp_path / "scenario.yaml"
    path.write_text(scenario)
    chance, seen = random.Random(SEED), Counter[str]()
    for number in range(TIMES):
        ending, codes = chance.choice(ENDINGS)
        out = tmp_path / f"out{number}"
        words = ("run", str(path), "--rounds", "1", "--no-control", "-o", str(out))
        process = subprocess.Popen(
            command(mine, *words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        time.sleep(chance.uniform(1.0, LONGEST_S))
        over = process.poll() is not None
        ending(mine, process)
        said = process.communicate(timeout=120)[1]
        what = f"{number}, {ending.__name__}: exit {process.returncode}: {said[-400:]}"
        assert process.returncode in ({0, 7} if over else codes), what
        assert "Traceback" not in said, what
        assert until_nothing_is_left(mine, 45.0) == "0\n0\n0\n", what
        if (out / "run.json").exists():
            assert all(one.took_s > 0 for one in Folder.load(out)[2]), what
            if (out / "result.json").exists():
                json.loads((out / "result.json").read_text())
        seen[ending.__name__ + (", over" if over else "")] += 1
        print(number, what.splitlines()[0][:60], dict(seen), flush=True)
    assert sum(seen.values()) == TIMES
