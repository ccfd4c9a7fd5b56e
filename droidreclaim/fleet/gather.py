"""One answer of a whole fleet: a matrix of verdicts, figures by group, and every attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from droidreclaim.fleet import groups, junit, page
from droidreclaim.fleet.devices import FleetDevice, device_json
from droidreclaim.fleet.outcomes import Outcome, outcomes
from droidreclaim.fleet.record import JUNIT, REPORT, RESULT, Asked, Attempt, FleetFolder
from droidreclaim.qa import folder as qa_folder
from droidreclaim.units import plural

_MOST_JUNIT_BYTES = 16 << 20


@dataclass(frozen=True)
class Gathered:
    """
    What a fleet's run came to.

    Attributes:
        aside: Devices that were put aside, by name: after which attempt.
        undone: Jobs that nobody played to their end: why.
    """

    asked: Asked
    outcomes: tuple[Outcome, ...]
    attempts: tuple[Attempt, ...]
    groups: tuple[groups.GroupFigures, ...]
    outliers: tuple[str, ...]
    aside: dict[str, Attempt]
    undone: dict[str, str]

    @property
    def complete(self) -> bool:
        """Whether every job was played to its end."""
        return all(one.played for one in self.outcomes)

    @property
    def sentence(self) -> str:
        """What was found, in one sentence."""
        played = [one for one in self.outcomes if one.played]
        verdicts = list(dict.fromkeys(one.verdict for one in played))
        counts = [
            f"{verdict.replace('_', ' ')} in {sum(one.verdict == verdict for one in played)}"
            for verdict in verdicts
        ]
        devices = len({one.device.name for one in played if one.device})
        jobs = plural(len(self.outcomes), "job")
        words = f"{len(played)} of {jobs} played on {plural(devices, 'device')}"
        text = "; ".join([words, *counts])
        again = len(self.attempts) - len({one.job for one in self.attempts})
        if again:
            were = "was" if again == 1 else "were"
            text += f"; {plural(again, 'attempt')} came to nothing and {were} made again"
        if self.aside:
            text += f"; put aside: {', '.join(self.aside)}"
        return text

    @property
    def failures(self) -> list[str]:
        """Why the run failed, what was not played first; empty where nothing did."""
        return [
            f"{one.job.name}: {self.undone.get(one.job.name) or one.failures[0]}"
            for one in sorted(self.outcomes, key=lambda one: one.played)
            if one.failures or not one.played
        ]


def gather(
    path: Path, asked: Asked, attempts: Sequence[Attempt], undone: dict[str, str]
) -> Gathered:
    """Read the folders of all jobs."""
    found = outcomes(path, asked, attempts)
    return Gathered(
        asked,
        found,
        tuple(attempts),
        tuple(groups.groups(found)),
        tuple(groups.outliers(found)),
        {one.device: one for one in attempts if one.aside},
        undone,
    )


def write(folder: FleetFolder, found: Gathered) -> None:
    """
    Write result, JUnit and page.

    Raises:
        UsageError: they cannot be written.
    """
    folder.write_whole(RESULT, to_json(found))
    folder.write_parts(JUNIT, junit.render(found.outcomes, lambda one: _suite(folder.path, one)))
    folder.write_whole(REPORT, page.render(found))


def _suite(path: Path, one: Outcome) -> str | None:
    if one.folder is None:
        return None
    file = path / one.folder / qa_folder.JUNIT
    try:
        if file.stat().st_size > _MOST_JUNIT_BYTES:
            return None
        return file.read_text("utf-8", "replace")
    except OSError:
        return None


def to_json(found: Gathered) -> dict[str, Any]:
    """The document of ``fleet run --json``, and ``result.json``."""
    return {
        "schema": 1,
        "words": list(found.asked.words),
        "sentence": found.sentence,
        "complete": found.complete,
        "left_out": list(found.asked.left_out),
        "devices": [
            {**device_json(one), "aside": _aside(one, found)} for one in found.asked.devices
        ],
        "jobs": [_job_json(one, found) for one in found.outcomes],
        "groups": [_group_json(one) for one in found.groups],
        "outliers": list(found.outliers),
        "attempts": [asdict(one) for one in found.attempts],
    }


def _aside(one: FleetDevice, found: Gathered) -> str | None:
    return found.aside[one.name].said if one.name in found.aside else None


def _job_json(one: Outcome, found: Gathered) -> dict[str, Any]:
    return {
        "job": one.job.name,
        "group": one.job.group,
        "device": one.device.name if one.device else None,
        "verdict": one.verdict,
        "verdict_of": one.subject,
        "sentence": one.sentence,
        "attempts": len(one.attempts),
        "exit_code": one.attempts[-1].exit_code if one.attempts else None,
        "folder": one.folder,
        "failures": list(one.failures),
        "undone": found.undone.get(one.job.name),
        "arms": [
            {"arm": arm, "kept": seen.kept, "rounds": seen.rounds} for arm, seen in one.seen.items()
        ],
    }


def _group_json(one: groups.GroupFigures) -> dict[str, Any]:
    return {
        "by": one.by,
        "value": one.value,
        "arm": one.arm,
        "devices": one.devices,
        "kept": one.kept,
        "rounds": one.rounds,
        "survival_low": one.survival.low if one.survival else None,
        "survival_high": one.survival.high if one.survival else None,
        "back_s": one.back_s,
        "back_low_s": one.back.low if one.back else None,
        "back_high_s": one.back.high if one.back else None,
        "back_quickest_s": one.span_s[0] if one.span_s else None,
        "back_slowest_s": one.span_s[1] if one.span_s else None,
    }
