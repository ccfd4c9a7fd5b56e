"""
What reading captured text costs: a bug report of 200 MB, and each parser on ten times the text.

    python tests/bench/bench_reading.py [MEGABYTES]

The bug report is generated: logs, dumps and services in a real report's proportions, a kill every
2,000 lines. Its figures are time and the most memory the command had; a parser's figure is a ratio,
the time for ten times the text over the time for the text (10 is linear; at most 12 is asked for).
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.dump import parse_lru, parse_processes
from droidreclaim.parse.activity.exits import parse_exit_info
from droidreclaim.parse.activity.meminfo_app import parse_meminfo_app
from droidreclaim.parse.activity.packages import (
    parse_packages_list,
    parse_pm_list,
)
from droidreclaim.parse.activity.settings import parse_settings
from droidreclaim.parse.kills.events import parse_events
from droidreclaim.parse.kills.log import parse_kills
from droidreclaim.parse.kills.logcat import parse_logcat
from droidreclaim.parse.proc.kernel import parse_meminfo, parse_vmstat
from droidreclaim.parse.proc.zoneinfo import parse_zoneinfo
from droidreclaim.parse.shell.props import parse_getprop
from droidreclaim.parse.shell.ps import parse_ps

MEGABYTE = 1_000_000
MOST_S = 20.0
MOST_MEGABYTES = 300
MOST_RATIO = 12.0
_CHARACTERS = 200_000  # of the shorter text
_NUMBERS = 2000  # different keys or pids: a table of 200,000 keys would measure the CPU's caches

_AT = "11-23 10:{:02d}:{:02d}.{:03d}  1000  {:4d}  {:4d} I "
_KILL = (
    "lowmemorykiller: Kill 'com.example.app{0}' ({0}), uid 10123, oom_score_adj 905 to free"
    " 81288kB rss, 1200kB swap; reason: low watermark is breached and swap is low (1kB < 2kB)\n"
)


def bug_report(megabytes: int) -> Iterator[str]:
    """The lines of a bug report of about *megabytes*, in pieces."""
    yield "== dumpstate: 2026-11-23 11:00:00\n"
    yield "------ MEMORY INFO (/proc/meminfo) ------\nMemTotal: 3889512 kB\nMemFree: 9000 kB\n"
    yield "------ SYSTEM LOG (logcat -v threadtime -v printable -v uid -d *:v) ------\n"
    yield from _log(megabytes * MEGABYTE * 6 // 10)
    yield "------ DUMPSYS NORMAL (/system/bin/dumpsys) ------\n"
    dump = _processes(400)
    yield f"{'-' * 79}\nDUMP OF SERVICE activity:\n{dump}"
    for service in range(megabytes * 4 // 10):
        yield f"{'-' * 79}\nDUMP OF SERVICE service{service}:\n"
        yield "  a line of some service with key=value and 12345 numbers\n" * (MEGABYTE // 58)


def _log(size: int) -> Iterator[str]:
    written = number = 0
    while written < size:
        lines = []
        for _ in range(1000):
            number += 1
            head = _AT.format(number // 60000 % 60, number // 1000 % 60, number % 1000, 612, 613)
            said = "Tag     : message {0} of an app that has much to say about what it does\n"
            pid = 2000 + number // 2000
            lines.append(head + (_KILL if number % 2000 == 0 else said).format(pid))
        piece = "".join(lines)
        written += len(piece)
        yield piece


def _processes(count: int) -> str:
    title = "ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)\n"
    row = "    Proc #{0:2d}: cch+ 5 b/ /CEM  ----  t: 0 {1}:com.example.app{0}/u0a{0} (cch-empty)\n"
    rows = "".join(row.format(number, number + 2000) for number in range(count))
    return f"{title}  Process LRU list (sorted by oom_adj, {count} total):\n{rows}"


def _texts() -> dict[str, tuple[Callable[[str], object], str, str]]:
    """Return each parser with the text that stands once above, and the text to repeat."""
    exit_info = (
        "        ApplicationExitInfo #0:\n          timestamp=2025-12-09 16:07:59.730 pid={0}\n"
        "          realUid=1 process=a.b reason=3 (LOW_MEMORY) status=0 description=x\n"
    )
    settings = "ACTIVITY MANAGER SETTINGS (dumpsys activity settings)\n"
    zone = "Node 0, zone Normal\n  pages free 1\n  min 1\n  low 1\n  high 1\n  protection: (0, 0)\n"
    return {
        "dumpsys activity processes": (parse_processes, _processes(0), _processes(1)[-72:]),
        "dumpsys activity lru": (parse_lru, "", "  #67: fg     TOP  LCMN 6918:a.b/u0a226\n"),
        "dumpsys activity exit-info": (parse_exit_info, "", exit_info),
        "dumpsys activity settings": (parse_settings, settings, "  key{0}=value\n"),
        "dumpsys meminfo PACKAGE": (
            parse_meminfo_app, "",
            "** MEMINFO in pid {0} [a] **\n   Pss  Heap\n Total  Size\n ------ -----\n"
            "  TOTAL 1 2\n",
        ),
        "pm list packages": (parse_pm_list, "", "package:/data/app/a==/base.apk=a.b{0} uid:1\n"),
        "packages.list": (parse_packages_list, "", "a.b{0} 10123 0 /data/a default none\n"),
        "ps": (parse_ps, "PID PPID NAME\n", "{0} 1 com.example\n"),
        "getprop": (parse_getprop, "", "[ro.a{0}]: [x\ny]\n"),
        "logcat": (parse_logcat, "", _AT.format(0, 0, 0, 1, 1) + "Tag : said\n"),
        "logcat -b events": (
            lambda text: parse_events(parse_logcat(text)), "",
            _AT.format(0, 0, 0, 1, 1) + "am_kill : [0,{0},a.b,905,empty #17]\n",
        ),
        "kills": (parse_kills, "", _AT.format(0, 0, 0, 1, 1) + _KILL),
        "dmesg": (
            parse_kills, "",
            "<6>[ 1.000000] lowmemorykiller: Killing 'a' ({0}), adj 999,\n<6>[ 1.000001] to free"
            " 1kB on behalf of 'k' (1) because\n<6>[ 1.000002] cache\n",
        ),
        "/proc/meminfo": (parse_meminfo, "MemFree: 1 kB\n", "Key{0}: 1 kB\n"),
        "/proc/vmstat": (parse_vmstat, "nr_free_pages 1\n", "nr_a{0} 1\n"),
        "/proc/zoneinfo": (parse_zoneinfo, "", zone),
    }  # fmt: skip


def growth(parser: Callable[[str], object], above: str, piece: str) -> float:
    """Time for ten times the text over the time for the text."""
    count = max(1, _CHARACTERS // len(piece))

    def repeated(times: int) -> str:
        numbers = (str(one % _NUMBERS) for one in range(count * times))
        return above + "".join(piece.replace("{0}", number) for number in numbers)

    return _fastest_s(parser, repeated(10)) / _fastest_s(parser, repeated(1))


def _fastest_s(parser: Callable[[str], object], text: str) -> float:
    def once() -> float:
        begun = time.process_time()
        with suppress(ParseError):
            parser(text)
        return time.process_time() - begun

    gc.disable()
    try:
        return min(once() for _ in range(3))
    finally:
        gc.enable()


def read_bug_report(megabytes: int) -> tuple[float, float, int]:
    """Return seconds, megabytes of memory and kills of ``kills --from`` on a generated report."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bugreport.txt"
        with path.open("w") as out:
            out.writelines(bug_report(megabytes))
        words = [sys.executable, "-m", "droidreclaim", "kills", "--from", str(path), "--json"]
        begun = time.perf_counter()
        done = subprocess.run(words, capture_output=True, check=True, text=True)
        took_s = time.perf_counter() - begun
    most_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return took_s, most_kib * 1024 / MEGABYTE, len(json.loads(done.stdout)["kills"])


def main(megabytes: int) -> int:
    took_s, memory, kills = read_bug_report(megabytes)
    print(f"bug report of {megabytes} MB: {took_s:.1f} s, {memory:.0f} MB, {kills} kills")
    worst = 0.0
    for name, (parser, above, piece) in _texts().items():
        ratio = growth(parser, above, piece)
        worst = max(worst, ratio)
        print(f"{name:<28} ten times the text: {ratio:5.1f} times the time")
    kept = took_s < MOST_S and memory < MOST_MEGABYTES and worst < MOST_RATIO
    print("kept" if kept else "NOT KEPT", f"({MOST_S} s, {MOST_MEGABYTES} MB, {MOST_RATIO} times)")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
