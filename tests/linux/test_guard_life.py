"""The guard as a daemon: on its own, one at a time, ended as asked, small, and nothing left."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from .conftest import ALWAYS, MIB, NEVER, Guard, Session, Zram, status_bytes, until

LEAVE = "match=* rung=leave"


def stat_fields(pid: int) -> list[str]:
    """The fields of stat after the name: state, ppid, pgrp, session, ..."""
    text = Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def descriptors(pid: int) -> dict[str, str]:
    """What each of its descriptors is."""
    found = {}
    for path in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            found[path.name] = os.readlink(path)
    return found


def has_sys_resource() -> bool:
    """Whether this process may lower an oom_score_adj; root of some machines may not."""
    (line,) = (x for x in Path("/proc/self/status").read_text().splitlines() if "CapEff" in x)
    return bool(int(line.split()[1], 16) >> 24 & 1)


def ended(pid: int) -> bool:
    """Gone, or waiting for whoever adopted it."""
    try:
        return stat_fields(pid)[0] == "Z"
    except OSError:
        return True


def cpu_s(pid: int) -> float:
    """CPU time it used."""
    fields = stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_it_detaches_from_whoever_started_it(guard: Guard, zram: Zram) -> None:
    pid = guard.start(NEVER, LEAVE)
    assert guard.status()["bound_to"] is None  # and it has read the processes
    fields = stat_fields(pid)
    assert fields[2] != str(os.getpgrp())
    assert fields[3] != str(os.getsid(0))
    assert Path(f"/proc/{fields[1]}/comm").exists()
    assert fields[1] != str(os.getpid())
    until(lambda: not any(name.startswith("pipe:") for name in descriptors(pid).values()))
    assert [descriptors(pid)[number] for number in ("0", "1", "2")] == ["/dev/null"] * 3
    assert len(descriptors(pid)) <= 16
    wanted = "-800\n" if has_sys_resource() else Path("/proc/self/oom_score_adj").read_text()
    assert Path(f"/proc/{pid}/oom_score_adj").read_text() == wanted
    assert fields[16] == "10"  # nice


def test_a_session_that_started_it_may_end_in_any_way(guard: Guard, zram: Zram) -> None:
    session = Session(guard.program)
    session.send(f"1 guard_when {NEVER}")
    session.send(f"2 guard_rule {LEAVE}")
    session.send("3 guard_start name=test for_s=60")
    replies = [session.reply() for _ in range(3)]
    assert all(reply and reply.end["ok"] for reply in replies)
    os.kill(session.process.pid, signal.SIGKILL)
    session.close()
    assert guard.status()["running"]


def test_a_second_one_is_refused_with_the_first_ones_name(guard: Guard, zram: Zram) -> None:
    pid = guard.start(NEVER, LEAVE, name="keep-games")
    end = guard.try_start(NEVER, LEAVE).end
    assert end["error"] == "EBUSY"
    assert end["why"] == f"a guard runs already: pid {pid}, profile keep-games"
    assert guard.status()["pid"] == pid


def test_of_many_started_at_once_one_guards(guard: Guard, zram: Zram) -> None:
    sessions = [Session(guard.program) for _ in range(8)]
    for session in sessions:
        session.send(f"1 guard_when {NEVER}")
        session.send(f"2 guard_rule {LEAVE}")
        session.send("3 guard_start name=test for_s=60")
    ends = []
    for session in sessions:
        replies = [session.reply() for _ in range(3)]
        ends.append(replies[2].end if replies[2] else {})
        session.close()
    assert sum(end["ok"] for end in ends) == 1
    assert {end.get("error") for end in ends if not end["ok"]} == {"EBUSY"}


def test_who_asks_for_its_state_is_in_nobodys_way(guard: Guard, zram: Zram) -> None:
    asking = threading.Event()
    asking.set()

    def ask() -> None:
        while asking.is_set():
            guard.ask("guard_status")

    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            pool.submit(ask)
        try:
            for _ in range(20):
                guard.start(NEVER, LEAVE)
                assert guard.ask("guard_stop").end["ok"]
        finally:
            asking.clear()


def test_stop_ends_it_and_says_so(guard: Guard, zram: Zram) -> None:
    pid = guard.start(NEVER, LEAVE)
    line = guard.ask("guard_stop").only("guard")
    assert line == {
        "id": "0",
        "t": "guard",
        "running": False,
        "last_end": "stopped",
    }
    until(lambda: ended(pid))
    assert guard.ask("guard_stop").end["error"] == "ENOENT"
    assert [event["what"] for event in guard.events()] == ["start", "stop"]


def test_it_ends_when_its_time_is_over(guard: Guard, zram: Zram) -> None:
    guard.start(NEVER, LEAVE, for_s=1)
    until(lambda: not guard.runs())
    assert guard.status()["last_end"] == "time is over"
    assert {path.name for path in guard.home.iterdir()} == {
        "droidreclaim-guard",
        "guard.lock",
        "guard.log",
    }


def test_a_killed_one_is_told_apart_and_the_next_start_replaces_what_it_left(
    guard: Guard, zram: Zram
) -> None:
    guard.start(NEVER, LEAVE)
    guard.kill()
    assert guard.status() == {
        "id": "0",
        "t": "guard",
        "running": False,
        "last_end": "killed",
    }
    assert (guard.home / "guard.sock").exists()
    guard.start(NEVER, LEAVE, name="next")
    assert guard.status()["profile"] == "next"
    assert [event["seq"] for event in guard.events()] == [1, 2]


@pytest.mark.parametrize("times", [20, pytest.param(1000, marks=pytest.mark.campaign)])
def test_kill_9_at_any_instant_leaves_nothing_that_stops_the_next(
    guard: Guard, zram: Zram, victims: Any, times: int
) -> None:
    victim = victims("anon=24", name="com.example.guarded")
    chance = random.Random(7)
    for _ in range(times):
        pid = guard.start(ALWAYS, "match=com.example.guarded cooldown_ms=0", LEAVE)
        time.sleep(chance.random() * 0.2)
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: ended(pid))
    assert victim.bad_pages() == 0
    names = {path.name for path in guard.home.iterdir()}
    assert names <= {"droidreclaim-guard", "guard.lock", "guard.log", "guard.log.1", "guard.sock"}
    seqs = [event["seq"] for event in guard.events()]
    assert seqs == sorted(set(seqs))


def test_a_full_disk_costs_events_and_nothing_else(guard: Guard, zram: Zram, victims: Any) -> None:
    disk = guard.home / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk], check=True)
    small = Guard(guard.program, disk / "home")
    try:
        them = [victims("anon=8", name="com.example.guarded") for _ in range(4)]
        for victim in them:
            victim.set_adj(600)
        small.start(ALWAYS, "match=com.example.guarded", LEAVE)
        log, filler = small.home / "guard.log", small.home / "filler"
        with filler.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
            while True:  # until not a byte fits
                stream.write(b"x" * 4096)
        with log.open("a") as its_last_page:  # which has room for one line more
            its_last_page.write("x" * (4096 - 400 - log.stat().st_size) + "\n")
        for victim in them:
            victim.set_adj(900)
        until(lambda: all(victim.memory("VmSwap") > 7 * MIB for victim in them))
        until(lambda: small.status()["actions"] >= 4)  # counted once the memory has moved
        assert [event["what"] for event in small.events()] == ["start", "action"]
        filler.unlink()
        small.ask("guard_stop")
        assert small.events()[-1]["what"] == "stop"
        assert small.events()[-1]["seq"] >= 6
    finally:
        small.kill()
        subprocess.run(["umount", "-l", disk], check=True)


def test_the_log_is_a_ring_and_its_numbers_go_on(guard: Guard, zram: Zram) -> None:
    line = {"id": "", "t": "event", "seq": 0, "what": "action", "reason": "x" * 200}
    with (guard.home / "guard.log").open("w") as log:
        seq = 0
        while log.tell() < 500 * 1024:
            seq += 1
            line["seq"] = seq
            log.write(json.dumps(line, separators=(",", ":")) + "\n")
        log.write('{"id":"","t":"event","seq":999999,"cut off')  # by a crash
    guard.start(NEVER, LEAVE)
    guard.ask("guard_stop")
    assert (guard.home / "guard.log.1").stat().st_size < 512 * 1024
    assert (guard.home / "guard.log").stat().st_size < 4096
    last = guard.ask("guard_log", f"after={seq - 1}").all("event")
    assert next(event["seq"] for event in last) == seq
    assert last[-1]["what"] == "stop"


def test_its_end_is_told_in_the_wall_clocks_time(guard: Guard, zram: Zram) -> None:
    before = int(time.time())
    guard.start(NEVER, LEAVE, for_s=60)
    line = guard.status()
    after = time.time()
    assert before <= line["started_s"] <= after
    assert line["ends_s"] - line["started_s"] == 60
    assert line["ends_s"] - after - 1 <= line["left_s"] <= 60


def test_it_stays_small_and_asleep(guard: Guard, zram: Zram, victims: Any) -> None:
    victims("anon=8", name="com.example.guarded")
    pid = guard.start(NEVER, "match=com.example.guarded", LEAVE)
    cpu_before, began = cpu_s(pid), time.monotonic()
    after = guard.status()
    guard.wakes_at_most(10 if after["signal"] == "psi_poll" else 1.5)
    assert cpu_s(pid) - cpu_before <= 0.01 * (time.monotonic() - began) + 0.02  # 0.05 in 3 s
    assert after["rss_bytes"] <= 512 * 1024
    assert status_bytes(pid, "RssAnon") <= 256 * 1024
    assert status_bytes(pid, "VmLck") > 0
