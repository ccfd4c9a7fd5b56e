"""
Whether code may be evicted now: file pages that come back are what lmkd calls thrashing and kills
for, so a page-out of files begins only while the device is far from its limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from droidreclaim.errors import NotAchieved, NotPossible, ParseError
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.parse.proc.kernel import VmStat, parse_vmstat
from droidreclaim.parse.shell.props import parse_getprop
from droidreclaim.policy.lmkd_settings import settings_in_force

GETPROP_TIMEOUT_S = 10.0
WINDOW_S = 1.0  # lmkd's own (THRASHING_RESET_INTERVAL_MS of lmkd.cpp)
SAFE_SHARE = 0.5


def require_calm(helper: RunningHelper, progress: Callable[[str], None]) -> None:
    """
    Measure thrashing for a second, and require it to be under half of what lmkd kills at.

    Raises:
        NotAchieved: it is not.
        NotPossible: this kernel does not count refaults of files.
    """
    progress(f"looking for {WINDOW_S:g} s at how fast file pages come back")
    before = _vmstat(helper)
    time.sleep(WINDOW_S)
    thrashing = thrashing_percent(before, _vmstat(helper))
    if thrashing is None:
        raise NotPossible(
            "unsupported: this kernel does not count file pages that come back",
            hint="--what anon needs no such count",
        )
    answer = helper.device.run(["getprop"], timeout_s=GETPROP_TIMEOUT_S)
    limit = settings_in_force(answer.read(parse_getprop))["thrashing_limit"].number
    safe = limit * SAFE_SHARE
    if thrashing >= safe:
        raise NotAchieved(
            f"busy: file pages come back at {thrashing:.0f} % of the page cache a second, "
            f"and {safe:.0f} % is half of what lmkd kills at",
            hint="--what anon evicts no code",
        )


def thrashing_percent(before: VmStat, after: VmStat) -> float | None:
    """File pages that came back, in percent of the file LRU lists; None where not counted."""
    first, last = before.refault_file_pages, after.refault_file_pages
    active, inactive = before.total("nr_active_file"), before.total("nr_inactive_file")
    if first is None or last is None or active is None or inactive is None:
        return None
    return (last - first) * 100 / (active + inactive + 1)


def _vmstat(helper: RunningHelper) -> VmStat:
    files = verbs.files_of(helper.session.call_all([verbs.read_files("vmstat")])[0])
    text = files.get("/proc/vmstat")
    if text is None:
        raise ParseError("/proc/vmstat", 1, "", hint="the helper could not read it")
    return parse_vmstat(text)
