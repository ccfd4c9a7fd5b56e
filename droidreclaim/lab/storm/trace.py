"""A storm as a trace: launches, page-outs and deaths of all arms side by side, from zero. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from droidreclaim.lab.storm.events import Run
from droidreclaim.report.perfetto import Happening, Level, Stretch

_LEVELS = ("available_bytes", "swap_used_bytes", "zram_used_bytes")


def of_runs(runs: Iterable[Run]) -> Iterator[Happening]:
    """A trace in which every arm begins at zero: each had a device, or a time, of its own."""
    for run in runs:
        track = f"{run.begin.arm}, seed {run.begin.seed}"
        yield from _launches(run, track)
        for one in run.page_outs:
            words = f"{one.targets} targets, {one.reclaimed_bytes} bytes reclaimed"
            begun_s = max(0.0, one.at_s - one.duration_s)
            yield Stretch(
                f"{track}: page-outs", "page-out", _us(begun_s), _us(one.duration_s), words
            )
        yield from _deaths(run, track)
        for sample in run.samples:
            for name in _LEVELS:
                if (value := getattr(sample, name)) is not None:
                    yield Level(f"{track}: {name}", _us(sample.at_s), value)


def _us(seconds: float) -> int:
    return round(seconds * 1e6)


def _launches(run: Run, track: str) -> Iterator[Stretch]:
    for one in run.launches:
        begun_s = one.asked_s
        if begun_s is None:
            begun_s = max(0.0, one.at_s - (one.took_s or 0.0))
        lost = "its score is lost" if one.score_lost else ""
        took_us = _us(max(0.0, one.at_s - begun_s))
        yield Stretch(track, f"{one.package}, {one.state}", _us(begun_s), took_us, lost)


def _deaths(run: Run, track: str) -> Iterator[Stretch]:
    """Yield when processes were found gone; the log has a clock of its own: it gives the reason."""
    by = {kill.pid: kill for kill in run.kills if kill.ours}
    for one in run.gone:
        kill = by.get(one.pid)
        name = f"{one.package} by {kill.by}" if kill else f"{one.package} is gone"
        yield Stretch(f"{track}: deaths", name, _us(one.at_s), None, kill.reason if kill else "")
