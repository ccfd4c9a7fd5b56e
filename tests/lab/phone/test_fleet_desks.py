"""Two hosts behind sshd, two pocket phones each: a phone and a host end while a run is played."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from droidreclaim.fleet.record import FleetFolder
from droidreclaim.lab.phone import image
from droidreclaim.qa.folder import Folder
from handset import ADB, adb_server_of, free_port, until
from hosts import ROOT, Hosts, missing, ports, processes, refused

pytestmark = [
    pytest.mark.phone,
    pytest.mark.nightly,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]
SCENARIO = ROOT / "scenarios" / "game.yaml"
SHORT = ["--rounds", "3", "--arms", "kill,reclaim", "--no-control"]
FLEET = [sys.executable, "-P", "-m", "droidreclaim", "fleet"]


@pytest.fixture
def hosts(tmp_path: Path, phones: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    """Two hosts with an adb server each, and the file of a fleet of both."""
    pytest.importorskip("distributed", reason="needs the extra fleet")
    home = tmp_path / "home"
    home.mkdir()
    env = {"HOME": str(home), "ADB_MDNS": "0", "DROIDRECLAIM_CACHE_DIR": str(image.cache_dir())}
    made = Hosts(tmp_path, None, **env)
    monkeypatch.setenv("PATH", f"{made.bin}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("DROIDRECLAIM_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    with contextlib.ExitStack() as stack:
        stack.callback(made.close)
        rows = []
        for name in made.sshd:
            port = free_port()
            stack.enter_context(adb_server_of(ADB, port, tmp_path / f"{name}.adb.log"))
            rows.append(
                f"  - {{ssh: {name}, droidreclaim: {made.tool}, adb_port: {port}, "
                f"pocket_phones: 2, labels: {{desk: {name}}}}}\n"
            )
        (tmp_path / "fleet.yaml").write_text(f"version: 1\nhosts:\n{''.join(rows)}")
        stack.callback(fleet, "down")
        yield made


def fleet(*words: str, code: int = 0) -> str:
    done = subprocess.run(
        [*FLEET, *words], capture_output=True, text=True, timeout=700, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def qemu_of(hosts: Hosts, name: str) -> dict[str, int]:
    """The pids of a host's phones, by the names of their devices."""
    records = [json.loads(one.read_text()) for one in hosts.state(name).rglob("*.json")]
    return {f"{name}/127.0.0.1:{one['port']}": one["pid"] for one in records if "port" in one}


def test_a_run_survives_a_phone_and_a_host_and_down_leaves_nothing(
    hosts: Hosts, tmp_path: Path
) -> None:
    workers = json.loads(fleet("up", "--json"))["workers"]
    phones = {name: qemu_of(hosts, name) for name in hosts.sshd}
    assert workers == sorted([*phones["lab1"], *phones["lab2"]])
    assert len(workers) == 4
    listened = ports(tmp_path)
    assert {address for address, _ in listened} == {"127.0.0.1"}
    seen = json.loads(fleet("status", "--json", "--where", "desk=lab2"))["devices"]
    assert [one["ready"] for one in seen] == [True, True]
    assert seen[0]["labels"]["sdk"] == "33"

    killed, survivor = phones["lab2"]
    with subprocess.Popen(
        [*FLEET, "run", "-o", "out", "--json", "--", str(SCENARIO), *SHORT],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        log = tmp_path / "out/fleet.log"
        until(log.exists, 60)
        until(lambda: all(f"{one}: [1/6]" in log.read_text() for one in workers), 400)
        os.kill(phones["lab2"][killed], signal.SIGKILL)
        hosts.stop("lab1")
        out, said = run.communicate(timeout=900)
    assert run.returncode == 7, said  # of three rounds an arm, `differs` cannot hold
    _all_is_told(json.loads(out), tmp_path / "out", workers, survivor)

    # The phones of the host that is lost have ended, while the fleet is up.
    until(lambda: processes(hosts.state("lab1")) == [], 150)
    fleet("down")
    until(lambda: processes(tmp_path) == [], 60)
    assert all(refused(address) for address in listened)


def _all_is_told(found: dict[str, Any], out: Path, workers: list[str], survivor: str) -> None:
    assert found["complete"] is True
    assert {one["device"] for one in found["jobs"]} == {survivor}
    for job in found["jobs"]:
        _, _, played = Folder.load(out / job["folder"])
        assert len({one.key for one in played if one.discarded is None}) == 6
    _, _, attempts = FleetFolder.load(out)
    lost = [one for one in attempts if one.exit_code == 3]
    assert {one.device for one in lost} == {*workers} - {survivor}
    assert {one.aside for one in lost} <= {"quarantined", "suspended"}
    assert all(one.exit_code is not None and one.said is not None for one in attempts)
    moved = shutil.move(out, out.with_name("moved"))
    page = (Path(moved) / "report.html").read_text("utf-8")
    for job in found["jobs"]:
        link = f"{job['folder']}/report.html"
        assert f'href="{link}"' in page
        assert (Path(moved) / link).is_file()
