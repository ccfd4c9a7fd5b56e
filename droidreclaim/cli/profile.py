"""``droidreclaim profile``: what a profile of the guard says, and what is wrong with it."""

from __future__ import annotations

from typing import Annotated

import typer

from droidreclaim.cli.options import AsJson
from droidreclaim.cli.output import emit, write

app = typer.Typer(help="Profiles of the guard: faults, what one would do now, their form.")

Name = Annotated[
    str, typer.Argument(metavar="PROFILE", help="A file, or a built-in one: keep-games, gentle.")
]


@app.command()
def check(name: Name, as_json: AsJson = False) -> None:
    """Every fault of PROFILE at once, each as file:line:col: path: message; exit status 6."""
    from droidreclaim import profiles, report

    found = profiles.check(profiles.open_profile(name))
    faults = () if isinstance(found, profiles.Profile) else found
    if as_json:
        emit(report.faults_json(name, faults))
    if not isinstance(found, profiles.Profile):
        raise profiles.faulty(name, found)
    if not as_json:
        write(f"{name}: no fault; {len(found.rules)} rules, named {found.name}\n")


@app.command()
def schema() -> None:
    """The form of a profile as JSON Schema, for an editor."""
    from droidreclaim import profiles

    emit(profiles.schema())
