"""
Run every test there is: lanes side by side, each with a log of its own.

    python tests/lanes.py              every lane
    python tests/lanes.py unit linux   these alone

A lane starts once the one it waits for has ended, so that the timing of the `linux` lane is
disturbed as little as can be. A phone's tests wait for a third of their time: four at a time keep
two processors busy.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
LOGS = ROOT / "build" / "lanes"
GUEST = Path("droidreclaim/lab/phone/guest")
SLOWEST = 10
# Where bytecode is not kept, each of a thousand processes compiles every module again.
ENVIRONMENT = {"COLUMNS": "120", "PYTHONDONTWRITEBYTECODE": ""}
_POLL_S = 0.2
_COUNTS = re.compile(r"=* ?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s.*")
_DETAILS = re.compile(r"=+ (?:ERRORS|FAILURES) =+")
_WORDS = {"error": "failed", "errors": "failed"}  # one word, for who reads the last line


@dataclass(frozen=True)
class Command:
    """A command line, run in a folder of the project."""

    words: tuple[str, ...]
    folder: Path = Path()


@dataclass(frozen=True)
class Lane:
    """
    Commands that run one after the other.

    Attributes:
        after: The lane to wait for.
        tests: Whether the command is pytest, which counts by itself.
    """

    name: str
    commands: tuple[Command, ...]
    after: str | None = None
    tests: bool = True

    @property
    def log(self) -> Path:
        return LOGS / f"{self.name}.log"

    @property
    def record(self) -> Path:
        """Where pytest writes down how long each test took."""
        return LOGS / f"{self.name}.xml"


def pytest_lane(name: str, *words: str, after: str | None = None) -> Lane:
    record = f"--junitxml={LOGS / name}.xml"
    return Lane(name, (Command((sys.executable, "-m", "pytest", record, *words)),), after)


def compiled_first(lane: Lane) -> Lane:
    """Have one process compile the tests, which else each worker does for itself."""
    words = [word for word in lane.commands[0].words if not word.startswith(("-n", "--junitxml"))]
    collect = Command((*words, "--collect-only", "-q", "-p", "no:xdist"))
    return replace(lane, commands=(collect, *lane.commands))


# Folders of C: what is pushed to a device, the pocket phone's programs, the tests' own.
C_FOLDERS = ("device-scripts", str(GUEST / "src"), "tests")


def c_files() -> tuple[str, ...]:
    """Every file of C, by its path in the project."""
    found = (path for folder in C_FOLDERS for path in (ROOT / folder).rglob("*.[ch]"))
    return tuple(sorted(str(path.relative_to(ROOT)) for path in found))


LINT = Lane(
    "lint",
    (
        Command(("ruff", "check", ".")),
        Command(("ruff", "format", "--check", ".")),
        Command(("clang-format", "--dry-run", "--Werror", *c_files())),
        Command(("mypy",)),
        Command(("mypy", "--strict", "framework"), GUEST),
        Command(("mypy", "--strict", "adbd"), GUEST),
    ),
    tests=False,
)
# The unit lane has all tests that no other lane has, so that a new folder of tests is in it.
LANES = (
    pytest_lane("linux", "tests/linux"),
    compiled_first(
        pytest_lane("unit", "tests", "--ignore=tests/linux", "--ignore=tests/lab/phone", "-n3")
    ),
    LINT,
    # An emulated phone on a shared machine: a test that failed is tried again, and listed (R).
    pytest_lane(
        "phone",
        "tests/lab/phone",
        *("-n4", "--dist=loadfile", "--no-loadscope-reorder", "--reruns=2", "--reruns-delay=1"),
        "--rerun-show-tracebacks",
        after="unit",
    ),
)


@dataclass
class Run:
    """
    A lane that was started.

    Attributes:
        counts: Of tests by outcome; of commands that failed.
        cpu_s: Of every process that ended and was waited for.
    """

    lane: Lane
    started: float = field(default_factory=time.monotonic)
    elapsed_s: float = 0.0
    cpu_s: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    process: subprocess.Popen[bytes] | None = None
    left: list[Command] = field(default_factory=list)

    def start_next(self) -> bool:
        """Start the next command; False when there is none."""
        if not self.left:
            return False
        command = self.left.pop(0)
        with self.lane.log.open("ab") as log:
            log.write(f"$ {' '.join(command.words)}\n".encode())
            log.flush()
            self.process = subprocess.Popen(
                command.words,
                cwd=ROOT / command.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **ENVIRONMENT},
            )
        return True

    def ended(self) -> bool:
        """Whether every command has ended; starts the next when one has."""
        assert self.process
        pid, status, used = os.wait4(self.process.pid, os.WNOHANG)
        if not pid:
            return False
        code = self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_s += used.ru_utime + used.ru_stime
        if self.lane.tests:
            self.counts += counts_of(self.lane.log.read_text(errors="replace"), code)
        elif code:
            self.counts["failed"] += 1
        self.elapsed_s = time.monotonic() - self.started
        return not self.start_next()


def counts_of(log: str, code: int) -> Counter[str]:
    """Read the counts in pytest's last line; a pytest that ended without one counts as failed."""
    counts: Counter[str] = Counter()
    for line in reversed(log.splitlines()):
        closing = _COUNTS.fullmatch(line)
        if closing:
            for part in closing[1].split(", "):
                number, word = part.split()
                counts[_WORDS.get(word, word)] += int(number)
            break
    if code and not counts["failed"]:
        counts["failed"] += 1
    return counts


def slowest_of(records: list[Path]) -> list[tuple[float, str]]:
    """Seconds and name of the slowest tests."""
    took = []
    for record in records:
        if record.exists():
            for case in ElementTree.parse(record).iter("testcase"):
                name = f"{case.get('classname', '')}::{case.get('name', '')}"
                took.append((float(case.get("time", 0)), name))
    return sorted(took, reverse=True)[:SLOWEST]


def details(log: str) -> str:
    """What pytest tells about failures, in full; the whole log when it tells nothing."""
    lines = log.splitlines()
    for number, line in enumerate(lines):
        if _DETAILS.fullmatch(line):
            return "\n".join(lines[number:])
    return log


def play(lanes: list[Lane]) -> Iterator[Run]:
    """Run *lanes*, each after the one it waits for; yields each as it ends."""
    waiting, running, done = list(lanes), list[Run](), set[str]()
    names = {lane.name for lane in lanes}
    while waiting or running:
        for lane in [lane for lane in waiting if lane.after not in names - done]:
            waiting.remove(lane)
            lane.log.write_bytes(b"")
            lane.record.unlink(missing_ok=True)
            run = Run(lane, left=list(lane.commands))
            run.start_next()
            running.append(run)
        for run in [run for run in running if run.ended()]:
            running.remove(run)
            done.add(run.lane.name)
            yield run
        time.sleep(_POLL_S)


def summary(counts: Counter[str]) -> str:
    """As pytest closes: ``2 failed, 10 passed``."""
    words = ["passed", "failed", *sorted(counts.keys() - {"passed", "failed", "deselected"})]
    return ", ".join(f"{counts[word]} {word}" for word in words)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument(
        "lane", nargs="*", metavar="LANE", help=", ".join(lane.name for lane in LANES)
    )
    known = [lane.name for lane in LANES]
    chosen = parser.parse_args().lane or known
    if unknown := set(chosen) - set(known):
        parser.error(f"no lane {', '.join(sorted(unknown))}: there are {', '.join(known)}")
    LOGS.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    runs = []
    for run in play([lane for lane in LANES if lane.name in chosen]):
        runs.append(run)
        print(f"{run.lane.name}: {summary(run.counts)} in {run.elapsed_s:.0f} s", flush=True)
        if run.counts["failed"]:
            print(details(run.lane.log.read_text(errors="replace")), flush=True)
    report(runs)
    total = sum((run.counts for run in runs), Counter[str]())
    print(f"{summary(total)} in {time.monotonic() - began:.1f}s")
    return 1 if total["failed"] else 0


def report(runs: list[Run]) -> None:
    """Print the slowest tests, and what each lane took."""
    print("\nthe ten slowest tests:")
    for seconds, name in slowest_of([run.lane.record for run in runs]):
        print(f"{seconds:8.1f} s  {name}")
    print("\nlane      took     processor")
    for run in runs:
        print(f"{run.lane.name:8}{run.elapsed_s:5.0f} s  {run.cpu_s:8.0f} s   {run.lane.log}")


if __name__ == "__main__":
    sys.exit(main())
