"""
What an open session saves over one ``adb shell`` each, on a running phone: ratios, not times.

    python tests/bench/bench_session.py SERIAL [ROUNDS]

Rounds are interleaved; each figure is a median. The session is the library's own, through the adb
server that runs.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from droidreclaim.device.adb import find_adb
from droidreclaim.device.root import default_memory, find_root
from droidreclaim.device.select import read_choice, select
from droidreclaim.device.server import find_server
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import connect

# What a script without a helper runs: one shell, and one cat for each process.
_SHELL_LOOP = (
    "for d in /proc/[0-9]*; do cat $d/status $d/oom_score_adj $d/cmdline $d/stat; done 2>/dev/null"
)


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main(serial: str, rounds: int) -> None:
    server = find_server(None, None, os.environ)
    device = select(server, read_choice(serial, False, False, None), 30)
    way = find_root(device, default_memory(), notify=print)
    adb = [find_adb(), "-P", str(server.port), "-s", serial, "shell"]

    def one_shot(command: str) -> None:
        subprocess.run([*adb, command], stdout=subprocess.DEVNULL, check=True)

    with connect(device, way, timeout_s=60) as helper:
        works: dict[str, Callable[[], object]] = {
            "adb shell true": lambda: one_shot("true"),
            "hello on the open session": lambda: helper.session.call("hello"),
            "scan on the open session": lambda: verbs.scan_of(helper.session.call(*verbs.SCAN[:1])),
            "adb shell, loop of cat": lambda: one_shot(_SHELL_LOOP),
        }
        times: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(rounds):
            for name, work in works.items():
                times[name].append(timed(work))
    median = {name: statistics.median(taken) for name, taken in times.items()}
    for name, seconds in median.items():
        print(f"{name:28} {seconds * 1000:9.2f} ms")
    action = median["adb shell true"] / median["hello on the open session"]
    snapshot = median["adb shell, loop of cat"] / median["scan on the open session"]
    print(f"an action is {action:.1f} times cheaper than one adb shell")
    print(f"a snapshot is {snapshot:.1f} times faster than a loop of cat in one adb shell")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 9)
