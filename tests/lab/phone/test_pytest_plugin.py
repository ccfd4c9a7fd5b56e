"""The pytest plugin as other people's suites have it, on a pocket phone; and examples/."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from recipes import ACTION, EXAMPLES, WORKFLOW, inputs_of_the_action, scripts_of

from droidreclaim.lab.phone import vm
from handset import Handset

pytestmark = [pytest.mark.phone, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[3]
GAME = "com.example.game"
XDIST = ("xdist.plugin", "xdist.looponfail")


@pytest.fixture(scope="module")
def handset(boot_for_module: Callable[..., Handset]) -> Handset:
    return boot_for_module()


def pytest_words(*words: str, plugins: tuple[str, ...] = ()) -> list[str]:
    more = [word for name in plugins for word in ("-p", name)]
    return [sys.executable, "-m", "pytest", "-p", "droidreclaim.pytest_plugin", *more, *words]


def run(
    folder: Path, *words: str, plugins: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """pytest in *folder*, with our plugin alone."""
    return subprocess.run(
        pytest_words(*words, plugins=plugins),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env=environment_of(**environment),
    )


def environment_of(**more: str) -> dict[str, str]:
    return os.environ | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ANDROID_SERIAL": "",
    } | more  # fmt: skip


def run_script(
    script: str, folder: Path, serial: str, **more: str
) -> subprocess.CompletedProcess[str]:
    """A line of a recipe, as a runner does it, with what is installed here."""
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    plugin = "-p droidreclaim.pytest_plugin"
    environment = environment_of(PATH=path, ANDROID_SERIAL=serial, PYTEST_ADDOPTS=plugin, **more)
    return subprocess.run(
        ["sh", "-e", "-c", script], cwd=folder, capture_output=True, text=True, check=False,
        timeout=280, env=environment,
    )  # fmt: skip


def run_the_example(
    handset: Handset, folder: Path, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the example as its workflow does, on a phone; check the files that it leaves."""
    [script] = scripts_of(WORKFLOW)
    done = run_script(script, folder, handset.serial, **more)
    assert "5 passed" in done.stdout, done.stdout + done.stderr
    kept = folder / "artifacts"
    assert (kept / "doctor.txt").exists()
    tree = ElementTree.parse(kept / "pytest.xml")
    properties = {(one.get("name"), one.get("value")) for one in tree.iter("property")}
    assert ("droid_serial", handset.serial) in properties
    assert {"droid_model", "droid_sdk", "droid_kills"} <= {name for name, _ in properties}
    return done


def test_the_example_suite_runs_as_its_workflow_runs_it(handset: Handset, tmp_path: Path) -> None:
    done = run_the_example(handset, tmp_path, SCENARIO="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "artifacts/run").exists()


@pytest.mark.nightly
def test_the_example_project_runs_as_its_workflow_runs_it(handset: Handset, tmp_path: Path) -> None:
    """One round an arm shows that it runs; it proves nothing, which is exit code 7."""
    done = run_the_example(handset, tmp_path, ROUNDS="1")
    assert done.returncode == 7, done.stdout + done.stderr
    assert "reclaim: kept in 1 of 1" in done.stdout
    assert "kill: lost in 1 of 1" in done.stdout
    kept = tmp_path / "artifacts"
    assert (kept / "run/report.html").exists()
    assert ElementTree.parse(kept / "run.xml").getroot() is not None


@pytest.mark.nightly
def test_the_actions_script_runs_what_it_is_given_once_the_device_is_ready(
    handset: Handset, tmp_path: Path
) -> None:
    inputs = inputs_of_the_action() | {"script": "pytest pytest -k opens --droid-required"}
    lines = scripts_of(ACTION)
    assert "${{ inputs.script }}" in lines
    script = re.sub(
        r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: inputs[found[1]], "\n".join(lines)
    )
    done = run_script(script, tmp_path, handset.serial)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert (tmp_path / "artifacts/doctor.txt").exists()


def test_a_failure_says_who_killed_the_app_when_at_which_adj_and_keeps_why(
    handset: Handset, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(
        f"""
def test_game(droid):
    game = droid.app("{GAME}")
    game.open()
    with droid.survives(game):
        droid.home()
        game.die()
"""
    )
    done = run(tmp_path, "--droid-serial", handset.serial, "--droid-artifacts", "kept")
    assert done.returncode == 1
    for words in (
        f"{GAME} did not survive on {handset.serial}",
        "is gone; it does not run now",
        "killed    by activity_manager, 20",
        "at adj ",
        "reason    kill background",
        "headroom  ",
    ):
        assert words in done.stdout, done.stdout
    kept = {one.name: one.read_text("utf-8", "replace") for one in tmp_path.glob("kept/*/*/*.txt")}
    assert GAME in kept["kills.txt"]
    assert GAME in kept["exit-info.txt"]
    assert kept["log.txt"]


def test_a_marker_that_no_device_meets_is_an_error_that_says_what_there_is(
    handset: Handset, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(
        """
import pytest

@pytest.mark.droid(sdk=">=99")
def test_future(droid):
    pass

@pytest.mark.droid(sdk=">=30,<99", root=True, swap=True, page_kib=4)
def test_now(droid):
    assert droid.info.sdk < 99
"""
    )
    done = run(tmp_path, "-rE", "--droid-serial", handset.serial, "--droid-required")
    assert "1 passed, 1 error" in done.stdout, done.stdout
    has = "SDK 33, root, swap, 4 KiB pages"
    assert f"there is: {handset.serial} (Pocket Phone): {has}" in done.stdout


def test_a_guard_ends_with_its_test_also_where_its_worker_was_killed(
    handset: Handset, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(
        """
import os

def test_guarded(droid):
    droid.guard("gentle").start()

def test_after(droid):
    assert not droid.phone.guard().status().guard.running

def test_killed(droid):
    droid.guard("gentle").start()
    os.kill(os.getpid(), 9)

def test_after_the_killed_one(droid):
    assert not droid.phone.guard().status().guard.running
"""
    )
    words = ("-n", "1", "--droid-serial", handset.serial, "--droid-wait", "60")
    done = run(tmp_path, *words, plugins=XDIST)
    assert "1 failed, 3 passed" in done.stdout, done.stdout
    assert "crashed while running 'test_it.py::test_killed'" in done.stdout


@pytest.mark.nightly
def test_three_workers_share_two_phones_and_one_of_them_is_killed_in_a_test(
    boot: Callable[..., Handset], tmp_path: Path
) -> None:
    """The test that lost its phone fails with the words of exit code 3; the other 29 pass."""
    lost, kept = boot(), boot()
    log = tmp_path / "log"
    log.touch()
    (tmp_path / "test_it.py").write_text(
        f"""
import os, pathlib, pytest, signal

LOST = "{lost.serial}"

@pytest.mark.parametrize("number", range(30))
def test_it(droid, number):
    log = pathlib.Path("log")
    if droid.serial == LOST and log.read_text().count(LOST) == 5:
        os.kill({lost.phone.pid}, signal.SIGKILL)
        log.write_text("")
    droid.app("{GAME}").open()
    droid.home()
    with log.open("a") as file:
        file.write(f"{{droid.serial}}\\n")
"""
    )
    words = ["-n", "3", "--droid-wait", "120", "--droid-required", "--droid-serial", lost.serial]
    done = run(tmp_path, *words, "--droid-serial", kept.serial, plugins=XDIST)
    print(done.stdout[-2500:])
    assert "1 failed, 29 passed" in done.stdout, done.stdout
    assert "(a command's exit code 3)" in done.stdout
    assert f"{lost.serial}: " in done.stdout
    assert set(log.read_text("utf-8").split()) == {kept.serial}


@pytest.mark.nightly
def test_pocket_phones_are_booted_one_a_worker_and_more_for_a_factory(
    phones: Path, tmp_path: Path
) -> None:
    """The phone of a worker that is killed ends with it; the next worker boots another."""
    log = tmp_path / "log"
    (tmp_path / "test_it.py").write_text(
        """
import os, pathlib, pytest, time

@pytest.mark.parametrize("number", range(6))
def test_it(droid, worker_id, number):
    with pathlib.Path("log").open("a") as file:
        file.write(f"{worker_id} {droid.serial}\\n")
    assert droid.info.sdk >= 30
    if worker_id == "gw0":
        os.kill(os.getpid(), 9)
    time.sleep(1)

def test_two(droid_factory):
    first, second = droid_factory(2)
    assert first.serial != second.serial
    assert first.info.sdk == second.info.sdk
"""
    )
    before = vm.running()
    done = run(tmp_path, "-n", "2", "--droid-phone", "--droid-required", plugins=XDIST)
    assert "1 failed, 6 passed" in done.stdout, done.stdout
    had = {tuple(line.split()) for line in log.read_text("utf-8").splitlines()}
    assert {worker for worker, _ in had} == {"gw0", "gw1", "gw2"}
    assert len(had) == 3, "a worker keeps its phone"
    assert len({serial for worker, serial in had if worker != "gw0"}) == 2
    assert vm.running() == before
