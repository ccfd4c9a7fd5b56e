"""How sure figures are; resampling is scipy's (the extra ``stats``), or not done. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev
from typing import Any

try:
    import numpy
    from scipy import stats
except ImportError:  # without the extra: no interval of a difference, and the table says so
    stats = None

AVAILABLE = stats is not None
CONFIDENCE = 0.95
LEAST_PAIRS = 8  # of three, a percentile bootstrap is no more than least to most
_POWER = 0.8
_RESAMPLES = 9999
_TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


@dataclass(frozen=True, slots=True)
class Interval:
    """Interval in which a value lies with 95 % confidence."""

    low: float
    high: float

    def overlaps(self, other: Interval) -> bool:
        """Whether a value may lie in both."""
        return self.low <= other.high and other.low <= self.high


def share(hits: float, total: int) -> Interval | None:
    """Wilson's interval for a share of independent cases; None of nothing."""
    if total == 0:
        return None
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    part, spread = hits / total, z * z / total
    centre = (part + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(part * (1 - part) / total + spread / total / 4)
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    return Interval(low, 1.0 if hits == total else min(1.0, centre + half))


def share_of_clusters(clusters: Sequence[tuple[int, int]]) -> Interval | None:
    """
    Interval of a share whose cases come in clusters that are alike within: rounds of devices.

    From eight clusters on by bootstrap over them. Else, and where all clusters have the same share,
    each counts as one case: no interval of so few is narrower whatever the clusters are like.

    Args:
        clusters: Hits and cases of each.
    """
    known = [(hits, cases) for hits, cases in clusters if cases]
    if not known:
        return None
    shares = {hits / cases for hits, cases in known}
    if stats is None or len(known) < LEAST_PAIRS or len(shares) == 1:
        part = sum(hits for hits, _ in known) / sum(cases for _, cases in known)
        return share(part * len(known), len(known))
    hits, cases = (numpy.array(column, dtype=float) for column in zip(*known, strict=True))
    drawn = numpy.random.default_rng(1).integers(0, len(known), (_RESAMPLES, len(known)))
    found = numpy.quantile(hits[drawn].sum(axis=1) / cases[drawn].sum(axis=1), _TAILS)
    return Interval(float(found[0]), float(found[1]))


def mean_of_clusters(values: Sequence[float]) -> Interval | None:
    """Interval of a mean over clusters, each with one value; None of fewer than eight."""
    return _bootstrap(values)


def quantile(values: Iterable[float | None], share: float) -> float | None:
    """A quantile of what is known, between the two nearest values; None of nothing."""
    known = sorted(value for value in values if value is not None)
    if not known:
        return None
    at = share * (len(known) - 1)
    low = int(at)
    high = min(low + 1, len(known) - 1)
    return known[low] + (known[high] - known[low]) * (at - low)


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


@dataclass(frozen=True, slots=True)
class Ratio:
    """
    How many times as much one arm takes as another, round by round.

    Attributes:
        ratio: Geometric mean over the rounds that both have.
        interval: By bootstrap; None without scipy, or of fewer than eight rounds.
        detectable: The smallest slowdown that so many rounds, spread as these are, would have shown
            in four of five runs; None without scipy, or of fewer than two rounds.
    """

    ratio: float
    pairs: int
    interval: Interval | None
    detectable: float | None


def paired_ratio(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Ratio | None:
    """The ratio of *ours* to *theirs* over the rounds that both have; None without any."""
    rounds = [one for one in ours.keys() & theirs.keys() if ours[one] > 0 and theirs[one] > 0]
    logs = [math.log(ours[one] / theirs[one]) for one in sorted(rounds)]
    if not logs:
        return None
    sure = _bootstrap(logs)
    return Ratio(
        math.exp(fmean(logs)),
        len(logs),
        Interval(math.exp(sure.low), math.exp(sure.high)) if sure else None,
        _detectable(logs),
    )


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio | None:
    """The ratio of geometric means of two runs that share no rounds; None where one has none."""
    left, right = ([math.log(value) for value in values if value > 0] for values in (ours, theirs))
    if not left or not right:
        return None
    sure = _bootstrap(left, right)
    return Ratio(
        math.exp(fmean(left) - fmean(right)),
        min(len(left), len(right)),
        Interval(math.exp(sure.low), math.exp(sure.high)) if sure else None,
        _detectable(left, right),
    )


@dataclass(frozen=True, slots=True)
class Shift:
    """
    How much more one run has than another, each with rounds of its own.

    Attributes:
        more: Difference of their means.
        interval: By bootstrap; None without scipy, or of fewer than eight rounds.
        detectable: The smallest growth that so many rounds would have shown in four of five runs;
            None without scipy, or of fewer than two rounds.
    """

    more: float
    interval: Interval | None
    detectable: float | None


def shift(ours: Sequence[float], theirs: Sequence[float]) -> Shift | None:
    """The mean of *ours* less that of *theirs*; None where one has no round."""
    if not ours or not theirs:
        return None
    more = fmean(ours) - fmean(theirs)
    return Shift(more, _bootstrap(ours, theirs), _reach(ours, theirs))


def _detectable(*samples: Sequence[float]) -> float | None:
    """The smallest slowdown that would have been seen: of pairs, or between two samples."""
    reach = _reach(*samples)
    return None if reach is None else math.exp(reach)


def _reach(*samples: Sequence[float]) -> float | None:
    """The smallest difference that would have been seen in four of five runs."""
    least = min(map(len, samples))
    if stats is None or least < 2:
        return None
    free = sum(len(one) - 1 for one in samples)
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, free) + stats.t.ppf(_POWER, free))
    return reach * math.sqrt(sum(stdev(one) ** 2 / len(one) for one in samples))


def _bootstrap(*samples: Sequence[float]) -> Interval | None:
    """Interval of a mean, or of the difference of two."""
    if stats is None or min(map(len, samples)) < LEAST_PAIRS:
        return None
    if all(min(one) == max(one) for one in samples):
        value = samples[0][0] - (samples[1][0] if len(samples) > 1 else 0.0)
        return Interval(value, value)
    found = stats.bootstrap(
        samples,
        _mean if len(samples) == 1 else _difference,
        vectorized=True,
        confidence_level=CONFIDENCE,
        n_resamples=_RESAMPLES,
        method="percentile",
        rng=numpy.random.default_rng(1),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


def _mean(ours: Any, axis: int) -> Any:
    return numpy.mean(ours, axis=axis)


def _difference(ours: Any, theirs: Any, axis: int) -> Any:
    return numpy.mean(ours, axis=axis) - numpy.mean(theirs, axis=axis)
