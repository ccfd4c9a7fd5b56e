"""``droidreclaim fleet``: many devices on many hosts, one run and one report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from droidreclaim.cli.options import AsJson, Connection, with_any_connection
from droidreclaim.cli.output import emit, show
from droidreclaim.errors import NotPossible

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
    fleet, path = _fleet(file, here=here)
    from droidreclaim.cli import fleet_run
    from droidreclaim.fleet import table

    which = fleet_run.Chosen(fleet, path, connection, tuple(where or ()))
    seen = fleet_run.seen(which)
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
            metavar="SCENARIO",
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
    fleet, path = _fleet(file, here=here)
    from droidreclaim.cli import fleet_run

    chosen = fleet_run.Chosen(fleet, path, connection, tuple(where or ()))
    asked = fleet_run.Wanted(tuple(words or ()), fleet_run.parse_seeds(seeds), out, resume)
    fleet_run.run(chosen, asked, as_json=as_json)


@app.command()
@with_any_connection
def up(
    file: FleetFile = None, where: Where = None, as_json: AsJson = False, *, connection: Connection
) -> None:
    """
    Start a scheduler here, and over ssh a worker for each device that is ready.

    All of it listens on 127.0.0.1 alone; 'fleet down' ends it.
    """
    fleet, path = _fleet(file, here=False)
    from droidreclaim.cli import fleet_up

    fleet_up.up(fleet, path, where or [], connection, as_json=as_json)


@app.command()
def down(file: FleetFile = None) -> None:
    """End what 'fleet up' started, on every host."""
    _, path = _fleet(file, here=False)
    from droidreclaim.cli import fleet_up

    fleet_up.down(path)


@app.command(hidden=True)
@with_any_connection
def keep(file: FleetFile = None, where: Where = None, *, connection: Connection) -> None:
    """Be the process behind 'fleet up'."""
    fleet, path = _fleet(file, here=False)
    from droidreclaim.cli import fleet_up

    fleet_up.keep(fleet, path, where or [], connection)


@app.command(hidden=True)
def host() -> None:
    """Be the workers of one host, as 'fleet up' asks on stdin."""
    from droidreclaim.cli import fleet_up

    fleet_up.host()


@app.command(hidden=True)
@with_any_connection
def phones(count: Annotated[int, typer.Argument(min=1, max=64)], *, connection: Connection) -> None:
    """Hold COUNT pocket phones of this host for as long as stdin beats."""
    from droidreclaim.cli import fleet_up

    fleet_up.phones_held(count, connection)


def _fleet(file: Path | None, *, here: bool) -> tuple[FleetForm, Path | None]:
    """
    The fleet that is meant, and its file: or this host with all its devices.

    Raises:
        NotPossible: on Windows.
        UsageError, ProfileError: the file cannot be read, or has faults.
    """
    if os.name == "nt":
        raise NotPossible("a fleet needs flock and process groups, which Windows has not")
    from droidreclaim.fleet import form

    if here:
        return form.HERE, None
    if file is None and form.USUAL_FILE.exists():
        file = form.USUAL_FILE
    return (form.load(file), file) if file is not None else (form.HERE, None)
