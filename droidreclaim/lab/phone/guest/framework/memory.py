"""Memory of processes, as the kernel tells it."""

from typing import NamedTuple

_KEYS = {"VmRSS": 0, "RssAnon": 1, "RssFile": 2, "VmSwap": 3}


class Status(NamedTuple):
    """From /proc/PID/status; all 0 for a process that is gone."""

    rss_bytes: int = 0
    anon_bytes: int = 0
    file_bytes: int = 0
    swap_bytes: int = 0


def total_bytes() -> int:
    """Return the RAM of the phone, from /proc/meminfo."""
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemTotal:"))


def swap_free_share() -> float | None:
    """Return how much of swap is free, by /proc/meminfo; None without swap."""
    kib = {}
    with open("/proc/meminfo") as file:
        for line in file:
            key, _, value = line.partition(":")
            kib[key] = int(value.split()[0])
    total = kib.get("SwapTotal", 0)
    return kib.get("SwapFree", 0) / total if total else None


def status(pid: int) -> Status:
    values = [0, 0, 0, 0]
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                key, _, value = line.partition(":")
                if key in _KEYS:
                    values[_KEYS[key]] = int(value.split()[0]) * 1024
    except OSError:
        return Status()
    return Status(*values)
