"""
What learning from resumes costs; run with ``-s -m campaign``, as bench_helper.py.

The helper learns of an app of LEARN_MIB: its CPU time, and the longest that a thread of the app
waited for an mmap meanwhile, beside the longest of the same time without. The guard learns of
APPS apps: its memory before and after. The targets stand beside each figure and are not asserted.
"""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

import pytest
from linux.conftest import NEVER, Guard, Session, Zram, status_bytes, until

pytestmark = [pytest.mark.campaign, pytest.mark.linux]

LEARN_MIB = int(os.environ.get("BENCH_LEARN_MIB", "500"))
RUNS = int(os.environ.get("BENCH_RUNS", "21"))
APPS = int(os.environ.get("BENCH_APPS", "200"))
NAME = "com.example.guarded"
LEAVE = "match=* rung=leave"


def call(session: Session, line: str) -> Any:
    """Make a request that must be right."""
    session.send(f"1 {line}")
    reply = session.reply()
    assert reply is not None
    assert reply.end["ok"], reply.end
    return reply


def test_learning_of_a_large_app(sessions: Any, zram: Zram, victims: Any) -> None:
    session, victim = sessions(), victims(f"anon={LEARN_MIB}", "mapper")
    call(session, f"pageout targets={victim.target()} hot=keep")
    victim.touch_some(first_page=0, pages=LEARN_MIB * 256 // 3)
    cpu_ms, stall_ms, idle_ms, took_ms = [], [], [], []
    for _ in range(RUNS):
        before = call(session, "hello").only("hello")["cpu_us"]
        victim.longest_stall_us()
        began_s = time.monotonic()
        call(session, f"learn targets={victim.target()}")
        took_ms.append((time.monotonic() - began_s) * 1000)
        stall_ms.append(victim.longest_stall_us() / 1000)
        cpu_ms.append((call(session, "hello").only("hello")["cpu_us"] - before) / 1000)
        victim.longest_stall_us()
        time.sleep(took_ms[-1] / 1000)
        idle_ms.append(victim.longest_stall_us() / 1000)
    print(f"\n  learning of {LEARN_MIB} MiB, {RUNS} runs: middle, most")
    for what, values, target in (
        ("CPU", cpu_ms, " (target 10)"),
        ("time", took_ms, ""),
        ("longest stall", stall_ms, " (target 5)"),
        ("longest stall without", idle_ms, ""),
    ):
        print(f"  {what}: {statistics.median(values):.1f}, {max(values):.1f} ms{target}")


def test_memory_of_a_guard_that_knows_many_apps(guard: Guard, zram: Zram, victims: Any) -> None:
    apps = [victims("anon=4", name=f"{NAME}.app{number}") for number in range(APPS)]
    for app in apps:
        app.set_adj(0)
    pid = guard.start(f"{NEVER} leaving=1", f"match={NAME}.* keep=hot cooldown_ms=0", LEAVE,
                      for_s=1200)  # fmt: skip
    before = status_bytes(pid, "RssAnon"), status_bytes(pid, "VmRSS")

    def lines() -> list[dict[str, Any]]:
        found = guard.ask("guard_status").all("app")
        return [line for line in found if line["name"].startswith(NAME)]

    until(lambda: len(lines()) == APPS)
    for app in apps:
        app.set_adj(900)
    until(lambda: all(app.memory("VmSwap") > 3 << 20 for app in apps), 300)
    for app in apps:
        app.set_adj(0)
        app.touch_some(first_page=0, pages=512)
    until(lambda: all(line["resumes"] for line in lines()), 300)
    after = status_bytes(pid, "RssAnon"), status_bytes(pid, "VmRSS")
    hot_mib = sum(line["hot_bytes"] for line in lines()) >> 20
    print(f"\n  guard with what {APPS} apps' resumes need, {hot_mib} MiB:")
    for what, then, now in zip(("RssAnon", "RSS"), before, after, strict=True):
        print(f"  {what}: {then >> 10} -> {now >> 10} KiB (target 256 more)")
