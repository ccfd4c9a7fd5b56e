"""The app's memory through a round, by process state: sampled only where something is expected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from droidreclaim.errors import NotAchieved
from droidreclaim.model.footprint import FIGURES, Footprint
from droidreclaim.policy.footprint import PLACED
from droidreclaim.qa.record import Round
from droidreclaim.qa.scenario import Scenario
from droidreclaim.qa.stage import Stage
from droidreclaim.report import footprint as report

SAMPLES = "footprint.csv"


@contextmanager
def sampled(stage: Stage, scenario: Scenario, one: Round) -> Iterator[None]:
    """
    Sample the app through the block, into the round and a file of its folder.

    Raises:
        DeviceError: the device was lost.
        NotPossible: it runs no program of the shell's.
        UsageError: the file cannot be written.
    """
    if not any(expected.footprint for expected in scenario.expect):
        yield
        return
    watch = stage.phone.footprint_during(stage.package)
    try:
        with watch:
            yield
    except NotAchieved as error:  # no process of it was ever seen
        one.notes.append(f"no footprint: {error}")
        return
    one.footprint = figures(watch.seen)
    lines = report.csv_lines(watch.seen)
    with stage.written() as folder:
        (folder / SAMPLES).write_text("".join(f"{line}\n" for line in lines), "utf-8")


def figures(seen: Footprint) -> dict[str, dict[str, int]]:
    """By state the figures of the largest process."""
    found: dict[str, dict[str, int]] = {}
    for state in PLACED:
        told = {figure: seen.most(state, figure) for figure in FIGURES}
        known = {figure: size for figure, size in told.items() if size is not None}
        if known:
            found[state.value] = known
    return found
