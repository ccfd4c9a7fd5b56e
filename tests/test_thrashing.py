"""File pages are evicted only while they do not come back."""

from __future__ import annotations

from droidreclaim.parse.proc.kernel import parse_vmstat
from droidreclaim.reclaim.thrashing import thrashing_percent

_BEFORE = "nr_inactive_file 6000\nnr_active_file 3999\nworkingset_refault_file 1000\n"


def percent(after: str, before: str = _BEFORE) -> float | None:
    return thrashing_percent(parse_vmstat(before), parse_vmstat(after))


def test_thrashing_is_the_share_of_the_page_cache_that_came_back() -> None:
    assert percent("workingset_refault_file 6000\n") == 50.0
    assert percent("workingset_refault_file 1000\n") == 0.0


def test_before_linux_5_9_the_one_counter_is_of_files() -> None:
    before = _BEFORE.replace("workingset_refault_file", "workingset_refault")
    assert percent("workingset_refault 2000\n", before) == 10.0


def test_a_kernel_that_does_not_count_is_unknown_and_not_calm() -> None:
    assert percent("nr_active_file 1\n") is None
