"""How the helper ends: with its link, on a signal, on silence; and what it leaves behind."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import MIB, Session, Zram, ask, until

pytestmark = pytest.mark.linux


def in_work(session: Session, victim: Any, pace: str = " step_bytes=65536 pause_us=20000") -> None:
    """Start a slow page-out in the session, and return while it is under way."""
    session.send(f"1 pageout targets={victim.target()}{pace}")
    until(lambda: victim.memory("VmSwap") >= MIB)


def in_the_middle(victim: Any) -> bool:
    """Tell whether the slow page-out has been stopped before its end."""
    return bool(victim.memory("VmSwap") < 30 * MIB)


def test_it_ends_when_stdin_ends(sessions: Any) -> None:
    session: Session = sessions()
    session.stdin.close()
    assert session.ended_within()
    assert session.process.returncode == 0


def test_it_ends_in_the_middle_of_work_when_stdin_ends(
    zram: Zram, victims: Any, sessions: Any
) -> None:
    session, victim = sessions(), victims("anon=32")
    in_work(session, victim)
    session.stdin.close()
    assert session.ended_within()
    assert in_the_middle(victim)
    taken = victim.memory("VmSwap")
    time.sleep(0.1)
    assert victim.memory("VmSwap") == taken
    assert victim.bad_pages() == 0


def test_it_ends_in_the_middle_of_work_when_nobody_reads(
    zram: Zram, victims: Any, sessions: Any
) -> None:
    session, victim = sessions(), victims("anon=32")
    in_work(session, victim)
    session.stdout.close()
    assert session.ended_within()
    assert in_the_middle(victim)


def test_it_ends_on_a_hang_up(zram: Zram, victims: Any, sessions: Any) -> None:
    session, victim = sessions(), victims("anon=32")
    in_work(session, victim)
    session.process.send_signal(signal.SIGHUP)
    assert session.ended_within()
    assert in_the_middle(victim)


def test_it_ends_when_stdin_ends_while_nobody_reads_its_answer(sessions: Any) -> None:
    session: Session = sessions()
    for _ in range(40):
        session.send("1 scan")  # more than a pipe holds
    time.sleep(0.5)
    assert not session.ended_within(0)
    session.stdin.close()
    assert session.ended_within()


def test_a_one_shot_ends_when_its_reader_leaves(helper: Path, zram: Zram, victims: Any) -> None:
    victim = victims("anon=32")
    words = [helper, "pageout", f"targets={victim.target()}", "step_bytes=65536", "pause_us=20000"]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as work:
        while victim.memory("VmSwap") < MIB:
            time.sleep(0.01)
        assert work.poll() is None  # an empty stdin is not the end of a one-shot
        assert work.stdout
        work.stdout.close()
        work.wait(30)
    assert in_the_middle(victim)


def test_silence_ends_it_when_a_heartbeat_was_promised(sessions: Any) -> None:
    session: Session = sessions("heartbeat_ms=300")
    assert not session.ended_within(0.2)
    assert session.ended_within()


def test_silence_ends_it_in_the_middle_of_work(zram: Zram, victims: Any, sessions: Any) -> None:
    session, victim = sessions("heartbeat_ms=1000"), victims("anon=32")
    in_work(session, victim)
    assert session.ended_within()
    assert in_the_middle(victim)


def test_silence_ends_it_while_nobody_reads_its_answer(sessions: Any) -> None:
    session: Session = sessions("heartbeat_ms=300")
    for _ in range(40):
        session.send("1 scan")
    assert session.ended_within()


def test_an_empty_line_is_a_heartbeat_and_has_no_answer(sessions: Any) -> None:
    session: Session = sessions("heartbeat_ms=400")
    for _ in range(8):
        session.send("")
        time.sleep(0.1)
    session.send("1 cancel of=0")
    reply = session.reply()
    assert reply
    assert reply.end["id"] == "1"


def test_to_be_kept_from_work_for_long_is_not_silence(sessions: Any) -> None:
    session: Session = sessions("heartbeat_ms=200")
    for number in range(20):  # stopped before, in and after the work
        session.send(f"{number} scan")
        time.sleep(number / 4000)
        session.process.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        session.send("")
        session.process.send_signal(signal.SIGCONT)
        assert session.reply()


def test_without_a_promise_it_waits_for_ever(sessions: Any) -> None:
    assert not sessions().ended_within(1)


@pytest.mark.parametrize("word", ["heartbeat_ms=", "heartbeat_ms=x", "heartbeat_ms=1 2", "x=1"])
def test_other_words_after_serve_are_refused(helper: Path, word: str) -> None:
    run = subprocess.run([helper, "serve", word], capture_output=True, check=False)
    assert run.returncode == 2
    assert run.stdout == b""
    assert b"usage" in run.stderr


@pytest.mark.parametrize("rounds", [10, pytest.param(100, marks=pytest.mark.campaign)])
def test_sigterm_finishes_the_step_and_says_so(
    zram: Zram, victims: Any, sessions: Any, rounds: int
) -> None:
    victim = victims("anon=64")
    waits = []
    for _ in range(rounds):
        session: Session = sessions()
        victim.touch()
        in_work(session, victim, " pause_us=20000")
        session.process.send_signal(signal.SIGTERM)
        sent_at = time.monotonic()
        reply = session.reply()
        waits.append(time.monotonic() - sent_at)
        assert reply
        assert (reply.end["ok"], reply.end["error"]) == (False, "EINTR")
        target = reply.only("target")
        assert (target["outcome"], target["reason"]) == ("stopped", "cancelled")
        assert target["advised_bytes"] > 0
        assert session.ended_within()
    print(f"SIGTERM to the end of the reply: {max(waits) * 1000:.1f} ms at most")
    assert sorted(waits)[len(waits) // 2] < 0.25  # 2 to 5 ms on an idle machine


def test_sigterm_ends_it_when_it_waits(sessions: Any) -> None:
    session: Session = sessions()
    session.send("1 hello")
    session.reply()
    session.process.send_signal(signal.SIGTERM)
    assert session.ended_within()
    assert session.process.returncode == 0


def test_cancel_stops_the_request_in_work_and_is_answered_after_it(
    zram: Zram, victims: Any, sessions: Any
) -> None:
    session, victim = sessions(), victims("anon=32")
    in_work(session, victim)
    session.send("2 cancel of=1")
    first, second = session.reply(), session.reply()
    assert first
    assert second
    assert (first.end["id"], first.end["ok"]) == ("1", True)
    target = first.only("target")
    assert (target["outcome"], target["reason"]) == ("stopped", "cancelled")
    assert 0 < target["advised_bytes"] < 32 * MIB
    assert (second.end["id"], second.end["ok"], second.lines) == ("2", True, [])


def test_cancel_reaches_a_request_that_still_waits(zram: Zram, victims: Any, sessions: Any) -> None:
    session, victim = sessions(), victims("anon=8")
    target = victim.target()
    session.send(f"1 scan\n2 pageout targets={target},{target}\n3 cancel of=2\n4 cancel of=9")
    replies = [session.reply() for _ in range(4)]
    assert all(replies)
    targets = replies[1].all("target")  # type: ignore[union-attr]
    assert [line["reason"] for line in targets] == ["cancelled", "cancelled"]
    assert [line["advised_bytes"] for line in targets] == [0, 0]


@pytest.mark.parametrize("rounds", [30, pytest.param(1000, marks=pytest.mark.campaign)])
def test_a_helper_killed_at_any_instant_harms_nothing(
    helper: Path, zram: Zram, victims: Any, rounds: int
) -> None:
    rng = random.Random(3)
    victim = victims("anon=16")
    for _ in range(rounds):
        words = [helper, "pageout", f"targets={victim.target()}"]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as work:
            time.sleep(rng.random() * 0.06)
            work.kill()
        assert victim.bad_pages() == 0


def test_it_leaves_no_child_behind(helper: Path) -> None:
    """A probe forks a child, which must have ended before the answer is sent."""
    pid = str(ask(helper, "hello").only("hello")["pid"])
    ask(helper, "probe")
    left = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # ended meanwhile: somebody else's
            name, rest = path.read_text(errors="replace").rsplit(")", 1)
            if "(droidreclaim-he" in name and rest.split()[1] in {pid, str(os.getpid()), "1"}:
                left.append(path)
    assert left == []


def test_its_memory_does_not_grow_with_the_target(zram: Zram, victims: Any, sessions: Any) -> None:
    session: Session = sessions()
    sizes = []
    for words in (["anon=1"], ["vmas=5000"], ["anon=64"]):
        victim = victims(*words)
        session.send(f"1 pageout targets={victim.target()}")
        assert session.reply()
        for line in Path(f"/proc/{session.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                sizes.append(int(line.split()[1]))
    assert max(sizes) - sizes[0] <= 64
    assert max(sizes) <= 640  # KiB: 420 of static buffers, of which few are ever touched


def test_usage_goes_to_stderr(helper: Path) -> None:
    run = subprocess.run([helper], capture_output=True, check=False)
    assert (run.returncode, run.stdout) == (2, b"")
    assert b"usage" in run.stderr


def test_words_with_a_blank_cannot_smuggle_a_request(helper: Path) -> None:
    run = subprocess.run([helper, "hello\n9 scan"], capture_output=True, check=False)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert [(line["id"], line["t"]) for line in lines] == [("0", "end")]
