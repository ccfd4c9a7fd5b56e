"""``droidreclaim guard``: the daemon that pages out on the device, cable or no cable."""

from __future__ import annotations

from typing import Annotated

import typer

from droidreclaim.cli.options import AsJson, Connection, with_connections
from droidreclaim.cli.output import emit, emit_line, show, write, write_folded

app = typer.Typer(help="A daemon on the device that pages out when memory gets short.")


@app.command()
@with_connections
def start(
    profile: Annotated[
        str,
        typer.Option(
            "--profile",
            metavar="PROFILE",
            help="Profile: a file, or [keep-games], gentle, favourites.",
        ),
    ] = "keep-games",
    duration: Annotated[
        str | None,
        typer.Option("--for", metavar="DURATION", help="How long [the profile's, else 8h]: 90m."),
    ] = None,
    allow_flash: Annotated[
        bool, typer.Option("--allow-flash", help="Also where swap wears the storage.")
    ] = False,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """
    Start the guard; it goes on without the cable until it is stopped or its time is over.

    A second guard is refused by the name of the first: exit code 7.
    """
    from droidreclaim import profiles
    from droidreclaim.cli import connect
    from droidreclaim.report import guard as report
    from droidreclaim.session.guard import lasting_s

    known = profiles.load(profile)
    for_s = lasting_s(duration) if duration is not None else None
    with connect.phone(connection, root=False, changes=True) as phone:
        guard = phone.guard(known, for_s, allow_flash=allow_flash)
        started = guard.start()
        device = guard.device
    if as_json:
        emit(report.guard_json(device, phone.source, started))
    else:
        write_folded(report.guard_text(started) + "\n")


@app.command()
@with_connections
def status(as_json: AsJson = False, *, connection: Connection) -> None:
    """What the guard sees: headroom, swap, stalls, and each app with what was done to it."""
    from droidreclaim.cli import connect
    from droidreclaim.report import guard as report

    with connect.phone(connection, root=False) as phone:
        guard = phone.guard()
        device, seen = guard.device, guard.status()
    if as_json:
        emit(report.guard_json(device, phone.source, seen.guard, seen.apps))
        return
    write_folded(report.guard_text(seen.guard) + "\n")
    if seen.apps:
        show(report.apps_table(seen.apps))


@app.command()
@with_connections
def log(
    follow: Annotated[bool, typer.Option("--follow", help="Go on until interrupted.")] = False,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """Each decision of the guard with its reason, and what it was worth."""
    from droidreclaim.cli import connect
    from droidreclaim.report import guard as report

    with connect.phone(connection, root=False) as phone:
        guard = phone.guard()
        device = guard.device
        if follow:
            for event in guard.follow():
                line = report.event_json(event)
                if as_json:
                    emit_line(line)
                else:
                    write(report.event_line(event) + "\n")
            return
        events = guard.log()
    if as_json:
        emit(report.log_json(device, phone.source, events))
        return
    write("".join(f"{report.event_line(event)}\n" for event in events))


@app.command()
@with_connections
def stop(as_json: AsJson = False, *, connection: Connection) -> None:
    """Stop the guard; what it paged out comes back as it is used."""
    from droidreclaim.cli import connect
    from droidreclaim.report import guard as report

    with connect.phone(connection, root=False, changes=True) as phone:
        guard = phone.guard()
        device, stopped = guard.device, guard.stop()
    if as_json:
        emit(report.guard_json(device, phone.source, stopped))
    else:
        write(report.stopped_text(stopped) + "\n")
