"""Wall clock time as dumps print it."""

import time


def stamp(at_s: float) -> str:
    """Return ``2025-12-09 16:07:59.730`` in the phone's own time zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at_s)) + f".{int(at_s % 1 * 1000):03d}"
