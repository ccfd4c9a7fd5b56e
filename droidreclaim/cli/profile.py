"""``droidreclaim profile``: what a profile of the guard says, and what is wrong with it."""

from __future__ import annotations

from typing import Annotated

import typer

from droidreclaim.cli.options import AsJson, Connection, with_connection
from droidreclaim.cli.output import emit, show, write, write_folded
from droidreclaim.units import plural

app = typer.Typer(help="Profiles of the guard: faults, what one would do now, their form.")

Name = Annotated[
    str,
    typer.Argument(
        metavar="PROFILE", help="A file, or a built-in one: keep-games, gentle, favourites."
    ),
]


@app.command()
def check(name: Name, as_json: AsJson = False) -> None:
    """Every fault of PROFILE at once, each as file:line:col: path: message; exit status 6."""
    from droidreclaim import profiles, report

    found = profiles.check(profiles.open_profile(name))
    if isinstance(found, profiles.Profile):
        if as_json:
            emit(report.faults_json(name, ()))
        else:
            write(f"{name}: no fault; {plural(len(found.rules), 'rule')}, named {found.name}\n")
        return
    error = profiles.faulty(name, found)
    if as_json:
        emit(report.faults_json(name, found), error)
    raise error


@app.command()
@with_connection
def explain(name: Name, as_json: AsJson = False, *, connection: Connection) -> None:
    """What a guard with PROFILE would do on this device now: when, whom, how, and why not."""
    from droidreclaim import profiles
    from droidreclaim.cli import connect
    from droidreclaim.report import guard as report

    profile = profiles.load(name)
    with connect.phone(connection) as phone:
        guard = phone.guard(profile)
        device, plan = guard.device, guard.explain()
        source = phone.source
    if as_json:
        emit(report.explain_json(device, source, plan))
        return
    write_folded(report.explain_text(plan) + "\n")
    show(report.explain_table(plan))


@app.command()
def schema() -> None:
    """The form of a profile as JSON Schema, for an editor."""
    from droidreclaim import profiles

    emit(profiles.schema())
