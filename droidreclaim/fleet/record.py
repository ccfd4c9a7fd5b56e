"""The folder of a fleet's run: what was asked, every attempt, and a folder for each job."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from droidreclaim import __version__
from droidreclaim.errors import UsageError
from droidreclaim.fleet.devices import FleetDevice
from droidreclaim.fleet.jobs import Job
from droidreclaim.qa.written import UNREADABLE, WrittenFolder, whole_lines
from droidreclaim.records import read_json, read_record

FLEET, ATTEMPTS, JOBS = "fleet.json", "attempts.ndjson", "jobs"
RESULT, JUNIT, REPORT, LOG = "result.json", "junit.xml", "report.html", "fleet.log"
_MAX_BYTES, _MAX_LINE_BYTES = 64 << 20, 1 << 16
VERDICTS = (0, 7)  # exit codes of a run that was played to its end
FINAL = (*VERDICTS, 2, 6)  # and those that another device would not change


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    One attempt at a job.

    Attributes:
        number: 1-based, of the job.
        device: Host and serial.
        exit_code: None of one that did not come to its end.
        said: The last that the command said, or why it was not begun.
        aside: What became of the device for it: ``suspended``, ``quarantined``, or None.
    """

    job: str
    number: int
    device: str
    begun_at: str
    took_s: float | None = None
    exit_code: int | None = None
    said: str = ""
    aside: str | None = None

    @property
    def folder_name(self) -> str:
        """Its folder, below that of the run."""
        return f"{JOBS}/{self.job}/{self.number}"


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What a fleet's run was asked for, as ``fleet.json`` has it.

    Attributes:
        scenario: What tells its scenario from another; None of a storm.
        left_out: Hosts and devices that were not ready as it began, with the reason.
    """

    words: tuple[str, ...]
    seeds: tuple[int, ...]
    devices: tuple[FleetDevice, ...]
    jobs: tuple[Job, ...]
    scenario: str | None = None
    left_out: tuple[str, ...] = ()


class FleetFolder(WrittenFolder):
    """Where a fleet's run is written down, attempt by attempt."""

    @classmethod
    def new(cls, path: Path, asked: Asked) -> FleetFolder:
        """
        Begin a folder.

        Raises:
            UsageError: it holds a fleet's run already, or cannot be made.
        """
        folder = cls(path)
        with folder.faults_named():
            if (path / FLEET).exists():
                raise UsageError(
                    f"--out {path} holds a fleet's run already", hint="--resume goes on with it"
                )
            path.mkdir(parents=True, exist_ok=True)
        told = {"droidreclaim": __version__, "begun_at": now()}
        folder.write_whole(FLEET, {**told, **asdict(asked)})
        return folder

    @classmethod
    def load(cls, path: Path) -> tuple[FleetFolder, Asked, list[Attempt]]:
        """
        A folder that was begun, and its attempts: of each the last that is known.

        Raises:
            UsageError: there is no fleet's run in it, or what is there cannot be read.
        """
        try:
            asked = msgspec.convert(read_record(path / FLEET, dict[str, Any]), Asked)
            lines = whole_lines(
                path / ATTEMPTS, most_bytes=_MAX_BYTES, longest_bytes=_MAX_LINE_BYTES
            )
            attempts = [read_json(line, Attempt) for line in lines]
        except FileNotFoundError:
            raise UsageError(f"there is no fleet's run in {path}") from None
        except UNREADABLE as error:
            raise UsageError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error
        last = {(one.job, one.number): one for one in attempts}
        return cls(path), asked, list(last.values())

    def note(self, one: Attempt) -> None:
        """Write down an attempt as it begins, and again as it ends."""
        self.append_line(ATTEMPTS, json.dumps(asdict(one)))

    def log(self, line: str) -> None:
        """Write down a line of what was told meanwhile."""
        self.append_line(LOG, f"{now()} {line}")


def still_to_do(jobs: Sequence[Job], attempts: Sequence[Attempt]) -> list[Job]:
    """The jobs without an attempt that came to its end."""
    ended = {one.job for one in attempts if one.exit_code in FINAL}
    return [job for job in jobs if job.name not in ended]


def now() -> str:
    """This moment in ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
