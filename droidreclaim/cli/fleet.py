"""``droidreclaim fleet``: many devices on many hosts, one run and one report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from droidreclaim.cli.options import AsJson, Connection, with_any_connection
from droidreclaim.cli.output import emit, show

if TYPE_CHECKING:
    from droidreclaim.fleet.form import FleetForm

app = typer.Typer(help="Many devices on many hosts: the same run on all, and one report.")

FleetFile = Annotated[
    Path | None,
    typer.Option("--fleet", metavar="FILE", help="The fleet [fleet.yaml, else this host]."),
]
Here = Annotated[bool, typer.Option("--here", help="This host alone, whatever fleet.yaml says.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where", metavar="LABEL=VALUE", help="Only devices with this label; may be repeated."
    ),
]


@app.command()
@with_any_connection
def status(
    file: FleetFile = None,
    here: Here = False,
    where: Where = None,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """List every device of every host: ready, or why not."""
    from droidreclaim.cli import fleet_run
    from droidreclaim.fleet import table

    seen = fleet_run.seen(fleet_run.Chosen(_fleet(file, here=here), connection, tuple(where or ())))
    error = fleet_run.unreachable(seen)
    if as_json:
        emit(table.status_json(seen), error)
    else:
        show(table.status_table(seen))
    if error is not None:
        raise error


@app.command()
@with_any_connection
def run(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SCENARIO|WORD...",
            help="A scenario, and behind -- options of run; or -- storm and its options.",
        ),
    ] = None,
    file: FleetFile = None,
    here: Here = False,
    where: Where = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            "--seeds", metavar="A,B|A-B", help="A job a seed, which the devices of a model share."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="Folder [fleet-TIME].")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out: the jobs that are left.")
    ] = False,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """
    Play the same run on every device of the fleet, and gather what it came to.

    Every device that is ready plays SCENARIO once. One that fails is put aside before its job goes
    to another of the same model and release; what an expectation said is never asked again.
    """
    from droidreclaim.cli import fleet_run

    chosen = fleet_run.Chosen(_fleet(file, here=here), connection, tuple(where or ()))
    asked = fleet_run.Wanted(tuple(words or ()), fleet_run.parse_seeds(seeds), out, resume)
    fleet_run.run(chosen, asked, as_json=as_json)


def _fleet(file: Path | None, *, here: bool) -> FleetForm:
    """The fleet that is meant: the file's, or this host with all its devices."""
    from droidreclaim.fleet import form

    if here:
        return form.HERE
    if file is None and form.USUAL_FILE.exists():
        file = form.USUAL_FILE
    return form.load(file) if file is not None else form.HERE
