"""`fleet run` on stand-in devices: real processes, leases and folders; the tool is a stand-in."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as Xml
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from adb_server import AdbServer
from droidreclaim.device import lease
from droidreclaim.device.server import Server
from droidreclaim.errors import DeviceTimeout
from droidreclaim.fleet.play import Running, Task, play
from fleet_run import Run
from qa_rounds import lost, rounds_of
from stand_ins import Shelf, run_folder, tool, until

SCENARIO = Path(__file__).parents[2] / "scenarios" / "game.yaml"


@dataclass
class Fleet:
    """Two phones of one model and one of another, and what was made of them."""

    shelf: Shelf
    run: Run
    folder: Path

    def behave(self, serial: str, script: str) -> None:
        (self.folder / "behave" / serial).write_text(script, encoding="utf-8")

    def play(self, *words: str, code: int = 0) -> dict[str, Any]:
        done = self.run("fleet", "run", "--json", "-o", str(self.folder / "out"), *words)
        assert done.returncode == code, done.stderr
        return dict(json.loads(done.stdout))

    def calls(self) -> list[str]:
        text = (self.folder / "behave" / "calls").read_text("utf-8")
        return [line.split()[0] for line in text.splitlines()]


@pytest.fixture
def fleet(adb: AdbServer, droidreclaim: Run, tmp_path: Path) -> Fleet:
    shelf = Shelf(adb, A1=("Pixel 6", 34), A2=("Pixel 6", 34), B1=("Pixel 8", 35))
    behave = tmp_path / "behave"
    behave.mkdir()
    run_folder(behave / "run")
    path = tool(behave)
    (tmp_path / "fleet.yaml").write_text(
        f"version: 1\nhosts: [{{this: true, droidreclaim: {path}}}]\n", encoding="utf-8"
    )
    return Fleet(shelf, droidreclaim, tmp_path)


def jobs(found: dict[str, Any]) -> dict[str, tuple[str, str, int]]:
    return {one["job"]: (one["device"], one["verdict"], one["attempts"]) for one in found["jobs"]}


def test_every_device_plays_the_run_once_and_one_folder_holds_it_all(fleet: Fleet) -> None:
    found = fleet.play(str(SCENARIO))
    assert jobs(found) == {
        "001-A1": ("this/A1", "kept", 1),
        "002-A2": ("this/A2", "kept", 1),
        "003-B1": ("this/B1", "kept", 1),
    }
    assert sorted(fleet.calls()) == ["A1", "A2", "B1"]
    out = fleet.folder / "out"
    assert (out / "jobs/003-B1/1/report.html").is_file()
    assert "droidreclaim: B1 plays" in (out / "jobs/003-B1/1.log").read_text("utf-8")
    suites = Xml.parse(out / "junit.xml").getroot()
    assert [one.get("name") for one in suites] == [
        f"{name} on this/{name[4:]}" for name in ("001-A1", "002-A2", "003-B1")
    ]
    assert found["complete"] is True
    rows = {(one["by"], one["value"], one["arm"]): one for one in found["groups"]}
    assert rows["all", "all devices", "reclaim"]["kept"] == 18
    assert rows["model", "Pixel 6", "reclaim"]["devices"] == 2
    assert rows["model", "Pixel 6", "kill"]["kept"] == 0


def test_a_phone_that_fails_at_once_is_put_aside_and_another_of_its_model_plays_its_job(
    fleet: Fleet,
) -> None:
    fleet.behave("A1", "echo 'droidreclaim: A1: device lost' >&2; exit 3\n")
    found = fleet.play(str(SCENARIO))
    assert jobs(found)["001-A1"] == ("this/A2", "kept", 2)
    assert fleet.calls().count("A1") == 1
    [failed] = [one for one in found["attempts"] if one["exit_code"] == 3]
    assert (failed["device"], failed["said"], failed["aside"]) == (
        "this/A1", "A1: device lost", "quarantined"
    )  # fmt: skip
    lines = (fleet.folder / "out/attempts.ndjson").read_text("utf-8").splitlines()
    assert len(lines) == 8  # four attempts, each as it began and as it ended
    page = (fleet.folder / "out/report.html").read_text("utf-8")
    assert "this/A1 was put aside (quarantined): A1: device lost" in page


def test_options_of_the_connection_reach_every_job_and_those_for_one_device_are_refused(
    fleet: Fleet,
) -> None:
    fleet.play("--timeout", "7", "--adb-root", "-s", "A1", str(SCENARIO))
    calls = (fleet.folder / "behave/calls").read_text("utf-8")
    assert " -s A1 --timeout 7.0 --adb-root run " in calls
    assert "-d and -e choose one device" in fleet.play("-e", "--resume", code=2)["error"]["message"]


def test_a_sick_phone_does_not_eat_the_queue(fleet: Fleet) -> None:
    fleet.behave("A1", "exit 1\n")
    found = fleet.play("--seeds", "1-6", "--where", "model=Pixel 6", str(SCENARIO))
    assert {one["device"] for one in found["jobs"]} == {"this/A2"}
    assert fleet.calls().count("A1") == 1
    assert found["complete"] is True


def test_an_expectation_that_failed_is_a_verdict_and_never_asked_again(fleet: Fleet) -> None:
    run_folder(fleet.folder / "behave/lost", [lost(one.number, one.arm) for one in rounds_of(6)])
    behave = fleet.folder / "behave"
    fleet.behave("B1", f'mkdir -p "$folder"; cp -r {behave}/lost/. "$folder"; exit 7\n')
    found = fleet.play(str(SCENARIO), code=7)
    assert jobs(found)["003-B1"] == ("this/B1", "proves_nothing", 1)
    assert fleet.calls().count("B1") == 1
    assert found["complete"] is True
    assert found["error"]["exit_code"] == 7


def test_a_job_that_nobody_is_left_for_is_told_and_the_rest_is_played(fleet: Fleet) -> None:
    fleet.behave("B1", "echo 'droidreclaim: B1: no root' >&2; exit 4\n")
    found = fleet.play(str(SCENARIO), code=4)
    assert jobs(found)["003-B1"] == ("this/B1", "not played", 1)
    assert jobs(found)["001-A1"][1] == "kept"
    assert (
        found["jobs"][2]["undone"] == "no device of Pixel 8, SDK 35 is left: this/B1: B1: no root"
    )
    assert found["complete"] is False
    suite = Xml.parse(fleet.folder / "out/junit.xml").getroot()[2]
    assert suite.get("failures") == "1"


def test_a_resume_plays_only_what_is_left_and_keeps_every_attempt(fleet: Fleet) -> None:
    fleet.behave("B1", "exit 3\n")
    fleet.play(str(SCENARIO), code=3)
    fleet.behave("B1", "")
    found = fleet.play("--resume")
    assert jobs(found)["003-B1"] == ("this/B1", "kept", 2)
    assert fleet.calls().count("A1") == 1
    assert [one["exit_code"] for one in found["attempts"] if one["job"] == "003-B1"] == [3, 0]


def test_an_attempt_that_was_cut_short_with_the_host_is_made_again(fleet: Fleet) -> None:
    fleet.play(str(SCENARIO))
    record = fleet.folder / "out/attempts.ndjson"
    lines = [line for line in record.read_text("utf-8").splitlines() if "A2" in line][:1]
    record.write_text(lines[0] + "\n" + lines[0][:40], encoding="utf-8")  # a crash, in a line
    found = fleet.play("--resume")
    assert jobs(found)["002-A2"] == ("this/A2", "kept", 2)
    assert [one["exit_code"] for one in found["attempts"] if one["job"] == "002-A2"] == [None, 0]


def test_a_scenario_that_changed_is_not_resumed(fleet: Fleet, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_bytes(SCENARIO.read_bytes())
    fleet.play(str(own))
    own.write_text(own.read_text("utf-8") + "\n# another\n", encoding="utf-8")
    assert "is not as the run in" in fleet.play("--resume", code=2)["error"]["message"]


def test_a_phone_that_somebody_else_has_is_told_with_who_has_it(fleet: Fleet) -> None:
    [held] = lease.take(lambda: ["B1"], 1, timeout_s=1)
    try:
        found = fleet.play(str(SCENARIO), code=3)
    finally:
        held.release()
    [busy] = [one for one in found["attempts"] if one["exit_code"] == 3]
    assert busy["said"].startswith("no 1 free of these within 2 s: B1 (last leased by pid ")
    assert "B1" not in fleet.calls()


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ("left=global/x", "A1: what a run changed is not undone"),
        ("held=1", "A1: another run is under way"),
        ("\x1b[2J", "A1: what a run may have left is unknown"),
    ],
)
def test_a_phone_that_is_not_as_found_gets_no_job(fleet: Fleet, left: str, said: str) -> None:
    fleet.shelf.left["A1"] = left
    found = fleet.play(str(SCENARIO))
    assert "A1" not in fleet.calls()
    assert jobs(found)["001-A1"][0] == "this/A2"
    [refused] = [one for one in found["attempts"] if one["exit_code"] == 3]
    assert (refused["said"], refused["aside"]) == (said, "quarantined")


def test_a_job_that_ended_halfway_begins_anew_once_what_it_left_is_undone(fleet: Fleet) -> None:
    fleet.shelf.left["A1"] = "undone=global/x"
    fleet.behave("A2", "exit 3\n")
    found = fleet.play(str(SCENARIO))
    assert jobs(found)["002-A2"] == ("this/A1", "kept", 2)
    asked = [line for line in fleet.shelf.asked if line.startswith("A1 ")]
    assert sum("journal" in line for line in asked) == fleet.calls().count("A1") == 2


def test_what_a_job_says_comes_through_while_it_runs(fleet: Fleet, adb: AdbServer) -> None:
    """The job waits, 20 s at most, for what is done only once its words are heard."""
    heard = fleet.folder / "heard"
    wait = (
        f"n=0; while [ ! -e {heard} ]; do n=$((n+1)); [ $n -gt 2000 ] && exit 5; sleep 0.01; done"
    )
    fleet.behave("A1", f"echo 'droidreclaim: halfway' >&2; {wait}\n")
    program = (str(fleet.folder / "behave/droidreclaim"),)
    task = Task("A1", ("run", "x"), fleet.folder / "out/1", Server("127.0.0.1", adb.port), program)

    def tell(line: str) -> None:
        if line == "halfway":
            heard.touch()

    assert play(task, tell, Running()).exit_code == 0


def test_an_entry_opens_its_runs_page_also_where_the_folder_is_moved(fleet: Fleet) -> None:
    found = fleet.play(str(SCENARIO))
    moved = (fleet.folder / "out").rename(fleet.folder / "else where")
    page = (moved / "report.html").read_text("utf-8")
    links = re.findall(r'href="([^"#]+)"', page)
    pages = [f"{one['folder']}/report.html" for one in found["jobs"]]
    assert [unquote(link) for link in links if "jobs/" in link] == pages
    assert all((moved / one).is_file() for one in pages)
    assert str(fleet.folder) not in page


def test_a_phone_that_is_not_ready_is_left_out_with_the_reason(fleet: Fleet) -> None:
    fleet.shelf.attach("A2", "B1")
    file = fleet.folder / "fleet.yaml"
    text = file.read_text("utf-8").replace("true,", "true, devices: [A1, A2],")
    file.write_text(text, encoding="utf-8")
    done = fleet.run("fleet", "run", str(SCENARIO), "-o", str(fleet.folder / "out"))
    assert done.returncode == 0, done.stderr
    assert "left out: this/A1: not attached" in done.stderr
    page = (fleet.folder / "out/report.html").read_text("utf-8")
    assert "left out, not ready: this/A1: not attached" in page
    assert [line.split()[0] for line in done.stdout.splitlines()[:2]] == ["JOB", "001-A2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "which SCENARIO?"),
        (("nowhere.yaml",), "nowhere.yaml"),
        (("--", str(SCENARIO), "-s", "A1"), "-s is for the fleet to say"),
        (("--", str(SCENARIO), "--out=x"), "--out=x is for the fleet to say"),
        (("--", "storm", "--rounds", "3"), "storm on a fleet's devices wants --packages"),
        (("--seeds", "1-", str(SCENARIO)), "--seeds 1-: whole numbers"),
        (("--seeds", "9-1", str(SCENARIO)), "--seeds 9-1: whole numbers"),
        (("--resume", str(SCENARIO)), "leave SCENARIO and --seeds out"),
    ],
)
def test_words_that_make_no_sense_are_refused_before_a_device_is_touched(
    fleet: Fleet, words: tuple[str, ...], message: str
) -> None:
    error = fleet.run("fleet", "run", "-o", "out", *words)
    assert error.returncode == 2, error.stderr
    assert message in error.stderr
    assert not (fleet.folder / "out").exists()


def ignore_ctrl_c() -> None:
    """As a shell's script does for what it begins behind an &."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def started(
    fleet: Fleet, script: str, before: Callable[[], None] | None = None
) -> subprocess.Popen[bytes]:
    """A fleet's run in a process of its own, once A1 is at its job."""
    fleet.behave("A1", f"echo $$ > {fleet.folder}/pid\n{script}\n")
    words = ["-P", str(fleet.shelf.adb.port), "fleet", "run", "-o", "out", "-s", "A1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "droidreclaim", *words, str(SCENARIO)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(SCENARIO.parents[1])},
        preexec_fn=before,  # noqa: PLW1509 (one system call)
    )
    until(lambda: (fleet.folder / "pid").exists() and (fleet.folder / "pid").read_text())
    return process


def ended(fleet: Fleet) -> bool:
    pid = int((fleet.folder / "pid").read_text())
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_ctrl_c_ends_each_job_once_and_a_resume_begins_it_anew(fleet: Fleet) -> None:
    script = f"trap 'echo int >> {fleet.folder}/ints; exit 130' INT; sleep 60 & wait"
    process = started(fleet, script)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert (fleet.folder / "ints").read_text() == "int\n"
    assert ended(fleet)
    fleet.behave("A1", "")
    found = fleet.play("--resume")
    assert [one["exit_code"] for one in found["attempts"]] == [130, 0]


def test_a_fleet_that_is_killed_leaves_no_job_and_no_lease(fleet: Fleet) -> None:
    process = started(fleet, "exec sleep 60", ignore_ctrl_c)
    with pytest.raises(DeviceTimeout, match=r"last leased by pid \d+: __main__\.py -P"):
        lease.take(lambda: ["A1"], 1, timeout_s=0)
    process.kill()
    process.communicate(timeout=30)
    until(lambda: ended(fleet))
    [free] = lease.take(lambda: ["A1"], 1, timeout_s=5)
    free.release()
    fleet.behave("A1", "")
    found = fleet.play("--resume")
    assert [one["exit_code"] for one in found["attempts"]] == [None, 0]


@pytest.mark.nightly
def test_a_laptop_that_slept_while_a_job_ended_goes_on_with_its_run(fleet: Fleet) -> None:
    woken = fleet.folder / "woken"
    process = started(fleet, f"while [ ! -e {woken} ]; do sleep 0.01; done")
    process.send_signal(signal.SIGSTOP)
    woken.touch()
    until(lambda: ended(fleet))
    process.send_signal(signal.SIGCONT)
    said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 0, said


def test_a_storm_is_shared_by_its_seeds_and_has_figures_of_its_own(fleet: Fleet) -> None:
    storm = {"arms": [{"arm": "lazy", "hot_resumes": 9, "avoidable_cold_starts": 1,
                       "resume_p50_s": 0.2, "more": 1}]}  # fmt: skip
    behave = fleet.folder / "behave"
    (behave / "run/storm.json").write_text(json.dumps(storm), encoding="utf-8")
    words = ["--seeds", "1-2", "--", "storm", "--packages", "com.a.b,com.a.c"]
    found = fleet.play(*words)
    assert [(one["job"], one["verdict"]) for one in found["jobs"]] == [
        ("001-Pixel_6_SDK_34-seed-1", "measured"),
        ("002-Pixel_8_SDK_35-seed-1", "measured"),
        ("003-Pixel_6_SDK_34-seed-2", "measured"),
        ("004-Pixel_8_SDK_35-seed-2", "measured"),
    ]
    calls = (behave / "calls").read_text("utf-8")
    assert calls.count("storm --packages com.a.b,com.a.c --seed 2") == 2
    rows = {(one["by"], one["arm"]): one for one in found["groups"] if one["by"] == "all"}
    assert (rows["all", "lazy"]["kept"], rows["all", "lazy"]["rounds"]) == (36, 40)
    suites = Xml.parse(fleet.folder / "out/junit.xml").getroot()
    assert len(suites) == 4


def test_pocket_phones_are_booted_for_the_run_and_ended_whatever_became_of_it(
    fleet: Fleet,
) -> None:
    behave = fleet.folder / "behave"
    program = behave / "droidreclaim"
    phone = (
        f'case "$*" in\n"-P {fleet.shelf.adb.port} fleet phones 1")\n'
        f"echo 127.0.0.1:5599; while read beat; do :; done\n"
        f"echo stopped >> {behave}/stopped; exit ;;\nesac\n"
    )
    text = program.read_text("utf-8").replace("#!/bin/sh\n", f"#!/bin/sh\n{phone}")
    program.write_text(text, encoding="utf-8")
    file = fleet.folder / "fleet.yaml"
    more = "true, pocket_phones: 1, devices: [A1],"
    file.write_text(file.read_text("utf-8").replace("true,", more), encoding="utf-8")
    done = fleet.run("fleet", "run", str(SCENARIO), "-o", str(fleet.folder / "out"))
    assert done.returncode == 0, done.stderr
    assert "this: pocket phone 127.0.0.1:5599 is up" in done.stderr
    assert "left out: this/127.0.0.1:5599: not attached" in done.stderr  # it was asked for
    assert (behave / "stopped").read_text("utf-8") == "stopped\n"
    fleet.behave("A1", "exit 4")
    done = fleet.run("fleet", "run", str(SCENARIO), "-o", str(fleet.folder / "out2"))
    assert done.returncode == 4, done.stderr
    assert (behave / "stopped").read_text("utf-8") == "stopped\n" * 2
    program.write_text(
        text.replace("echo 127", "echo 'no QEMU' >&2; exit 4; echo 127"), encoding="utf-8"
    )
    done = fleet.run("fleet", "run", str(SCENARIO), "-o", str(fleet.folder / "out3"))
    assert (done.returncode, done.stdout) == (3, "")
    assert "this: no pocket phone: no QEMU" in done.stderr


def test_a_folder_that_holds_a_run_is_not_overwritten(fleet: Fleet) -> None:
    fleet.play(str(SCENARIO))
    assert "holds a fleet's run already" in fleet.play(str(SCENARIO), code=2)["error"]["message"]
