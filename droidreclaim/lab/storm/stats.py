"""How sure the figures are; by scipy (the extra ``stats``), and nothing where it is not. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

try:
    import numpy
    from scipy import stats
except ImportError:  # without the extra: no intervals, and the table says so
    stats = None

AVAILABLE = stats is not None
CONFIDENCE = 0.95
_RESAMPLES = 9999
_LEAST_PAIRS = 8  # of three, a percentile bootstrap is no more than least to most


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a value lies with 95 % confidence."""

    low: float
    high: float


def share(hits: int, total: int) -> Interval | None:
    """Wilson's interval for a share of independent cases; None without scipy, or of nothing."""
    if stats is None or total == 0:
        return None
    found = stats.binomtest(hits, total).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(float(found.low), float(found.high))


@dataclass(frozen=True, slots=True)
class Difference:
    """
    What one arm has more than another, seed by seed.

    Attributes:
        by_seed: The difference of each seed that both ran with.
        interval: Of the mean, by bootstrap; None without scipy, or of fewer than eight seeds.
    """

    mean: float
    by_seed: dict[int, float]
    interval: Interval | None

    @property
    def pairs(self) -> int:
        """Seeds that both ran with."""
        return len(self.by_seed)


def paired(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Difference | None:
    """The mean of *ours* less *theirs* over the seeds that both have; None without any."""
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return None
    by_seed = {seed: ours[seed] - theirs[seed] for seed in seeds}
    values = list(by_seed.values())
    return Difference(sum(values) / len(values), by_seed, _bootstrap(values))


def _bootstrap(values: Sequence[float]) -> Interval | None:
    if stats is None or len(values) < _LEAST_PAIRS:
        return None
    if min(values) == max(values):
        return Interval(values[0], values[0])
    found = stats.bootstrap(
        (values,),
        numpy.mean,
        confidence_level=CONFIDENCE,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=numpy.random.default_rng(1),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))
