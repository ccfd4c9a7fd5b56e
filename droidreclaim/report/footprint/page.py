"""A footprint as one page that needs nothing else: memory over time by state, and the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from droidreclaim.model.footprint import Footprint, PlayState, ProcessUse, Verdict
from droidreclaim.policy.footprint import gap_us
from droidreclaim.report import footprint as report
from droidreclaim.report.footprint.words import WORDS, decimal, name_of
from droidreclaim.report.web import page
from droidreclaim.report.web.page import Chart, Line, Mark
from droidreclaim.units import MIB

_COLOURS = {
    PlayState.FOREGROUND: "available",
    PlayState.SERVICES: "zram",
    PlayState.BACKGROUND: "swapped",
    PlayState.CACHED: "stall",
    PlayState.UNSURE: "faint",
    PlayState.OTHER: "faint",
}
_MOST_POINTS = 4000  # of a line: more than a screen has columns
_PAUSE_US, _PAGED_OUT_BYTES = 1_000_000, MIB
_MB = 10**6  # as the thresholds' own unit
_NEAR = 2  # a threshold further away than this would press the picture flat

_Point = tuple[int, int, int, PlayState] | None


def render(seen: Footprint, source: str, read: str, *, second_hand: bool) -> str:
    """The page as text; nothing in it is fetched."""
    return page.render(
        __package__,
        [_chart(seen, one) for one in seen.processes],
        filters={"gb": decimal},
        seen=seen,
        sentences=report.summary(seen, source, read, second_hand=second_hand).split("\n"),
        rows=[_row(seen, one, use.state) for one in seen.processes for use in one.uses],
    )


def _row(seen: Footprint, one: ProcessUse, state: PlayState) -> dict[str, Any]:
    use = next(use for use in one.uses if use.state is state)
    return {
        "name": name_of(one.track),
        "isolated": one.track.isolated,
        "state": WORDS[state],
        "use": use,
        "verdicts": [v for v in one.verdicts if v.state is state],
        "at_s": (use.max_at_us - seen.from_us) / 1e6,
    }


def _chart(seen: Footprint, one: ProcessUse) -> Chart:
    points = list(_points(one, gap_us(seen.hz)))
    at_s = [0.0 if point is None else (point[0] - seen.from_us) / 1e6 for point in points]
    for index, point in enumerate(points):
        if point is None:
            at_s[index] = at_s[index - 1]
    lines = [_state_line(points, state) for state in PlayState if state in one.states]
    lines.append(
        Line("of it in swap", "kept", [None if p is None else p[2] / _MB for p in points], "MB")
    )
    return Chart(at_s, lines + _limits(seen, one, len(points)), _marks(seen, one))


def _state_line(points: Sequence[_Point], state: PlayState) -> Line:
    """Memory while in one state; each stretch reaches to where the next begins."""
    values: list[float | None] = [None] * len(points)
    for index, point in enumerate(points):
        if point is not None and point[3] is state:
            values[index] = point[1] / _MB
            if index + 1 < len(points) and (after := points[index + 1]) is not None:
                values[index + 1] = after[1] / _MB
    return Line(WORDS[state], _COLOURS[state], values, "MB")


def _limits(seen: Footprint, one: ProcessUse, count: int) -> list[Line]:
    """A line for each threshold that is near enough; in red of the class that decides."""
    near = _NEAR * max(one.track.bytes_)
    classes: dict[tuple[int, str], list[int]] = {}
    for verdict in one.verdicts:
        if verdict.limit_bytes <= near:
            own = classes.setdefault((verdict.limit_bytes, _where(one, verdict)), [])
            if verdict.ram_gb not in own:
                own.append(verdict.ram_gb)
    return [
        Line(f"{decimal(limit)}: {where}, {', '.join(map(str, sizes))} GB phones",
             "lost" if seen.judged_gb in sizes else "faint", [limit / _MB] * count, "MB")
        for (limit, where), sizes in sorted(classes.items())
    ]  # fmt: skip


def _where(one: ProcessUse, verdict: Verdict) -> str:
    """``in front``, ``behind`` where all other states have one limit, else the state."""
    if verdict.state is PlayState.FOREGROUND:
        return "in front"
    limits = {
        each.limit_bytes
        for each in one.verdicts
        if each.ram_gb == verdict.ram_gb and each.state is not PlayState.FOREGROUND
    }
    return "behind" if len(limits) == 1 else WORDS[verdict.state]


def _points(one: ProcessUse, gap: int) -> Iterator[_Point]:
    """Samples, of many the highest of each stretch in one state; None for a gap."""
    track = one.track
    step = -(-len(track.at_us) // _MOST_POINTS)
    best: tuple[int, int, int, PlayState] | None = None
    for index, state in enumerate(one.states):
        point = (track.at_us[index], track.bytes_[index], track.swap_bytes[index], state)
        away = index > 0 and track.at_us[index] - track.at_us[index - 1] > gap
        if best is not None and (away or index % step == 0 or best[3] is not state):
            yield best
            best = None
        if away:
            yield None
        if best is None or point[1] > best[1]:
            best = point
    if best is not None:
        yield best


def _marks(seen: Footprint, one: ProcessUse) -> list[Mark]:
    left = [
        Mark((track_at - seen.from_us) / 1e6, "left the foreground", "↓")
        for (track_at, state), (_, after) in pairwise(zip(one.track.at_us, one.states, strict=True))
        if state is PlayState.FOREGROUND and after is not PlayState.FOREGROUND
    ]
    ended = [
        Mark((death.at_us - seen.from_us) / 1e6, f"ended: {death.by or 'by whom is unknown'}")
        for death in seen.deaths
        if death.id == one.track.id
    ]
    return left + _page_outs(seen, one) + _trims(seen, one) + ended


def _trims(seen: Footprint, one: ProcessUse) -> list[Mark]:
    """Moments at which Android was first seen to have asked a process for a higher trim level."""
    found, level = [], 0
    for reading in seen.readings:
        state = reading.states.get(one.track.id.pid)
        if state is None or not one.track.at_us[0] <= reading.until_us <= one.track.at_us[-1]:
            continue
        if state.trim_level > level:
            at_s = (reading.until_us - seen.from_us) / 1e6
            found.append(Mark(at_s, f"trimmed by Android, level {state.trim_level}", "✂"))
        level = state.trim_level
    return found


def _page_outs(seen: Footprint, one: ProcessUse) -> list[Mark]:
    """Stretches in which memory went to swap, without a pause of a second."""
    track, found = one.track, []
    began = end = None
    for index in range(1, len(track.at_us) + 1):
        at_us = track.at_us[index] if index < len(track.at_us) else None
        if at_us is not None and track.swap_bytes[index] > track.swap_bytes[index - 1]:
            began, end = (index - 1 if began is None else began), index
        elif began is not None and end is not None and (
            at_us is None or at_us - track.at_us[end] > _PAUSE_US
        ):  # fmt: skip
            size = track.swap_bytes[end] - track.swap_bytes[began]
            if size >= _PAGED_OUT_BYTES:
                at_s = (track.at_us[end] - seen.from_us) / 1e6
                found.append(Mark(at_s, f"paged out, {decimal(size)}", "⤓"))
            began = end = None
    return found
