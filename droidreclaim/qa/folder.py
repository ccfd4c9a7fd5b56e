"""The folder of a run, which explains itself: what was asked, each round, what it came to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from droidreclaim import __version__
from droidreclaim.errors import UsageError
from droidreclaim.qa import benchmark, junit, page
from droidreclaim.qa.figures import Result, to_json
from droidreclaim.qa.record import Round
from droidreclaim.qa.scenario import Scenario
from droidreclaim.records import open_record, read_record, require_bounded

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
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, RecursionError)
_HEAD = TypeAdapter(dict[str, Any])
_ROUND = TypeAdapter(Round)


class Folder:
    """Where a run is written down, round by round: a run that is cut short leaves what it had."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self.path = path
        self._fresh = fresh

    @classmethod
    def new(cls, path: Path, *, force: bool = False) -> Folder:
        """
        A folder for a new run; nothing is written before `begin`.

        Raises:
            UsageError: it holds a run and is not to be overwritten, or cannot be looked at.
        """
        folder = cls(path, fresh=True)
        with folder._written():
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
        except _UNREADABLE as error:
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
        with self._written():
            self.path.mkdir(parents=True, exist_ok=True)
            if self._fresh:
                self._clear()
        told = {
            "droidreclaim": __version__,
            "begun_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "scenario": scenario.model_dump(mode="json", by_alias=True, exclude_none=True),
            **head,
        }
        self._write(RUN, json.dumps(told, indent=2) + "\n")

    def _clear(self) -> None:
        for name in _OURS:
            (self.path / name).unlink(missing_ok=True)
        if (self.path / ROUNDS).is_dir():
            shutil.rmtree(self.path / ROUNDS)

    def note(self, one: Round) -> None:
        """Write down a round that ended."""
        line = json.dumps({"event": "round", **asdict(one)})
        with self._written(), (self.path / SAMPLES).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def log(self, line: str) -> None:
        """Write down a line of what was told meanwhile."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with self._written(), (self.path / LOG).open("a", encoding="utf-8") as file:
            file.write(f"{at} {line}\n")

    def finish(self, result: Result, head: dict[str, Any]) -> None:
        """Write what it came to; may be done again with more rounds."""
        self._write(RESULT, json.dumps(to_json(result), indent=2) + "\n")
        self._write(JUNIT, junit.render(result, head))
        self._write(BENCHMARK, json.dumps(benchmark.to_json(result, head), indent=2) + "\n")
        self._write(REPORT, page.render(result, head, self.path / ROUNDS))

    def _write(self, name: str, text: str) -> None:
        partial = self.path / f"{name}.partial"
        with self._written():
            partial.write_text(text, encoding="utf-8")
            partial.replace(self.path / name)

    @contextmanager
    def _written(self) -> Iterator[None]:
        """
        Raises:
            UsageError: what is written here does not get there, in the system's words.
        """
        try:
            yield
        except OSError as error:
            raise UsageError(f"--out {self.path}: {error.strerror or error}") from error


def _rounds(path: Path) -> Iterator[Round]:
    """Rounds whose line was written to its end: a crash may have cut the last one."""
    try:
        file = open_record(path)
    except FileNotFoundError:
        return
    size_bytes = 0
    with file:
        while line := file.readline(_MAX_LINE_BYTES):
            size_bytes += len(line)
            if size_bytes > _MAX_BYTES:
                raise ValueError(f"larger than {_MAX_BYTES >> 20} MiB")
            if line.endswith(b"\n"):
                told = _HEAD.validate_json(line)
                require_bounded(told)
                told.pop("event", None)
                yield _ROUND.validate_python(told)
