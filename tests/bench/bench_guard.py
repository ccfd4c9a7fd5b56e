"""
What the guard costs and how fast it is; run with ``-s -m campaign``, as bench_helper.py.

Asleep: wake-ups, CPU time and memory over IDLE_S seconds. Awake: a launch (the app in front leaves
it, another one fills memory) until available memory is under the profile's mark, and from there to
the first page that left an app in the background, by this program's own watch of /proc every
5 ms. The targets stand beside each figure and are not asserted.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from linux.conftest import MIB, NEVER, Guard, Victim, Zram, status_bytes, until

pytestmark = [pytest.mark.campaign, pytest.mark.linux]

IDLE_S = float(os.environ.get("BENCH_IDLE_S", "20"))
LAUNCHES = int(os.environ.get("BENCH_LAUNCHES", "20"))
NAME = "com.example.guarded"
LEAVE = "match=* rung=leave"


def cpu_s(pid: int) -> float:
    """CPU time of a process, in nanosecond steps."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def available_bytes() -> int:
    """MemAvailable."""
    with Path("/proc/meminfo").open() as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvail"))


def test_asleep(guard: Guard, zram: Zram, victims: Any) -> None:
    for number in range(8):
        victims("anon=4", name=f"{NAME}.{number}")
    pid = guard.start(NEVER, f"match={NAME}.*", LEAVE)
    time.sleep(12)  # until its beat has grown longer
    before, cpu_before = guard.status(), cpu_s(pid)
    time.sleep(IDLE_S)
    cpu_after, after = cpu_s(pid), guard.status()
    wakeups = (after["wakeups"] - before["wakeups"] - 1) / IDLE_S
    print(f"\n  signal {after['signal']}")
    print(f"  wake-ups a second: {wakeups:.2f} (target 10 with psi_poll, else a slow beat)")
    print(f"  share of a core: {(cpu_after - cpu_before) / IDLE_S:.4%} (target 0.1 %)")
    print(f"  RSS: {after['rss_bytes'] / 1024:.0f} KiB (target 512)")
    print(f"  RssAnon: {status_bytes(pid, 'RssAnon') / 1024:.0f} KiB (target 256)")


def wait_for_fall(below: int) -> float:
    """Wait until available memory is under *below*, and return that moment."""
    while available_bytes() >= below:
        time.sleep(0.002)
    return time.monotonic()


def wait_for_first_page(victim: Victim) -> float:
    """Wait until the first page of *victim* has left, and return that moment."""
    while victim.memory("VmSwap") == 0:
        time.sleep(0.005)
    return time.monotonic()


@pytest.mark.parametrize("announced", [True, False])
def test_from_the_mark_to_the_first_page(
    guard: Guard, zram: Zram, victims: Any, victim_program: Path, announced: bool
) -> None:
    """Measure with a change of oom_score_adj before, as a launch makes one, and without."""
    taken = []
    for number in range(LAUNCHES):
        old = victims("anon=64", name=f"{NAME}.old{number}")
        front = victims("anon=8", name=f"{NAME}.front{number}")
        front.set_adj(0)
        mark = available_bytes() - 512 * MIB
        guard.start(f"available_bytes={mark}", f"match={NAME}.old*", LEAVE)
        time.sleep(3)
        if announced:
            front.set_adj(900)
        with subprocess.Popen(
            [victim_program, "anon=1536"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        ) as hungry:
            crossed = wait_for_fall(mark)
            taken.append(wait_for_first_page(old) - crossed)
            until(lambda: guard.events("action"))
            guard.ask("guard_stop")
            hungry.kill()
        for victim in (front, old):
            victim.kill()
    taken.sort()
    p95 = taken[min(len(taken) - 1, round(0.95 * (len(taken) - 1)))]
    print(
        f"\n  {'announced' if announced else 'out of the blue'}: median "
        f"{statistics.median(taken) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms (target 150), "
        f"most {taken[-1] * 1000:.0f} ms of {len(taken)}"
    )
