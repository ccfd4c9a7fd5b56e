"""What the guard's lines become for people and scripts."""

from __future__ import annotations

import pytest
from msgspec import convert

from droidreclaim import profiles
from droidreclaim.errors import ParseError
from droidreclaim.helper.guard_wire import (
    AppLine,
    ConditionLine,
    EventLine,
    ExplainLine,
    Explanation,
    GuardLine,
    TurnLine,
)
from droidreclaim.helper.protocol import Reply
from droidreclaim.helper.wire import lines_of
from droidreclaim.report import render
from droidreclaim.report.guard import (
    apps_table,
    event_json,
    event_line,
    explain_json,
    explain_table,
    explain_text,
    guard_json,
    guard_text,
    stopped_text,
)

_MIB = 1 << 20
_EVENT = {
    "seq": 3, "at_s": 1_790_000_000, "boot_us": 12_500_000, "what": "action", "pid": 7,
    "name": "com.example.game", "reason": "next_launch", "advised_bytes": 4 * _MIB,
    "reclaimed_bytes": 3 * _MIB, "available_bytes": None,
    "refaulted_bytes": None, "holdoff_s": None,
}  # fmt: skip
_APP = {
    "pid": 7, "start": 9, "name": "com.example.game", "adj": 905, "importance": 905,
    "rss_anon_bytes": 5 * _MIB,
    "swap_bytes": 0, "last_action": None, "last_action_s": None, "refaulted_bytes": None,
    "holdoff_s": None, "resumes": None, "hot_bytes": None, "spared": "background",
    "uid": 10001, "match": "*",
    "background_s": 3,
}  # fmt: skip


def event(**changes: object) -> EventLine:
    return convert(_EVENT | changes, EventLine)


def test_a_decision_is_one_line_with_what_it_was_worth() -> None:
    assert event_line(event()) == (
        "2026-09-21T14:13:20Z action com.example.game (7), next_launch, advised 4.0 MiB, "
        "left memory 3.0 MiB"
    )
    assert event_json(event())["at"] == "2026-09-21T14:13:20Z"
    assert event_json(event())["boot_s"] == 12.5


def test_a_name_of_the_device_cannot_write_on_the_terminal() -> None:
    assert "\x1b" not in event_line(event(name="\x1b[2J"))
    app = convert(_APP | {"name": "a\nb\x1b[2J", "spared": "\x1b"}, AppLine)
    assert "\x1b" not in render(apps_table([app]))


def test_a_clock_beyond_every_date_is_told_by_the_time_since_boot() -> None:
    late = event(at_s=1 << 62)
    assert event_json(late)["at"] is None
    assert event_line(late).startswith("boot+12 s action")


def test_no_guard_is_not_an_empty_one() -> None:
    assert guard_text(GuardLine(running=False)) == "no guard runs"
    assert guard_text(GuardLine(running=False, last_end="time is over")).endswith("time is over")


def test_a_guard_that_was_stopped_was_one_that_ran() -> None:
    assert stopped_text(GuardLine(running=False, last_end="stopped")) == "the guard is stopped"
    assert "swap is full" in stopped_text(GuardLine(running=False, last_end="swap is full"))


def test_unknown_is_told_as_unknown() -> None:
    text = guard_text(GuardLine(running=True, pid=3, profile="x", left_s=3700, signal="timer"))
    assert "pid 3\ntime      1 h 1 min left\n" in text
    assert "? available" in text


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "in 0 page-outs,|0 background apps,"),
        (1, "in 1 page-out,|1 background app,"),
        (2, "in 2 page-outs,|2 background apps,"),
        (None, "in ? page-outs,|? background apps,"),
    ],
)
def test_one_is_no_plural(count: int | None, said: str) -> None:
    line = GuardLine(running=True, pid=3, profile="x", signal="timer", actions=count, gone=count)
    assert all(words in guard_text(line) for words in said.split("|"))


def test_apps_go_by_the_names_of_ps() -> None:
    [app] = guard_json(None, "phone", GuardLine(running=True), [convert(_APP, AppLine)])[  # type: ignore[arg-type]
        "apps"
    ]
    assert (app["start_ticks"], app["oom_score_adj"], app["band"]) == (9, 905, "cached")
    assert app["spared"] == "background"


def explanation(*apps: dict[str, object], forbidden: str | None = None) -> Explanation:
    lines = [convert(_APP | {"turn": None, "spared": None} | app, TurnLine) for app in apps]
    now = ExplainLine(
        available_bytes=50 * _MIB, free_bytes=None, low_watermark_bytes=10 * _MIB,
        headroom_bytes=None, launch_bytes=90 * _MIB, swap_total_bytes=0, swap_free_bytes=0,
        forbidden=forbidden, apps_left_out=0,
    )  # fmt: skip
    conditions = (
        ConditionLine(name="next_launch", missing_bytes=50 * _MIB),
        ConditionLine(name="available", missing_bytes=0),
        ConditionLine(name="pressure", missing_bytes=None),
    )
    return Explanation(
        profiles.load("keep-games"), now, conditions,
        tuple(line for line in lines if line.turn), tuple(line for line in lines if not line.turn),
    )  # fmt: skip


def test_an_explanation_says_when_it_acts_and_whether_that_is_now() -> None:
    assert explain_text(explanation()).splitlines()[1:] == [
        "when next_launch: acts now, 50.0 MiB are missing",
        "when available: not now",
        "when pressure: seen only by watching",
    ]


@pytest.mark.parametrize(
    ("spared", "match", "detail"),
    [
        ("no_rule", None, "the profile does not speak of it"),
        ("leave", "com.android.systemui", "the profile says so of com.android.systemui"),
        ("foreground", "*", "in use (adj 0)"),
        ("perceptible", "*", "the user would notice (adj 0)"),
        ("small", "*", "holds only 5.0 MiB"),
        ("some_word_of_later", "*", ""),
        (None, "*", "nobody is paged out now"),
    ],
)
def test_who_is_left_alone_has_the_guard_s_word_and_a_sentence(
    spared: str | None, match: str | None, detail: str
) -> None:
    child = {"spared": spared, "match": match, "importance": 0}
    plan = explanation(child, forbidden="swap_floor")
    [skip] = explain_json(None, "phone", plan)["skipped"]  # type: ignore[arg-type]
    assert (skip["reason"], skip["detail"]) == (spared or "swap_floor", detail)
    assert (skip["oom_score_adj"], skip["importance"]) == (905, 0)
    assert f"{skip['reason']}: {detail}".removesuffix(": ") in render(explain_table(plan))


def test_a_turn_has_what_the_profile_says_of_it() -> None:
    plan = explanation({"turn": 1, "match": plan_match()})
    [turn] = explain_json(None, "phone", plan)["turns"]  # type: ignore[arg-type]
    assert (turn["how"], turn["match"]) == (plan.profile.rules[-1].rung, plan_match())
    assert turn["after_background_s"] == plan.profile.rules[-1].background_ms / 1e3


def plan_match() -> str:
    """The pattern of the general rule."""
    return profiles.load("keep-games").rules[-1].match


def test_a_name_in_an_explanation_cannot_write_on_the_terminal() -> None:
    plan = explanation({"name": "\x1b[2J", "spared": "\x1b"}, forbidden="\x1b[2J")
    assert "\x1b" not in render(explain_table(plan)) + explain_text(plan)


@pytest.mark.parametrize("changes", [{"seq": "3"}, {"boot_us": -1}, {"what": None}])
def test_a_line_of_another_form_is_refused(changes: dict[str, object]) -> None:
    reply = Reply("1", ({"t": "event", **_EVENT, **changes},), True, None, None)
    with pytest.raises(ParseError):
        lines_of(reply, "event", EventLine)
