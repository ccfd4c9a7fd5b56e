"""The folder of a storm: what was asked for, what happened, and the results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from droidreclaim import __version__
from droidreclaim.errors import UsageError
from droidreclaim.lab.storm import page
from droidreclaim.lab.storm.events import Begin, Event, Run, runs_of, to_line
from droidreclaim.lab.storm.plan import Parameters
from droidreclaim.lab.storm.result import Storm, to_json
from droidreclaim.qa.written import UNREADABLE, WrittenFolder, whole_lines
from droidreclaim.records import read_json, read_record

_RUN, _SAMPLES, _STORM, _REPORT = "run.json", "samples.ndjson", "storm.json", "report.html"
_MAX_LINE_BYTES = 64 * 1024
_MAX_SAMPLES_BYTES = 128 << 20  # an hour of samples of one arm is 4 MiB


@dataclass(frozen=True, slots=True)
class _Head:
    """What was asked for, as ``run.json`` has it."""

    parameters: Parameters
    wanted: tuple[tuple[str, ...], tuple[int, ...]] | None = None
    droidreclaim: str | None = None


class Folder(WrittenFolder):
    """
    Where a storm is written down, event by event.

    What a run wrote before it was cut short stays, until the same run begins anew.

    Attributes:
        wanted: Arms and seeds that were asked for; None before it is known.
        version: Version of the tool that began the storm; None for a new storm.
    """

    version: str | None = None

    def __init__(
        self, path: Path, what: Parameters, wanted: tuple[tuple[str, ...], tuple[int, ...]] | None
    ) -> None:
        super().__init__(path)
        self.what = what
        self.wanted = wanted
        self._kept = ""

    @classmethod
    def new(cls, path: Path, what: Parameters) -> Folder:
        """
        Make an empty folder for a storm.

        Raises:
            UsageError: the folder holds a storm already, or cannot be made.
        """
        folder = cls(path, what, None)
        with folder.faults_named():
            if (path / _RUN).exists():
                raise UsageError(
                    f"--out {path} holds a storm already", hint="--resume goes on with it"
                )
            path.mkdir(parents=True, exist_ok=True)
        folder.write_whole(_RUN, folder._head())
        return folder

    @classmethod
    def load(cls, path: Path) -> tuple[Folder, list[Run]]:
        """
        Read the folder of a storm that was begun, and the runs that ended; writes nothing.

        Raises:
            UsageError: there is no storm in it, or what is there cannot be read.
        """
        try:
            head = read_record(path / _RUN, _Head)
            made = head.parameters
            if not made.packages and None in (made.ram_bytes, made.zram_bytes, made.heap_bytes):
                raise ValueError("neither packages nor the sizes of apps that are made")
        except FileNotFoundError:
            raise UsageError(f"--resume: there is no storm in {path}") from None
        except UNREADABLE as error:
            raise UsageError(f"{path / _RUN} cannot be read: {_first_line(error)}") from error
        folder = cls(path, head.parameters, head.wanted)
        folder.version = head.droidreclaim
        return folder, folder._finished()

    def note(self, key: tuple[str, int], event: Begin | Event) -> None:
        """Write down one event."""
        self.append_line(_SAMPLES, json.dumps(to_line(key, event)))

    def plan(self, arms: Sequence[str], seeds: Sequence[int]) -> None:
        """Write down what is asked for besides what was before; keep only the runs that ended."""
        before = self.wanted or ((), ())
        self.wanted = (
            tuple(dict.fromkeys([*before[0], *arms])),
            tuple(dict.fromkeys([*before[1], *seeds])),
        )
        self.write_whole(_RUN, self._head())
        self.write_whole(_SAMPLES, self._kept)

    def finish(self, storm: Storm) -> None:
        """Write the results; may be called again with more runs."""
        first = storm.runs[0].begin if storm.runs else None
        kept = {
            **self._head(),
            "source": storm.source,
            "device": first.device if first else None,
            "states": [
                {"arm": run.begin.arm, "seed": run.begin.seed, **run.begin.state}
                for run in storm.runs
            ],
        }
        self.write_whole(_RUN, kept)
        self.write_whole(_STORM, to_json(storm))
        self.write_whole(_REPORT, page.render(storm))

    def _finished(self) -> list[Run]:
        """Read the runs that ended; `plan` drops the lines of others, since they will run again."""
        path = self.path / _SAMPLES
        try:
            text = whole_lines(path, most_bytes=_MAX_SAMPLES_BYTES, longest_bytes=_MAX_LINE_BYTES)
            lines = [read_json(line, dict[str, Any]) for line in text]
            finished = [run for run in runs_of(lines) if run.end is not None or run.wrong]
        except UNREADABLE as error:
            raise UsageError(f"{path} cannot be read: {_first_line(error)}") from error
        keys = {run.key for run in finished}
        kept = [line for line in lines if (line["arm"], line["seed"]) in keys]
        self._kept = "".join(json.dumps(line) + "\n" for line in kept)
        return finished

    def _head(self) -> dict[str, Any]:
        return {
            "droidreclaim": __version__,
            "parameters": asdict(self.what),
            "wanted": self.wanted,
        }


def _first_line(error: Exception) -> str:
    """Return the first three lines of an error's message as one line."""
    return " ".join(str(error).splitlines()[:3])
