"""What a storm launches: sizes and orders, and how sure its figures are."""

from __future__ import annotations

import random
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from droidreclaim.errors import UsageError
from droidreclaim.lab.storm import plan
from droidreclaim.lab.storm.plan import Order, Parameters, Pressure
from droidreclaim.qa import stats
from droidreclaim.units import MIB


def parameters(order: Order, apps: int = 16, rounds: int = 7) -> Parameters:
    return plan.parameters(Pressure.ROOMY, order, quick=False, apps=apps, rounds=rounds)


def opened(order: Order, seed: int = 1, apps: int = 16, rounds: int = 7) -> list[str]:
    what = parameters(order, apps, rounds)
    apps_ = plan.apps_of(what, seed)
    return [app.package for app in plan.launches(what, apps_, seed)]


def test_sizes_of_ones_own_take_the_place_of_the_configurations_and_its_name_says_so() -> None:
    given = plan.parameters(
        Pressure.ROOMY, Order.ZIPF, quick=False, own=plan.Sizes(heap_bytes=28 * MIB)
    )
    assert (given.config, given.heap_bytes) == ("roomy, own sizes", 28 * MIB)
    assert (given.ram_bytes, given.zram_bytes) == (576 * MIB, 1200 * MIB)
    total = sum(app.heap_bytes or 0 for app in plan.apps_of(given, 1))
    assert abs(total - 16 * 28 * MIB) <= 16 * MIB
    assert parameters(Order.ZIPF).config == "roomy"


@pytest.mark.parametrize("order", list(Order))
def test_a_seed_is_one_storm_and_another_seed_another(order: Order) -> None:
    what = parameters(order)
    assert plan.apps_of(what, 1) == plan.apps_of(what, 1)
    assert plan.apps_of(what, 1) != plan.apps_of(what, 2)
    assert opened(order, 1) == opened(order, 1)
    if order is not Order.CYCLIC:
        assert opened(order, 1) != opened(order, 2)


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize(("apps", "rounds"), [(2, 1), (8, 3), (16, 7), (64, 2)])
def test_every_app_is_opened_and_all_of_them_as_often_as_was_asked(
    order: Order, apps: int, rounds: int
) -> None:
    counts = Counter(opened(order, 3, apps, rounds))
    assert len(counts) == apps
    assert counts.total() == apps * rounds
    if order is not Order.ZIPF:
        assert set(counts.values()) == {rounds}


def test_zipf_returns_to_favourites() -> None:
    counts = plan.zipf_counts(16, 112)
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == 112
    assert counts[0] == 29  # 1 + 96 / H(16)
    assert counts[-1] == 3
    assert plan.zipf_counts(4, 4) == [1, 1, 1, 1]


def test_in_cyclic_order_an_app_comes_back_when_all_others_have_been_there() -> None:
    order = opened(Order.CYCLIC)
    places = [at for at, package in enumerate(order) if package == order[0]]
    assert {later - earlier for earlier, later in pairwise(places)} == {16}


def test_sizes_differ_and_come_to_the_same_in_all() -> None:
    for seed in range(50):
        sizes = plan.sizes(16, 56 * MIB, random.Random(seed))
        assert abs(sum(sizes) - 16 * 56 * MIB) <= 16 * MIB
        assert all(size % MIB == 0 for size in sizes)
        assert max(sizes) > 1.5 * min(sizes)
        assert max(sizes) < 56 * MIB * 3


def test_some_apps_hold_a_score_whatever_the_seed() -> None:
    for seed in range(20):
        games = [app.game for app in plan.apps_of(parameters(Order.ZIPF), seed)]
        assert sum(games) == 4
        assert sum(app.game for app in plan.apps_of(parameters(Order.ZIPF, apps=2), seed)) == 1


def test_roomy_holds_all_apps_and_overcommitted_does_not() -> None:
    for quick in (False, True):
        roomy, tight = (
            plan.parameters(one, Order.UNIFORM, quick=quick)
            for one in (Pressure.ROOMY, Pressure.OVERCOMMITTED)
        )
        assert roomy.heap_bytes is not None
        assert roomy.zram_bytes is not None
        assert tight.zram_bytes is not None
        wanted = roomy.apps * roomy.heap_bytes
        assert wanted < 0.8 * roomy.zram_bytes  # a fifth of swap stays free
        assert wanted > tight.zram_bytes * 1.2


def test_of_a_device_its_own_apps_are_opened() -> None:
    what = Parameters(None, 3, 2, Order.UNIFORM, packages=("a.b", "c.d", "e.f"))
    apps = plan.apps_of(what, 1)
    assert sorted(app.package for app in apps) == ["a.b", "c.d", "e.f"]
    assert {app.heap_bytes for app in apps} == {None}


# How sure


def test_wilson_is_what_the_books_have() -> None:
    found = stats.share(184, 256)
    assert found is not None
    assert (round(found.low, 3), round(found.high, 3)) == (0.661, 0.770)
    assert stats.share(0, 0) is None


def test_a_paired_difference_takes_the_seeds_that_both_have() -> None:
    found = stats.paired({1: 0.9, 2: 0.8, 3: 0.7, 4: 0.5}, {1: 0.5, 2: 0.5, 3: 0.5, 9: 0.1})
    assert found is not None
    assert (found.pairs, round(found.mean, 6)) == (3, 0.3)
    assert stats.paired({1: 0.5}, {2: 0.5}) is None


def test_equal_differences_have_an_interval_of_no_width() -> None:
    pytest.importorskip("scipy")
    same = stats.paired(dict.fromkeys(range(8), 0.5), dict.fromkeys(range(8), 0.25))
    assert same is not None
    assert same.interval == stats.Interval(0.25, 0.25)


def test_settings_of_lmkd_are_those_that_the_pocket_phones_killer_goes_by() -> None:
    source = Path(__file__).parents[2] / "droidreclaim/lab/phone/guest/src/lmkd_settings.h"
    known = re.findall(r'^\t\{"(\w+)",', source.read_text(), re.MULTILINE)
    assert set(plan.LMK_SETTINGS) == set(known) - {"sdk"}


@pytest.mark.parametrize(
    "word",
    [
        "swap_compression_ratio", "swap_compression_ratio=", "swap_compression_ratio=2.63",
        "swap_compression_ratio=3 4", "ro.lmk.swap_util_max=90", "=3", "sdk=29", "",
    ],
)  # fmt: skip
def test_a_setting_that_lmkd_would_not_go_by_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="--lmk"):
        plan.lmk_settings([word])


def test_a_setting_of_lmkd_twice_is_refused_and_their_order_makes_no_other_storm() -> None:
    one, other = "swap_compression_ratio=263", "swap_compression_ratio_div=100"
    assert plan.lmk_settings([one, other]) == plan.lmk_settings([other, one]) == (one, other)
    with pytest.raises(UsageError, match="twice"):
        plan.lmk_settings([one, "swap_compression_ratio=3"])
