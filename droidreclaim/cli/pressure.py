"""``droidreclaim pressure``: memory really made short, and who was killed for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from droidreclaim.cli.options import AsJson, Connection, with_connection
from droidreclaim.cli.output import emit, say, show, write

if TYPE_CHECKING:
    from droidreclaim.errors import NotAchieved
    from droidreclaim.session.pressure import Pressure


@with_connection
def pressure(
    until: Annotated[
        str,
        typer.Option(
            "--until",
            metavar="WHEN",
            help="Enough is [kill], headroom<=0, available<=200MiB (or 200MiB), taken>=1GiB.",
        ),
    ] = "kill",
    hold: Annotated[
        str, typer.Option("--hold", metavar="DURATION", help="Hold the memory for so long then.")
    ] = "0s",
    duration: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="DURATION",
            help="Give it back after so long in any case [60s + hold]: 5m.",
        ),
    ] = None,
    compressible: Annotated[
        str,
        typer.Option(
            "--compressible", metavar="N:1", help="How well zram can compress what is taken."
        ),
    ] = "3:1",
    adj: Annotated[
        int,
        typer.Option("--adj", min=0, max=100, help="oom_score_adj of the process that holds it."),
    ] = 0,
    cap: Annotated[
        str | None, typer.Option("--cap", metavar="SIZE", help="Take no more than this.")
    ] = None,
    seed: Annotated[
        int,
        typer.Option("--seed", min=0, max=1 << 31, help="Seed of what is written to the memory."),
    ] = 1,
    yes: Annotated[
        bool, typer.Option("--yes", help="Also on a real device: apps on it are killed.")
    ] = False,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """Make memory short until an app is killed, or less is left, and say who was killed for it."""
    from droidreclaim.cli import connect
    from droidreclaim.policy.pressure import parse_compressible, parse_until
    from droidreclaim.report import pressure as report
    from droidreclaim.session.pressure import DEFAULT_FOR_S, lasting_s
    from droidreclaim.units import parse_duration, parse_size

    hold_s = parse_duration(hold)
    cap_bytes = None if cap is None else parse_size(cap)
    parse_until(until)  # a slip of the hand is told before a device is asked
    parse_compressible(compressible)
    lasting = lasting_s(DEFAULT_FOR_S + hold_s if duration is None else duration)
    with connect.phone(connection, root=False) as phone:
        pressure = phone.pressure(
            until,
            lasting=lasting,
            compressible=compressible,
            seed=seed,
            adj=adj,
            cap=cap_bytes,
            yes=yes,
        )
        error = _press(pressure, hold_s, phone.serial, connection)
        source = phone.source
    assert pressure.result is not None
    if as_json:
        emit(
            report.pressure_json(pressure.device, source, pressure.result, compressible, seed),
            error,
        )
    else:
        write(report.pressure_text(pressure.result) + "\n")
        if pressure.result.deaths:
            show(report.deaths_table(pressure.result))
    if error is not None:
        raise error


def _press(
    asked: Pressure, hold_s: float, serial: str, connection: Connection
) -> NotAchieved | None:
    """Take memory, hold it, give it back; what was not achieved of that, or None."""
    from droidreclaim.errors import NotAchieved
    from droidreclaim.session.pressure import why_ended, why_not_reached

    try:
        with asked:
            say(f"{serial}: memory is short", connection)
            held = asked.hold(hold_s)
    except NotAchieved as refused:
        return refused
    if not held.held:
        return NotAchieved(f"{serial}: not held to the end: {why_ended(held)}")
    if not held.reached:
        return NotAchieved(f"{serial}: {why_not_reached(held)}")
    return None
