"""A fleet of two pocket phones: one ends in the middle of its job, and the other plays it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from droidreclaim.qa.folder import Folder
from handset import Handset, until

pytestmark = [pytest.mark.phone, pytest.mark.nightly, pytest.mark.timeout(400)]
SCENARIO = Path(__file__).parents[3] / "scenarios" / "game.yaml"
FLEET = [sys.executable, "-m", "droidreclaim", "fleet"]
SHORT = ["--rounds", "3", "--arms", "kill,reclaim", "--no-control"]


def test_a_phone_that_ends_in_the_middle_has_its_job_played_by_the_other(
    boot: Callable[..., Handset], tmp_path: Path
) -> None:
    first, second = boot(), boot()
    file = tmp_path / "fleet.yaml"
    file.write_text(
        f'version: 1\nhosts: [{{this: true, devices: ["{first.serial}", "{second.serial}"]}}]\n'
    )
    words = [*FLEET, "run", "--fleet", str(file), "-o", str(tmp_path / "out"), "--json"]
    with subprocess.Popen(
        [*words, "--", str(SCENARIO), *SHORT],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        jobs = tmp_path / "out/jobs"
        rounds = f"001-{first.serial.replace(':', '_')}/1/samples.ndjson"
        until((jobs / rounds).exists, 120)
        os.kill(first.phone.pid, signal.SIGKILL)
        os.waitpid(first.phone.pid, 0)
        out, said = run.communicate(timeout=300)
    assert run.returncode == 7, said  # of three rounds an arm, `differs` cannot hold
    found = json.loads(out)
    assert found["complete"] is True
    devices = {one["device"] for one in found["jobs"]}
    assert devices == {f"this/{second.serial}"}
    [lost] = [one for one in found["attempts"] if one["exit_code"] == 3]
    assert lost["device"] == f"this/{first.serial}"
    for job in found["jobs"]:
        _, _, played = Folder.load(tmp_path / "out" / job["folder"])
        assert len({one.key for one in played if one.discarded is None}) == 6
        assert (tmp_path / "out" / job["folder"] / "report.html").is_file()
    rows = {(one["by"], one["arm"]): one for one in found["groups"] if one["by"] == "all"}
    assert (rows["all", "reclaim"]["devices"], rows["all", "reclaim"]["rounds"]) == (1, 6)
    seen = next(one for one in found["devices"] if one["serial"] == second.serial)
    assert seen["root"] == "adbd"
    assert seen["ram_bytes"] > 500 << 20
