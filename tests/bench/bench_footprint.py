"""
What sampling costs the device; run with ``-s -m campaign``, as bench_helper.py.

Ten processes ten times a second for SECONDS, new ones looked for twice a second, as `footprint`
asks: CPU time of the helper, by its own clock, as a share of a core (target: under 0.5 %).

    python tests/bench/bench_footprint.py SERIAL PACKAGE [SECONDS]

compares it on a device with the other way, a ``dumpsys meminfo`` a sample. The pocket phone's
dumpsys is a stand-in that reads the real smaps.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import droidreclaim as dr

pytestmark = [pytest.mark.campaign, pytest.mark.linux]

SECONDS = int(os.environ.get("BENCH_SAMPLE_S", "20"))
PROCESSES = 10


def ask(served: subprocess.Popen[str], line: str) -> list[dict[str, Any]]:
    assert served.stdin
    assert served.stdout
    served.stdin.write(line + "\n")
    served.stdin.flush()
    lines = [json.loads(served.stdout.readline())]
    while lines[-1]["t"] != "end":
        lines.append(json.loads(served.stdout.readline()))
    return lines


def test_ten_processes_ten_times_a_second(helper: Path) -> None:
    from linux.conftest import start_ticks  # noqa: PLC0415 (as a program it has no tests beside it)

    sleepers = [subprocess.Popen(["sleep", str(SECONDS + 60)]) for _ in range(PROCESSES)]
    targets = ",".join(f"{one.pid}:{start_ticks(one.pid)}" for one in sleepers)
    with subprocess.Popen(
        [helper, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as served:
        ask(served, "a sample new=1 period_us=10000")
        before = ask(served, "b hello")[0]["cpu_us"]
        began_s = time.monotonic()
        for number in range(SECONDS * 2):
            asked = f"c{number} sample targets={targets} period_us=100000 count=5 new=1"
            assert len(ask(served, asked)) > PROCESSES * 5
        took_s = time.monotonic() - began_s
        used_us = ask(served, "d hello")[0]["cpu_us"] - before
        assert served.stdin
        served.stdin.close()
    for one in sleepers:
        one.kill()
        one.wait()
    share = used_us / 1e6 / took_s
    everybody = sum(name.isdecimal() for name in os.listdir("/proc"))
    print(f"\n{share:.3%} of a core (target < 0.5 %), {everybody} processes on the device")
    assert share < 0.005


def main(serial: str, package: str, seconds: float) -> None:
    with dr.connect(serial, root=False, timeout_s=60) as phone:
        seen = phone.footprint(package, lasting=seconds)
        [one] = [each for each in seen.processes if each.track.name == package]
        pid = one.track.id.pid
        at_s = [moment / 1e6 for moment in one.track.at_us]
        rates = len(at_s) / (at_s[-1] - at_s[0])
        began_s, took_s = time.monotonic(), []
        while time.monotonic() - began_s < seconds:
            asked_s = time.monotonic()
            phone.device.run(["dumpsys", "meminfo", str(pid)], timeout_s=60)
            took_s.append(time.monotonic() - asked_s)
    most = max(after - before for before, after in pairwise(at_s))
    print(f"footprint: {rates:.1f} samples a second, at most {most:.2f} s apart")
    print(f"dumpsys meminfo: {1 / statistics.mean(took_s):.2f} samples a second, median "
          f"{statistics.median(took_s):.2f} s, at most {max(took_s):.2f} s")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]) if len(sys.argv) > 3 else 20.0)
