"""A page-out is judged by the memory that left, not by what the kernel returned."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from build_values import process
from droidreclaim import reclaim
from droidreclaim.model import (
    Advice,
    DeviceInfo,
    Memory,
    Reason,
    Refusal,
    Skip,
    SwapChange,
    TargetResult,
)
from droidreclaim.policy import Plan, Selection
from droidreclaim.reclaim.prefetch import prefetched
from droidreclaim.report.reclaim import hot_line, reclaim_json

_MIB = 1 << 20
_APP = process(200, "com.example.mail", 10002, 905)
_BEFORE = Memory(100 * _MIB, 80 * _MIB, 20 * _MIB, 0)
_AFTER = Memory(24 * _MIB, 4 * _MIB, 20 * _MIB, 76 * _MIB)
_MOVED = Advice(
    pid=200, start=2000, outcome="advised", reason=None, advised_bytes=76 * _MIB,
    exclusive_bytes=76 * _MIB, shared_bytes=4 * _MIB, swapped_bytes=0, refused=(), adj=905,
    frozen=False, steps=76, longest_us=2000, duration_us=300_000, before=_BEFORE, after=_AFTER,
    major_faults=0, approximate=False,
)  # fmt: skip
_SWAP = SwapChange(512 * _MIB, 500 * _MIB, 424 * _MIB, 0, 26 * _MIB, 0, 0, 0)
_ASKED = reclaim.Request(Selection())


def judge(advice: Advice, request: reclaim.Request = _ASKED) -> TargetResult:
    return reclaim.judge(_APP, advice, request)


def test_what_left_is_reclaimed_and_gained_is_less() -> None:
    target = judge(_MOVED)
    assert (target.outcome, target.reason) == ("reclaimed", None)
    totals = reclaim.totals((target,), _SWAP)
    assert totals.advised_bytes == 76 * _MIB
    assert totals.reclaimed_bytes == 76 * _MIB
    assert totals.swapped_bytes == 76 * _MIB
    assert totals.gained_bytes == 50 * _MIB


def test_pages_that_stay_in_the_swap_cache_are_not_gained() -> None:
    stuck = replace(_SWAP, swap_cached_after_bytes=40 * _MIB)
    assert reclaim.totals((judge(_MOVED),), stuck).gained_bytes == 10 * _MIB


def test_success_of_the_call_is_not_success() -> None:
    target = judge(replace(_MOVED, after=_BEFORE))
    assert target.outcome == "nothing"
    assert (target.reason, target.detail) == ("not_proven", "advised, and nothing left")


def test_what_is_unknown_stays_unknown() -> None:
    target = judge(replace(_MOVED, before=None))
    assert target.outcome == "nothing"
    assert target.advice.rss_fall_bytes is None
    totals = reclaim.totals((target,), _SWAP)
    assert totals.reclaimed_bytes is None
    assert totals.gained_bytes is None


def test_an_app_in_swap_already_says_its_share() -> None:
    swapped = replace(
        _MOVED, outcome="nothing", reason="already_swapped", advised_bytes=0,
        before=Memory(30 * _MIB, 10 * _MIB, 20 * _MIB, 90 * _MIB),
    )  # fmt: skip
    assert judge(swapped).why == "already_swapped: 90% of its anonymous memory is in swap"


def test_a_page_that_our_own_look_brought_back_is_no_gain() -> None:
    page = 4096
    again = replace(
        _MOVED, advised_bytes=page, exclusive_bytes=page, swapped_bytes=76 * _MIB,
        before=replace(_AFTER, rss_bytes=24 * _MIB + page), after=_AFTER,
    )  # fmt: skip
    target = judge(again)
    assert target.outcome == "nothing"
    assert (target.reason, target.detail) == (
        "already_swapped",
        "95% of its anonymous memory is in swap",
    )


def test_locked_memory_is_the_reason_when_nothing_else_was_there() -> None:
    locked = replace(
        _MOVED, outcome="nothing", advised_bytes=0, after=_BEFORE,
        refused=(Refusal("EINVAL", 1, 64 * _MIB),),
    )  # fmt: skip
    assert judge(locked).why == "locked: EINVAL on 1 range"


@pytest.mark.parametrize(
    ("outcome", "reason", "expected"),
    [
        ("gone", None, ("gone", "gone")),
        ("changed", None, ("gone", "changed: the pid is another process now")),
        ("denied", "denied", ("denied", "denied")),
        ("stopped", "foreground",
         ("stopped", "foreground: it came to the foreground (adj 905)")),
        ("stopped", "swap_budget", ("reclaimed", "swap_budget")),
    ],
)  # fmt: skip
def test_outcomes_are_the_contracts_words(
    outcome: str, reason: str | None, expected: tuple[str, str]
) -> None:
    target = judge(replace(_MOVED, outcome=outcome, reason=reason))
    assert (target.outcome, target.why or None) == expected


def test_a_dry_run_estimates_what_is_exclusively_its_own() -> None:
    dry = reclaim.Request(Selection(), dry_run=True)
    target = judge(replace(_MOVED, advised_bytes=0, after=None), dry)
    assert target.outcome == "estimated"
    assert reclaim.totals((target,), None).gained_bytes is None


def test_at_its_own_limit_of_swap_success_is_nothing_and_says_why() -> None:
    full = replace(_MOVED, advised_bytes=_MIB, after=_BEFORE, swap_room_bytes=0)
    stopped = replace(full, outcome="stopped", reason=Reason.SWAP_LIMIT, advised_bytes=0)
    for target in (judge(full), judge(stopped)):
        assert (target.outcome, target.reason) == ("nothing", "swap_limit")
        assert "memory.swap.max" in str(target.detail)
    part = judge(replace(_MOVED, outcome="stopped", reason=Reason.SWAP_LIMIT, swap_room_bytes=0))
    assert (part.outcome, part.reason) == ("reclaimed", "swap_limit")


@pytest.mark.parametrize(("room", "outcome"), [(0, "nothing"), (_MIB, "estimated")])
def test_a_dry_run_is_bounded_by_the_target_s_own_limit_of_swap(room: int, outcome: str) -> None:
    dry = reclaim.Request(Selection(), dry_run=True)
    target = judge(replace(_MOVED, advised_bytes=0, after=None, swap_room_bytes=room), dry)
    assert (target.outcome, target.reason) == (outcome, "swap_limit")
    assert target.advice.movable_bytes == room


def test_cold_moves_nothing_and_says_so() -> None:
    target = judge(replace(_MOVED, after=_BEFORE), reclaim.Request(Selection(), how="cold"))
    assert target.outcome == "advised"
    assert target.reason is not None
    assert target.reason == "not_proven"
    assert target.detail


_PREFETCH = reclaim.Request(Selection(), how="prefetch")
_IN_SWAP = replace(_MOVED, before=_AFTER, after=_AFTER, swapped_bytes=76 * _MIB)


def test_a_prefetch_is_told_by_what_came_in_and_reclaims_nothing() -> None:
    target = judge(_IN_SWAP, _PREFETCH)
    assert target.outcome == "prefetched"
    cached = replace(_SWAP, swap_cached_after_bytes=70 * _MIB)
    result = reclaim.result((target,), cached, Plan((_APP,), (), -1000), _PREFETCH)
    told = prefetched(result, 72 * _MIB, cached)
    assert told.achieved
    assert (told.totals.came_in_bytes, told.totals.swap_cached_delta_bytes) == (
        72 * _MIB, 70 * _MIB,
    )  # fmt: skip
    assert told.totals.reclaimed_bytes is told.totals.gained_bytes is None


def test_a_prefetch_that_the_counters_do_not_know_of_is_nothing() -> None:
    result = reclaim.result(
        (judge(_IN_SWAP, _PREFETCH),), _SWAP, Plan((_APP,), (), -1000), _PREFETCH
    )
    told = prefetched(result, 0, _SWAP)
    assert not told.achieved
    assert told.targets[0].why.startswith("not_proven: ")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"outcome": "nothing", "swapped_bytes": 0}, "not_swapped: "),
        ({"outcome": "stopped", "reason": "no_memory"}, "no_memory: "),
        ({"outcome": "nothing", "resumes": 0}, "not_learned: "),
        ({"outcome": "nothing", "resumes": 2, "swapped_bytes": 0}, "not_swapped: "),
    ],
)
def test_a_prefetch_of_nothing_says_why(changes: dict[str, object], reason: str) -> None:
    target = judge(replace(_IN_SWAP, advised_bytes=0, **changes), _PREFETCH)  # type: ignore[arg-type]
    assert target.outcome == "nothing"
    assert target.why.startswith(reason)


def test_where_only_the_hot_is_left_that_is_why_nothing_went() -> None:
    asked = replace(_ASKED, hot="keep")
    left = replace(_MOVED, advised_bytes=0, after=_BEFORE, resumes=1, left_out_bytes=6 * _MIB)
    assert judge(left, asked).why.startswith("hot: ")
    swapped = replace(left, outcome="nothing", reason=Reason.ALREADY_SWAPPED, before=_AFTER)
    assert judge(swapped, asked).why.startswith("hot: ")
    none = replace(left, outcome="stopped", reason=Reason.SWAP_BUDGET)
    assert judge(none, asked).why.startswith("swap_budget")


def test_what_was_left_for_the_next_resume_is_told_and_of_whom_nothing_is_known() -> None:
    asked = replace(_ASKED, hot="keep")
    advices = (
        replace(_MOVED, resumes=2, left_out_bytes=6 * _MIB),
        replace(_MOVED, resumes=0, left_out_bytes=0),
    )
    plan = Plan((_APP,), (), 700)
    both = reclaim.result(tuple(judge(one, asked) for one in advices), _SWAP, plan, asked)
    assert hot_line(both) == (
        "left in memory for the next resume: 6.0 MiB; of 1 process nothing is known yet"
    )
    first = reclaim.result((judge(advices[0], asked),), _SWAP, plan, asked)
    assert hot_line(first) == "left in memory for the next resume: 6.0 MiB"
    assert hot_line(reclaim.result((judge(_MOVED),), _SWAP, plan, _ASKED)) is None


def test_a_memcg_that_holds_others_says_so() -> None:
    memcg = reclaim.Request(Selection(), backend="memcg")
    target = judge(replace(_MOVED, outcome="denied", reason="shared_cgroup"), memcg)
    assert target.outcome == "denied"
    assert target.why.startswith("shared_cgroup: ")


def test_nothing_achieved_names_the_reasons() -> None:
    target = judge(replace(_MOVED, outcome="gone"))
    result = reclaim.result((target,), _SWAP, Plan((_APP,), (), 700), _ASKED)
    assert not result.achieved
    assert str(reclaim.explain_nothing(result)) == "nothing reclaimed: com.example.mail: gone"


def test_a_reason_is_one_fixed_word_for_targets_and_skips_and_the_sentence_its_detail() -> None:
    locked = judge(replace(_MOVED, advised_bytes=0, refused=(Refusal("EINVAL", 1, _MIB),)))
    skip = Skip(_APP, Reason.FOREGROUND, "in the foreground (adj 0): press Home, or --force")
    plan = Plan((), (skip,), 700)
    info = DeviceInfo("here", None, None, None, None, None)
    document = reclaim_json(info, "device", reclaim.result((locked,), None, plan, _ASKED))
    for row, word in ((document["targets"][0], "locked"), (document["skipped"][0], "foreground")):
        assert json.loads(json.dumps(row))["reason"] == word
        assert " " in row["detail"]
