"""Reads what ``dumpsys meminfo`` prints from /proc."""

import os
import time

from .dump_meminfo import Device, Member, Usage, category
from .records import Phone

_KEYS = {
    "Rss": "rss_kb",
    "Pss": "pss_kb",
    "Shared_Clean": "shared_clean_kb",
    "Shared_Dirty": "shared_dirty_kb",
    "Private_Clean": "private_clean_kb",
    "Private_Dirty": "private_dirty_kb",
    "Swap": "swap_kb",
    "SwapPss": "swap_pss_kb",
    "Size": "size_kb",
}


def mappings(pid: int) -> dict[str, Usage]:
    """Return what one process uses by category; empty when it is gone or has no memory."""
    totals: dict[str, dict[str, int]] = {}
    try:
        with open(f"/proc/{pid}/smaps", errors="replace") as file:
            for line in file:
                words = line.split(None, 5)
                if not words[0].endswith(":"):
                    kind = category(words[5].rstrip() if len(words) > 5 else "")
                    total = totals.setdefault(kind, dict.fromkeys(_KEYS.values(), 0))
                elif words[0][:-1] in _KEYS:
                    total[_KEYS[words[0][:-1]]] += int(words[1])
    except OSError:
        return {}
    return {kind: Usage(**total) for kind, total in totals.items()}


def uptime_ms() -> int:
    return round(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)


def _meminfo() -> dict[str, int]:
    with open("/proc/meminfo") as file:
        return {line.partition(":")[0]: int(line.split()[1]) for line in file}


def _zram_used_kb() -> int:
    try:
        with open("/sys/block/zram0/mm_stat") as file:
            return int(file.read().split()[2]) // 1024
    except OSError:
        return 0


def _native_name(pid: int) -> str:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().split(b"\0")[0].decode(errors="replace")


def device(phone: Phone) -> Device:
    """Return the memory of every process: apps by their importance, all others as native."""
    known = {proc.pid: proc for proc in phone.procs}
    members = []
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        uses = mappings(pid)
        if not uses:
            continue
        proc = known.get(pid)
        try:
            name = proc.name if proc else _native_name(pid)
        except OSError:
            continue
        adj = proc.rank.adj if proc else -1000
        members.append(Member(pid, name, adj, bool(proc and proc.activity), uses))
    return Device(phone.sdk, uptime_ms(), tuple(members), _meminfo(), _zram_used_kb())
