"""What an app held by state in two runs, round by round: did it grow? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from droidreclaim.model.footprint import FIGURES, PlayState
from droidreclaim.qa import stats
from droidreclaim.qa.record import Round
from droidreclaim.units import format_size

TITLES = ("ARM", "RUN", "STATE", "P90", "MORE", "95 %", "WOULD HAVE BEEN SEEN")
_TOLD = "p90"  # what Play judges by; the others are in the JSON document

Held = Mapping[tuple[str, str], tuple[int, ...]]
"""By state and figure what each round came to: RssAnon + VmSwap of its largest process."""


@dataclass(frozen=True, slots=True)
class Growth:
    """
    A figure of one state in a run, against the same arm of the first.

    Attributes:
        rounds: Of each run, the first run's last.
        bytes_: Mean over the rounds.
        shift: How much more than in the first run.
    """

    run: str
    arm: str
    state: str
    figure: str
    rounds: tuple[int, int]
    bytes_: float
    shift: stats.Shift


def memory_by_state(rounds: Iterable[Round]) -> Held:
    """What rounds with a footprint held, state by state."""
    rounds = list(rounds)
    found = {}
    for state in PlayState:
        for figure in FIGURES:
            told = [one.footprint.get(state.value, {}).get(figure) for one in rounds]
            known = tuple(size for size in told if size is not None)
            if known:
                found[state.value, figure] = known
    return found


def growths(run: str, arm: str, ours: Held, theirs: Held) -> list[Growth]:
    """Each figure that both runs have."""
    found = []
    for state, figure in ours:
        mine, first = ours[state, figure], theirs.get((state, figure), ())
        shift = stats.shift(mine, first)
        if shift is not None:
            mean = sum(mine) / len(mine)
            rounds = len(mine), len(first)
            found.append(Growth(run, arm, state, figure, rounds, mean, shift))
    return found


def p90_growths(found: Iterable[Growth]) -> list[Growth]:
    """What words and tables name: P90."""
    return [one for one in found if one.figure == _TOLD]


def sentence(one: Growth) -> str:
    """``reclaim: background P90 grew by 38 MiB (95 %: 31 to 44 MiB)``."""
    head = f"{one.arm}: {_words(one.state)} {one.figure.upper()}"
    more, sure = one.shift.more, one.shift.interval
    size = format_size(abs(round(more)))
    word = "grew" if more >= 0 else "shrank"
    if sure is None:
        why = (
            f"{stats.LEAST_PAIRS} rounds of each are the least"
            if stats.AVAILABLE
            else "scipy is missing: pip install 'droidreclaim[stats]'"
        )
        return f"{head} {word} by {size} (how sure is not known: {why})"
    if sure.low <= 0 <= sure.high:
        more_words = f"{_signed(more)}, 95 %: {_signed(sure.low)} to {_signed(sure.high)}"
        return f"{head}: no difference is shown ({more_words}{_least(one)})"
    ends = sorted((abs(sure.low), abs(sure.high)))
    low, high = (format_size(round(end)) for end in ends)
    return f"{head} {word} by {size} (95 %: {low} to {high})"


def _least(one: Growth) -> str:
    least = one.shift.detectable
    return f"; {format_size(round(least))} would have been seen" if least is not None else ""


def row(one: Growth) -> list[str]:
    """The cells of `TITLES`."""
    sure, least = one.shift.interval, one.shift.detectable
    return [
        one.arm,
        one.run,
        _words(one.state),
        format_size(round(one.bytes_)),
        _signed(one.shift.more),
        f"{_signed(sure.low)} to {_signed(sure.high)}" if sure else "?",
        format_size(round(least)) if least is not None else "",
    ]


def to_json(found: Sequence[Growth]) -> list[dict[str, Any]]:
    """Every figure, in bytes."""
    return [
        {
            "arm": one.arm,
            "run": one.run,
            "state": one.state,
            "figure": one.figure,
            "rounds": list(one.rounds),
            "mean_bytes": round(one.bytes_),
            "more_bytes": round(one.shift.more),
            "low_bytes": round(one.shift.interval.low) if one.shift.interval else None,
            "high_bytes": round(one.shift.interval.high) if one.shift.interval else None,
            "detectable_bytes": None
            if one.shift.detectable is None
            else round(one.shift.detectable),
        }
        for one in found
    ]


def _words(state: str) -> str:
    return state.replace("user_", "user-").replace("_", " ")


def _signed(size: float) -> str:
    rounded = round(size)
    return f"{'-' if rounded < 0 else '+'}{format_size(abs(rounded))}"
