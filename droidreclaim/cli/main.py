"""The command line: every command's name, and the one place where an error becomes an exit code."""

from __future__ import annotations

from typing import Annotated

import typer

from droidreclaim.cli import apps, guard, inspect, profile, swap
from droidreclaim.cli.lab import demo, phone, storm
from droidreclaim.cli.options import INTERRUPTED, Connection, with_connection
from droidreclaim.cli.output import warn
from droidreclaim.errors import DroidReclaimError

app = typer.Typer(
    name="droidreclaim",
    no_args_is_help=False,
    rich_markup_mode=None,  # plain help: 80 ms sooner, and no escape sequence on any CI
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from droidreclaim import __version__

        typer.echo(f"droidreclaim {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
@with_connection
def start(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version)
    ] = False,
    *,
    connection: Connection,
) -> None:
    """Page background Android apps out on demand, instead of letting lowmemorykiller take them."""
    ctx.obj = connection
    if ctx.invoked_subcommand is None:
        apps.status(connection)


app.command()(apps.devices)
app.command()(apps.ps)
app.command()(apps.reclaim)
app.command()(inspect.doctor)
app.command()(inspect.kills)
app.command()(inspect.headroom)
app.command()(apps.uninstall)
app.command()(demo.demo)
app.command()(storm.storm)
app.add_typer(swap.app, name="swap")
app.add_typer(guard.app, name="guard")
app.add_typer(profile.app, name="profile")
app.add_typer(phone.app, name="phone")


def main() -> None:
    """Run the command line; errors become one line on stderr and their exit code."""
    try:
        app()
    except DroidReclaimError as error:
        warn(str(error))
        raise SystemExit(error.exit_code) from error
    except KeyboardInterrupt:
        warn("interrupted")
        raise SystemExit(INTERRUPTED) from None
