"""
What sampling costs the device; run with ``-s -m campaign``, as bench_helper.py.

Ten processes ten times a second for SECONDS, new ones looked for twice a second, as `footprint`
asks: CPU time of the helper, by its own clock, as a share of a core (target: under 0.5 %). The
other way, a `dumpsys meminfo` a sample, takes seconds on a phone: it needs one to be compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from linux.conftest import start_ticks

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
    assert share < 0.05
