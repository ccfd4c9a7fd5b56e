"""The pressure program on this machine, in a memory cgroup with a limit of its own."""

from __future__ import annotations

import os
import re
import signal
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import (
    MIB,
    SOURCES,
    Reply,
    Session,
    load_build_script,
    start_ticks,
    status_bytes,
    until,
)

pytestmark = pytest.mark.linux

LIMIT_BYTES = 64 * MIB
CAPPED = "for_ms=30000 cap_bytes=33554432"  # 32 MiB
TRIES = 10
TAKE_8 = f"pressure_take until=taken bytes={8 * MIB} {CAPPED}"

Start = Callable[..., Session]


@pytest.fixture
def program(helper: Path) -> Path:
    return helper.with_name("droidreclaim-pressure")


@pytest.fixture
def pressure(program: Path, group: Path, tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts sessions in a limited group at adj 0; none is left running."""
    (group / "memory.limit_in_bytes").write_text(str(LIMIT_BYTES))
    inside = tmp_path / "inside"
    inside.write_text(f'#!/bin/sh\necho $$ > {group}/cgroup.procs\nexec {program} "$@"\n')
    inside.chmod(0o755)
    opened: list[Session] = []

    def start(*words: str) -> Session:
        opened.append(Session(inside, *words))
        return opened[-1]

    yield start
    for session in opened:
        session.close()
    until(lambda: not (group / "cgroup.procs").read_text())


def request(session: Session, words: str) -> Reply:
    session.send(f"1 {words}")
    reply = session.reply()
    assert reply is not None
    return reply


def line(session: Session, words: str) -> dict[str, Any]:
    """Make a request that must succeed; return the pressure's line of the reply."""
    reply = request(session, words)
    assert reply.end["ok"], reply.end
    return reply.only("pressure")


def gone(*pids: int) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def strangers(reply: Reply, *ours: int) -> bool:
    """Tell whether another test's app ended meanwhile, which also ends the taking of memory."""
    return any(one["pid"] not in ours for one in reply.all("ended"))


def everybody(session: Session, taken: dict[str, Any]) -> tuple[int, int, int]:
    return session.process.pid, taken["watchdog"], taken["pid"]


def test_hello_names_the_sources_of_both_folders(pressure: Start) -> None:
    hello = request(pressure(), "hello").only("hello")
    assert hello["build"] == load_build_script().source_hash(SOURCES, ("common", "pressure"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("for_ms=1000", "until must be"),
        ("until=death for_ms=1000", "until must be"),
        ("until=available for_ms=1000", "want bytes=N"),
        ("until=kill for_ms=600001", "for_ms"),
        ("until=kill for_ms=0", "for_ms=N"),
        ("until=kill for_ms=1000 step_bytes=4194305", "step_bytes"),
        ("until=kill for_ms=1000 step_bytes=100", "step_bytes of a page"),
        ("until=kill for_ms=1000 pause_us=1000000", "pause_us"),
        ("until=kill for_ms=1000 adj=-1", "adj"),
        ("until=kill for_ms=1000 adj=900", "adj"),
        ("until=kill for_ms=1000 random_permille=1001", "random_permille"),
        ("until=kill for_ms=1000 oom_score_adj=0", "until bytes cap_bytes"),
    ],
)
def test_a_bad_request_takes_nothing_and_says_why(pressure: Start, words: str, why: str) -> None:
    session = pressure()
    end = request(session, f"pressure_take {words}").end
    assert (end["ok"], end["error"]) == (False, "EINVAL")
    assert why in end["why"]
    assert request(session, "pressure_status").end["error"] == "ENOENT"


def test_a_floor_above_all_memory_leaves_nothing_to_take(pressure: Start) -> None:
    end = request(pressure(), f"pressure_take until=kill for_ms=1000 floor_bytes={1 << 50}").end
    assert end["error"] == "ENOMEM"


def test_it_takes_what_was_asked_for_holds_it_and_gives_it_back(pressure: Start) -> None:
    session = pressure()
    held = line(session, TAKE_8 + " adj=100")
    assert (held["phase"], held["reached"], held["ended_by"]) == ("held", True, None)
    assert 8 * MIB <= held["taken_bytes"] <= 12 * MIB
    holder = held["pid"]
    assert Path(f"/proc/{holder}/oom_score_adj").read_text() == "100\n"
    assert status_bytes(holder, "RssAnon") >= 8 * MIB
    assert status_bytes(session.process.pid, "RssAnon") < MIB
    assert status_bytes(held["watchdog"], "RssAnon") < MIB
    assert request(session, TAKE_8).end["error"] == "EBUSY"
    ended = line(session, "pressure_end")
    assert (ended["phase"], ended["ended_by"]) == ("ended", "released")
    assert gone(holder, held["watchdog"])
    assert line(session, TAKE_8)["phase"] == "held"  # and again


def test_a_step_is_taken_after_a_look_each(pressure: Start) -> None:
    session = pressure()
    began_s = time.monotonic()
    held = line(session, f"pressure_take until=taken bytes={8 * MIB} {CAPPED} pause_us=200000")
    steps = held["taken_bytes"] // (4 * MIB)
    assert time.monotonic() - began_s >= 0.2 * steps
    assert held["taken_bytes"] % (4 * MIB) == 0


def test_it_ends_where_no_further_step_fits_under_the_cap(pressure: Start) -> None:
    held = line(pressure(), "pressure_take until=available bytes=1 for_ms=30000 cap_bytes=10485760")
    assert (held["phase"], held["ended_by"], held["reached"]) == ("ended", "cap", False)
    assert gone(held["pid"])


def content(pid: int) -> bytes:
    """The largest writable private mapping of a process."""
    areas = re.findall(
        r"^([0-9a-f]+)-([0-9a-f]+) rw-p .* 0 *$", Path(f"/proc/{pid}/maps").read_text(), re.M
    )
    first, last = max(((int(a, 16), int(b, 16)) for a, b in areas), key=lambda one: one[1] - one[0])
    with Path(f"/proc/{pid}/mem").open("rb") as memory:
        memory.seek(first)
        return memory.read(min(last - first, 4 * MIB))


@pytest.mark.parametrize(("permille", "ratio"), [(1000, 1.0), (333, 3.0), (500, 2.0)])
def test_content_compresses_by_the_asked_ratio_page_by_page(
    pressure: Start, permille: int, ratio: float
) -> None:
    session = pressure()
    held = line(session, f"{TAKE_8} random_permille={permille}")
    pages = content(held["pid"])
    some = [pages[at : at + 4096] for at in range(0, len(pages), 4096)][:200]
    packed = sum(len(zlib.compress(page, 1)) for page in some)
    assert len(some) * 4096 / packed == pytest.approx(ratio, rel=0.1)
    assert len(set(some)) == len(some)
    assert not any(page == page[:8] * 512 for page in some)  # zram keeps such a page for nothing


def test_a_seed_names_the_content(pressure: Start) -> None:
    def content_of(seed: int) -> bytes:
        session = pressure()
        pages = content(line(session, f"{TAKE_8} seed={seed}")["pid"])
        session.close()
        return pages

    assert content_of(1) == content_of(1) != content_of(2)


def test_until_kill_names_the_app_that_ended_and_how_things_stood(
    pressure: Start, victims: Any
) -> None:
    for _ in range(TRIES):
        session, app = pressure(), victims("anon=4", name="com.example.victim")
        start = start_ticks(app.pid)
        session.send(f"1 pressure_take until=kill {CAPPED} step_bytes=65536 pause_us=100000")
        time.sleep(0.5)
        app.kill()
        reply = session.reply()
        assert reply is not None
        if not strangers(reply, app.pid):
            break
        session.close()
    held = reply.only("pressure")
    assert (held["phase"], held["reached"]) == ("held", True)
    (ended,) = (one for one in reply.all("ended") if one["pid"] == app.pid)
    assert (ended["start"], ended["adj"], ended["uid"]) == (start, 900, 10123)
    assert ended["name"] == "com.example.victim"
    assert 0 < ended["taken_bytes"] <= held["taken_bytes"]
    assert ended["available_bytes"] > 0
    time.sleep(0.5)
    assert line(session, "pressure_status")["taken_bytes"] == held["taken_bytes"]  # no more


@pytest.mark.parametrize("pause_us", [100, 10000])  # so short that a victim is seen half dead
def test_a_holder_that_the_kernel_kills_ends_the_pressure_and_is_reported(
    pressure: Start, group: Path, pause_us: int
) -> None:
    (group / "memory.limit_in_bytes").write_text(str(16 * MIB))
    words = f"until=taken bytes={32 * MIB} {CAPPED} adj=100 pause_us={pause_us}"
    reply = request(pressure(), f"pressure_take {words}")
    ended = reply.only("pressure")
    assert (ended["phase"], ended["reached"], ended["ended_by"]) == ("ended", False, "killed")
    assert ended["watchdog"] == 0  # it was waited for
    assert gone(ended["pid"])


def test_its_own_time_ends_it_while_it_is_held(pressure: Start) -> None:
    session = pressure()
    held = line(session, f"pressure_take until=taken bytes={4 * MIB} cap_bytes=8388608 for_ms=700")
    assert held["phase"] == "held"
    until(lambda: gone(held["pid"]))
    ended = line(session, "pressure_status")
    assert ended["ended_by"] == "time"
    assert 700 <= ended["lasted_ms"] < 20_000


def test_a_cancelled_take_gives_all_back(pressure: Start) -> None:
    for _ in range(TRIES):
        session = pressure()
        session.send(f"1 pressure_take until=available bytes=1 {CAPPED} step_bytes=4096")
        time.sleep(0.3)
        session.send("2 cancel of=1")
        first, second = session.reply(), session.reply()
        assert first is not None
        assert second is not None
        if not strangers(first):
            break
        session.close()
    assert first.only("pressure")["ended_by"] == "released"
    assert gone(first.only("pressure")["pid"])


@pytest.mark.parametrize("phase", ["held", "taking"])
@pytest.mark.parametrize("end", ["eof", "kill", "term", "heartbeat"])
def test_whatever_ends_the_session_nothing_holds_memory(
    pressure: Start, group: Path, end: str, phase: str
) -> None:
    session = pressure(*(["heartbeat_ms=500"] if end == "heartbeat" else []))
    words = TAKE_8 if phase == "held" else f"pressure_take until=available bytes=1 {CAPPED}"
    session.send(f"1 {words} " + ("" if phase == "held" else "step_bytes=4096"))
    if phase == "held":
        assert session.reply()
    until(lambda: len((group / "cgroup.procs").read_text().split()) == 3)
    if end == "eof":
        session.stdin.close()
    elif end != "heartbeat":
        os.kill(session.process.pid, signal.SIGKILL if end == "kill" else signal.SIGTERM)
    until(lambda: not (group / "cgroup.procs").read_text().split())
    assert session.ended_within(5)


@pytest.mark.parametrize(("who", "word"), [("pid", "killed"), ("watchdog", "watchdog")])
def test_a_killed_holder_or_watchdog_ends_the_pressure_and_the_session_says_which(
    pressure: Start, who: str, word: str
) -> None:
    session = pressure()
    held = line(session, TAKE_8)
    os.kill(held[who], signal.SIGKILL)
    until(lambda: line(session, "pressure_status")["phase"] == "ended")
    assert line(session, "pressure_status")["ended_by"] == word
    until(lambda: gone(held["pid"], held["watchdog"]))


@pytest.mark.nightly
def test_a_watchdog_that_hangs_does_not_keep_the_memory_held(pressure: Start) -> None:
    """When the watchdog is stopped, the holder of the memory ends by itself after ten seconds."""
    session = pressure()
    held = line(session, TAKE_8)
    os.kill(held["watchdog"], signal.SIGSTOP)
    until(lambda: not status_bytes_or_none(held["pid"]), timeout_s=15)


def status_bytes_or_none(pid: int) -> int | None:
    """RSS of a process; None once it is gone or a zombie."""
    try:
        return status_bytes(pid, "VmRSS")
    except (OSError, KeyError):
        return None
