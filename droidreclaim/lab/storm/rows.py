"""The launches of a storm as rows of a table, for a spreadsheet or a data frame. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from droidreclaim.lab.storm.events import Launch, Run
from droidreclaim.qa.rows import as_csv, cell


def to_csv(runs: Iterable[Run]) -> str:
    """One line for each launch, in its order; times in seconds since its arm began."""
    return as_csv(_NAMES, (_row(run, one) for run in runs for one in run.launches))


_NAMES = (
    *("arm", "seed", "at_s", "package", "state", "took_s", "first", "pid", "took_bytes"),
    "score_lost",
)


def _row(run: Run, one: Launch) -> dict[str, Any]:
    return {
        "arm": run.begin.arm,
        "seed": run.begin.seed,
        "at_s": one.at_s,
        "package": cell(one.package),
        "state": cell(one.state),
        "took_s": one.took_s,
        "first": int(one.first),
        "pid": one.pid,
        "took_bytes": one.took_bytes,
        "score_lost": None if one.score_lost is None else int(one.score_lost),
    }
