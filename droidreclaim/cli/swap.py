"""``droidreclaim swap``: an unused zram as swap, and undone again."""

from __future__ import annotations

from typing import Annotated

import typer

from droidreclaim.cli.options import AsJson, Connection, with_connection
from droidreclaim.cli.output import emit, write
from droidreclaim.units import parse_size

app = typer.Typer(help="An unused zram as swap until the next reboot, and undone again.")


@app.command("on")
@with_connection
def enable(
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="SIZE", help="Size of the swap [half the memory]: 1GiB."),
    ] = None,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """Make an unused zram swap; a device that has swap is left as it is."""
    from droidreclaim.cli import connect
    from droidreclaim.reclaim.swap import require_enough
    from droidreclaim.report import reclaim as reclaim_report

    size_bytes = require_enough(parse_size(size)) if size is not None else None
    with connect.phone(connection) as phone:
        made = phone.swap_on(size_bytes)
    if as_json:
        emit(reclaim_report.swap_json(phone.info, phone.source, [made], on=True))
    else:
        write(reclaim_report.swap_text([made], on=True) + "\n")


@app.command("off")
@with_connection
def disable(as_json: AsJson = False, *, connection: Connection) -> None:
    """Undo 'swap on'; refused when what is swapped would not fit into memory."""
    from droidreclaim.cli import connect
    from droidreclaim.report import reclaim as reclaim_report

    with connect.phone(connection) as phone:
        undone = phone.swap_off()
    if as_json:
        emit(reclaim_report.swap_json(phone.info, phone.source, undone, on=False))
    else:
        write(reclaim_report.swap_text(undone, on=False) + "\n")
