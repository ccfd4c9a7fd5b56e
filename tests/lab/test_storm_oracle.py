"""What page-out could reach, simulated: kinds of storm small enough to work out by hand."""

from __future__ import annotations

import pytest

from droidreclaim.lab.storm import oracle, plan
from droidreclaim.lab.storm.oracle import Reached, Room, Way
from droidreclaim.lab.storm.plan import App, Order, Pressure
from droidreclaim.units import MIB

A, B, C = (App(f"com.example.{name}", 40 * MIB, seed, game=True)
              for seed, name in enumerate("abc", 1))  # fmt: skip


def reached(way: Way, opened: list[App], room: Room, reuse_percent: int = 70) -> Reached:
    apps = list(dict.fromkeys(opened))
    return oracle.simulate(way, apps, opened, room, reuse_percent, 1)


def room(memory_mib: int, swap_mib: int, ratio: float = 2.0) -> Room:
    return Room(memory_mib * MIB, swap_mib * MIB, ratio)


@pytest.mark.parametrize("way", list(Way))
def test_where_all_apps_fit_nothing_is_paged_out_and_nobody_is_killed(way: Way) -> None:
    found = reached(way, [A, B, C, A, B, C], room(120, 100))
    assert (found.avoidable_cold_starts, found.kills, found.paged_out_bytes) == (0, 0, 0)
    assert (found.hot_resumes, found.cold_starts) == (3, 3)
    assert found.came_in_bytes == (0, 0, 0)


def test_nothing_comes_back_where_what_no_resume_uses_is_room_enough() -> None:
    opened = [A, B, A, B, A]
    there = room(80 - 10, 100)  # 20 MiB paged out make it, and 28 are in no working set
    knows = reached(Way.ORACLE, opened, there, 100)
    assert knows.paged_out_bytes == 20 * MIB
    assert sum(knows.came_in_bytes) == 0
    oldest = reached(Way.OLDEST, opened, there, 100)
    assert sum(oldest.came_in_bytes) > 0
    assert oldest.paged_out_bytes > knows.paged_out_bytes


def test_what_the_last_resume_used_goes_after_all_else_and_counts_where_it_is_used_again() -> None:
    opened, there = [A, B, C] * 4, room(70, 400)
    oldest, cold_first = (reached(way, opened, there, 100) for way in (Way.OLDEST, Way.COLD_FIRST))
    assert oldest.came_in_bytes[:3] == cold_first.came_in_bytes[:3]  # nothing is known before
    assert sum(cold_first.came_in_bytes) < sum(oldest.came_in_bytes)


def test_the_oracle_kills_who_is_not_opened_again_and_lmkd_who_is_away_longest() -> None:
    opened = [A, B, C, A]
    there = room(80, 0)
    knows = reached(Way.ORACLE, opened, there)
    assert (knows.kills, knows.avoidable_cold_starts) == (1, 0)
    oldest = reached(Way.OLDEST, opened, there)
    assert (oldest.kills, oldest.avoidable_cold_starts) == (2, 1)
    assert oldest.victims_bytes == (40 * MIB, 40 * MIB)


def test_victims_that_were_paged_out_first_give_less_so_that_lmkd_takes_more() -> None:
    there = room(70, 40, 20.0)  # C has 30 MiB with one app paged out, and is short of 12
    oldest, newest = (reached(way, [A, B, C], there) for way in (Way.OLDEST, Way.NEWEST))
    assert oldest.victims_bytes == (0, 40 * MIB)
    assert newest.victims_bytes == (29 * MIB,)  # 11 MiB had gone when B came


def test_an_app_larger_than_memory_is_paged_out_in_part_while_it_starts() -> None:
    found = reached(Way.OLDEST, [A], room(30, 40))
    assert (found.kills, found.paged_out_bytes) == (0, 20 * MIB)
    assert reached(Way.OLDEST, [A], room(30, 0)).kills == 0  # there is nobody to kill


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_order_pages_less_back_than_the_oracle_where_nobody_is_killed(seed: int) -> None:
    what = plan.parameters(Pressure.ROOMY, Order.UNIFORM, quick=False)
    apps = plan.apps_of(what, seed)
    opened = plan.launches(what, apps, seed)
    knows, _, oldest, newest, cold_first = (
        oracle.simulate(way, apps, opened, room(400, 1080, 2.5), 70, seed) for way in Way
    )
    assert knows.kills == 0
    for other in (oldest, newest, cold_first):
        assert other.kills == 0
        assert sum(knows.came_in_bytes) < sum(other.came_in_bytes)
        assert knows.paged_out_bytes < other.paged_out_bytes


def test_a_simulation_is_the_same_each_time_and_apps_without_a_heap_have_none() -> None:
    opened = [A, B, C, A, B]
    assert reached(Way.OLDEST, opened, room(80, 90)) == reached(Way.OLDEST, opened, room(80, 90))
    with pytest.raises(ValueError, match="has no heap"):
        reached(Way.ORACLE, [App("com.example.z")], room(80, 90))
