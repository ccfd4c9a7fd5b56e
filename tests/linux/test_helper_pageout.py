"""What a page-out moves, what it leaves, and what it says about both."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import (
    MIB,
    SOURCES,
    WAITING,
    Reply,
    Victim,
    Zram,
    ask,
    load_build_script,
    missing,
    read_reply,
    start_ticks,
    until,
    wait_for_state,
)

pytestmark = pytest.mark.linux

FREEZER = Path("/sys/fs/cgroup/freezer")


def pageout(helper: Path, victim: Victim, *options: str) -> Reply:
    """Page one victim out, one-shot."""
    return ask(helper, "pageout", f"targets={victim.target()}", *options)


def test_a_page_out_moves_everything_and_every_byte_returns(
    helper: Path, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=32")
    target = pageout(helper, victim).only("target")
    assert (target["outcome"], target["reason"]) == ("advised", None)
    assert target["advised_bytes"] == target["exclusive_bytes"] >= 32 * MIB
    assert (
        target["before"]["rss_anon_bytes"] - target["after"]["rss_anon_bytes"] >= 32 * MIB - WAITING
    )
    assert target["after"]["swap_bytes"] >= 32 * MIB - WAITING
    assert victim.memory("VmSwap") >= 32 * MIB - WAITING
    assert victim.bad_pages() == 0


def test_two_at_once_never_claim_the_same_bytes(helper: Path, zram: Zram, victims: Any) -> None:
    """The two sums are no more than what was in memory; the later page-out reports busy."""
    some = [victims("anon=16"), victims("anon=16")]
    held = sum(victim.memory("RssAnon") for victim in some)
    targets = ",".join(victim.target() for victim in some)
    words = [helper, "pageout", f"targets={targets}", "step_bytes=262144", "pause_us=20000"]
    running = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(3)]
    replies = [read_reply(io.BytesIO(one.communicate(timeout=60)[0])) for one in running]
    told = [line for reply in replies if reply for line in reply.all("target")]
    assert len(told) == 6
    left = [one["before"]["rss_anon_bytes"] - one["after"]["rss_anon_bytes"] for one in told
            if one["reason"] != "busy" and one["before"]]  # fmt: skip
    assert 32 * MIB - 2 * WAITING <= sum(left) <= held
    assert "busy" in {one["reason"] for one in told}
    assert {one["outcome"] for one in told if one["reason"] == "busy"} == {"nothing"}


def test_a_page_out_that_is_killed_leaves_nobody_busy(
    helper: Path, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=16")
    words = [helper, "pageout", f"targets={victim.target()}", "step_bytes=65536", "pause_us=50000"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as first:
        until(lambda: victim.memory("VmSwap") > 0)
        assert pageout(helper, victim).only("target")["reason"] == "busy"
        assert pageout(helper, victim, "dry=1").only("target")["reason"] != "busy"
        first.kill()
    assert pageout(helper, victim).only("target")["outcome"] == "advised"


def test_the_device_line_holds_the_swap_before_and_after(
    helper: Path, zram: Zram, victims: Any
) -> None:
    device = pageout(helper, victims("anon=16")).only("device")
    assert device["swap_total_bytes"] == 2048 * MIB - 4096
    assert device["swap_free_before_bytes"] - device["swap_free_after_bytes"] >= 16 * MIB - WAITING
    grown = device["zram_used_after_bytes"] - device["zram_used_before_bytes"]
    assert 0 < grown < 16 * MIB
    assert device["failed_writes"] == 0


def test_a_second_pass_finds_it_swapped_and_calls_nothing(
    helper: Path, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=16")
    os.kill(victim.pid, signal.SIGSTOP)
    wait_for_state(victim.pid, "T")
    while pageout(helper, victim).only("target")["advised_bytes"]:
        time.sleep(0.1)  # until no page waits any more
    again = pageout(helper, victim).only("target")
    assert (again["outcome"], again["reason"]) == ("nothing", "already_swapped")
    assert again["calls"] == 0
    assert again["swapped_bytes"] >= 16 * MIB


def test_a_dry_run_counts_and_touches_nothing(helper: Path, zram: Zram, victims: Any) -> None:
    victim = victims("anon=16")
    target = pageout(helper, victim, "dry=1").only("target")
    assert target["exclusive_bytes"] >= 16 * MIB
    assert (target["advised_bytes"], target["calls"], target["steps"]) == (0, 0, 0)
    assert target["after"] is None
    assert victim.memory("VmSwap") == 0


def test_a_budget_is_never_exceeded(helper: Path, zram: Zram, victims: Any) -> None:
    victim = victims("anon=16")
    target = pageout(helper, victim, f"budget_bytes={5 * MIB + 1000}").only("target")
    assert (target["outcome"], target["reason"]) == ("stopped", "budget")
    assert 4 * MIB < target["advised_bytes"] <= 5 * MIB + 1000
    assert victim.memory("VmSwap") <= 5 * MIB + 1000


def test_a_budget_is_for_the_whole_request(helper: Path, zram: Zram, victims: Any) -> None:
    targets = [victims("anon=8").target() for _ in range(3)]
    reply = ask(helper, "pageout", f"targets={','.join(targets)}", f"budget_bytes={12 * MIB}")
    outcomes = [(line["outcome"], line["reason"]) for line in reply.all("target")]
    assert outcomes == [("advised", None), ("stopped", "budget"), ("stopped", "budget")]
    assert sum(line["advised_bytes"] for line in reply.all("target")) <= 12 * MIB


def test_steps_are_as_long_as_asked(helper: Path, zram: Zram, victims: Any) -> None:
    target = pageout(helper, victims("anon=16"), f"step_bytes={2 * MIB}", "pause_us=0")
    assert 8 <= target.only("target")["steps"] <= 9


def test_a_running_target_gets_steps_of_one_mib(helper: Path, zram: Zram, victims: Any) -> None:
    target = pageout(helper, victims("anon=16")).only("target")
    assert 16 <= target["steps"] <= 18
    assert target["frozen"] is False


def test_a_stopped_target_gets_long_steps_and_stays_stopped(
    helper: Path, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=32")
    os.kill(victim.pid, signal.SIGSTOP)
    wait_for_state(victim.pid, "T")
    target = pageout(helper, victim).only("target")
    wait_for_state(victim.pid, "T")
    assert target["frozen"] is True
    assert target["steps"] == 5
    assert victim.memory("VmSwap") >= 32 * MIB - WAITING
    os.kill(victim.pid, signal.SIGCONT)
    assert victim.bad_pages() == 0


@pytest.fixture
def freezer() -> Iterator[Path]:
    """A cgroup freezer (v1) of our own."""
    group = FREEZER / f"droidreclaim-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        missing(f"no cgroup v1 freezer: {error}")
    yield group
    (group / "freezer.state").write_text("THAWED")
    for pid in (group / "tasks").read_text().split():
        (FREEZER / "tasks").write_text(pid)
    group.rmdir()


def test_a_frozen_target_is_known_and_never_thawed(
    helper: Path, zram: Zram, victims: Any, freezer: Path
) -> None:
    victim = victims("anon=16")
    (freezer / "tasks").write_text(str(victim.pid))
    (freezer / "freezer.state").write_text("FROZEN")
    while (freezer / "freezer.state").read_text().strip() != "FROZEN":
        time.sleep(0.01)
    target = pageout(helper, victim).only("target")
    assert (freezer / "freezer.state").read_text().strip() == "FROZEN"
    assert target["frozen"] is True
    assert victim.memory("VmSwap") >= 16 * MIB - WAITING
    (freezer / "freezer.state").write_text("THAWED")
    assert victim.bad_pages() == 0


def test_locked_pages_stay_and_their_neighbours_go(helper: Path, zram: Zram, victims: Any) -> None:
    victim = victims("anon=16", "locked=16", "anon=16")
    target = pageout(helper, victim).only("target")
    assert target["refused"] == [{"errno": "EINVAL", "ranges": 1, "bytes": 16 * MIB}]
    assert target["outcome"] == "advised"
    assert target["exclusive_bytes"] >= 48 * MIB
    assert 32 * MIB <= target["advised_bytes"] < 33 * MIB
    assert victim.memory("VmLck") == 16 * MIB
    assert 16 * MIB <= target["after"]["rss_anon_bytes"] < 17 * MIB


def test_many_locked_mappings_are_each_refused_once(helper: Path, zram: Zram, victims: Any) -> None:
    victim = victims(*["locked=1", "anon=1"] * 8, "locked=1")
    target = pageout(helper, victim).only("target")
    (refused,) = target["refused"]
    assert refused["errno"] == "EINVAL"
    assert refused["bytes"] == 9 * MIB
    assert victim.memory("VmSwap") >= 8 * MIB - WAITING


def test_pages_shared_after_fork_are_counted_apart_and_stay(
    helper: Path, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=16", "fork=3")
    target = pageout(helper, victim).only("target")
    assert target["shared_bytes"] >= 16 * MIB
    assert target["exclusive_bytes"] < MIB
    assert target["after"]["rss_anon_bytes"] >= 16 * MIB


def test_what_a_child_wrote_is_its_own_and_moves(helper: Path, zram: Zram, victims: Any) -> None:
    victim = victims("anon=16", "rewrite=25", "fork=1")
    (child,) = (int(line.split()[1]) for line in victim.said)
    Path(f"/proc/{child}/oom_score_adj").write_text("900")
    target = ask(helper, "pageout", f"targets={child}:{start_ticks(child)}").only("target")
    moved = target["before"]["rss_anon_bytes"] - target["after"]["rss_anon_bytes"]
    assert abs(target["exclusive_bytes"] - moved) <= 0.05 * moved
    assert 4 * MIB - WAITING <= moved < 5 * MIB


def test_a_target_that_maps_and_unmaps_is_worked_through(
    helper: Path, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=16", "churn", "churn")
    for number in range(5):
        target = pageout(helper, victim, f"step_bytes={64 * 1024}", "pause_us=0").only("target")
        # (on a busy machine nothing may have come back since the pass before)
        again = {("nothing", "already_swapped")} if number else set()
        assert (target["outcome"], target["reason"]) in {("advised", None)} | again
        assert {refused["errno"] for refused in target["refused"]} <= {"ENOMEM"}
    assert victim.bad_pages() == 0


def test_without_swap_anonymous_memory_is_not_even_tried(
    helper: Path, victims: Any, no_swap: None
) -> None:
    target = pageout(helper, victims("anon=8")).only("target")
    assert (target["outcome"], target["reason"]) == ("nothing", "no_swap")
    assert target["calls"] == 0


def test_cold_needs_no_swap_and_moves_nothing(helper: Path, victims: Any, no_swap: None) -> None:
    victim = victims("anon=8")
    target = ask(helper, "cold", f"targets={victim.target()}").only("target")
    assert target["outcome"] == "advised"
    assert target["advised_bytes"] >= 8 * MIB
    assert victim.memory("RssAnon") >= 8 * MIB


def test_file_pages_leave_without_swap(
    helper: Path, victims: Any, no_swap: None, tmp_path: Path
) -> None:
    path = tmp_path / "code"
    path.write_bytes(os.urandom(16 * MIB))
    subprocess.run(["sync", path], check=True)  # only clean pages can just be dropped
    victim = victims(f"file={path}")
    before = victim.memory("RssFile")
    target = pageout(helper, victim, "what=file").only("target")
    assert target["outcome"] == "advised"
    assert before - victim.memory("RssFile") >= 15 * MIB


def test_anon_leaves_file_mappings_alone(
    helper: Path, zram: Zram, victims: Any, tmp_path: Path
) -> None:
    path = tmp_path / "code"
    path.write_bytes(os.urandom(8 * MIB))
    victim = victims(f"file={path}", "anon=4")
    before = victim.memory("RssFile")
    pageout(helper, victim, "what=anon")
    assert victim.memory("RssFile") >= before - MIB


def test_swap_is_never_filled_below_the_floor(helper: Path, zram: Zram, victims: Any) -> None:
    zram.enable(size_bytes=64 * MIB)
    victim = victims("anon=96")
    floor = 13 * MIB
    reply = pageout(helper, victim, f"swap_floor_bytes={floor}")
    target = reply.only("target")
    assert (target["outcome"], target["reason"]) == ("stopped", "swap_budget")
    assert floor <= reply.only("device")["swap_free_after_bytes"] < floor + 3 * MIB
    assert victim.bad_pages() == 0


def test_a_full_zram_stops_the_work_at_once(helper: Path, zram: Zram, victims: Any) -> None:
    zram.enable(limit_bytes=8 * MIB)
    victim = victims("anon=96")
    reply = pageout(helper, victim)
    target, device = reply.only("target"), reply.only("device")
    assert (target["outcome"], target["reason"]) == ("stopped", "zram_full")
    assert 0 < device["failed_writes"] <= MIB // 4096 * 2
    assert target["advised_bytes"] < 48 * MIB
    assert victim.bad_pages() == 0


def test_a_heap_that_does_not_compress_is_given_up(helper: Path, zram: Zram, victims: Any) -> None:
    target = pageout(helper, victims("noise=96")).only("target")
    assert (target["outcome"], target["reason"]) == ("stopped", "incompressible")
    assert target["advised_bytes"] <= 32 * MIB


def test_five_thousand_mappings_are_all_paged_out(helper: Path, zram: Zram, victims: Any) -> None:
    victim = victims("vmas=5000")
    target = pageout(helper, victim).only("target")
    assert target["outcome"] == "advised"
    assert victim.memory("VmSwap") >= 5000 * 4 * 4096
    assert victim.bad_pages() == 0


def test_a_helper_of_32_bits_refuses_a_process_of_64(
    helpers: dict[str, Path], zram: Zram, victims: Any
) -> None:
    if os.uname().machine != "x86_64":
        missing("runs the x86 helper, which needs an x86_64 machine")
    victim = victims("anon=8")
    target = pageout(helpers["x86"], victim).only("target")
    assert (target["outcome"], target["reason"]) == ("unsupported", "unsupported")
    assert target["calls"] == 0
    assert victim.memory("VmSwap") == 0


def test_a_helper_of_32_bits_pages_out_a_process_of_32(
    helpers: dict[str, Path], zram: Zram, tmp_path: Path
) -> None:
    if os.uname().machine != "x86_64":
        missing("runs the x86 helper, which needs an x86_64 machine")
    program = tmp_path / "heap32"
    files = [f"{name}.c" for name in ("arch", "sys", "signal", "text")]
    sources = [str(Path(__file__).with_name("heap32.c")), *files]
    load_build_script().compile_without_libc(
        "x86", program, ["-I", ".", *sources], SOURCES / "common"
    )
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as heap:
        assert heap.stdin
        assert heap.stdout
        assert heap.stdout.readline() == b"ready\n"
        target = f"targets={heap.pid}:{start_ticks(heap.pid)}:-1000"
        reply = ask(helpers["x86"], "pageout", target).only("target")
        heap.communicate(b"\n")
    assert reply["outcome"] == "advised"
    # (a CPU holds back up to 31 pages of its own, not yet on the LRU)
    assert reply["after"]["swap_bytes"] >= 8 * MIB - WAITING
    assert heap.returncode == 0  # it compares its content


@pytest.mark.campaign
def test_a_hundred_ways_out_and_back_leave_every_page_as_it_was(
    helper: Path, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=16", "noise=1", "vmas=100")
    for _ in range(100):
        pageout(helper, victim)
        assert victim.bad_pages() == 0
