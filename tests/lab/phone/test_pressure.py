"""Memory made short on a pocket phone: who is killed, and that nothing stays behind."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import droidreclaim as dr
from commands import command, run
from droidreclaim.qa.folder import Folder
from droidreclaim.units import MIB
from handset import Handset
from handset import until as wait_until

pytestmark = [pytest.mark.phone, pytest.mark.timeout(400)]

APPS = ("com.example.notes", "com.example.chat", "com.example.game")
# Else all of a phone whose processor others want may wait for so long that the pressure ends.
SOONER = {"psi_partial_stall_ms": 10, "psi_complete_stall_ms": 100, "swap_free_low_percentage": 100}
# Ours are named for their content; the name of a process has 15 characters.
RUNNING = "cat /proc/[0-9]*/comm 2>/dev/null | grep -c ^pressure- || true"


@pytest.fixture(scope="module")
def mine(boot_for_module: Callable[..., Handset]) -> Handset:
    """A phone of this module, small and with little swap, so that it is short of memory soon."""
    phone = boot_for_module(ram_bytes=512 * MIB, zram_bytes=128 * MIB)
    for name, value in SOONER.items():
        phone.text(f"device_config put lmkd_native {name} {value}")
    return phone


def open_apps(mine: Handset) -> None:
    with dr.connect(mine.serial) as phone:
        for package in APPS:
            assert phone.app(package).open().status == "ok"
        phone.home()


def running(mine: Handset) -> int:
    return int(mine.text(RUNNING))


def available_bytes(mine: Handset) -> int:
    return int(mine.text("grep MemAvailable /proc/meminfo").split()[1]) * 1024


def test_who_is_killed_first_is_named_with_its_killer_and_the_level(mine: Handset) -> None:
    open_apps(mine)
    before = available_bytes(mine)
    done = run(mine, "pressure", "--until", "kill", "--hold", "1s", "--json")
    assert done.returncode == 0, done.stderr + done.stdout
    told = json.loads(done.stdout)
    assert (told["reached"], told["held"], told["ended_by"]) == (True, False, "released")
    first = told["deaths"][0]
    assert first["name"].startswith("com.example.")
    assert first["by"] in ("lmkd", "kernel_oom")
    assert first["oom_score_adj"] >= 700
    assert first["level"]["available_bytes"] < told["available_before_bytes"]
    assert 0 < first["level"]["taken_bytes"] <= told["taken_bytes"] <= told["cap_bytes"]
    assert told["lowest"]["headroom_bytes"] < told["headroom_before_bytes"]
    wait_until(lambda: running(mine) == 0)
    assert available_bytes(mine) > before // 2


@pytest.mark.parametrize("until", ["headroom<=0", "available<=150MiB"])
def test_memory_gets_as_short_as_was_asked_for(mine: Handset, until: str) -> None:
    for package in APPS:
        mine.text(f"am force-stop {package}")
    with dr.connect(mine.serial) as phone, phone.pressure(until, compressible="1:1") as pressure:
        assert pressure.result is not None
        assert pressure.result.held
        if pressure.result.reached:
            lowest = pressure.result.lowest
            assert (lowest.headroom_bytes or 0) <= 0 or (lowest.available_bytes or 0) <= 150 * MIB
        else:  # lmkd was sooner, and then no more is taken
            assert pressure.result.deaths
        assert running(mine) == 3
    wait_until(lambda: running(mine) == 0)


def held(mine: Handset) -> subprocess.Popen[str]:
    """Start a command that holds memory for a minute, and return once it holds all of it."""
    words = ("pressure", "--until", "taken>=32MiB", "--hold", "60s")
    process = subprocess.Popen(command(mine, *words), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert any("memory is short" in line for line in process.stderr)
    assert running(mine) == 3
    return process


def test_a_killed_host_leaves_nothing_running(mine: Handset) -> None:
    process = held(mine)
    process.kill()
    process.communicate()
    wait_until(lambda: running(mine) == 0)


def test_ctrl_c_gives_the_memory_back(mine: Handset) -> None:
    process = held(mine)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    wait_until(lambda: running(mine) == 0)


def test_a_cut_cable_leaves_nothing_running_and_is_a_lost_device(mine: Handset) -> None:
    process = held(mine)
    mine.run("disconnect", mine.serial)
    _, said = process.communicate(timeout=60)
    mine.wait()
    assert process.returncode == 3, said
    wait_until(lambda: running(mine) == 0)


@pytest.mark.parametrize(("who", "word"), [(0, "watchdog"), (1, "killed")])
def test_a_watchdog_or_holder_that_is_killed_ends_it_and_is_told(
    mine: Handset, who: int, word: str
) -> None:
    with dr.connect(mine.serial) as phone, phone.pressure("taken>=16MiB") as pressure:
        assert pressure.result is not None
        holder = pressure.result.holder_pid
        parent = mine.text(f"grep PPid /proc/{holder}/status").split()[1]
        mine.text(f"kill -9 {(parent, holder)[who]}")
        ended = pressure.hold("20s")
        assert (ended.held, ended.ended_by) == (False, word)
        wait_until(lambda: running(mine) == 1)  # the session, which says so
    wait_until(lambda: running(mine) == 0)


def test_what_cannot_be_reached_is_said_with_what_was_taken(mine: Handset) -> None:
    done = run(mine, "pressure", "--until", "taken>=64MiB", "--cap", "8MiB", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["error"]["exit_code"]) == (7, 7)
    assert (told["reached"], told["ended_by"], told["taken_bytes"]) == (False, "cap", 8 * MIB)
    assert "all that may be taken was taken (8.0 MiB)" in done.stderr


def test_a_scenario_makes_memory_short_and_notes_who_ended(mine: Handset, tmp_path: Path) -> None:
    path, out = tmp_path / "s.yaml", tmp_path / "out"
    path.write_text(
        "version: 1\nname: x\napp: com.example.game\narms: [none]\nrequire: {sdk: '>=28'}\n"
        "steps: [launch, {tap: [160, 240]}, home, arm,\n"
        "  {pressure: {until: kill, compressible: 3:1}}, resume]\n"
    )
    words = ("run", str(path), "--rounds", "1", "--no-control", "-o", str(out))
    done = run(mine, *words)
    assert done.returncode == 0, done.stderr
    [one] = Folder.load(out)[2]
    assert one.fault is None
    assert any(note.startswith("pressure took ") for note in one.notes)
    assert "by lmkd)" in str(one.notes)
    wait_until(lambda: running(mine) == 0)


def test_a_scenario_for_another_device_is_refused_with_what_this_one_has(
    mine: Handset, tmp_path: Path
) -> None:
    path, out = tmp_path / "s.yaml", tmp_path / "out"
    path.write_text(
        "version: 1\nname: x\napp: com.example.game\narms: [none]\nrequire: {ram: 64GiB}\n"
        "steps: [launch, home, arm, resume]\n"
    )
    done = run(mine, "run", str(path), "-o", str(out))
    assert done.returncode == 4
    assert "x requires ram of 64.0 GiB: it is " in done.stderr
    assert not (out / "run.json").exists()


def test_uninstall_leaves_no_program_of_it(mine: Handset) -> None:
    assert "pressure-" in mine.text("ls /data/local/droidreclaim")
    assert run(mine, "uninstall").returncode == 0
    assert mine.shell("ls /data/local/droidreclaim").returncode != 0
