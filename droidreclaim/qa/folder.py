"""The folder of a run, which explains itself: what was asked, each round, what it came to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from droidreclaim import __version__
from droidreclaim.errors import UsageError
from droidreclaim.qa import benchmark, junit, page
from droidreclaim.qa.figures import Result, to_json
from droidreclaim.qa.record import Round
from droidreclaim.qa.scenario import Scenario
from droidreclaim.qa.written import UNREADABLE, WrittenFolder, whole_lines
from droidreclaim.records import read_json, read_record

RUN, SAMPLES, RESULT, JUNIT, LOG, REPORT, BENCHMARK = (
    "run.json",
    "samples.ndjson",
    "result.json",
    "junit.xml",
    "run.log",
    "report.html",
    "benchmark.json",
)
ROUNDS = "rounds"
_OURS = (RUN, SAMPLES, RESULT, JUNIT, LOG, REPORT, BENCHMARK)
_MAX_BYTES = 256 << 20
_MAX_LINE_BYTES = 1 << 24


class Folder(WrittenFolder):
    """Where a run is written down, round by round: a run that is cut short leaves what it had."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        super().__init__(path)
        self._fresh = fresh

    @classmethod
    def new(cls, path: Path, *, force: bool = False) -> Folder:
        """
        A folder for a new run; nothing is written before `begin`.

        Raises:
            UsageError: it holds a run and is not to be overwritten, or cannot be looked at.
        """
        folder = cls(path, fresh=True)
        with folder.faults_named():
            if (path / RUN).exists() and not force:
                raise UsageError(
                    f"--out {path} holds a run already",
                    hint="--resume goes on with it, --force overwrites it",
                )
        return folder

    @classmethod
    def load(cls, path: Path) -> tuple[Folder, dict[str, Any], list[Round]]:
        """
        A folder that was begun: what its ``run.json`` says, and the rounds that ended.

        Raises:
            UsageError: there is no run in it, or what is there cannot be read.
        """
        try:
            head = read_record(path / RUN, dict[str, Any])
            is_run = "parameters" not in head  # a storm's samples are another's to read
            rounds = list(_rounds(path / SAMPLES)) if is_run else []
            return cls(path, fresh=False), head, rounds
        except FileNotFoundError:
            raise UsageError(f"there is no run in {path}") from None
        except UNREADABLE as error:
            raise UsageError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error

    def scenario_of(self, head: dict[str, Any]) -> Scenario:
        """
        The scenario that was played.

        Raises:
            UsageError: this is a storm, or the scenario cannot be read.
        """
        if "scenario" not in head:
            raise UsageError(f"{self.path} is no QA run", hint="a storm has its own figures")
        try:
            return Scenario.model_validate(head["scenario"])
        except ValidationError as error:
            line = str(error).splitlines()[0]
            raise UsageError(f"{self.path / RUN} cannot be read: {line}") from error

    def begin(self, scenario: Scenario, head: dict[str, Any]) -> None:
        """Write down what is asked for; of a run that is overwritten nothing stays."""
        with self.faults_named():
            self.path.mkdir(parents=True, exist_ok=True)
            if self._fresh:
                self._clear()
        told = {
            "droidreclaim": __version__,
            "begun_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "scenario": scenario.model_dump(mode="json", by_alias=True, exclude_none=True),
            **head,
        }
        self.write_whole(RUN, told)

    def _clear(self) -> None:
        for name in _OURS:
            (self.path / name).unlink(missing_ok=True)
        if (self.path / ROUNDS).is_dir():
            shutil.rmtree(self.path / ROUNDS)

    def note(self, one: Round) -> None:
        """Write down a round that ended."""
        self.append_line(SAMPLES, json.dumps({"event": "round", **asdict(one)}))

    def log(self, line: str) -> None:
        """Write down a line of what was told meanwhile."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self.append_line(LOG, f"{at} {line}")

    def finish(self, result: Result, head: dict[str, Any]) -> None:
        """Write the result; may be done again with more rounds."""
        self.write_whole(RESULT, to_json(result))
        self.write_whole(JUNIT, junit.render(result, head))
        self.write_whole(BENCHMARK, benchmark.to_json(result, head))
        self.write_whole(REPORT, page.render(result, head, self.path / ROUNDS))


def _rounds(path: Path) -> Iterator[Round]:
    """Rounds whose line was written to its end: a crash may have cut the last one."""
    for line in whole_lines(path, most_bytes=_MAX_BYTES, longest_bytes=_MAX_LINE_BYTES):
        yield read_json(line, Round)
