"""
CPU time (user and system) of a command beside that of ``python -c pass``, on a running phone.

    python tests/bench/bench_cpu.py SERIAL [ROUNDS]

Rounds are interleaved, each figure is a median. Bytecode is written before the first round, as pip
does when it installs.
"""

from __future__ import annotations

import compileall
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

import droidreclaim

MOST_S = 0.25  # of ps, in all


def cpu_s(words: list[str]) -> float:
    """User and system time of a command and all it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(serial: str, rounds: int) -> int:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compileall.compile_dir(Path(droidreclaim.__file__).parent, quiet=2)
    ours = [sys.executable, "-m", "droidreclaim", "-s", serial]
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "droidreclaim --help": [*ours, "--help"],
        "droidreclaim ps": [*ours, "ps"],
        "droidreclaim ps --json": [*ours, "ps", "--json"],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, words in commands.items():
            taken[name].append(cpu_s(words))
    medians = {name: statistics.median(values) for name, values in taken.items()}
    least = medians["python -c pass"]
    for name, value in medians.items():
        print(f"{name:<24} {value:.3f} s of CPU, {value / least:.1f} times python -c pass")
    return 0 if medians["droidreclaim ps"] < MOST_S else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 9))
