"""
What the helper costs, as ratios: ``python -m pytest tests/bench/bench_helper.py -s -m campaign``.

Variants take turns, so that other work on the machine hits all of them; CPU time of the caller
wherever that is the right measure. The targets stand beside each line; they are judged by the
reader, on an idle machine, and not asserted.
"""

from __future__ import annotations

import contextlib
import math
import os
import random
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from linux.conftest import APP_UID, Victim, Zram, ask, start_ticks, wait_for_state

pytestmark = [pytest.mark.campaign, pytest.mark.linux]

RUNS = int(os.environ.get("BENCH_RUNS", "9"))
STOPS = int(os.environ.get("BENCH_STOPS", "100"))
SIZE_MIB = int(os.environ.get("BENCH_MIB", "512"))


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """baseline.c, compiled."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    assert compiler
    program = tmp_path_factory.mktemp("baseline") / "baseline"
    source = Path(__file__).with_name("baseline.c")
    subprocess.run([compiler, "-O2", "-o", program, source], check=True)
    return program


def cpu_s(*words: object) -> float:
    """CPU time of a command, its children included."""
    with subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, words
    return usage.ru_utime + usage.ru_stime


def take_turns(
    variants: dict[str, Callable[[], float]], before: Callable[[], object] = lambda: None
) -> dict[str, list[float]]:
    """Take RUNS figures of each variant, interleaved."""
    figures: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(RUNS):
        for name, run in variants.items():
            before()
            figures[name].append(run())
    return figures


def medians(figures: dict[str, list[float]], unit: str, factor: float) -> dict[str, float]:
    """Print median and spread of each variant; return the medians."""
    for name, values in figures.items():
        low, middle, high = (
            factor * value for value in (min(values), statistics.median(values), max(values))
        )
        print(f"    {name:24} {middle:10.2f} {unit}   ({low:.2f} to {high:.2f})")
    return {name: statistics.median(values) for name, values in figures.items()}


def say(claim: str, value: float, target: str) -> None:
    """Print one figure and its target."""
    print(f"  {claim}: {value:.2f} (target {target})")


def test_page_out_per_cpu_second(
    helper: Path,
    zram: Zram,
    victims: Any,
    baseline: Path,
) -> None:
    victim = victims(f"anon={SIZE_MIB}")
    target = f"targets={victim.target()}"

    def stopped() -> float:
        os.kill(victim.pid, signal.SIGSTOP)
        wait_for_state(victim.pid, "T")
        took = cpu_s(helper, "pageout", target)
        os.kill(victim.pid, signal.SIGCONT)
        return took

    print(f"\n{SIZE_MIB} MiB paged out, CPU of the caller, {RUNS} runs")
    figures = take_turns(
        {
            "one call": lambda: cpu_s(baseline, "batch", victim.pid, 0),
            "helper, stopped": stopped,
            "helper, running": lambda: cpu_s(helper, "pageout", target),
        },
        before=victim.touch,
    )
    middle = medians(figures, "ms", 1000)
    say("stopped, of one call", middle["one call"] / middle["helper, stopped"], ">= 0.95")
    say("running, of one call", middle["one call"] / middle["helper, running"], ">= 0.88")


def test_longest_stall_of_the_target(
    helper: Path,
    zram: Zram,
    victims: Any,
    baseline: Path,
) -> None:
    pages = SIZE_MIB * 256 // 5000
    victim: Victim = victims(f"pages={pages}", "vmas=5000", "mapper")

    def prepare() -> None:
        victim.touch()
        victim.longest_stall_us()

    def stall_of(*words: object) -> float:
        cpu_s(*words)
        return victim.longest_stall_us() / 1000

    print(f"\nlongest mmap stall of a running target, {SIZE_MIB} MiB in 5,000 VMAs, {RUNS} runs")
    figures = take_turns(
        {
            "1,024 VMAs a call": lambda: stall_of(baseline, "batch", victim.pid, 1024),
            "helper": lambda: stall_of(helper, "pageout", f"targets={victim.target()}"),
        },
        before=prepare,
    )
    middle = medians(figures, "ms", 1)
    say("helper, ms", middle["helper"], "<= 50")
    say("of 1,024 a call", middle["helper"] / middle["1,024 VMAs a call"], "<= 0.10")


def test_repeat_pass(helper: Path, zram: Zram, victims: Any, baseline: Path) -> None:
    """Measure both without their start, and the helper without reading smaps_rollup."""
    victim: Victim = victims(f"pages={SIZE_MIB * 256 // 5000}", "vmas=5000")
    target = f"targets={victim.target()}"

    def pass_us() -> float:
        return float(ask(helper, "pageout", target).only("target")["duration_us"])

    def one_by_one_us() -> float:
        words = [baseline, "batch", str(victim.pid), "1"]
        return float(subprocess.run(words, capture_output=True, check=True).stdout)

    first = cpu_s(helper, "pageout", target) * 1e6
    print(f"\nrepeat pass over {SIZE_MIB} MiB in 5,000 VMAs, {RUNS} runs")
    middle = medians(take_turns({"one call a VMA": one_by_one_us, "helper": pass_us}), "ms", 0.001)
    say("of the first pass", middle["helper"] / first, "<= 0.01")
    say("one call a VMA, times", middle["one call a VMA"] / middle["helper"], ">= 3")


@contextlib.contextmanager
def crowd(count: int) -> Iterator[None]:
    """Run *count* more processes for the length of the block."""
    processes = [subprocess.Popen(["sleep", "1000"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


@pytest.fixture
def three_hundred() -> Iterator[None]:
    """Run 300 more processes, which a scan has to look at."""
    with crowd(300):
        yield


def test_scan(helper: Path, baseline: Path, three_hundred: None) -> None:
    loop = (
        "for d in /proc/[0-9]*; do "
        "cat $d/status $d/oom_score_adj $d/cmdline $d/stat 2>/dev/null || :; done"
    )
    print(f"\nsnapshot of 300 processes and more, CPU, {RUNS} runs")
    figures = take_turns(
        {
            "helper": lambda: cpu_s(helper, "scan"),
            "bare C": lambda: cpu_s(baseline, "scan"),
            "sh, one cat a process": lambda: cpu_s("sh", "-c", loop),
        }
    )
    middle = medians(figures, "ms", 1000)
    say("sh loop, times", middle["sh, one cat a process"] / middle["helper"], ">= 20")
    say("of bare C", middle["helper"] / middle["bare C"], "<= 1.3")


def test_memory_of_the_helper(zram: Zram, victims: Any, sessions: Any) -> None:
    session = sessions()
    print("\npeak RSS of the helper")
    for words in (["anon=1"], ["anon=64"], ["vmas=5000"]):
        session.send(f"1 pageout targets={victims(*words).target()}")
        session.reply()
        status = Path(f"/proc/{session.process.pid}/status").read_text()
        peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
        print(f"    after {words[0]:12} {peak:>6} KiB")


def p99_ms(values: list[float]) -> float:
    """Return the 99th percentile, in ms."""
    return sorted(values)[max(0, math.ceil(0.99 * len(values)) - 1)] * 1000


def test_stopping(zram: Zram, victims: Any, sessions: Any) -> None:
    """Measure from the signal, or from the flip to the foreground, to the end of the reply."""
    rng = random.Random(4)
    victim: Victim = victims("anon=64")
    waits: dict[str, list[float]] = {"SIGTERM": [], "flip to the foreground": []}
    for _ in range(STOPS):
        for name, taken in waits.items():
            victim.set_adj(900)
            victim.touch()
            session = sessions()
            session.send(f"1 pageout targets={victim.target()} pause_us=2000")
            time.sleep(0.01 + rng.random() * 0.05)
            begun = time.perf_counter()
            if name == "SIGTERM":
                session.process.send_signal(signal.SIGTERM)
            else:
                victim.set_adj(0)
            reply = session.reply()
            taken.append(time.perf_counter() - begun)
            assert reply.only("target")["outcome"] == "stopped"
            session.close()
    print(f"\nstop in the middle of work, {STOPS} times each")
    for name, taken in waits.items():
        say(f"{name}, p99 in ms (median {statistics.median(taken) * 1000:.1f})", p99_ms(taken),
            "<= 50")  # fmt: skip


def say_growth(what: str, unit: str, points: list[tuple[int, float]]) -> None:
    """Print the time at each size, the cost of one more, and the power of growth."""
    told = ", ".join(f"{size}: {took * 1000:.2f} ms" for size, took in points)
    (small, little), (large, much) = points[0], points[-1]
    slope_us = (much - little) / (large - small) * 1e6
    power = math.log(much / little) / math.log(large / small)
    print(f"  {what}: {told}; {slope_us:.2f} us a {unit}, power {power:.2f} (target <= 1)")


def test_growth(helper: Path, zram: Zram, victims: Any) -> None:
    """Measure a snapshot by processes, a dry run by mappings and pages, a page-out by pages."""

    def median_s(run: Callable[[], float], before: Callable[[], object] = lambda: None) -> float:
        return statistics.median(take_turns({"": run}, before)[""])

    def worked_s(victim: Victim, *words: str) -> float:
        line = ask(helper, "pageout", f"targets={victim.target()}", *words).only("target")
        return float(line["duration_us"]) / 1e6

    print(f"\ngrowth, {RUNS} runs each")
    points = []
    for count in (100, 300, 900):
        with crowd(count):
            points.append((count, median_s(lambda: cpu_s(helper, "scan"))))
    say_growth("snapshot", "process", points)
    points = []
    for count in (500, 1500, 4500):
        mapped = victims("pages=4", f"vmas={count}")
        points.append((count, median_s(lambda: worked_s(mapped, "dry=1"))))  # noqa: B023
        mapped.kill()
    say_growth("dry run", "mapping", points)
    dry, real = [], []
    for size_mib in (32, 96, 288):
        victim = victims(f"anon={size_mib}")
        dry.append((size_mib, median_s(lambda: worked_s(victim, "dry=1"))))  # noqa: B023
        real.append((size_mib, median_s(lambda: worked_s(victim), victim.touch)))  # noqa: B023
        victim.kill()
    say_growth("dry run", "MiB", dry)
    say_growth("page-out", "MiB", real)


def system_calls(*words: object) -> int:
    """How many system calls a command makes, by strace."""
    with tempfile.NamedTemporaryFile() as counts:
        traced = ["strace", "-U", "calls", "-c", "-o", counts.name, *map(str, words)]
        subprocess.run(traced, check=True, stdout=subprocess.DEVNULL)
        return int(Path(counts.name).read_text().split()[-2])


@pytest.fixture
def native_child(victim_program: Path) -> Iterator[Callable[..., tuple[Victim, int]]]:
    """Starts an app (the victim's pid) and a native child of it, which holds the memory."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)  # an app's uid has to get there
    program = Path(shutil.copy(victim_program, folder))
    script = folder / "app"
    inside = f'sh -c \'"$0" "$@"; :\' {program} "$@"'
    script.write_text(f"#!/bin/sh\nexec setpriv --reuid={APP_UID} {inside}\n")
    script.chmod(0o755)
    started = []

    def start(*words: str) -> tuple[Victim, int]:
        app = Victim(script, *words)
        started.append(app)
        (child,) = Path(f"/proc/{app.pid}/task/{app.pid}/children").read_text().split()
        Path(f"/proc/{child}/oom_score_adj").write_text("900")
        return app, int(child)

    yield start
    for app in started:
        app.kill()
    shutil.rmtree(folder)


def test_what_it_costs_to_rank_a_native_child_between_steps(
    helper: Path, zram: Zram, victims: Any, native_child: Callable[..., tuple[Victim, int]]
) -> None:
    own = victims(f"anon={SIZE_MIB // 2}", name="com.example.app")
    app, child = native_child(f"anon={SIZE_MIB // 2}")
    targets = {
        "forked by a zygote": own.target(),
        "a native child": f"{child}:{start_ticks(child)}:700",
    }

    def touch() -> None:
        own.touch()
        app.touch()

    print(f"\n{SIZE_MIB // 2} MiB of a process that others are looked at for, {RUNS} runs")
    figures = take_turns(
        {
            name: lambda target=target: cpu_s(helper, "pageout", f"targets={target}")
            for name, target in targets.items()
        },
        before=touch,
    )
    middle = medians(figures, "ms", 1000)
    say("times", middle["a native child"] / middle["forked by a zygote"], "<= 1.05")
    steps = SIZE_MIB // 2
    for name, target in targets.items():
        touch()
        calls = system_calls(helper, "pageout", f"targets={target}")
        print(f"    {name:24} {calls / steps:10.1f} system calls a step of 1 MiB")


@pytest.fixture
def other() -> Path:
    """Return the helper of another build, whose path is in $BENCH_OTHER."""
    path = os.environ.get("BENCH_OTHER")
    if path is None:
        pytest.skip("no BENCH_OTHER: the path of another build's helper")
    return Path(path)


@pytest.mark.parametrize("size_mib", [4, 64])
def test_page_out_against_another_build(
    helper: Path, other: Path, zram: Zram, victims: Any, three_hundred: None, size_mib: int
) -> None:
    """Page out an app among 300 processes, which are looked through once and between steps."""
    victim: Victim = victims(f"anon={size_mib}", name="com.example.game")
    target = f"targets={victim.target()}"
    print(f"\n{size_mib} MiB of an app paged out, CPU of the caller, {RUNS} runs each")
    programs = {"this build": helper, "the other": other}
    figures = take_turns(
        {
            name: lambda program=program: cpu_s(program, "pageout", target)  # type: ignore[misc]
            for name, program in programs.items()
        },
        before=victim.touch,
    )
    middle = medians(figures, "ms", 1000)
    say("of the other build", middle["this build"] / middle["the other"], "<= 1.02")


def test_scan_against_another_build(helper: Path, other: Path, three_hundred: None) -> None:
    print(f"\nscan of 300 processes and more, CPU, {RUNS} runs each")
    programs = {"this build": helper, "the other": other}
    figures = take_turns(
        {
            name: lambda program=program: cpu_s(program, "scan")  # type: ignore[misc]
            for name, program in programs.items()
        }
    )
    middle = medians(figures, "ms", 1000)
    say("of the other build", middle["this build"] / middle["the other"], "<= 1.05")
