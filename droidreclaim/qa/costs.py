"""What an arm cost and what came back: medians over its rounds, and memory over time. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from droidreclaim.qa.record import Mark, Point, Round
from droidreclaim.qa.stats import quantile
from droidreclaim.report.web.page import Chart, Line
from droidreclaim.report.web.page import Mark as Moment
from droidreclaim.units import MIB

_WHEN = ("before", "arm", "resume")
_SIGNS = {"arm": "↓", "resume": "↑"}


def medians(rounds: Sequence[Round]) -> dict[str, float | None]:
    """
    Medians over the rounds that could tell; None where none could.

    Sizes of the app before the arm, after it and back; of its resume what left swap 1 and 10 s
    afterwards, its major faults, and the pages that the whole device read from swap, and the
    frames of its first two seconds; of the round how long tasks waited for memory.
    """
    known: dict[str, list[float | None]] = {}
    for when in _WHEN:
        for size in ("pss", "rss", "swap"):
            known[f"{size}_{when}_bytes"] = [
                getattr(one.memory[when], f"{size}_bytes") if when in one.memory else None
                for one in rounds
            ]
    for after_s in (1, 10):
        known[f"came_back_{after_s}s_bytes"] = [one.came_back_bytes(after_s) for one in rounds]
    known["resume_major_faults"] = [one.resume_major_faults for one in rounds]
    known["resume_paged_in"] = [_cost(one, "resume", "paged_in") for one in rounds]
    known["resume_frames"] = [one.drawn.frames if one.drawn else None for one in rounds]
    known["resume_janky_frames"] = [one.drawn.janky if one.drawn else None for one in rounds]
    for name in ("psi_some_s", "psi_full_s"):
        known[f"round_{name}"] = [_cost(one, "round", name) for one in rounds]
    return {name: quantile(values, 0.5) for name, values in known.items()}


def _cost(one: Round, when: str, name: str) -> float | None:
    return getattr(one.cost[when], name) if when in one.cost else None


def sampled(rounds: Sequence[Round]) -> Round | None:
    """The first round whose memory was sampled, of those that count."""
    return next((one for one in rounds if one.track and one.marks and not one.discarded), None)


def chart(one: Round) -> Chart:
    """Memory of the app over the time of a round; what was done and who was killed is marked."""
    start_s = one.marks[0].boot_s
    points = with_gaps(one.track)
    at_s = [round(boot_s - start_s, 2) for boot_s, _ in points]
    lines = [
        Line("in memory (RssAnon)", "available", _mib(points, "anon_bytes"), fill=True),
        Line("in swap", "swapped", _mib(points, "swap_bytes")),
    ]
    done = [_moment(one, mark, start_s) for mark in one.marks if mark.what in _SIGNS]
    kills = [
        Moment(kill.boot_s - start_s, f"{(kill.name or '?').rpartition('.')[2]} by {kill.by}")
        for kill in one.killed
        if kill.boot_s is not None
    ]
    return Chart(at_s, lines, sorted([*done, *kills], key=lambda moment: moment.at_s))


def with_gaps(track: Sequence[Point]) -> list[tuple[float, Point | None]]:
    """Samples by time, with a gap between two processes, so that no line joins them."""
    found: list[tuple[float, Point | None]] = []
    for point in track:
        last = found[-1][1] if found else None
        if last is not None and last.pid != point.pid:
            found.append(((last.boot_s + point.boot_s) / 2, None))
        found.append((point.boot_s, point))
    return found


def _moment(one: Round, mark: Mark, start_s: float) -> Moment:
    name = one.arm if mark.what == "arm" else f"resume, {one.kind}"
    return Moment(round(mark.boot_s - start_s, 2), name, _SIGNS[mark.what])


def _mib(points: Sequence[tuple[float, Point | None]], name: str) -> list[float | None]:
    return [None if one is None else round(getattr(one, name) / MIB, 1) for _, one in points]
