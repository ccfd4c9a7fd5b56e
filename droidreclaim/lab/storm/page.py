"""The report of a storm as one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from droidreclaim.lab.storm import table
from droidreclaim.lab.storm.events import Run, Sample
from droidreclaim.lab.storm.result import BASELINE, Storm, rows
from droidreclaim.lab.storm.words import headline, meaning, name_of
from droidreclaim.report.web import page
from droidreclaim.report.web.page import Chart, Line, Mark
from droidreclaim.units import MIB


def render(storm: Storm) -> str:
    """Return the page as text; it loads nothing from elsewhere."""
    runs = [run for own in storm.arms.values() for run in own]
    return page.render(
        __package__,
        [chart(run) for run in runs],
        filters={
            "seconds": table.seconds,
            "kills": table.kills,
            "known": table.known,
            "points": table.points,
        },
        storm=storm,
        what=storm.what,
        rows=rows(storm),
        headline=headline(storm),
        meanings=[(arm, meaning(arm)) for arm in storm.arms],
        name_of=name_of,
        warnings=table.warnings(storm),
        runs=runs,
        device=_device(runs),
        BASELINE=BASELINE,
    )


def chart(run: Run) -> Chart:
    """Memory, pressure and kills of one run over time."""
    samples = run.samples
    waits = Line("waits for memory (PSI some)", "stall", stalls(samples), unit="%")
    gone = [Mark(one.at_s, one.package.rpartition(".")[2]) for one in run.gone]
    return Chart(
        [one.at_s for one in samples],
        [*memory_lines(samples), waits],
        gone,
        marks="✗ an app is gone",
    )


def memory_lines(samples: Sequence[Sample]) -> list[Line]:
    """Return memory over time as lines of a chart: available, in swap, taken by swap."""
    return [
        Line("available", "available", _mib([one.available_bytes for one in samples]), fill=True),
        Line("in swap", "swapped", _mib([one.swap_used_bytes for one in samples])),
        Line("swap takes (zram)", "zram", _mib([one.zram_used_bytes for one in samples])),
    ]


def stalls(samples: Sequence[Sample]) -> list[float | None]:
    """Share of the time since the sample before in which something waited, in per cent."""
    shares: list[float | None] = [None] if samples else []
    for before, now in pairwise(samples):
        took_us = (now.at_s - before.at_s) * 1e6
        if before.psi_some_us is None or now.psi_some_us is None or took_us <= 0:
            shares.append(None)
        else:
            shares.append(min(100.0, (now.psi_some_us - before.psi_some_us) / took_us * 100))
    return shares


def _mib(values: Sequence[int | None]) -> list[float | None]:
    return [None if value is None else round(value / MIB, 1) for value in values]


def _device(runs: Sequence[Run]) -> list[tuple[str, Any]]:
    if not runs:
        return []
    first = runs[0].begin
    return [*first.device.items(), *first.state.items()]
