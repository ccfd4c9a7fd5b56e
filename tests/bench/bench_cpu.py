"""
CPU time (user and system) of commands beside that of ``python -c pass``, in one run.

    python tests/bench/bench_cpu.py             # a device that the tests' own adb server plays
    python tests/bench/bench_cpu.py SERIAL [ROUNDS]

Rounds are interleaved, each figure is a median. Bytecode is written before the first round, as pip
does when it installs. Without SERIAL it also tells what a command spent until its first byte was at
the adb server, and until its first byte was on stdout.
"""

from __future__ import annotations

import compileall
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import droidreclaim

sys.path.insert(0, str(Path(__file__).parents[1] / "device"))
from test_without_root import DUMPSYS, GETPROP

from adb_server import AdbServer, Peer

MOST_S = 0.25  # of ps, in all


def cpu_s(words: list[str]) -> float:
    """Return the user and system time of a command and of all processes that it waited for."""
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    assert running.returncode == 0, words
    return used.ru_utime + used.ru_stime


def cpu_so_far_s(pid: int) -> float:
    """User and system time of a process of this machine until now."""
    return time.clock_gettime((~pid << 3) | 2)  # the clock that clock_getcpuclockid(3) names


class FirstBytes:
    """Runs a command against the stand-in, and tells its CPU time at its first bytes."""

    def __init__(self, adb: AdbServer) -> None:
        self.pid = 0
        self.asked_s: float | None = None
        adb.on_request = self._note  # type: ignore[attr-defined]

    def _note(self) -> None:
        if self.asked_s is None:
            self.asked_s = cpu_so_far_s(self.pid)

    def of(self, words: list[str]) -> tuple[float, float]:
        """CPU time until the first request, and until the first byte on stdout."""
        self.asked_s = None
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        ) as running:
            self.pid = running.pid
            assert running.stdout
            assert running.stdout.read(1)
            answered_s = cpu_so_far_s(self.pid)
            running.stdout.read()
        assert self.asked_s is not None
        return self.asked_s, answered_s


class Counted(AdbServer):
    """The tests' adb server, which says when a request came."""

    def _answer(self, peer: Peer, request: str) -> bool:
        self.on_request()  # type: ignore[attr-defined]
        return super()._answer(peer, request)


def stand_in(folder: Path) -> Counted:
    """A device without root whose commands run on this machine."""
    programs = folder / "bin"
    programs.mkdir()
    for name, text in {"getprop": GETPROP, "dumpsys": DUMPSYS}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    for name in ("cat", "sh", "uname"):
        (programs / name).symlink_to(f"/bin/{name}")
    for directory in (folder, programs):
        directory.chmod(0o755)
    adb = Counted()
    adb.environment = {"PATH": str(programs)}
    adb.uid = 2000 if os.geteuid() == 0 else None
    return adb


def measure(choice: list[str], rounds: int, first: FirstBytes | None) -> dict[str, float]:
    """The median CPU time of each command."""
    ours = [sys.executable, "-m", "droidreclaim", *choice]
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        taken["python -c pass"].append(cpu_s([sys.executable, "-c", "pass"]))
        for words in (["--help"], ["ps"], ["ps", "--json"]):
            taken[f"droidreclaim {' '.join(words)}"].append(cpu_s([*ours, *words]))
        if first is not None:
            asked_s, answered_s = first.of([*ours, "ps"])
            taken["ps, first byte to adb"].append(asked_s)
            taken["ps, first byte on stdout"].append(answered_s)
    return {name: statistics.median(values) for name, values in taken.items()}


def main(serial: str | None, rounds: int) -> int:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    compileall.compile_dir(Path(droidreclaim.__file__).parent, quiet=2)
    if serial is not None:
        medians = measure(["-s", serial], rounds, None)
    else:
        with tempfile.TemporaryDirectory() as folder, stand_in(Path(folder)) as adb:
            os.environ["DROIDRECLAIM_STATE_DIR"] = folder
            first = FirstBytes(adb)
            os.environ["ADB_SERVER_SOCKET"] = f"tcp:127.0.0.1:{adb.port}"
            medians = measure([], rounds, first)
    least = medians["python -c pass"]
    for name, value in medians.items():
        print(f"{name:<26} {value:.3f} s of CPU, {value / least:.1f} times python -c pass")
    return 0 if medians["droidreclaim ps"] < MOST_S else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else None, int((sys.argv[2:] or ["9"])[0])))
