"""footprint on a pocket phone without root: states, numbers and deaths as they really were."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import droidreclaim as dr
from commands import command, run
from droidreclaim.model.footprint import PlayState
from handset import Handset, until

pytestmark = [pytest.mark.phone, pytest.mark.timeout(300)]

GAME = "com.example.game"
MAIL = "com.example.mail"
COUNTER_BYTES = 1 << 20  # RssAnon is counted in batches


@pytest.fixture(scope="module")
def handset(boot_for_module: Callable[..., Handset]) -> Handset:
    return boot_for_module(root="none")


def held(handset: Handset, pid: int) -> int:
    rows = handset.text(f"cat /proc/{pid}/status").splitlines()
    found = [int(row.split()[1]) for row in rows if row.startswith(("RssAnon:", "VmSwap:"))]
    assert len(found) == 2
    return sum(found) * 1024


def test_each_sample_is_judged_by_the_state_of_its_moment(handset: Handset) -> None:
    with dr.connect(handset.serial, root=False, timeout_s=60) as phone:
        phone.app(GAME).open()
        leave = threading.Timer(6.0, lambda: handset.shell("input keyevent HOME"))
        leave.start()
        seen = phone.footprint(GAME, lasting="16s")
        leave.join()
        [one] = [one for one in seen.processes if one.track.name == GAME]
        states = {use.state: use for use in one.uses}
        assert {PlayState.FOREGROUND, PlayState.UNSURE} <= set(states)
        after = {PlayState.BACKGROUND, PlayState.CACHED} & set(states)
        assert after
        assert len(one.track.at_us) > 100
        for at, adj, state in zip(one.track.at_us, one.track.adj, one.states, strict=True):
            if state is PlayState.FOREGROUND:
                assert adj == 0, at
            if state in after:
                assert adj >= 700, at
        last = states[next(iter(after))].p50_bytes
        assert abs(last - held(handset, one.track.id.pid)) <= COUNTER_BYTES
        assert seen.failing == ()
        assert seen.ram_gb is None
        assert seen.judged_gb == 4
    assert handset.text("ls -A /data/local/tmp") == ""


def test_a_death_is_told_and_the_next_life_is_another_row(handset: Handset) -> None:
    def die_and_come_back() -> None:
        time.sleep(8)  # emulated, the first samples come seconds later
        handset.shell(f"am force-stop {GAME}")
        time.sleep(1)
        handset.shell(f"am start -W -n {GAME}/.Main")

    with dr.connect(handset.serial, root=False, timeout_s=60) as phone:
        phone.app(GAME).open()
        assert phone.reader
        other = threading.Thread(target=die_and_come_back)
        other.start()
        seen = phone.footprint(GAME, lasting="20s")
        other.join()
    lives = [one.track for one in seen.processes if one.track.name == GAME]
    assert len({one.id for one in lives}) == 2
    assert [death.name for death in seen.deaths] == [GAME]


def test_isolated_and_remote_processes_are_rows_of_their_own(handset: Handset) -> None:
    with dr.connect(handset.serial, root=False, timeout_s=60) as phone:
        phone.app("com.example.browser").open()
        phone.app(MAIL).open()
        seen = phone.footprint("com.example.browser", MAIL, lasting="8s")
    rows = {one.track.name: one.track for one in seen.processes}
    assert rows[f"{MAIL}:remote"].package == MAIL
    [sandbox] = [one for name, one in rows.items() if "sandboxed" in name]
    assert (sandbox.isolated, sandbox.package) == (True, "com.example.browser")


def test_the_command_waits_for_the_app_and_writes_every_sample(
    handset: Handset, tmp_path: Path
) -> None:
    handset.shell(f"am force-stop {GAME}")
    words = ["footprint", GAME, "--for", "12s", "--json", "--gate"]
    file = tmp_path / "samples.csv"
    argv = command(handset, *words, "--csv", str(file))
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as done:
        time.sleep(6)
        handset.shell(f"am start -W -n {GAME}/.Main")
        out, err = done.communicate(timeout=60)
    assert done.returncode == 0, err
    assert "waiting for one" in err
    document = json.loads(out)
    assert document["passes"] is True
    assert document["thresholds"]["second_hand"] is True
    [game] = [one for one in document["processes"] if one["name"] == GAME]
    assert len(file.read_text().splitlines()) == 1 + sum(
        one["samples"] for one in document["processes"]
    )
    assert {"foreground"} <= {one["state"] for one in game["states"]}


def test_what_cannot_be_is_one_line_and_its_exit_code(handset: Handset) -> None:
    for words, code, said in (
        (["com.example.nobody"], 7, "no package com.example.nobody"),
        ([f"{GAME}:remote"], 2, f"all processes of {GAME}"),
        ([GAME, "--hz", "1000"], 2, "0.1 to 100"),
        ([GAME, "--game"], 4, "not known here"),
    ):
        done = run(handset, "footprint", *words, "--for", "1s")
        assert done.returncode == code, done.stderr
        assert said in done.stderr.strip().splitlines()[-1]
        assert "Traceback" not in done.stderr


def test_root_and_shell_read_the_same(handset: Handset) -> None:
    until(lambda: run(handset, "ps", MAIL).returncode == 0, timeout_s=60)
    with dr.connect(handset.serial, root=False, timeout_s=60) as phone:
        seen = phone.footprint(MAIL, lasting="3s")
    for one in seen.processes:
        exact = held(handset, one.track.id.pid)
        assert abs(one.track.bytes_[-1] - exact) <= COUNTER_BYTES


def test_ctrl_c_ends_it_and_tells(handset: Handset) -> None:
    handset.shell(f"am start -W -n {GAME}/.Main")
    argv = command(handset, "footprint", GAME)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as done:
        time.sleep(15)
        done.send_signal(signal.SIGINT)
        out, err = done.communicate(timeout=60)
    assert done.returncode == 0, err
    assert "foreground P90" in out
    assert "an estimate from this use of the app" in out
