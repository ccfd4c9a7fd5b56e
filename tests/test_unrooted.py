"""What Android itself allows: how to ask it, and what counts as proof."""

from __future__ import annotations

import pytest

from build_values import process
from droidreclaim.parse.event_values import Compacted
from droidreclaim.reclaim.unrooted import compact_words, compacted

_APP = process(4321, "com.example.mail", 10002, 905)
_HELP = "Activity manager (activity) commands:\n  help\n      Print this help text.\n"
_MIB = 1 << 20


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("compact <process_name> <Package UID> [some|full]", ["com.example.mail", "10002", "full"]),
        (
            "compact [some|full] <process_name> [--user <USER_ID>]",
            ["full", "com.example.mail", "--user", "0"],
        ),
        ("compact {some|full} <PROCESS>", ["full", "4321"]),
    ],
)
def test_each_release_is_asked_in_its_own_words(line: str, expected: list[str]) -> None:
    words = compact_words(f"{_HELP}  {line}\n      Perform a single process compaction.\n")
    assert words is not None
    assert words(_APP) == expected


def test_a_release_without_the_command_is_known_by_its_help() -> None:
    assert compact_words(_HELP) is None


def event(rss_delta: int) -> Compacted:
    return Compacted(
        at=None, pid=4321, name="com.example.mail", action="full",
        before_bytes={"rss": 60 * _MIB, "file": 20 * _MIB, "anon": 40 * _MIB, "swap": 0},
        delta_bytes={"rss": rss_delta, "file": 0, "anon": rss_delta, "swap": -rss_delta},
        duration_ms=30, oom_score_adj=905, proc_state=16, zram_free_before_bytes=None,
        zram_free_delta_bytes=None,
    )  # fmt: skip


def test_the_event_says_what_left() -> None:
    target = compacted(_APP, event(-30 * _MIB), 0.5)
    assert target.outcome == "reclaimed"
    assert target.advice.rss_fall_bytes == 30 * _MIB
    assert target.advice.swap_rise_bytes == 30 * _MIB


def test_an_event_of_nothing_is_nothing() -> None:
    target = compacted(_APP, event(0), 0.5)
    assert target.outcome == "nothing"
    assert target.reason is not None
    assert target.reason.startswith("not_proven")
