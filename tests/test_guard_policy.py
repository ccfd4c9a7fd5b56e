"""What a profile means for one moment of a device, by the table that the guard's C is held to."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from build_values import phone, process
from droidreclaim import profiles
from droidreclaim.model import Memory
from droidreclaim.model.profile import Profile, Rule
from droidreclaim.parse.proc.kernel import MemInfo
from droidreclaim.policy.guard import (
    GuardPlan,
    Standing,
    above_lmkds_limit,
    forbids,
    in_turn,
    plan,
    rule_for,
    shortages,
    spares,
)
from droidreclaim.policy.lmkd import Headroom
from guard_table import DEFAULT_RULE, DEFAULT_WHEN, Case, cases, decisions, globs

_MIB = 1 << 20


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_host_decides_as_the_guard_does(case: Case) -> None:
    found = [_answer(case, *row) for row in case.expected]
    assert found == case.expected


@pytest.mark.parametrize("row", globs())
def test_a_pattern_fits_as_the_guard_has_it(row: tuple[str, str, str]) -> None:
    pattern, name, expected = row
    asked = Profile("x", 60, DEFAULT_WHEN, (replace(DEFAULT_RULE, match=pattern),))
    assert (rule_for(asked, [name]) is not None) == (expected == "yes")


@pytest.mark.parametrize(("rule", "standing", "word"), decisions())
def test_a_rule_decides_as_the_guard_does(rule: Rule, standing: Standing, word: str) -> None:
    assert (spares(rule, standing) or "touch").partition(":")[0] == word


def _answer(case: Case, question: str, *words: str) -> list[str]:
    """What Python says to one line of the table, in the table's words."""
    short = next(shortages(case.when, case.now), None)
    if question == "missing":
        return [question, str(short[1] if short else 0), *([short[0]] if short else words[1:])]
    if question == "forbids":
        return [question, (forbids(case.when, case.now) or "-").partition(":")[0]]
    if question == "order":
        turns = in_turn(case.profile, case.apps.values(), case.now, wanted=short is not None)
        names = {standing.pid: name for name, standing in case.apps.items()}
        return [question, *([names[standing.pid] for standing, _ in turns] or ["-"])]
    standing = case.apps[words[0]]
    rule = rule_for(case.profile, standing.names)
    assert question == "spared"
    return [question, words[0], (spares(rule, standing) or "-").partition(":")[0]]


def profile(text: str = "") -> Profile:
    found = profiles.check(f"version: 1\nname: x\n{text}".encode())
    assert isinstance(found, Profile), found
    return found


def decided(
    asked: Profile, *more: object, available_mib: int = 50, swap_mib: tuple[int, int] = (512, 400)
) -> GuardPlan:
    total, free = swap_mib
    sizes = {
        "MemTotal": 640 * _MIB, "MemAvailable": available_mib * _MIB,
        "SwapTotal": total * _MIB, "SwapFree": free * _MIB,
    }  # fmt: skip
    room = Headroom(
        **dict.fromkeys(field.name for field in fields(Headroom))
        | {"free_bytes": 30 * _MIB, "low_watermark_bytes": 10 * _MIB, "firing": False}
    )
    return plan(asked, phone(*more), MemInfo(sizes, {}), room)  # type: ignore[arg-type]


def test_the_oldest_and_largest_come_first_and_favourites_last() -> None:
    found = decided(
        profile('packages:\n  - match: "*.mail"\n    who: {last: true}\n'),
        process(200, "com.example.mail", 10002, 950),
        process(201, "com.example.shared.one", 10004, 900),
        process(202, "com.example.shared.two", 10004, 940),
    )
    assert [turn.process.pid for turn in found.turns] == [202, 201, 200]


def test_the_first_section_that_fits_decides() -> None:
    found = decided(
        profile(
            "packages:\n  - match: com.example.mail\n    how: {rung: leave}\n"
            "  - match: com.example.*\n    how: {rung: cold}\n"
        ),
        process(200, "com.example.mail:sync", 10002, 950),
        process(201, "com.example.shared.one", 10004, 950),
    )
    assert [(turn.process.pid, turn.rule.how) for turn in found.turns] == [(201, "cold")]
    reasons = {skip.process.pid: (skip.reason, skip.detail) for skip in found.skipped}
    assert reasons[200] == ("leave", "the profile says so of com.example.mail")
    assert reasons[100][0] == "foreground"


def test_a_native_child_counts_as_the_lowest_of_its_app() -> None:
    found = decided(profile(), process(300, "logcat", 10001, 950, ppid=100))
    assert {skip.process.pid: skip.reason for skip in found.skipped}[300] == "foreground"


def test_the_system_is_neither_touched_nor_listed() -> None:
    found = decided(profile(), process(70, "surfaceflinger", 1000, 950, ppid=1))
    assert all(skip.process.uid and skip.process.uid >= 10000 for skip in found.skipped)


@pytest.mark.parametrize(("swap", "reason"), [((0, 0), "no_swap"), ((500, 99), "swap_floor")])
def test_without_room_in_swap_nobody_is_paged_out(swap: tuple[int, int], reason: str) -> None:
    found = decided(profile(), process(200, "com.example.mail", 10002, 950), swap_mib=swap)
    assert found.turns == ()
    assert {skip.process.pid: skip.reason for skip in found.skipped}[200] == reason


@pytest.mark.parametrize(("available_mib", "missing_mib"), [(50, 60), (200, 0)])
def test_a_next_launch_that_would_not_fit_makes_it_act(
    available_mib: int, missing_mib: int
) -> None:
    large = Memory(90 * _MIB, 60 * _MIB, 30 * _MIB, 40 * _MIB)
    found = decided(
        profile(), process(200, "com.example.mail", 10002, 950, memory=large),
        available_mib=available_mib,
    )  # fmt: skip
    signals = {signal.name: signal.missing_bytes for signal in found.signals}
    assert signals == {"next_launch": missing_mib * _MIB, "pressure": None}


def test_only_what_the_profile_switches_on_is_a_signal() -> None:
    text = "when: {next_launch: false, headroom: 64MiB, available: 10MiB, leaving: true}\n"
    found = decided(profile(text))
    assert {signal.name: signal.missing_bytes for signal in found.signals} == {
        "available": 0, "headroom": 44 * _MIB, "leaving": None, "pressure": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "properties", "permille"),
    [
        ("10%", {}, 150),  # AOSP's tenth, and the margin
        ("30%", {}, 300),
        ("10%", {"ro.lmk.swap_free_low_percentage": "20"}, 250),
        ("22%", {"ro.lmk.swap_free_low_percentage": "20"}, 250),
        ("10%", {"ro.lmk.swap_free_low_percentage": "5"}, 100),
        ("10%", {"ro.lmk.swap_free_low_percentage": "0"}, 100),  # no such rule
        ("10%", {"ro.lmk.swap_free_low_percentage": "100"}, 1000),
        ("10%", {"ro.lmk.swap_free_low_percentage": "rubbish"}, 100),
        (
            "10%",
            {
                "ro.build.version.sdk": "33",
                "ro.lmk.swap_free_low_percentage": "5",
                "persist.device_config.lmkd_native.swap_free_low_percentage": "15",
            },
            200,
        ),
    ],
)
def test_a_guard_stays_above_what_the_device_s_own_lmkd_calls_low(
    asked: str, properties: dict[str, str], permille: int
) -> None:
    wanted = profile(f"when: {{next_launch: true, keep_swap_free: {asked}}}\n")
    assert above_lmkds_limit(wanted, properties).when.swap_floor_permille == permille
