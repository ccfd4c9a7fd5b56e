"""
What a job costs the coordinator of a fleet: 20 stand-in devices whose jobs take 0.2 s.

    python tests/bench/bench_fleet.py [JOBS...]    # 200 and 2000; wants `.[fleet]`

Both engines play them: subprocesses of this host, and 20 workers of Dask. CPU is that of `fleet
run` alone, without what a run of one job takes; memory is its peak, the report included. Of Dask's
scheduler it is told beside it. The ratios say whether either grows with the number of jobs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "device"), str(TESTS / "fleet")]

from adb_server import AdbServer  # noqa: E402
from stand_ins import Shelf, run_folder, tool  # noqa: E402

SCENARIO = TESTS.parent / "scenarios" / "game.yaml"
DEVICES = 20
JOB_S = 0.2
MOST_CPU_S = 0.050  # of the coordinator, a job
FLEET = [sys.executable, "-P", "-m", "droidreclaim", "fleet"]
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """CPU and peak of memory of one run; of the scheduler what the run added to it."""

    cpu_s: float
    peak_bytes: int
    scheduler_cpu_s: float = 0.0
    scheduler_bytes: int = 0


def cpu_s(pid: int) -> float:
    """User and system time of a process without its children's; also of one not yet reaped."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def play(folder: Path, jobs: int, scheduler: int | None) -> Cost:
    """Play a job a seed, and see that each of them came to its end."""
    before = (cpu_s(scheduler), rss_bytes(scheduler)) if scheduler else (0.0, 0)
    out = tempfile.mkdtemp(dir=folder)
    words = [*FLEET, "run", "--seeds", f"1-{jobs}", "-o", f"{out}/out", str(SCENARIO)]
    with Path(out, "said").open("wb") as said:
        run = subprocess.Popen(words, stdout=said, stderr=said)
        os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOWAIT)
        spent_s = cpu_s(run.pid)
        _, status, used = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    assert run.returncode == 0, Path(out, "said").read_text()[-500:]
    found = json.loads(Path(out, "out", "result.json").read_text("utf-8"))
    assert found["complete"], found["error"]
    assert len(found["jobs"]) == jobs
    after = (cpu_s(scheduler), rss_bytes(scheduler)) if scheduler else (0.0, 0)
    return Cost(spent_s, used.ru_maxrss * 1024, after[0] - before[0], max(0, after[1] - before[1]))


def compare(name: str, folder: Path, sizes: list[int], scheduler: int | None = None) -> bool:
    """Print what each number of jobs cost; returns whether all are below what is allowed."""
    base = play(folder, 1, scheduler)
    print(f"{name}: 1 job {base.cpu_s:.2f} s of CPU, {base.peak_bytes >> 20} MiB", flush=True)
    costs: dict[int, float] = {}
    for jobs in sizes:
        cost = play(folder, jobs, scheduler)
        costs[jobs] = (cost.cpu_s - base.cpu_s) / jobs
        more = ""
        if scheduler:
            spent_s = (cost.scheduler_cpu_s - base.scheduler_cpu_s) / jobs
            more = (
                f"; scheduler {spent_s * 1000:.1f} ms a job, {cost.scheduler_bytes >> 20} MiB more"
            )
        print(
            f"{name}: {jobs} jobs {costs[jobs] * 1000:.1f} ms of CPU a job, "
            f"{cost.peak_bytes >> 20} MiB, {(cost.peak_bytes - base.peak_bytes) // jobs >> 10} KiB "
            f"a job{more}",
            flush=True,
        )
    first, last = costs[sizes[0]], costs[sizes[-1]]
    print(f"{name}: a job of {sizes[-1]} costs {last / first:.2f} times one of {sizes[0]}")
    return all(each <= MOST_CPU_S for each in costs.values())


def main(sizes: list[int]) -> int:
    with tempfile.TemporaryDirectory() as name, AdbServer() as adb, ExitStack() as stack:
        folder = Path(name)
        behave = folder / "behave"
        behave.mkdir()
        run_folder(behave / "run")
        serials = [f"D{number:02}" for number in range(DEVICES)]
        Shelf(adb, **dict.fromkeys(serials, ("Pixel 6", 34)))
        for serial in serials:
            (behave / serial).write_text(f"sleep {JOB_S}\n")
        os.environ |= {
            "PYTHONPATH": str(TESTS.parent),
            "DROIDRECLAIM_STATE_DIR": str(folder / "state"),
        }
        host = f"{{this: true, droidreclaim: {tool(behave)}, adb_port: {adb.port}}}"
        (folder / "fleet.yaml").write_text(f"version: 1\nhosts: [{host}]\n")
        os.chdir(folder)
        stack.callback(os.chdir, TESTS)
        here = compare("this host", folder, sizes)
        # The workers' own program is the tool; what they play is the stand-in.
        stack.callback(subprocess.run, [*FLEET, "down"], check=False)
        up = subprocess.run([*FLEET, "up", "--json"], stdout=subprocess.PIPE, check=True)
        told = json.loads(up.stdout)
        assert len(told["workers"]) == DEVICES, told
        over_dask = compare("Dask", folder, sizes, told["pid"])
    return 0 if here and over_dask else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    raise SystemExit(main([int(word) for word in sys.argv[1:]] or [200, 2000]))
