"""What was paged out comes back into memory before it is wanted, and only where there is room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import MIB, Victim, Zram, ask

pytestmark = pytest.mark.linux


def vmstat(name: str) -> int:
    """A counter of the machine."""
    lines = Path("/proc/vmstat").read_text().splitlines()
    return int(dict(line.split() for line in lines)[name])


def major_faults(pid: int) -> int:
    text = Path(f"/proc/{pid}/stat").read_bytes()
    return int(text[text.rindex(b")") :].split()[10])


def paged_out(helper: Path, victims: Any) -> Victim:
    """A victim that is in swap."""
    victim: Victim = victims("anon=32")
    ask(helper, "pageout", f"targets={victim.target()}")
    assert victim.memory("VmSwap") >= 30 * MIB
    return victim


def faults_of_coming_back(victim: Victim) -> int:
    """Major faults that touching everything costs."""
    before = major_faults(victim.pid)
    victim.touch()
    return major_faults(victim.pid) - before


def test_what_was_prefetched_costs_no_major_fault_any_more(
    helper: Path, zram: Zram, victims: Any
) -> None:
    without = faults_of_coming_back(paged_out(helper, victims))
    victim = paged_out(helper, victims)
    swapped, came_in = victim.memory("VmSwap"), vmstat("pswpin")
    reply = ask(helper, "prefetch", f"targets={victim.target()}")
    target, device = reply.only("target"), reply.only("device")
    assert (target["outcome"], target["reason"]) == ("advised", None)
    assert target["advised_bytes"] == target["swapped_bytes"] >= 30 * MIB
    # It waits in the swap cache; a page or two its own work brings back.
    assert abs(victim.memory("VmSwap") - swapped) <= 64 * 1024
    assert (vmstat("pswpin") - came_in) * 4096 >= 30 * MIB
    assert device["swap_cached_after_bytes"] - device["swap_cached_before_bytes"] >= 25 * MIB
    with_it = faults_of_coming_back(victim)
    assert without > 100
    assert with_it * 10 <= without
    assert victim.bad_pages() == 0


def test_prefetch_needs_memory_and_says_so(helper: Path, zram: Zram, victims: Any) -> None:
    victim = paged_out(helper, victims)
    came_in = vmstat("pswpin")
    words = (f"targets={victim.target()}", f"memory_floor_bytes={1 << 50}")
    target = ask(helper, "prefetch", *words).only("target")
    assert (target["outcome"], target["reason"]) == ("stopped", "no_memory")
    assert target["advised_bytes"] == 0
    assert (vmstat("pswpin") - came_in) * 4096 < MIB


def test_nothing_in_swap_is_nothing_to_prefetch(helper: Path, zram: Zram, victims: Any) -> None:
    victim = victims("anon=4")
    target = ask(helper, "prefetch", f"targets={victim.target()}").only("target")
    assert (target["outcome"], target["reason"]) == ("nothing", None)
    assert target["exclusive_bytes"] >= 4 * MIB
