"""
Run in a pid namespace of its own: give a dead process's pid to a stranger, again and again.

Usage: pid_reuse.py ROUNDS MEMCG WORDS -- HELPER... Prints one JSON line: outcomes, and bytes taken
from strangers. Each process gets a memory cgroup of its own below MEMCG, if that is not empty;
WORDS are those of the page-out, HELPER is how the helper is run.
"""

from __future__ import annotations

import collections
import json
import mmap
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

SIZE = 2 << 20
TICK_S = 0.01  # of start times: what lives no longer cannot be told apart by them


def spawn(memcg: str) -> int:
    """A child with memory of its own."""
    ready, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        if memcg:
            group = Path(memcg) / f"{time.monotonic_ns()}"
            group.mkdir()
            (group / "cgroup.procs").write_text("0")
        heap = mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE)
        heap.write(os.urandom(4096) * (SIZE // 4096))
        os.write(write, b"1")
        while True:
            signal.pause()
    os.read(ready, 1)
    os.close(ready)
    os.close(write)
    return pid


def end(pid: int) -> None:
    """Kill and reap."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def field(pid: int, key: str) -> int:
    """A size of status, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


def reuse(pid: int, memcg: str) -> int:
    """Start processes until one has *pid*, whose process has ended; return the pid."""
    while True:
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        stranger = spawn(memcg)
        if stranger == pid:
            return stranger
        end(stranger)


def start_of(pid: int) -> str:
    """Start time in clock ticks."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]


def outcome_of(reply: bytes) -> str:
    """Return the outcome of the only target, or ``zombie`` for one not yet waited for."""
    line = json.loads(reply.splitlines()[0])
    return "zombie" if line["reason"] == "zombie" else str(line["outcome"])


def is_helper(pid: int) -> bool:
    """Tell whether a process runs the helper by now, or has ended."""
    try:
        return "helper" in os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return True


def act_late(helper: list[str], words: list[str], memcg: str) -> tuple[str, int]:
    """Act on a snapshot whose process has ended since."""
    pid = spawn(memcg)
    target = f"targets={pid}:{start_of(pid)}:-1000"
    time.sleep(TICK_S)
    end(pid)
    stranger = reuse(pid, memcg)
    asked = [*helper, "pageout", target, *words]
    reply = subprocess.run(asked, capture_output=True, check=True).stdout
    taken = field(stranger, "VmSwap:")
    end(stranger)
    return outcome_of(reply), taken


def swap_places(helper: list[str], words: list[str], memcg: str) -> tuple[str, int]:
    """Let the process end, and a stranger take its pid, in the middle of the work."""
    pid = spawn(memcg)
    target = f"targets={pid}:{start_of(pid)}:-1000"
    asked = [*helper, "pageout", target, "step_bytes=4096", "pause_us=200", *words]
    time.sleep(TICK_S)
    with subprocess.Popen(asked, stdout=subprocess.PIPE) as work:
        while not is_helper(work.pid):
            pass  # no_pidfd.py has not started the helper yet
        time.sleep(random.random() * 0.005)
        end(pid)
        stranger = reuse(pid, memcg)
        assert work.stdout
        reply = work.stdout.read()
    taken = field(stranger, "VmSwap:")
    end(stranger)
    return outcome_of(reply), taken


def main() -> None:
    rounds, memcg = int(sys.argv[1]), sys.argv[2]
    split = sys.argv.index("--")
    words, helper = sys.argv[3:split], sys.argv[split + 1 :]
    outcomes: dict[str, collections.Counter[str]] = {}
    wrong_bytes = 0
    for name, act in (("late", act_late), ("places", swap_places)):
        outcomes[name] = collections.Counter()
        for _ in range(rounds):
            outcome, taken = act(helper, words, memcg)
            outcomes[name][outcome] += 1
            wrong_bytes += taken
    print(json.dumps({"outcomes": outcomes, "wrong_bytes": wrong_bytes}))


if __name__ == "__main__":
    main()
