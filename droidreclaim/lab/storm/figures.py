"""From events to the figures of an arm, and to the document of ``storm --json``. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from droidreclaim.lab.storm.events import Run, Sample
from droidreclaim.qa.stats import quantile

HOT, WARM, COLD = "HOT", "WARM", "COLD"

Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Figures:
    """
    The figures of one arm over one or several seeds; None for what the device cannot tell.

    Attributes:
        launches: Hot, warm, cold and failed ones, where the app was gone before it showed.
        reopenings: Launches except the first of each app: at most these can be hot resumes.
        planned: Launches that were planned; more than *launches* where the arm was cut short.
        avoidable_cold_starts: Cold starts of apps that had been opened before.
        kills: Kills of the storm's apps by who killed, from the device's logs.
        vanished: Main processes that a look at the device found gone.
        unexplained: Vanished processes that no log names as killed.
        kills_of_others: Kills of processes that are not of the storm's apps.
        back_mean_s: Mean time until a re-opened app shows, hot, warm or cold. Hot resumes alone
            (*resume_p50_s*) flatter an arm whose slow apps were killed.
        checksum_faults: Pages that were not as the app wrote them, at resumes and at the end, and
            apps whose pages could not be read.
        paged_out_bytes: What anybody wrote to swap, by the kernel's counter.
        from_flash_bytes: Read back from flash, to which zram had written it: a resume that waited
            for flash is no resume from zram.
        reported_bytes: What the arm's own page-outs wrote to swap, as the tool says;
            *counted_bytes*: the same, as the kernel counts.
        reclaim_cpu_s: CPU time of the arm's page-outs and of kswapd; what an app that is short of
            memory reclaims by itself is not counted.
    """

    launches: int
    reopenings: int
    planned: int
    hot_resumes: int
    warm_starts: int
    cold_starts: int
    failed_launches: int
    avoidable_cold_starts: int
    kills: dict[str, int]
    vanished: int
    unexplained: int
    kills_of_others: int
    alive: int | None
    lost_scores: int | None
    checksum_faults: int | None
    checked_pages: int | None
    back_mean_s: float | None
    back_p50_s: float | None
    back_p90_s: float | None
    back_p95_s: float | None
    resume_p50_s: float | None
    resume_p95_s: float | None
    launch_p50_s: float | None
    launch_p95_s: float | None
    longest_stall_s: float | None
    psi_some_s: float | None
    psi_full_s: float | None
    paged_out_bytes: int | None
    faulted_back_bytes: int | None
    from_flash_bytes: int | None
    page_outs: int
    reported_bytes: int | None
    counted_bytes: int | None
    page_out_s: float
    reclaim_cpu_s: float | None
    helper_cpu_s: float
    kswapd_cpu_s: float | None
    lowest_available_bytes: int | None
    duration_s: float | None

    @property
    def hot_share(self) -> float:
        """Hot resumes among all launches."""
        return self.hot_resumes / self.launches if self.launches else 0.0

    @property
    def complete(self) -> bool:
        """Whether every launch took place."""
        return self.launches == self.planned


def figures(runs: Sequence[Run]) -> Figures:
    """
    Add up counts and bytes of one arm's *runs*, and take the times of all their launches together.

    Raises:
        ValueError: there is no run.
    """
    if not runs:
        raise ValueError("no run")
    launches = [launch for run in runs for launch in run.launches]
    states = Counter(launch.state for launch in launches)
    hot = [one.took_s for one in launches if one.state == HOT]
    cold = [one.took_s for one in launches if one.state == COLD]
    back = [one.took_s for one in launches if not one.first and one.took_s is not None]
    scores = [one.score_lost for one in launches if one.score_lost is not None]
    ends = [run.end for run in runs]
    kswapd = _sum(end.kswapd_cpu_s if end else None for end in ends)
    page_outs = [one for run in runs for one in run.page_outs]
    helper = sum(one.cpu_s for one in page_outs)
    kills = [kill for run in runs for kill in run.kills]
    samples = [sample for run in runs for sample in run.samples]
    return Figures(
        launches=len(launches),
        reopenings=sum(not one.first for one in launches),
        planned=sum(run.begin.launches for run in runs),
        hot_resumes=states[HOT],
        warm_starts=states[WARM],
        cold_starts=states[COLD],
        failed_launches=len(launches) - states[HOT] - states[WARM] - states[COLD],
        avoidable_cold_starts=sum(one.state == COLD and not one.first for one in launches),
        kills=dict(Counter(kill.by for kill in kills if kill.ours)),
        vanished=sum(len(run.gone) for run in runs),
        unexplained=sum(map(_unexplained, runs)),
        kills_of_others=sum(not kill.ours for kill in kills),
        alive=_sum(end.alive if end else None for end in ends),
        lost_scores=sum(scores) if scores else None,
        checksum_faults=_sum(map(_faults, runs)),
        checked_pages=_sum(map(_checked, runs)),
        back_mean_s=sum(back) / len(back) if back else None,
        back_p50_s=quantile(back, 0.5),
        back_p90_s=quantile(back, 0.9),
        back_p95_s=quantile(back, 0.95),
        resume_p50_s=quantile(hot, 0.5),
        resume_p95_s=quantile(hot, 0.95),
        launch_p50_s=quantile(cold, 0.5),
        launch_p95_s=quantile(cold, 0.95),
        longest_stall_s=_most(end.longest_stall_s if end else None for end in ends),
        psi_some_s=_scaled(_grown(runs, lambda one: one.psi_some_us), 1e-6),
        psi_full_s=_scaled(_grown(runs, lambda one: one.psi_full_us), 1e-6),
        paged_out_bytes=_grown_bytes(runs, lambda one: one.paged_out),
        faulted_back_bytes=_grown_bytes(runs, lambda one: one.paged_in),
        from_flash_bytes=_grown(runs, lambda one: one.flash_read_bytes),
        page_outs=sum(one.targets > 0 for one in page_outs),
        reported_bytes=_sum(one.swapped_bytes for one in page_outs),
        counted_bytes=_sum(one.kernel_bytes for one in page_outs),
        page_out_s=sum(one.duration_s for one in page_outs),
        reclaim_cpu_s=None if kswapd is None else helper + kswapd,
        helper_cpu_s=helper,
        kswapd_cpu_s=kswapd,
        lowest_available_bytes=min(
            (one.available_bytes for one in samples if one.available_bytes is not None),
            default=None,
        ),
        duration_s=_sum(end.duration_s if end else None for end in ends),
    )


def _unexplained(run: Run) -> int:
    """Count the processes that vanished and that no log names as killed."""
    known = Counter(kill.pid for kill in run.kills)
    return (Counter(gone.pid for gone in run.gone) - known).total()


def _faults(run: Run) -> int | None:
    if run.verified is None or run.end is None or run.end.resume_bad is None:
        return None
    return run.verified.bad + run.verified.missing + run.end.resume_bad


def _checked(run: Run) -> int | None:
    if run.verified is None or run.end is None or run.end.resume_pages is None:
        return None
    return run.verified.pages + run.end.resume_pages


def _grown(runs: Iterable[Run], counter: Callable[[Sample], int | None]) -> int | None:
    """How much a counter of the device grew from the first to the last look of each run."""
    grown: list[int | None] = []
    for run in runs:
        first = counter(run.samples[0]) if run.samples else None
        last = counter(run.samples[-1]) if run.samples else None
        grown.append(None if first is None or last is None else last - first)
    return _sum(grown)


def _grown_bytes(runs: Sequence[Run], counter: Callable[[Sample], int | None]) -> int | None:
    page_bytes = runs[0].begin.page_bytes
    return _scaled(_grown(runs, counter), page_bytes)


def _scaled(value: int | None, unit: Number) -> Number | None:
    return None if value is None else value * unit


def _sum(values: Iterable[Number | None]) -> Number | None:
    """Add up *values*; None where one of them is unknown."""
    parts = list(values)
    known = [value for value in parts if value is not None]
    return sum(known) if len(known) == len(parts) else None


def _most(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def figures_json(arm: str, seeds: Sequence[int], one: Figures) -> dict[str, Any]:
    """One entry of ``arms``, or of ``runs``, in ``storm --json``."""
    return {
        "arm": arm,
        "seeds": list(seeds),
        **asdict(one),
        "kills": {"lmkd": 0, **one.kills},
        "hot_share": one.hot_share,
        "complete": one.complete,
    }


def by_arm(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """The runs of each arm, in the order in which arms first came."""
    arms: dict[str, list[Run]] = {}
    for run in runs:
        arms.setdefault(run.begin.arm, []).append(run)
    return {arm: sorted(own, key=lambda run: run.begin.seed) for arm, own in arms.items()}
