"""The demo on pocket phones: both arms give what they should, and nothing stays behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from commands import interrupted_in_page_out
from droidreclaim.errors import UsageError
from droidreclaim.lab.demo import arms, scenario
from droidreclaim.lab.demo.result import WITH, Arm
from droidreclaim.lab.hands import BadPages
from droidreclaim.lab.phone.vm import running
from droidreclaim.lab.storm.arms import LeaveAlone, Left
from droidreclaim.lab.storm.stage import Stage
from droidreclaim.parse.activity.exits import parse_exit_info
from droidreclaim.session import connect
from droidreclaim.units import MIB
from handset import Handset, until

pytestmark = [pytest.mark.phone, pytest.mark.timeout(600)]

RAM_BYTES = 384 * MIB
APPS = 6
LOW_MEMORY = 3  # android.app.ApplicationExitInfo


@contextmanager
def small_phone(boot: Callable[..., Handset]) -> Iterator[Handset]:
    """A phone that runs none of the apps yet, for one arm."""
    handset = boot(
        ram_bytes=RAM_BYTES, zram_bytes=scenario.zram_bytes(RAM_BYTES), apps="none", cpus=2
    )
    try:
        yield handset
    finally:
        handset.stop()


def played(handset: Handset, arm: LeaveAlone, apps: int = APPS, room_bytes: int = 0) -> Arm:
    """Play the demo's plan with another action in place of its second arm's."""
    with connect(handset.serial, timeout_s=60.0) as phone:
        plan = scenario.plan(1, apps, room_bytes or arms.available_bytes(phone))
        return arms.play(Stage(phone, ours=True, accelerator="tcg"), plan, name=WITH, arm=arm)


@pytest.mark.nightly  # what the demo's first arm shows, with the other arm's words
def test_without_its_page_outs_the_second_arm_loses_the_score_too(
    boot: Callable[..., Handset],
) -> None:
    with small_phone(boot) as handset:
        arm = played(handset, LeaveAlone())
        exits = parse_exit_info(handset.text("dumpsys activity exit-info"))
    assert not arm.game.kept
    assert (arm.game.reopened_state, arm.game.reopened_score) == ("COLD", 0)
    killer = arm.killer_of_game
    assert killer is not None
    # The killer's own choice: among the least important, and recorded as its own by the phone.
    assert killer.by == "lmkd"
    assert killer.oom_score_adj is not None
    assert killer.oom_score_adj >= 900
    [record] = [one for one in exits if one.pid == arm.game.pid_before]
    assert (record.process, record.reason) == (scenario.GAME, LOW_MEMORY)


def test_one_changed_byte_of_one_app_makes_the_run_fail(boot: Callable[..., Handset]) -> None:
    def spoil(package: str) -> None:
        pid = handset.text(f"pidof {package}")
        code = (
            f"row = next(r for r in open('/proc/{pid}/maps') if 'libc_malloc' in r)\n"
            f"memory = open('/proc/{pid}/mem', 'r+b', 0)\n"
            "memory.seek(int(row.split('-')[0], 16) + 12345)\n"
            "byte = memory.read(1)[0]\n"
            "memory.seek(-1, 1)\n"
            "memory.write(bytes([byte ^ 1]))\n"
        )
        done = handset.shell("/usr/bin/python3 -", stdin=code.encode())
        assert done.returncode == 0, done

    class Spoil(LeaveAlone):
        def after_leaving(self, left: Left) -> None:
            if left.package != scenario.GAME:
                spoil(left.package)

    with small_phone(boot) as handset, pytest.raises(BadPages) as error:
        played(handset, Spoil(), apps=3, room_bytes=40 * MIB)
    assert error.value.exit_code == 1
    assert "not what the apps wrote" in str(error.value)


def demo(*words: str) -> list[str]:
    return [sys.executable, "-m", "droidreclaim", "demo", *words]


@pytest.mark.usefixtures("boot")
def test_the_command_shows_the_difference_and_leaves_nothing(tmp_path: Path) -> None:
    page = tmp_path / "demo.html"
    words = ("--ram", str(RAM_BYTES), "--apps", str(APPS), "--json", "--html", str(page))
    phones = running()
    done = subprocess.run(demo(*words), capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    without, with_us = told["arms"]
    assert told["apps"] == without["launched"] == with_us["launched"] == APPS
    assert without["score_before"] == with_us["score_before"] == with_us["score_after"]
    assert without["score_after"] is without["game_pid_after"] is None
    assert without["game_reopened"]["launch_state"] == "COLD"
    assert with_us["game_pid_after"] == with_us["game_pid_before"]
    assert with_us["game_reopened"]["launch_state"] == "HOT"
    for arm in (without, with_us):
        assert arm["killed"] == len(arm["kills"]) == arm["launched"] - arm["survived"]
        assert arm["verified"]["pages"] > 0
        assert arm["verified"]["bad"] == 0
    assert with_us["paged_out_bytes"] > without["paged_out_bytes"] == 0
    assert "score kept" in page.read_text()
    assert running() == phones


@pytest.mark.nightly  # as the storm's, which plays by the same player
@pytest.mark.usefixtures("boot")
def test_ctrl_c_inside_a_page_out_ends_the_demo_there(adb_server: int) -> None:
    phones = running()
    words = ("demo", "--ram", str(RAM_BYTES), "--apps", "4")
    with interrupted_in_page_out(adb_server, words) as process:
        output, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert output == ""
    assert f"[{WITH} 0/4]" in errors
    assert f"[{WITH} 1/4]" not in errors  # the game's page-out: nothing is opened after it
    assert running() == phones


@pytest.mark.usefixtures("boot")
def test_an_interrupt_stops_the_phone() -> None:
    phones = running()
    words = demo("--ram", str(RAM_BYTES), "--apps", "4")
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "boots" not in (line := process.stderr.readline()):
        assert line, "it ended before it was interrupted"
    until(lambda: len(running()) > len(phones))
    [ours] = [phone for phone in running() if phone not in phones]
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert "Traceback" not in process.stderr.read()
    assert running() == phones
    assert not ours.alive
    adb = subprocess.run(["adb", "devices"], capture_output=True, text=True, check=False)
    assert ours.serial not in adb.stdout


def test_options_that_make_no_sense_boot_no_phone(tmp_path: Path) -> None:
    for words in (("--apps", "2"), ("--ram", "lots"), ("--html", str(tmp_path / "no" / "page"))):
        done = subprocess.run(demo(*words), capture_output=True, timeout=60, check=False)
        assert done.returncode == UsageError.exit_code, words
        assert b"boots" not in done.stderr
