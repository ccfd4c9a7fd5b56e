"""What the guard's lines become for people and scripts."""

from __future__ import annotations

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.helper.guard_wire import AppLine, EventLine, GuardLine
from droidreclaim.helper.protocol import Reply
from droidreclaim.helper.wire import lines_of
from droidreclaim.report import render
from droidreclaim.report.guard import (
    apps_table,
    event_json,
    event_line,
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
    "holdoff_s": None, "spared": "background", "uid": 10001, "match": "*", "background_s": 3,
}  # fmt: skip


def event(**changes: object) -> EventLine:
    return EventLine.model_validate(_EVENT | changes)


def test_a_decision_is_one_line_with_what_it_was_worth() -> None:
    assert event_line(event()) == (
        "2026-09-21T14:13:20Z action com.example.game (7), next_launch, advised 4.0 MiB, "
        "left memory 3.0 MiB"
    )
    assert event_json(event())["at"] == "2026-09-21T14:13:20Z"
    assert event_json(event())["boot_s"] == 12.5


def test_a_name_of_the_device_cannot_write_on_the_terminal() -> None:
    assert "\x1b" not in event_line(event(name="\x1b[2J"))
    app = AppLine.model_validate(_APP | {"name": "a\nb\x1b[2J", "spared": "\x1b"})
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


def test_apps_go_by_the_names_of_ps() -> None:
    [app] = guard_json(None, "phone", GuardLine(running=True), [AppLine.model_validate(_APP)])[  # type: ignore[arg-type]
        "apps"
    ]
    assert (app["start_ticks"], app["oom_score_adj"], app["band"]) == (9, 905, "cached")
    assert app["spared"] == "background"


@pytest.mark.parametrize("changes", [{"seq": "3"}, {"boot_us": -1}, {"what": None}])
def test_a_line_of_another_form_is_refused(changes: dict[str, object]) -> None:
    reply = Reply("1", ({"t": "event", **_EVENT, **changes},), True, None, None)
    with pytest.raises(ParseError):
        lines_of(reply, "event", EventLine)
