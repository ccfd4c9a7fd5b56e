"""``droidreclaim fleet``: many devices on many hosts, one run and one report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from droidreclaim.cli.options import AsJson, Connection, with_any_connection
from droidreclaim.cli.output import emit, show
from droidreclaim.errors import DeviceError, NoDevice

if TYPE_CHECKING:
    from droidreclaim.fleet.form import FleetForm
    from droidreclaim.fleet.look import HostSeen

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
    from droidreclaim.fleet import table

    seen = _seen(_fleet(file, here=here), connection, where)
    error = _unreachable(seen)
    if as_json:
        emit(table.status_json(seen), error)
    else:
        show(table.status_table(seen))
    if error is not None:
        raise error


def _fleet(file: Path | None, *, here: bool) -> FleetForm:
    """The fleet that is meant: the file's, or this host with all its devices."""
    from droidreclaim.fleet import form

    if here:
        return form.HERE
    if file is None and form.USUAL_FILE.exists():
        file = form.USUAL_FILE
    return form.load(file) if file is not None else form.HERE


def _seen(
    fleet: FleetForm, connection: Connection, where: list[str] | None
) -> tuple[HostSeen, ...]:
    from droidreclaim.cli import connect
    from droidreclaim.fleet.devices import chosen, parse_where
    from droidreclaim.fleet.look import look

    wanted = parse_where(where or [])
    seen = look(
        fleet,
        lambda host: connect.server(replace(connection, port=host.adb_port or connection.port)),
        timeout_s=connect.timeout_s(connection),
    )
    meant = connection.serials
    return tuple(
        replace(
            host,
            devices=tuple(
                one for one in chosen(host.devices, wanted) if not meant or one.serial in meant
            ),
        )
        for host in seen
    )


def _unreachable(seen: tuple[HostSeen, ...]) -> DeviceError | None:
    """What stands in the way of the whole fleet: a host that cannot be asked, or no device."""
    lost = [one for one in seen if one.error]
    if lost:
        more = f", and {len(lost) - 1} more" if len(lost) > 1 else ""
        return DeviceError(f"{lost[0].error}{more}")
    if not any(one.devices for one in seen):
        return NoDevice(
            "no device in the fleet", hint="'droidreclaim devices' says what is attached here"
        )
    return None
