"""The lazy policy: as little as the next launch needs, oldest first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from build_values import process
from droidreclaim.model import Memory, Process
from droidreclaim.policy import lazy
from droidreclaim.units import MIB

ROOMY = lazy.Memory(
    total_bytes=512 * MIB, available_bytes=300 * MIB, swap_room_bytes=900 * MIB, ratio=2.0
)
SHORT = replace(ROOMY, available_bytes=28 * MIB)  # of 60 for the launch and 8 besides: by 40


def app(pid: int, anon_mib: int) -> Process:
    memory = Memory(None, anon_mib * MIB, None, 0)
    return process(pid, f"com.example.app{pid}", 10000 + pid, 900, memory=memory)


OLD, NEWER, NEWEST = app(1, 58), app(2, 48), app(3, 38)
BACKGROUND = (OLD, NEWER, NEWEST)


def choose(memory: lazy.Memory, need_mib: int = 60) -> lazy.Choice | None:
    return lazy.choose(BACKGROUND, need_mib * MIB, memory, 8 * MIB)


def test_nothing_is_done_while_the_next_launch_fits() -> None:
    assert choose(ROOMY) is None
    assert choose(replace(SHORT, available_bytes=68 * MIB)) is None


def test_what_is_short_is_paged_out_oldest_first_and_no_more() -> None:
    chosen = choose(SHORT)
    assert chosen is not None
    assert chosen.budget_bytes == 80 * MIB  # at 2:1, that gains the 40 that are short
    assert chosen.targets == (OLD, NEWER)  # 50 and 40 that move


def test_a_launch_that_needs_less_finds_room() -> None:
    assert choose(SHORT, need_mib=20) is None


def test_what_compresses_better_gains_more() -> None:
    better = choose(replace(SHORT, ratio=5.0))
    assert better is not None
    assert better.budget_bytes == 50 * MIB
    assert better.targets == (OLD,)


def test_full_swap_leaves_it_to_the_phone() -> None:
    assert choose(replace(SHORT, swap_room_bytes=MIB)) is None
    chosen = choose(replace(SHORT, swap_room_bytes=10 * MIB))
    assert chosen is not None
    assert (chosen.targets, chosen.budget_bytes) == ((OLD,), 10 * MIB)


def test_what_others_map_too_does_not_move_and_is_not_counted() -> None:
    assert lazy.choose([app(4, 9)], 60 * MIB, SHORT, 8 * MIB) is None
    assert lazy.choose([], 60 * MIB, SHORT, 0) is None


@pytest.mark.parametrize("ratio", [None, 0.5, 1.0])
def test_a_ratio_that_is_not_known_or_makes_no_sense_asks_for_no_absurd_amount(
    ratio: float | None,
) -> None:
    chosen = choose(replace(SHORT, ratio=ratio))
    assert chosen is not None
    assert 40 * MIB < chosen.budget_bytes <= SHORT.swap_room_bytes
