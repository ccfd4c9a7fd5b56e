"""
What `top` costs at one tick a second: of a core of the host, and of one of the device.

    python tests/bench/bench_top.py [SECONDS [PROCESSES [storm]]]

The device is this machine, with so many processes, half of those beside its apps root's: the helper
and each command that is run there are counted, from ten seconds after the start. The view is drawn
without a terminal, 120 by 40 cells. With ``storm`` an app is killed and started anew each second,
and its end is logged; then what counts is whether the view's memory grows.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "device")]

from adb_server import AdbServer  # noqa: E402
from bench_phone import Bench  # noqa: E402

APPS = 24
SAMPLES = 12  # of the view's RSS, evenly over the time: whether it still grows at the end
VIEW = """
import asyncio, os, resource, sys, time
sys.path[:0] = [{tests!r}, {tests!r} + "/device"]
from bench_phone import BenchPhone
from droidreclaim.device.adb import AdbDevice, list_devices
from droidreclaim.device.server import Server
from droidreclaim.helper.deploy import Places
from droidreclaim.top.live import Live
from droidreclaim.top.tui.view import TopView

def phone():
    address = Server("127.0.0.1", {port})
    (attached,) = list_devices(address, 5)
    return BenchPhone(AdbDevice(address, attached), Places(home={place!r}))

def held():
    lines = open("/proc/self/status").read().splitlines()
    return [int(line.split()[1]) for line in lines if line.startswith("VmRSS")][0]

async def drive(live):
    view = TopView(live)
    view.theme = "night"
    async with view.run_test(size=(120, 40)) as pilot:
        await pilot.pause(10)
        began, at = time.process_time(), time.monotonic()
        rss, ticks = [held()], live._count
        print("warm", flush=True)
        for sample in range(1, {samples} + 1):
            await asyncio.sleep(at + {seconds} * sample / {samples} - time.monotonic())
            rss.append(held())
        used = (time.process_time() - began) / (time.monotonic() - at)
        print(f"{{used:.4f}} {{live._count - ticks}}", *rss, flush=True)
        await asyncio.to_thread(sys.stdin.readline)

with Live(phone(), phone) as live:
    asyncio.run(drive(live))
"""


def children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu_s(pid: int) -> float:
    """CPU of a process, of its children that ended, and of those that run."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    own = sum(map(int, stat[11:15])) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_s(int(child)) for child in children)


def device_s(adb: AdbServer) -> float:
    """CPU of all that was run on the device: what has ended, and what runs."""
    return children_s() + sum(cpu_s(one.pid) for one in adb._children if one.poll() is None)


def helper_s(place: Path) -> float:
    """CPU of the programs from *place* that run now."""
    found = 0.0
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.readlink(path / "exe").startswith(str(place)):
                found += cpu_s(int(path.name))
    return found


def storm(bench: Bench, over: threading.Event) -> None:
    """Kill an app each second, as lmkd logs it, and start it anew."""
    number = 0
    while not over.wait(1.0):
        victim = bench.apps.pop(0)
        victim.kill()
        stamp = time.strftime("%m-%d %H:%M:%S", time.localtime())
        bench.log(
            f"{stamp}.500   100   100 I lowmemorykiller: Kill '{victim.name}' ({victim.pid}), uid "
            f"{victim.uid}, oom_score_adj {victim.adj} to free 21744kB rss, 0kB swap; reason: low "
            "watermark is breached"
        )
        bench.start(f"com.example.app{APPS + number}", adj=900 + number % APPS, mib=8)
        number += 1


def main(seconds: float, processes: int, *, stormy: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, AdbServer() as adb:
        bench = Bench(adb, Path(folder))
        for number in range(APPS):
            bench.start(f"com.example.app{number}", adj=900 + number, mib=8)
        there = len(list(Path("/proc").glob("[0-9]*")))
        sleepers = [
            subprocess.Popen(["sleep", "inf"], user=1000 if number % 2 else None)
            for number in range(max(0, processes - there))
        ]
        place = Path(folder) / "place"
        script = VIEW.format(
            tests=str(TESTS), port=adb.port, place=str(place), seconds=seconds, samples=SAMPLES
        )
        with subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as view:
            assert view.stdout
            view.stdout.readline()
            over = threading.Event()
            if stormy:
                threading.Thread(target=storm, args=(bench, over)).start()
            began_s, helper, device = time.monotonic(), helper_s(place), device_s(adb)
            used, ticks, *rss = view.stdout.readline().split()
            over.set()
            lasted_s = time.monotonic() - began_s
            helper, device = helper_s(place) - helper, device_s(adb) - device
        print(f"processes  {max(processes, there)}, of which {APPS} are apps; {ticks} ticks")
        print(f"host       {float(used):.1%} of a core; RSS {' '.join(rss)} KiB")
        if not stormy:
            shares = f"{device / lasted_s:.2%} of a core, of which {helper / lasted_s:.2%} helper"
            print(f"device     {shares}")
        for one in sleepers:
            one.kill()
        bench.close()


if __name__ == "__main__":
    words = [*sys.argv[1:], *("60", "300", "calm")[len(sys.argv) - 1 :]]
    main(float(words[0]), int(words[1]), stormy=words[2] == "storm")
