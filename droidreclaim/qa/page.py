"""The report of a run as one page that needs nothing else."""

from __future__ import annotations

import base64
import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from droidreclaim.qa import costs, table
from droidreclaim.qa.evidence import BACK, LEFT
from droidreclaim.qa.figures import Result
from droidreclaim.qa.record import Round
from droidreclaim.report.web import page

_WIDTH, _HEIGHT, _LEFT, _ROW, _FOOT = 720.0, 260.0, 130.0, 46.0, 34.0
_MOST_IMAGE_BYTES = 2 << 20
_MOST_SHOTS = 12  # rounds; a page of hundreds of pictures opens nowhere


@dataclass(frozen=True, slots=True)
class Dot:
    """One round in a chart: where it stands, how it ended, and its words."""

    x: float
    y: float
    state: str
    words: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The rounds of one arm on one line."""

    arm: str
    y: float
    dots: list[Dot]


def render(result: Result, head: Mapping[str, Any], rounds: Path) -> str:
    """
    The page as text; nothing in it is fetched.

    Args:
        rounds: Folder of the rounds' evidence, of which screenshots are shown.
    """
    sampled, shots = _sampled(result), _screens(result, rounds)
    slowest_s = max((one.back_s for one in result.rounds if one.back_s is not None), default=1.0)
    marks_s = round_marks_s(slowest_s)
    most_s = marks_s[-1]
    return page.render(
        __package__,
        [costs.chart(one) for one in sampled],
        filters={"seconds": table.seconds, "bytes": table.size},
        result=result,
        subject=result.subject,
        rows=[(one, table.row(one)) for one in result.arms],
        strips=_strips(result, most_s),
        sampled=sampled,
        costs=list(zip(table.COSTS, zip(*map(table.costs, result.arms), strict=True), strict=True)),
        ticks=[(_x(mark_s, most_s), f"{mark_s * 1000:.0f} ms") for mark_s in marks_s],
        shares=[(_height(part), f"{part:.0%}") for part in (0.0, 0.5, 1.0)],
        steps=_ecdf(result, most_s),
        ecdf_height=_HEIGHT,
        strip_height=_ROW * len(result.arms) + _FOOT,
        width=_WIDTH,
        left=_LEFT,
        odd=[one for one in result.rounds if one.discarded or one.fault or one.notes],
        killed=[(one, kill) for one in result.rounds for kill in one.killed],
        shots=shots[:_MOST_SHOTS],
        more_shots=len(shots[_MOST_SHOTS:]),
        device=list((head.get("device") or {}).items()),
        source=head.get("source"),
        line=_line(head),
    )


def _sampled(result: Result) -> list[Round]:
    """Of each arm the first round whose memory was sampled."""
    by_arm = [[one for one in result.rounds if one.arm == each.arm] for each in result.arms]
    return [found for own in by_arm if (found := costs.sampled(own))]


def _x(value_s: float, most_s: float) -> float:
    return round(_LEFT + (_WIDTH - _LEFT - 40) * value_s / most_s, 1)


def round_marks_s(most_s: float) -> list[float]:
    """Round times from zero to *most_s* or a little more, at most six: 0, 100, 200 ms."""
    power = 0.001
    while power * 50 < most_s:
        power *= 10
    step_s = next((one for one in (power, power * 2, power * 5) if one * 5 >= most_s), power * 10)
    return [step_s * number for number in range(max(1, math.ceil(most_s / step_s - 1e-9)) + 1)]


def _height(share: float) -> float:
    top, bottom = 14.0, _HEIGHT - _FOOT
    return round(bottom - (bottom - top) * share, 1)


def _strips(result: Result, most_s: float) -> list[Strip]:
    strips = []
    for index, figures in enumerate(result.arms):
        y = _ROW * (index + 0.5)
        own = [one for one in result.rounds if one.arm == figures.arm and one.back_s is not None]
        dots = [
            Dot(
                _x(one.back_s or 0.0, most_s),
                round(y + ((one.number * 7) % 5 - 2) * 4, 1),
                "discarded" if one.discarded else one.state.value,
                f"round {one.number}, {one.arm}: {one.state.value}, {one.kind}, "
                f"back in {table.seconds(one.back_s)}",
            )
            for one in own
        ]
        strips.append(Strip(figures.arm, y, dots))
    return strips


def _ecdf(result: Result, most_s: float) -> list[tuple[str, str, float]]:
    """By arm the path of its share of rounds that were back within a time, and where it ends."""
    paths = []
    for figures in result.arms:
        times = sorted(
            one.back_s
            for one in result.rounds
            if one.arm == figures.arm and one.back_s is not None and not one.discarded
        )
        y = _height(0.0)
        path = f"M{_x(0, most_s)} {y}"
        for index, time_s in enumerate(times, start=1):
            y = _height(index / len(times))
            path += f" H{_x(time_s, most_s)} V{y}"
        paths.append((figures.arm, path, y))
    return paths


def _screens(result: Result, rounds: Path) -> list[tuple[Round, list[tuple[str, str]]]]:
    """Of rounds that were not kept: as the app was left, and as it came back; data of the page."""
    shots = []
    for one in result.rounds:
        folder = rounds / one.folder_name
        pair = [
            (words, data)
            for words, name in (("as it was left", LEFT), ("as it came back", BACK))
            if one.state != "kept" and (data := _image(folder / name))
        ]
        if pair:
            shots.append((one, pair))
    return shots


def _image(path: Path) -> str | None:
    if not path.is_file() or path.stat().st_size > _MOST_IMAGE_BYTES:
        return None
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _line(head: Mapping[str, Any]) -> str:
    return shlex.join(["droidreclaim", *head.get("command_line", ())])
