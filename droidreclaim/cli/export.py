"""The command export: what a QA run or a storm measured, for other tools."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from droidreclaim.cli.output import write_file
from droidreclaim.errors import UsageError

if TYPE_CHECKING:
    from droidreclaim.report.perfetto import Happening


def export(
    path: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run or storm.")],
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Write a line for each round (of a storm: each launch); - is stdout.",
        ),
    ] = None,
    perfetto: Annotated[
        Path | None,
        typer.Option(
            "--perfetto",
            metavar="FILE",
            help="Write steps, memory and kills as a trace for ui.perfetto.dev.",
        ),
    ] = None,
    benchmark_json: Annotated[
        Path | None,
        typer.Option(
            "--benchmark-json",
            metavar="FILE",
            help="Write the shape of Macrobenchmark; - is stdout.",
        ),
    ] = None,
) -> None:
    """Write what a QA run or a storm measured for other tools."""
    if csv is None and perfetto is None and benchmark_json is None:
        raise UsageError("export to what?", hint="--csv, --perfetto or --benchmark-json FILE")
    from droidreclaim.qa import benchmark, trace
    from droidreclaim.qa.figures import result
    from droidreclaim.qa.folder import Folder
    from droidreclaim.qa.rows import to_csv
    from droidreclaim.report import perfetto as traces

    folder, head, rounds = Folder.load(path)
    if csv is not None:
        write_file(csv, _launches(path) if "parameters" in head else to_csv(rounds))
    if perfetto is not None:
        if "parameters" in head:
            happenings = _storm(path)
        else:
            app = folder.scenario_of(head).app
            if not any(one.marks for one in rounds):
                raise UsageError(f"{path}: no round of this run has times on the device's clock")
            happenings = trace.of_rounds(rounds, app)
        write_file(perfetto, traces.render(happenings))
    if benchmark_json is not None:
        found = result(folder.scenario_of(head), rounds)
        write_file(benchmark_json, json.dumps(benchmark.to_json(found, head), indent=2) + "\n")


def _storm(path: Path) -> Iterable[Happening]:
    from droidreclaim.lab.storm.folder import Folder
    from droidreclaim.lab.storm.trace import of_runs

    runs = Folder.load(path)[1]
    if not runs:
        raise UsageError(f"{path}: no arm of this storm has ended")
    return of_runs(runs)


def _launches(path: Path) -> str:
    from droidreclaim.lab.storm.folder import Folder
    from droidreclaim.lab.storm.rows import to_csv

    return to_csv(Folder.load(path)[1])
