"""Page-out without root: which commands are sent, and what counts as proof."""

from __future__ import annotations

from dataclasses import replace

import pytest

from build_values import process
from droidreclaim.device import CommandResult
from droidreclaim.errors import UsageError
from droidreclaim.parse.kills.event_values import Compacted
from droidreclaim.policy import Selection
from droidreclaim.reclaim import TRIM, Request, run_unrooted
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
    assert target.reason == "not_proven"


class Interrupted:
    """A device on which Ctrl-C is pressed while the second app is compacted."""

    serial, model = "R58M12", None

    def __init__(self) -> None:
        self.asked = 0

    def run(self, argv: tuple[str, ...], *, timeout_s: float) -> CommandResult:
        self.asked += argv[:2] == ("am", "send-trim-memory")
        if self.asked == 2:
            raise KeyboardInterrupt
        said = b"[ro.product.model]: [Pocket Phone]\n" if tuple(argv) == ("getprop",) else b""
        return CommandResult(said, b"", 0)


def test_an_interrupt_keeps_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    apps = [replace(_APP, pid=pid, packages=("com.example.mail",)) for pid in (4321, 4322)]
    monkeypatch.setattr("droidreclaim.reclaim.unrooted._processes", lambda shell: tuple(apps))
    monkeypatch.setattr("droidreclaim.reclaim.unrooted._TRIM_SETTLES_S", 0.0)
    request = Request(Selection(packages=("com.example.mail",)), how="trim")
    try:
        done = run_unrooted(Interrupted(), request, TRIM, timeout_s=1.0, progress=print)  # type: ignore[arg-type]
    except KeyboardInterrupt:
        pytest.fail("what was done is lost")
    assert [one.process.pid for one in done.result.targets] == [4321, 4322]
    assert done.result.targets[1].why.startswith("not_proven: the session ended")
    assert isinstance(done.ended_by, KeyboardInterrupt)


@pytest.mark.parametrize("bound", [{"budget_bytes": _MIB}, {"max_bytes_per_s": _MIB}])
def test_android_takes_no_bound(bound: dict[str, int]) -> None:
    request = Request(Selection(packages=("com.example.mail",)), how="trim", **bound)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="neither a budget nor a rate"):
        run_unrooted(Interrupted(), request, TRIM, timeout_s=1.0, progress=print)  # type: ignore[arg-type]
