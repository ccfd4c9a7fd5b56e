"""footprint on a pocket phone without root: states, numbers and deaths are the real ones."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import droidreclaim as dr
from commands import command, run, run_json
from droidreclaim.model.footprint import PlayState
from handset import Handset

pytestmark = [pytest.mark.phone, pytest.mark.timeout(300)]

GAME = "com.example.game"
MAIL = "com.example.mail"
COUNTER_BYTES = 1 << 20  # RssAnon is counted in batches


class RootShell:
    """A root shell for the test alone: it was opened before su began to refuse everybody."""

    def __init__(self, handset: Handset) -> None:
        self._handset = handset
        argv = [handset.adb, "-s", handset.serial, "shell", "su -c sh"]
        self._shell = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def do(self, words: str) -> None:
        """Run words that must succeed."""
        assert self._shell.stdin
        assert self._shell.stdout
        self._shell.stdin.write(f"{words}; echo done $?\n")
        self._shell.stdin.flush()
        assert self._shell.stdout.readline() == "done 0\n", words

    def close(self) -> None:
        assert self._shell.stdin
        self._shell.stdin.close()
        self._shell.wait(timeout=30)


@pytest.fixture(scope="module")
def handset(boot_for_module: Callable[..., Handset]) -> Handset:
    """A phone whose owner grants root to nobody."""
    return boot_for_module(root="su")


@pytest.fixture(scope="module")
def root(handset: Handset) -> Iterator[RootShell]:
    shell = RootShell(handset)
    yield shell
    shell.close()


@pytest.fixture(autouse=True)
def refusing(root: RootShell) -> None:
    root.do("echo su-deny > /data/adb/su")


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
    with dr.connect(handset.serial, root=False, timeout_s=60) as phone:
        phone.app(GAME).open()
        with phone.footprint_during(GAME) as watch:
            time.sleep(2)
            handset.shell(f"am force-stop {GAME}")
            time.sleep(1)
            handset.shell(f"am start -W -n {GAME}/.Main")
            time.sleep(3)
    lives = [one.track for one in watch.seen.processes if one.track.name == GAME]
    assert len({one.id for one in lives}) == 2
    assert [death.name for death in watch.seen.deaths] == [GAME]


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
    assert document["thresholds"]["second_hand"] is False
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
    ):
        done = run(handset, "footprint", *words, "--for", "1s")
        assert done.returncode == code, done.stderr
        assert said in done.stderr.strip().splitlines()[-1]
        assert "Traceback" not in done.stderr


def test_root_and_shell_read_the_same(handset: Handset, root: RootShell) -> None:
    handset.text(f"pocket beat off; am start -W {MAIL}; input keyevent HOME")
    told = {}
    for su in ("su", "su-deny"):
        root.do(f"echo {su} > /data/adb/su")
        with dr.connect(handset.serial, root=False, timeout_s=60) as phone:
            seen = phone.footprint(MAIL, lasting="4s")
            assert phone.rooted is (su == "su")
        told[su] = {
            (one.track.id, one.track.name, one.track.isolated): one.track.bytes_[-1]
            for one in seen.processes
        }
    handset.text("pocket beat on")
    assert told["su"] == told["su-deny"]
    assert len(told["su"]) == 2
    for (process, *_), size in told["su-deny"].items():
        assert abs(size - held(handset, process.pid)) <= COUNTER_BYTES


def test_a_shell_that_sees_no_process_of_others_says_so_and_waits_for_none(
    handset: Handset, root: RootShell
) -> None:
    handset.text(f"am start -W {GAME}")
    root.do("mount -o remount,hidepid=2 /proc")
    try:
        refused = run(handset, "footprint", GAME, "--for", "60s")
        checks = {one["name"]: one for one in run_json(handset, "doctor")["checks"]}
        rows = {row["name"]: row for row in run_json(handset, "ps", GAME)["processes"]}
        root.do("mount -o remount,hidepid=2,gid=3009 /proc")  # as Android mounts it
        passed = run_json(handset, "footprint", GAME, "--for", "1s")
    finally:
        root.do("mount -o remount,hidepid=0 /proc")
    assert refused.returncode == 4
    assert "sees only its own processes (hidepid)" in refused.stderr
    assert "hidepid" in checks["helper as shell"]["fact"]
    assert rows[GAME]["rss_bytes"] is None
    assert rows[GAME]["oom_score_adj"] == 0
    assert passed["processes"]


def test_a_status_that_may_not_be_read_is_null_and_its_errno_is_told(
    handset: Handset, root: RootShell
) -> None:
    handset.text(f"am start -W {GAME}; am start -W {MAIL}")
    pid = handset.text(f"pidof {GAME}")
    root.do("echo > /data/adb/none; chmod 600 /data/adb/none")
    root.do(f"mount -o bind /data/adb/none /proc/{pid}/status")
    try:
        refused = run(handset, "footprint", GAME, "--for", "60s")
        both = run(handset, "footprint", GAME, MAIL, "--for", "4s", "--json")
        checks = {one["name"]: one for one in run_json(handset, "doctor")["checks"]}
        rows = {row["name"]: row for row in run_json(handset, "ps", GAME, MAIL)["processes"]}
    finally:
        root.do(f"umount /proc/{pid}/status")
    assert refused.returncode == 4
    assert f"memory of {GAME} cannot be read: EACCES" in refused.stderr
    assert both.returncode == 0, both.stderr
    assert f"{GAME} (pid {pid}) cannot be read: EACCES" in both.stderr
    assert {one["package"] for one in json.loads(both.stdout)["processes"]} == {MAIL}
    assert "1 of them unreadable: EACCES" in checks["helper as shell"]["fact"]
    assert rows[GAME]["rss_bytes"] is None
    assert rows[GAME]["state"]["proc_state"] is not None
    assert rows[MAIL]["rss_bytes"] > 0


def test_a_debuggable_app_is_taken_apart_without_root_and_another_is_not(
    handset: Handset,
) -> None:
    mine = "com.example.mine"
    handset.text(f"pocket install {mine} 12 7 --debuggable; am start -W {MAIL}; am start -W {mine}")
    pid = handset.text(f"pidof {mine}")
    assert handset.shell(f"cat /proc/{pid}/smaps").returncode != 0
    assert b"not debuggable" in handset.shell(f"run-as {MAIL} id").stderr
    with dr.connect(handset.serial, root=False, timeout_s=60) as phone:
        seen = phone.footprint(mine, MAIL, lasting="5s")
    exact = held(handset, int(pid))
    handset.text(f"pm uninstall {mine}")
    looks = {look.pid: look for look in seen.looks if look.source == "smaps"}
    assert set(looks) == {int(pid)}
    assert abs(looks[int(pid)].total_bytes - exact) <= COUNTER_BYTES
    assert any("heap" in name for name in looks[int(pid)].parts)


def test_ctrl_c_ends_it_and_tells(handset: Handset) -> None:
    handset.shell(f"am start -W -n {GAME}/.Main")
    argv = command(handset, "footprint", GAME)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as done:
        assert done.stderr
        while "sampling" not in (line := done.stderr.readline()):
            assert line, "it ended before it sampled"
        time.sleep(5)
        done.send_signal(signal.SIGINT)
        out, err = done.communicate(timeout=60)
    assert done.returncode == 0, err
    assert "foreground P90" in out
    assert "an estimate from this use of the app" in out
