"""Where paged-out memory goes, and how much a dry run expects of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from droidreclaim.errors import NotPossible
from droidreclaim.model import Advice, KindUse
from droidreclaim.policy import Selection
from droidreclaim.reclaim.estimate import estimate
from droidreclaim.reclaim.request import Request
from droidreclaim.reclaim.swap_state import SwapState, read_swap_state, require_swap

_MIB = 1 << 20
_FILES = {
    "/proc/meminfo": "MemTotal: 655360 kB\nSwapTotal: 524284 kB\nSwapFree: 393212 kB\n",
    "/proc/swaps": (
        "Filename\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
        "/dev/block/zram0                        partition\t524284\t131072\t32758\n"
    ),
    "/sys/block/zram0/mm_stat": f"{96 * _MIB} {30 * _MIB} {32 * _MIB} 0 {33 * _MIB} 9 0 1 1\n",
    "/sys/block/zram0/comp_algorithm": "lzo lzo-rle [lz4] zstd \n",
    "/sys/block/zram0/backing_dev": "none\n",
}


def test_zram_says_what_it_makes_of_a_page() -> None:
    state = read_swap_state(_FILES)
    assert state.ratio == 3.0
    assert state.algorithms == (("zram0", "lz4"),)
    assert state.wears == ()
    assert state.free_bytes == 393212 * 1024


def test_a_zram_that_holds_next_to_nothing_has_no_ratio() -> None:
    empty = _FILES | {"/sys/block/zram0/mm_stat": "4096 60 12288 0 12288 0 0 0 0\n"}
    assert read_swap_state(empty).ratio is None


def test_zram_that_writes_back_wears_the_storage() -> None:
    backed = _FILES | {"/sys/block/zram0/backing_dev": "/dev/block/loop38\n"}
    assert read_swap_state(backed).wears == ("zram0 writes back to /dev/block/loop38",)


def test_swap_on_storage_wears_it() -> None:
    swaps = _FILES["/proc/swaps"].replace("/dev/block/zram0", "/data/swapfile")
    state = read_swap_state(_FILES | {"/proc/swaps": swaps})
    assert state.wears == ("/data/swapfile is swap on storage",)
    assert state.ratio is None


def test_a_device_without_swap_is_no_error() -> None:
    state = read_swap_state({"/proc/meminfo": "MemTotal: 1 kB\n", "/proc/swaps": None})
    assert (state.total_bytes, state.free_bytes, state.ratio) == (0, 0, None)


_FLASH = SwapState(512 * _MIB, 512 * _MIB, None, (), ("/data/swapfile is swap on storage",))
_NONE = SwapState(0, 0, None, (), ())
_ASKED = Request(Selection())


@pytest.mark.parametrize(
    ("request_", "swap"),
    [
        (_ASKED, _FLASH),
        (replace(_ASKED, what="all"), _FLASH),
        (replace(_ASKED, only=("native",)), _FLASH),
        (_ASKED, _NONE),
        (replace(_ASKED, only=("dalvik",)), _NONE),
    ],
)
def test_a_page_out_without_a_place_to_go_is_refused(request_: Request, swap: SwapState) -> None:
    with pytest.raises(NotPossible):
        require_swap(request_, swap)


@pytest.mark.parametrize(
    ("request_", "swap"),
    [
        (replace(_ASKED, allow_flash=True), _FLASH),
        (replace(_ASKED, dry_run=True), _FLASH),
        (replace(_ASKED, what="file"), _FLASH),
        (replace(_ASKED, how="cold"), _NONE),
        (replace(_ASKED, only=("code",)), _NONE),
        (replace(_ASKED, what="all"), _NONE),
    ],
)
def test_what_goes_nowhere_needs_no_swap(request_: Request, swap: SwapState) -> None:
    require_swap(request_, swap)


def use(kind: str, own_mib: int, locked_mib: int = 0) -> KindUse:
    return KindUse(kind, own_mib * _MIB, own_mib * _MIB, 0, 0, locked_mib * _MIB)


_DRY = Advice(
    pid=200, start=2000, outcome="advised", reason=None, advised_bytes=0,
    exclusive_bytes=60 * _MIB, shared_bytes=0, swapped_bytes=0, refused=(), adj=905, frozen=False,
    steps=0, longest_us=0, duration_us=100_000, before=None, after=None, major_faults=0,
    approximate=False, kinds=(use("dalvik", 40), use("native", 20, locked_mib=5)),
)  # fmt: skip
_SWAP = SwapState(512 * _MIB, 384 * _MIB, 2.5, (), ())


def test_what_is_locked_would_not_leave() -> None:
    seen = estimate([_DRY], _SWAP, swap_floor_bytes=0, budget_bytes=None)
    assert seen.leaves_bytes == 55 * _MIB
    assert seen.zram_bytes == 22 * _MIB
    assert seen.gained_bytes == 33 * _MIB
    assert seen.limited_by is None


def test_free_swap_bounds_anonymous_memory_and_not_files() -> None:
    both = replace(_DRY, kinds=(use("dalvik", 40), use("code", 30)), exclusive_bytes=70 * _MIB)
    seen = estimate([both], _SWAP, swap_floor_bytes=364 * _MIB, budget_bytes=None)
    assert seen.leaves_bytes == 50 * _MIB
    assert seen.zram_bytes == 8 * _MIB
    assert seen.limited_by == "swap_budget"


def test_a_limit_of_its_own_cgroup_bounds_anonymous_memory_and_not_files() -> None:
    both = replace(_DRY, kinds=(use("dalvik", 40), use("code", 30)), exclusive_bytes=70 * _MIB)
    limited = replace(both, swap_room_bytes=4 * _MIB)
    seen = estimate([limited], _SWAP, swap_floor_bytes=0, budget_bytes=None)
    assert (seen.leaves_bytes, seen.zram_bytes) == (34 * _MIB, round(4 * _MIB / 2.5))
    assert seen.limited_by == "swap_limit"
    roomy = replace(both, swap_room_bytes=40 * _MIB)
    seen = estimate([roomy], _SWAP, swap_floor_bytes=0, budget_bytes=None)
    assert (seen.leaves_bytes, seen.limited_by) == (70 * _MIB, None)


def test_the_budget_is_of_all_targets_together() -> None:
    seen = estimate([_DRY, _DRY], _SWAP, swap_floor_bytes=0, budget_bytes=60 * _MIB)
    assert (seen.leaves_bytes, seen.limited_by) == (60 * _MIB, "budget")


def test_without_a_ratio_the_gain_is_unknown_and_not_all_of_it() -> None:
    empty = replace(_SWAP, ratio=None)
    seen = estimate([_DRY], empty, swap_floor_bytes=0, budget_bytes=None)
    assert seen.leaves_bytes == 55 * _MIB
    assert seen.gained_bytes is None
