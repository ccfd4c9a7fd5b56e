"""The report of a fleet's run as one page; its cells open the pages of the runs. Pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from droidreclaim.fleet.groups import LEAST_TO_NAME, GroupFigures
from droidreclaim.fleet.outcomes import NOT_PLAYED, Outcome
from droidreclaim.qa import stats
from droidreclaim.report.web import page

if TYPE_CHECKING:
    from droidreclaim.fleet.gather import Gathered

_MOST_ATTEMPTS = 500  # on the page; the record has them all


@dataclass(frozen=True, slots=True)
class Cell:
    """One job in the matrix: what it came to, where it was played, and where its own page is."""

    verdict: str
    link: str | None
    where: str
    words: str
    title: str


def render(found: Gathered) -> str:
    """The page as text; nothing in it is fetched."""
    models = sorted({_model(one) for one in found.outcomes})
    releases = sorted({_release(one) for one in found.outcomes})
    attempts = [one for one in found.attempts if one.aside or one.exit_code not in (0, 7)]
    return page.render(
        __package__,
        [],
        found=found,
        models=models,
        releases=releases,
        cells={
            (model, release): [
                _cell(one)
                for one in found.outcomes
                if (_model(one), _release(one)) == (model, release)
            ]
            for model in models
            for release in releases
        },
        rows=[_row(one) for one in found.groups],
        played_on=len({one.device.name for one in found.outcomes if one.device and one.played}),
        least=LEAST_TO_NAME,
        odd=attempts[:_MOST_ATTEMPTS],
        more_odd=len(attempts[_MOST_ATTEMPTS:]),
        not_played=NOT_PLAYED,
        line=shlex.join(["droidreclaim", "fleet", "run", "--", *found.asked.words]),
    )


def _model(one: Outcome) -> str:
    return (one.device.model if one.device else None) or one.job.group.partition(", SDK")[0]


def _release(one: Outcome) -> str:
    return one.device.version if one.device else f"SDK{one.job.group.rpartition('SDK')[2]}"


def _cell(one: Outcome) -> Cell:
    arm = one.seen.get(one.subject or "")
    return Cell(
        one.verdict,
        quote(one.page) if one.page else None,
        _where(one),
        f"{one.verdict.replace('_', ' ')}" + (f" {arm.kept}/{arm.rounds}" if arm else ""),
        one.sentence or "; ".join(one.failures),
    )


def _where(one: Outcome) -> str:
    """The device that played a job, and the one that it was meant for."""
    name = one.device.name if one.device else "?"
    meant = one.job.device
    return name if meant in (None, name) else f"{name}, for {meant}"


def _row(one: GroupFigures) -> dict[str, Any]:
    return {
        "by": one.by,
        "value": one.value,
        "arm": one.arm,
        "devices": one.devices,
        "kept": f"{one.kept} of {one.rounds}",
        "survival": _percent(one.survival),
        "back": "?" if one.back_s is None else f"{one.back_s * 1000:.0f} ms",
        "interval": _ms((one.back.low, one.back.high) if one.back else None),
        "span": _ms(one.span_s),
    }


def _percent(sure: stats.Interval | None) -> str:
    return "?" if sure is None else f"{sure.low * 100:.0f} to {sure.high * 100:.0f} %"


def _ms(span: tuple[float, float] | None) -> str:
    return "?" if span is None else f"{span[0] * 1000:.0f} to {span[1] * 1000:.0f} ms"
