"""A whole storm: its parameters, its runs, and the document of ``storm --json``. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from droidreclaim.errors import DroidReclaimError
from droidreclaim.lab.storm.events import Run
from droidreclaim.lab.storm.figures import Figures, by_arm, figures, figures_json
from droidreclaim.lab.storm.host import Host
from droidreclaim.lab.storm.oracle import Reached, of_storm
from droidreclaim.lab.storm.plan import Parameters
from droidreclaim.qa import stats

BASELINE = "lowmemorykiller"  # what the others are compared with: today's phone


@dataclass(frozen=True)
class Storm:
    """
    What was measured.

    Attributes:
        source: ``phone`` or ``device``.
        not_comparable: Why the arms may not be compared; None when they may.
    """

    what: Parameters
    runs: tuple[Run, ...]
    source: str
    not_comparable: DroidReclaimError | None

    @property
    def arms(self) -> dict[str, list[Run]]:
        """The runs of each arm."""
        return by_arm(self.runs)

    @cached_property
    def oracle(self) -> tuple[Reached, ...]:
        """What one who knows the future would reach with the same launches, simulated."""
        return of_storm(self.what, self.runs)

    @property
    def seeds(self) -> list[int]:
        """Every seed that any arm ran with."""
        return sorted({run.begin.seed for run in self.runs})


@dataclass(frozen=True, slots=True)
class Row:
    """
    One arm with all its seeds, compared with today's phone.

    Attributes:
        share: Interval of its share of hot resumes among launches; *kept*: among re-openings.
        more_hot: How far that share is above the baseline's, by seed; None for the baseline.
    """

    arm: str
    seeds: tuple[int, ...]
    figures: Figures
    share: stats.Interval | None
    kept: stats.Interval | None
    more_hot: stats.Difference | None


def rows(storm: Storm) -> list[Row]:
    """Return a row for each arm, without a comparison where arms must not be compared."""
    arms = storm.arms
    base = {} if storm.not_comparable else _hot_shares(arms.get(BASELINE, []))
    found = []
    for arm, runs in arms.items():
        one = figures(runs)
        against = None if arm == BASELINE else stats.paired(_hot_shares(runs), base)
        seeds = tuple(run.begin.seed for run in runs)
        sure = stats.share(one.hot_resumes, one.launches)
        kept = stats.share(one.hot_resumes, one.reopenings)
        found.append(Row(arm, seeds, one, sure, kept, against))
    return found


def _hot_shares(runs: Sequence[Run]) -> dict[int, float]:
    return {run.begin.seed: figures([run]).hot_share for run in runs if run.end is not None}


def to_json(storm: Storm) -> dict[str, Any]:
    """The document of ``storm --json``."""
    what = asdict(storm.what)
    devices = [run.begin.device for run in storm.runs]
    return {
        "device": devices[0] if devices else None,
        "source": storm.source,
        **what,
        "seed": storm.seeds[0] if storm.seeds else None,
        "seeds": storm.seeds,
        "comparable": storm.not_comparable is None,
        "why_not": str(storm.not_comparable) if storm.not_comparable else None,
        "arms": [_row_json(row) for row in rows(storm)],
        "oracle": [reached.to_json() for reached in storm.oracle],
        "runs": [
            figures_json(run.begin.arm, [run.begin.seed], figures([run]))
            | {"host": _host_json(run.host)}
            for run in storm.runs
        ],
    }


def _host_json(host: Host | None) -> dict[str, Any] | None:
    """How busy the computer was during a run; null for a storm of an older version."""
    if host is None:
        return None
    return {**{key: value for key, value in asdict(host).items() if key != "t"}, "busy": host.busy}


def _row_json(row: Row) -> dict[str, Any]:
    return {
        **figures_json(row.arm, row.seeds, row.figures),
        "hot_share_95": [row.share.low, row.share.high] if row.share else None,
        "more_hot_than_baseline": _difference_json(row.more_hot),
    }


def _difference_json(difference: stats.Difference | None) -> dict[str, Any] | None:
    return {**asdict(difference), "pairs": difference.pairs} if difference else None
