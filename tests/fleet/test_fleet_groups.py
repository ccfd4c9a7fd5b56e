"""Figures of a fleet by group: a device is a cluster, and how far one is from the others."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from droidreclaim.errors import exit_code_of_all
from droidreclaim.fleet.devices import FleetDevice
from droidreclaim.fleet.groups import GroupFigures, groups, outliers
from droidreclaim.fleet.jobs import QUARANTINED, SUSPENDED, Job, Queue, plan
from droidreclaim.fleet.outcomes import ArmSeen, Outcome
from droidreclaim.qa import stats


def phone(serial: str, model: str = "Pixel 6", **facts: Any) -> FleetDevice:
    return FleetDevice("this", serial, "device", model=model, sdk=34, **facts)


def outcome(device: FleetDevice, kept: int, rounds: int = 10, back_s: float = 0.2) -> Outcome:
    seen = {"reclaim": ArmSeen(kept, rounds, (back_s,) * rounds)}
    job = Job(f"001-{device.serial}", device.group, ("run", "x"), device.name)
    return Outcome(job, (), device, "kept", arms=seen)


def all_of(outcomes: list[Outcome]) -> GroupFigures:
    return next(one for one in groups(outcomes) if one.by == "all")


def test_rounds_of_one_device_are_not_independent() -> None:
    """Four devices keep all of 40 rounds: of 40 cases it would be 91 % at least."""
    found = all_of([outcome(phone(f"D{n}"), 40, 40) for n in range(4)])
    assert found.survival is not None
    assert found.survival.low == pytest.approx(0.51, abs=0.01)
    assert stats.share(160, 160).low > 0.97  # type: ignore[union-attr]


@pytest.mark.skipif(not stats.AVAILABLE, reason="needs scipy")
def test_from_eight_devices_on_devices_are_drawn_anew() -> None:
    mixed = [outcome(phone(f"D{n}"), 10 if n % 2 else 2, 10) for n in range(12)]
    found = all_of(mixed)
    naive = stats.share(72, 120)
    assert found.survival is not None
    assert naive is not None
    assert found.survival.high - found.survival.low > 1.5 * (naive.high - naive.low)
    assert found.survival.low < 0.6 < found.survival.high
    assert found.back is not None


def test_the_interval_covers_what_it_says_it_covers() -> None:
    """Devices with a share of their own, 12 a fleet: the true mean lies inside in most fleets."""
    random = Random(7)
    inside = 0
    for _ in range(200):
        clusters = []
        for _ in range(12):
            share = random.choice((0.4, 0.9))
            clusters.append((sum(random.random() < share for _ in range(20)), 20))
        found = stats.share_of_clusters(clusters)
        assert found is not None
        inside += found.low <= 0.65 <= found.high
    assert inside >= 170


def test_each_model_and_size_of_ram_is_a_group() -> None:
    found = groups(
        [
            outcome(phone("A", ram_bytes=4 << 30), 10),
            outcome(phone("B", ram_bytes=8 << 30), 5),
            outcome(phone("C", "Pixel 8", kernel="6.1"), 0),
        ]
    )
    kept = {(one.by, one.value): (one.devices, one.kept) for one in found}
    assert kept["model", "Pixel 6"] == (2, 15)
    assert kept["ram", "4.0 GiB"] == (1, 10)
    assert kept["kernel", "6.1"] == (1, 0)
    assert kept["release", "SDK 34"] == (3, 15)


def test_two_jobs_of_one_device_are_one_cluster() -> None:
    device = phone("A")
    found = all_of([outcome(device, 10), outcome(device, 10)])
    assert (found.devices, found.rounds) == (1, 20)


def test_the_odd_device_is_named_and_a_fleet_of_like_ones_has_none() -> None:
    like = [outcome(phone(f"D{n}"), 10, back_s=0.2 + n / 1000) for n in range(5)]
    assert outliers(like) == []
    [slow] = outliers([*like, outcome(phone("SLOW"), 10, back_s=0.5)])
    assert slow.startswith("this/SLOW (Pixel 6, SDK 34): back in 500 ms under reclaim")
    [bad] = outliers([*like, outcome(phone("BAD"), 0)])
    assert bad == "this/BAD (Pixel 6, SDK 34): reclaim kept in 0 of 10, the others in 50 of 50"
    assert outliers([outcome(phone("A"), 10), outcome(phone("B"), 0)]) == []  # who is the odd one?


def test_without_seeds_each_device_has_a_job_and_with_seeds_each_group_has_each_seed() -> None:
    devices = [phone("A"), phone("B"), phone("C", "Pixel 8")]
    assert [job.device for job in plan(("run", "x"), devices)] == ["this/A", "this/B", "this/C"]
    shared = plan(("run", "x"), devices, (1, 2))
    assert [(job.group, job.words[-1], job.device) for job in shared] == [
        ("Pixel 6, SDK 34", "1", None),
        ("Pixel 8, SDK 34", "1", None),
        ("Pixel 6, SDK 34", "2", None),
        ("Pixel 8, SDK 34", "2", None),
    ]


def queue(*jobs: Job) -> Queue:
    return Queue(list(jobs), {"this/A": "g", "this/B": "g"})


def test_a_device_is_aside_before_its_job_goes_to_another() -> None:
    jobs = queue(Job("1", "g", ()), Job("2", "g", ()))
    first = jobs.take("this/A")
    jobs.failed("this/A", QUARANTINED, "no")
    assert jobs.take("this/A") is None
    assert jobs.take("this/B") == first
    jobs.done("this/B")
    assert jobs.take("this/B") == Job("2", "g", ())


def test_a_job_that_fails_everywhere_is_not_tried_for_ever() -> None:
    jobs = Queue([Job("1", "g", ())], {f"this/{n}": "g" for n in range(5)})
    for number in range(3):
        assert jobs.take(f"this/{number}") is not None
        jobs.failed(f"this/{number}", SUSPENDED, "no")
    assert jobs.undone == {"1": "failed 3 times, at last: no"}
    assert jobs.take("this/4") is None


def test_a_host_that_is_lost_with_many_devices_does_not_count_against_a_job() -> None:
    jobs = Queue([Job("1", "g", ())], {f"this/{n}": "g" for n in range(9)})
    for number in range(8):
        assert jobs.take(f"this/{number}") is not None
        jobs.failed(f"this/{number}", QUARANTINED, "its worker is gone", blameless=True)
    assert jobs.undone == {}
    assert jobs.take("this/8") is not None


def test_the_last_device_of_a_group_is_waited_for_while_it_may_come_back() -> None:
    jobs = queue(Job("1", "g", ()))
    jobs.judge("this/B", QUARANTINED, "gone")
    jobs.take("this/A")
    jobs.failed("this/A", SUSPENDED, "lost")
    assert jobs.undone == {}
    jobs.judge("this/A", QUARANTINED, "still lost")
    assert jobs.undone == {"1": "no device of g is left: still lost"}


def test_the_exit_code_of_all_is_the_first_in_rank() -> None:
    assert exit_code_of_all([0, 7, 3]) == 3
    assert exit_code_of_all([0, 7, 4]) == 4
    assert exit_code_of_all([7, 130, 1]) == 130
    assert exit_code_of_all([0]) == 0
    assert exit_code_of_all([]) == 0
