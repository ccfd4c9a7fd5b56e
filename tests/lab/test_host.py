"""How busy the computer is, by /proc and by a thread that measures how late it wakes."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

from droidreclaim.lab.storm.host import (
    Host,
    HostWatch,
    processor_ticks,
    running_tasks,
    steal_share,
)

STAT = "cpu  10 0 10 70 0 0 0 10 0 0\ncpu0 10 0 10 70 0 0 0 10 0 0\n"


def test_stolen_time_is_a_share_of_all_time_between_two_looks() -> None:
    later = "cpu  20 0 20 140 0 0 0 40 0 0\n"
    assert steal_share(processor_ticks(STAT), processor_ticks(later)) == 30 / 120


def test_a_kernel_that_does_not_say_has_no_share() -> None:
    for text in ("", "cpu  1 2 3 4\n", "intr 5\n"):
        assert steal_share(processor_ticks(text), processor_ticks(STAT)) is None
    assert steal_share(processor_ticks(STAT), processor_ticks(STAT)) is None
    assert running_tasks("") is None


def test_who_reads_the_load_is_no_load() -> None:
    assert running_tasks("0.42 0.35 0.30 3/214 5120\n") == 2


def test_each_of_the_three_signs_alone_makes_a_host_busy_and_is_named() -> None:
    calm = Host(2, steal_share=0.01, load=1.2, ticks=100, late_ticks=2, latest_s=0.03)
    assert calm.busy is None
    assert Host(2, None, None, 0, 0, 0.0).busy is None
    assert Host(2, 0.2, 1.2, 100, 2, 0.03).busy == "20% of processor time stolen"
    assert Host(2, 0.0, 5.0, 100, 2, 0.03).busy == "load 5.0 on 2 processors"
    assert Host(2, 0.0, 1.0, 100, 40, 0.5).busy == "40% of ticks late"


def _spin(until_s: float) -> None:
    while time.monotonic() < until_s:
        pass


def test_a_machine_that_others_keep_busy_is_seen_to_be() -> None:
    """Start five tasks for each processor: the load shows them, whatever ran before."""
    processors = len(os.sched_getaffinity(0))
    context = multiprocessing.get_context("fork")
    until_s = time.monotonic() + 2.0
    others = [context.Process(target=_spin, args=(until_s,)) for _ in range(5 * processors)]
    watch = HostWatch()
    for other in others:
        other.start()
    watch.start()
    time.sleep(1.0)
    seen = watch.stop()
    for other in others:
        other.join()
    assert seen.processors == processors
    assert seen.busy is not None
    assert "load" in seen.busy


def test_a_watch_without_proc_still_knows_how_late_it_woke(tmp_path: Path) -> None:
    watch = HostWatch(proc=tmp_path)
    watch.start()
    time.sleep(0.5)
    seen = watch.stop()
    assert seen.steal_share is None
    assert seen.load is None
    assert seen.ticks >= 1
    assert seen.latest_s >= 0
