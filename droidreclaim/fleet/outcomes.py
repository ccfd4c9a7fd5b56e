"""What each job of a fleet came to, read from its own folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from droidreclaim.errors import UsageError
from droidreclaim.fleet.devices import FleetDevice
from droidreclaim.fleet.jobs import Job
from droidreclaim.fleet.record import VERDICTS, Asked, Attempt
from droidreclaim.qa import figures
from droidreclaim.qa.folder import REPORT, Folder
from droidreclaim.qa.written import UNREADABLE
from droidreclaim.records import read_record

STORM = "storm.json"
NOT_PLAYED = "not played"


@dataclass(frozen=True, slots=True)
class ArmSeen:
    """
    The rounds of one arm on one device; of a storm its re-openings.

    Attributes:
        kept: In how many the app's state was kept; of a storm: its hot resumes.
        back_s: Times to be back; of a storm its median resume alone.
    """

    kept: int
    rounds: int
    back_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    One job.

    Attributes:
        attempts: All of them, in order.
        device: The one that played it to its end; else the one it was meant for, or None.
        verdict: Its run's, or `NOT_PLAYED`.
        folder: Of the attempt that counts, below the fleet's folder; None where there is none.
        arms: What was seen, by arm.
        failures: Why the run failed, in its own words.
    """

    job: Job
    attempts: tuple[Attempt, ...]
    device: FleetDevice | None
    verdict: str
    folder: str | None = None
    page: str | None = None
    subject: str | None = None
    arms: dict[str, ArmSeen] | None = None
    sentence: str = ""
    failures: tuple[str, ...] = ()

    @property
    def played(self) -> bool:
        """Whether it came to its end."""
        return self.verdict != NOT_PLAYED

    @property
    def seen(self) -> dict[str, ArmSeen]:
        """By arm what was seen; empty where it was not played."""
        return self.arms or {}


class _StormArm(msgspec.Struct):
    arm: str
    hot_resumes: int
    avoidable_cold_starts: int
    resume_p50_s: float | None = None


class _Storm(msgspec.Struct):
    """What is read of ``storm.json``."""

    arms: list[_StormArm]


def outcomes(path: Path, asked: Asked, attempts: Sequence[Attempt]) -> tuple[Outcome, ...]:
    """Every job that was planned, in order."""
    devices = {one.name: one for one in asked.devices}
    return tuple(
        _outcome(path, job, [one for one in attempts if one.job == job.name], devices)
        for job in asked.jobs
    )


def _outcome(
    path: Path, job: Job, attempts: list[Attempt], devices: dict[str, FleetDevice]
) -> Outcome:
    counts = next((one for one in reversed(attempts) if one.exit_code in VERDICTS), None)
    if counts is None:
        said = attempts[-1].said if attempts else "no device took it"
        meant = attempts[-1].device if attempts else job.device
        return Outcome(job, tuple(attempts), devices.get(meant or ""), NOT_PLAYED, failures=(said,))
    name = counts.folder_name
    page = f"{name}/{REPORT}" if (path / name / REPORT).is_file() else None
    base = Outcome(job, tuple(attempts), devices.get(counts.device), "", name, page)
    try:
        told = _storm(path / name) if job.words[0] == "storm" else _run(path / name, job)
    except (UsageError, *UNREADABLE) as error:
        said = counts.said or str(error).splitlines()[0]
        told = {"verdict": NOT_PLAYED, "failures": (said,)}
    return replace(base, **told)


def _run(path: Path, job: Job) -> dict[str, Any]:
    folder, head, rounds = Folder.load(path)
    control = "--no-control" not in job.words
    found = figures.result(folder.scenario_of(head), rounds, control=control)
    counted = [one for one in rounds if one.discarded is None]
    return {
        "verdict": found.subject.verdict,
        "subject": found.subject.arm,
        "sentence": found.sentence,
        "failures": tuple(found.failures),
        "arms": {
            one.arm: ArmSeen(
                one.kept,
                one.rounds,
                tuple(
                    each.back_s
                    for each in counted
                    if each.arm == one.arm and each.back_s is not None
                ),
            )
            for one in found.arms
        },
    }


def _storm(path: Path) -> dict[str, Any]:
    """A storm has no verdict; what it kept stands beside what had to start anew."""
    storm = msgspec.convert(read_record(path / STORM, dict[str, Any]), _Storm)
    arms = {
        one.arm: ArmSeen(
            one.hot_resumes,
            one.hot_resumes + one.avoidable_cold_starts,
            () if one.resume_p50_s is None else (one.resume_p50_s,),
        )
        for one in storm.arms
    }
    return {
        "verdict": "measured",
        "subject": storm.arms[0].arm if storm.arms else None,
        "arms": arms,
    }
