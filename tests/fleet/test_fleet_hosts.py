"""Two hosts behind sshd on this machine, stand-in devices at each: one host ends in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adb_server import AdbServer
from hosts import ROOT, Hosts, listening, missing, processes
from stand_ins import Shelf, run_folder, tool, until

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]
SCENARIO = ROOT / "scenarios" / "game.yaml"


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    pytest.importorskip("distributed", reason="needs the extra fleet")
    behave = tmp_path / "behave"
    behave.mkdir()
    run_folder(behave / "run")
    made = Hosts(tmp_path, str(tool(behave)))
    monkeypatch.setenv("PATH", f"{made.bin}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("DROIDRECLAIM_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    with AdbServer() as one, AdbServer() as two:
        Shelf(one, A1=("Pixel 6", 34), A2=("Pixel 6", 34))
        Shelf(two, B1=("Pixel 6", 34), B2=("Pixel 8", 35))
        rows = [
            f"  - {{ssh: {name}, droidreclaim: {made.tool}, adb_port: {server.port}}}"
            for name, server in (("lab1", one), ("lab2", two))
        ]
        (tmp_path / "fleet.yaml").write_text("version: 1\nhosts:\n" + "\n".join(rows) + "\n")
        yield made
        fleet("down")
        made.close()


def words(*more: str) -> list[str]:
    return [sys.executable, "-P", "-m", "droidreclaim", "fleet", *more]


def fleet(*more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words(*more), capture_output=True, text=True, check=False, timeout=200)


def test_a_hosts_jobs_go_elsewhere_when_its_sshd_ends_and_down_leaves_nothing(
    hosts: Hosts, tmp_path: Path
) -> None:
    done = fleet("run", str(SCENARIO), "-o", "out")
    assert done.returncode == 2
    assert "is not up (run 'droidreclaim fleet up'" in done.stderr
    done = fleet("up", "--json")
    assert done.returncode == 0, done.stderr
    up: dict[str, Any] = json.loads(done.stdout)
    assert up["workers"] == ["lab1/A1", "lab1/A2", "lab2/B1", "lab2/B2"]
    assert listening(up["pid"]) == {"127.0.0.1"}
    assert fleet("up").returncode == 3  # it is up

    (tmp_path / "behave/A1").write_text("trap 'exit 130' INT; sleep 50 & wait\n")
    (tmp_path / "behave/B2").write_text("echo 'droidreclaim: in the middle' >&2; sleep 3\n")
    run = subprocess.Popen(
        words("run", str(SCENARIO), "-o", "out", "--json"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    calls = tmp_path / "behave/calls"
    until(lambda: calls.exists() and "A1" in calls.read_text(), 60)
    hosts.stop("lab1")
    out, said = run.communicate(timeout=120)
    assert run.returncode == 0, said
    assert "lab2/B2: in the middle" in said  # streamed, as it was said
    found = json.loads(out)
    assert found["complete"] is True
    devices = {one["job"]: one["device"] for one in found["jobs"]}
    assert devices["001-A1"] == "lab2/B1"
    lost = [one for one in found["attempts"] if one["exit_code"] == 3]
    assert {one["device"] for one in lost} <= {"lab1/A1", "lab1/A2"}
    assert lost[0]["said"] == "its worker was lost: it ended, or the link to its host did"
    folders = {one["job"]: tmp_path / "out" / one["folder"] for one in found["jobs"]}
    assert (folders["001-A1"] / "report.html").is_file()
    assert folders["001-A1"].name != "1"
    assert (tmp_path / "out/jobs/004-B2/1.log").is_file()

    assert fleet("down").returncode == 0
    until(lambda: processes(tmp_path) == [], 30)


def test_ctrl_c_reaches_jobs_on_other_hosts_and_so_does_a_kill_of_who_asked(
    hosts: Hosts, tmp_path: Path
) -> None:
    assert fleet("up").returncode == 0
    ints = tmp_path / "ints"
    (tmp_path / "behave/B2").write_text(
        f"trap 'echo $serial >> {ints}; exit 130' INT; sleep 100 & wait\n"
    )
    calls = tmp_path / "behave/calls"
    for number, (end, code) in enumerate(((subprocess.Popen.send_signal, 130), (None, -9))):
        calls.unlink(missing_ok=True)
        run = subprocess.Popen(
            words("run", str(SCENARIO), "-o", f"out{number}", "--where", "serial=B2"),
            stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        until(lambda: calls.exists() and "B2" in calls.read_text(), 60)
        if end is not None:
            run.send_signal(2)
        else:
            run.kill()
        assert run.wait(60) == code
        until(lambda wanted=number + 1: ints.exists() and ints.read_text() == "B2\n" * wanted, 60)


def test_a_laptop_that_slept_finds_its_jobs_interrupted_and_resumes_with_what_is_left(
    hosts: Hosts, tmp_path: Path
) -> None:
    psutil = pytest.importorskip("psutil")
    up = json.loads(fleet("up", "--json").stdout)
    ints = tmp_path / "ints"
    (tmp_path / "behave/B2").write_text(
        f"trap 'echo B2 >> {ints}; exit 130' INT; [ -e {ints} ] || sleep 500 & wait\n"
    )
    with subprocess.Popen(
        words("run", str(SCENARIO), "-o", "out"), stderr=subprocess.PIPE, text=True
    ) as run:
        log = tmp_path / "out/fleet.log"
        until(lambda: log.exists() and "[3/4]" in log.read_text(), 60)
        keeper = psutil.Process(up["pid"])
        asleep = [psutil.Process(run.pid), keeper, *keeper.children(recursive=True)]
        for one in asleep:
            one.suspend()
        # The hosts hear nothing, the connections are open: each job is interrupted, workers end.
        until(ints.exists, 120)
        until(lambda: not any(processes(hosts.state(name)) for name in hosts.sshd), 60)
        for one in asleep:
            one.resume()
        said = run.communicate(timeout=120)[1]
    assert run.returncode == 3, said
    assert "--resume plays what is left" in said
    done = fleet("run", "-o", "out", "--resume")
    assert done.returncode == 3
    assert "has lost all of its workers ('fleet down', then 'fleet up')" in done.stderr
    assert fleet("down").returncode == 0
    assert fleet("up").returncode == 0
    done = fleet("run", "-o", "out", "--resume", "--json")
    assert done.returncode == 0, done.stderr
    attempts = {one["job"]: one["attempts"] for one in json.loads(done.stdout)["jobs"]}
    assert attempts == {"001-A1": 1, "002-A2": 1, "003-B1": 1, "004-B2": 2}
