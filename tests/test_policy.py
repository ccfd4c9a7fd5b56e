"""Who may be touched, in which order, and why not."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from build_values import phone, process
from droidreclaim.errors import NotAchieved, UsageError
from droidreclaim.model import Band
from droidreclaim.policy import (
    Selection,
    choose,
    parse_adj_range,
    parse_targets,
    refusal,
)

_ALL = Selection(adj=(-1000, 1000))
_FORCED = Selection(adj=(-1000, 1000), force=True)


@pytest.mark.parametrize(
    ("adj", "reason"),
    [
        (0, "foreground"), (50, "foreground"), (100, "foreground"), (200, "perceptible"),
        (250, "perceptible"), (300, "below_floor"), (400, "below_floor"), (499, "below_floor"),
        (-800, "below_floor"), (1001, "below_floor"), (None, "below_floor"),
    ],
)  # fmt: skip
def test_an_app_near_the_user_is_left_alone(adj: int | None, reason: str) -> None:
    snapshot = phone(process(200, "com.example.mail", 10002, adj))
    skip = refusal(snapshot, snapshot.by_pid[200], Selection(packages=("com.example.mail",)).floor)
    assert skip is not None
    assert skip.reason == reason


@pytest.mark.parametrize("adj", [500, 600, 699])
def test_a_service_is_touched_only_when_asked_for(adj: int) -> None:
    snapshot = phone(process(200, "com.example.mail", 10002, adj))
    assert refusal(snapshot, snapshot.by_pid[200], Selection().floor) is not None
    assert [one.pid for one in choose(snapshot, Selection(packages=("com.example.mail",))).targets]
    assert [one.pid for one in choose(snapshot, Selection(adj=(500, 999))).targets] == [200]


def test_a_band_opens_no_more_than_itself() -> None:
    assert Selection(bands=(Band.CACHED,)).floor == 700
    assert Selection(bands=(Band.SERVICE, Band.CACHED)).floor == 500
    assert Selection(bands=(Band.FOREGROUND,)).floor == 500
    assert Selection(adj=(800, 999)).floor == 700


def test_what_is_named_and_in_front_says_what_to_do() -> None:
    [skip] = choose(phone(), Selection(packages=("com.example.game",))).skipped
    assert skip.detail == "in the foreground (adj 0): press Home, or --force"


def test_force_opens_the_foreground_and_never_the_system() -> None:
    snapshot = phone(
        process(2, "[kthreadd]", 0, 0, ppid=0, kernel_thread=True),
        process(70, "surfaceflinger", 1000, -1000, ppid=1),
        process(71, "com.example.mail_zygote", 10002, 900),
        process(72, "com.example.mail:renderer", 90001, 100, ppid=71),
        process(80, "adbd", 2000, -950, ppid=1),
        process(90, "sh", 2000, 950, ppid=80),
        process(91, "droidreclaim-helper", 0, 950, ppid=90),
        helper_pid=91,
    )
    plan = choose(snapshot, _FORCED)
    assert {one.pid for one in plan.targets} == {72, 100}
    assert {skip.reason for skip in plan.skipped} == {"system"}


def test_our_own_ancestors_are_never_touched_even_under_an_app_uid() -> None:
    snapshot = phone(process(90, "com.example.mail", 10002, 900), helper_pid=90)
    assert [
        skip.detail for skip in choose(snapshot, _FORCED).skipped if skip.process.pid == 90
    ] == ["droidreclaim's own session"]


def test_a_native_child_of_the_app_in_front_is_left_alone() -> None:
    snapshot = phone(
        process(300, "logcat", 10001, 950, ppid=100, adj_kept=False, adj_of_app=0),
        process(301, "sh", 10001, 950, ppid=100, adj_kept=False),
    )
    skips = {skip.process.pid: skip for skip in choose(snapshot, _ALL).skipped}
    assert skips[300].reason == "foreground"
    assert "lowest of its app" in skips[300].detail
    assert skips[301].detail == "its oom_score_adj is not known"


def test_a_frozen_app_is_cached_though_its_adj_is_of_the_written_back() -> None:
    mail = process(200, "com.example.mail", 10002, 249)
    assert choose(phone(mail), Selection()).targets == ()
    frozen = replace(mail, cached_anyway=True, band=Band.CACHED)
    for selection in (
        Selection(), Selection(bands=(Band.CACHED,)), Selection(adj=(900, 999)),
        Selection(packages=("com.example.mail",)),
    ):  # fmt: skip
        assert [one.pid for one in choose(phone(frozen), selection).targets] == [200]


def test_the_oldest_background_app_comes_first() -> None:
    snapshot = phone(
        process(201, "com.example.mail", 10002, 700),
        process(202, "com.example.mail:a", 10002, 950),
        process(203, "com.example.mail:b", 10002, 900),
    )
    assert [one.pid for one in choose(snapshot, _ALL).targets] == [202, 203, 201]


def test_an_unknown_package_names_the_nearest() -> None:
    with pytest.raises(NotAchieved, match=r"did you mean com\.example\.game") as caught:
        choose(phone(), Selection(packages=("com.example.gane",)))
    assert caught.value.exit_code == 7


def test_an_app_without_a_process_is_not_an_unknown_one() -> None:
    with pytest.raises(NotAchieved, match="has no process"):
        choose(phone(), Selection(packages=("com.example.mail",)))


@pytest.mark.parametrize("word", ["com.a;reboot", "$(id)", "pid:x", "", "a b", "../x", "x" * 300])
def test_a_target_that_is_no_name_is_refused(word: str) -> None:
    with pytest.raises(UsageError):
        parse_targets([word])


def test_targets_are_packages_and_pids() -> None:
    assert parse_targets(["com.a.b", "pid:12"]) == (("com.a.b",), (12,))


@pytest.mark.parametrize("text", ["700", "999..700", "0..1001", "a..b", "700..999;x"])
def test_a_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_adj_range(text)


@pytest.mark.parametrize("rounds", [2_000, pytest.param(20_000, marks=pytest.mark.nightly)])
def test_no_state_of_a_device_lets_a_near_process_through_by_default(rounds: int) -> None:
    source = random.Random(7)
    for _ in range(rounds):
        snapshot = phone(
            *(
                process(
                    pid,
                    source.choice(["com.example.mail", "com.example.game:x", "sh", "adbd"]),
                    source.choice([0, 1000, 2000, 10001, 10002, 99001, 1010002]),
                    source.randint(-1000, 1001),
                    ppid=source.choice([1, 50, 60, 100, 200, 201]),
                    adj_kept=source.random() < 0.7,
                    adj_of_app=source.choice([None, 0, 699, 700, 900]),
                )
                for pid in range(200, 206)
            )
        )
        for target in choose(snapshot, Selection()).targets:
            assert target.importance is not None
            assert 700 <= target.importance <= 1000
            assert target.uid is not None
            assert target.uid % 100000 >= 10000
