"""A comparison as one page that needs nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from droidreclaim.qa import stats
from droidreclaim.qa.compare import Comparison, memory, sentences, table
from droidreclaim.report.web import page

_LEFT, _WIDTH, _ROW = 16.0, 720.0, 58.0


@dataclass(frozen=True, slots=True)
class Bar:
    """The share of hits of one arm and run: its interval as a line, itself as a dot."""

    words: str
    y: float
    low_x: float
    high_x: float
    dot_x: float
    colour: int


def render(found: Comparison) -> str:
    """The page as text; nothing in it is fetched."""
    return page.render(
        __package__,
        [],
        found=found,
        sentences=sentences(found),
        titles=table.titles(found),
        rows=[table.row(cell) for cell in found.cells],
        memory_titles=memory.TITLES,
        memory_rows=[memory.row(one) for one in memory.p90_growths(found.growths)],
        bars=_bars(found),
        ticks=[(_x(part / 4), f"{part * 25} %") for part in range(5)],
        width=_WIDTH,
        height=_ROW * len(found.cells) + 34,
    )


def _x(share: float) -> float:
    return round(_LEFT + (_WIDTH - 2 * _LEFT) * share, 1)


def _bars(found: Comparison) -> list[Bar]:
    names = [one.name for one in found.subjects]
    bars = []
    for index, cell in enumerate(found.cells):
        one = cell.measured
        sure = one.share or stats.Interval(0.0, 1.0)
        dot = one.hits / one.total if one.total else 0.5
        words = f"{cell.arm}, {cell.run}: {one.hits} of {one.total}"
        bars.append(
            Bar(words, _ROW * index + 40, _x(sure.low), _x(sure.high), _x(dot),
                names.index(cell.run) % 5)
        )  # fmt: skip
    return bars
