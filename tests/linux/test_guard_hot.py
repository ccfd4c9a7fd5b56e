"""The guard learns what resumes need, and lets that go last."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from .conftest import ALWAYS, MIB, NEVER, Guard, Victim, Zram, ask, until

pytestmark = pytest.mark.linux

NAME = "com.example.guarded"
LEAVE = "match=* rung=leave"


def come_and_use(guard: Guard, victim: Victim, resumes: int) -> None:
    """Have *victim* come to the foreground, use 8 MiB, and the guard see that."""
    victim.set_adj(0)
    victim.touch_some(first_page=512, pages=2048)
    until(lambda: guard.app(victim.pid)["resumes"] == resumes)


def leave(guard: Guard, victim: Victim) -> None:
    """Have *victim* leave the foreground, and wait for its page-out."""
    before = len(guard.actions())
    victim.set_adj(900)
    until(lambda: len(guard.actions()) > before)


def test_what_the_last_resume_needed_stays_while_no_memory_is_missing(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=48", name=NAME)
    victim.set_adj(0)
    guard.start(f"{NEVER} leaving=1", f"match={NAME} keep=hot cooldown_ms=0", LEAVE)
    until(lambda: guard.app(victim.pid)["spared"] == "foreground")
    leave(guard, victim)
    assert victim.memory("VmSwap") >= 47 * MIB  # nothing was known
    assert (guard.app(victim.pid)["resumes"], guard.app(victim.pid)["hot_bytes"]) == (0, 0)
    come_and_use(guard, victim, 1)
    hot = guard.app(victim.pid)["hot_bytes"]
    assert 8 * MIB <= hot <= 10 * MIB
    leave(guard, victim)
    assert 8 * MIB <= victim.memory("RssAnon") <= 12 * MIB
    victim.set_adj(0)
    major = victim.major_faults()
    victim.touch_some(first_page=512, pages=2048)
    assert victim.major_faults() - major <= 16
    assert victim.bad_pages() == 0


def test_the_hot_of_one_goes_after_the_cold_of_all_and_only_then(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    victim, other = victims("anon=32", name=NAME), victims("anon=16", name=f"{NAME}.other")
    other.set_adj(0)
    pid = guard.start(ALWAYS, f"match={NAME}* keep=hot cooldown_ms=60000", LEAVE)
    until(guard.actions)  # noted by then
    assert victim.memory("VmSwap") >= 31 * MIB
    come_and_use(guard, victim, 1)
    before = len(guard.actions())
    os.kill(pid, signal.SIGSTOP)  # so that both leave at one look
    victim.set_adj(950)
    other.set_adj(900)
    os.kill(pid, signal.SIGCONT)
    until(lambda: len(guard.actions()) >= before + 3, 15)
    assert guard.actions()[before:][:3] == [victim.pid, other.pid, victim.pid]
    cold, _, hot = guard.events("action")[before:][:3]
    assert cold["advised_bytes"] <= 2 * MIB  # nearly all it had in memory had come back
    assert 7 * MIB <= hot["reclaimed_bytes"] <= 10 * MIB
    until(lambda: victim.memory("VmSwap") >= 31 * MIB)
    assert victim.bad_pages() == 0


def test_an_app_that_only_looks_in_teaches_nothing(guard: Guard, zram: Zram, victims: Any) -> None:
    victim = victims("anon=32", name=NAME)
    victim.set_adj(0)
    guard.start(f"{NEVER} leaving=1", f"match={NAME} keep=hot cooldown_ms=0", LEAVE)
    until(lambda: guard.app(victim.pid)["spared"] == "foreground")
    leave(guard, victim)
    victim.set_adj(0)
    until(lambda: guard.app(victim.pid)["background_s"] is None)
    victim.set_adj(900)
    until(lambda: guard.app(victim.pid)["background_s"] is not None)
    assert (guard.app(victim.pid)["resumes"], guard.app(victim.pid)["hot_bytes"]) == (0, 0)


def test_a_visit_shorter_than_the_first_look_is_learned_from_as_the_app_leaves(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=32", name=NAME)
    victim.set_adj(0)
    pid = guard.start(f"{NEVER} leaving=1", f"match={NAME} keep=hot cooldown_ms=0", LEAVE)
    until(lambda: guard.app(victim.pid)["spared"] == "foreground")
    leave(guard, victim)
    victim.set_adj(0)
    until(lambda: guard.app(victim.pid)["background_s"] is None)
    before = len(guard.actions())
    os.kill(pid, signal.SIGSTOP)  # so that no look falls into the visit
    victim.touch_some(first_page=512, pages=2048)
    victim.set_adj(900)
    os.kill(pid, signal.SIGCONT)
    until(lambda: len(guard.actions()) > before)
    assert guard.app(victim.pid)["resumes"] == 1
    assert 8 * MIB <= victim.memory("RssAnon") <= 12 * MIB  # kept by the page-out that follows


def test_without_keep_nothing_is_learned(guard: Guard, zram: Zram, victims: Any) -> None:
    victim = victims("anon=16", name=NAME)
    guard.start(ALWAYS, f"match={NAME}", LEAVE)
    until(lambda: victim.memory("VmSwap") >= 15 * MIB)
    app = guard.app(victim.pid)
    assert (app["resumes"], app["hot_bytes"]) == (None, None)


def test_what_a_resume_needs_is_read_as_the_app_comes_and_nothing_else(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=64", name=NAME)
    guard.start(ALWAYS, f"match={NAME} bring_back=1 cooldown_ms=0", LEAVE)
    until(guard.actions)
    come_and_use(guard, victim, 1)
    assert guard.status()["brought_bytes"] == 0  # nothing was known when it came
    leave(guard, victim)
    assert victim.memory("VmSwap") >= 63 * MIB
    victim.set_adj(200)  # only briefly important: nobody looks at it
    until(lambda: guard.app(victim.pid)["background_s"] is None)
    assert guard.status()["brought_bytes"] == 0
    victim.set_adj(900)
    until(lambda: guard.app(victim.pid)["background_s"] is not None)
    victim.set_adj(0)
    until(lambda: guard.status()["brought_bytes"] > 0)
    assert 8 * MIB <= guard.status()["brought_bytes"] + 64 * 1024 <= 12 * MIB
    major = victim.major_faults()
    victim.touch_some(first_page=512, pages=2048)
    assert victim.major_faults() - major <= 200  # of 2,048
    assert victim.bad_pages() == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("keep=cold", "keep must be hot"),
        ("keep=hot rung=leave", "keep and bring_back are for rung=pageout and trim"),
        ("bring_back=1 rung=cold", "keep and bring_back are for rung=pageout and trim"),
        ("bring_back=2", "bring_back"),
    ],
)
def test_what_a_rule_cannot_keep_is_refused(guard: Guard, words: str, why: str) -> None:
    end = guard.ask("guard_rule", "match=*", *words.split()).end
    assert (end["error"], end["why"]) == ("EINVAL", why)


def test_a_page_out_by_hand_keeps_what_the_guard_has_learned(
    guard: Guard, helper: Path, zram: Zram, victims: Any
) -> None:
    victim, new = victims("anon=48", name=NAME), victims("anon=16", name=f"{NAME}.new")
    beside = Path(shutil.copy(helper, guard.home))
    alone = ask(beside, "pageout", f"targets={new.target()}", "hot=keep").only("target")
    assert (alone["resumes"], alone["left_out_bytes"]) == (0, 0)  # no guard runs
    victim.set_adj(0)
    guard.start(f"{NEVER} leaving=1", f"match={NAME} keep=hot cooldown_ms=0", LEAVE)
    until(lambda: guard.app(victim.pid)["spared"] == "foreground")
    leave(guard, victim)
    come_and_use(guard, victim, 1)
    leave(guard, victim)
    assert victim.memory("RssAnon") >= 8 * MIB
    both = ask(beside, "pageout", f"targets={victim.target()},{new.target()}", "hot=keep")
    first, second = both.all("target")
    assert first["resumes"] == 1
    assert 8 * MIB <= first["left_out_bytes"] <= 10 * MIB
    assert (second["resumes"], second["left_out_bytes"]) == (0, 0)
    assert victim.memory("RssAnon") >= 8 * MIB
    ask(beside, "pageout", f"targets={victim.target()}")
    assert victim.memory("VmSwap") >= 47 * MIB
    back = ask(beside, "prefetch", f"targets={victim.target()}", "hot=only").only("target")
    assert 8 * MIB <= back["advised_bytes"] + 64 * 1024 <= 10 * MIB
    assert guard.status()["running"]
    assert victim.bad_pages() == 0


def test_who_asks_the_guard_nothing_is_told_its_status(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    guard.start(NEVER, LEAVE)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"/proc/self/fd/{os.open(guard.home, os.O_PATH)}/guard.sock")
        client.settimeout(10)
        assert client.recv(64).startswith(b'{"id":"s","t":"guard","running":true')
    assert guard.status()["running"]
