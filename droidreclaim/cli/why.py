"""The command why: what became of an app's processes, by whom, and the evidence."""

from __future__ import annotations

from typing import Annotated

import typer

from droidreclaim.cli.options import AsJson, Capture, Connection, with_connection
from droidreclaim.cli.output import emit, write_folded
from droidreclaim.errors import UsageError
from droidreclaim.units import parse_duration


@with_connection
def why(
    package: Annotated[str, typer.Argument(help="The app, as com.example.app.")],
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DURATION", help="Only ends of the last 10m, 2h, ..."),
    ] = None,
    capture: Capture = None,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """
    Why an app's processes ended: who killed them, when, in which state, and what would have helped.

    Each sentence is followed by the numbers of the lines that it rests on. Needs no root.
    """
    from droidreclaim.cli import connect
    from droidreclaim.inspect import why as inspect_why
    from droidreclaim.policy import parse_targets
    from droidreclaim.report import why as report

    since_s = parse_duration(since) if since is not None else None
    if not parse_targets([package])[0]:
        raise UsageError(f"{package!r} is no package name")
    if capture:
        head = {"device": None, "source": "capture"}
        story = inspect_why.of_capture(capture, package, since_s=since_s)
        alive = None
    else:
        with connect.phone(connection, root=False) as phone:
            app = phone.app(package)
            story, alive = app.why(since_s), app.processes()
            head = connect.head(phone)
    if as_json:
        emit(head | report.why_json(story, alive))
    else:
        write_folded(report.why_text(story, alive) + "\n")
