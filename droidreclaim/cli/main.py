"""The command line: every command's name, and the one place where an error becomes an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from typer import rich_utils

from droidreclaim.cli import apps, phone, swap
from droidreclaim.cli.options import Connection, with_connection
from droidreclaim.errors import DroidReclaimError

INTERRUPTED = 130

app = typer.Typer(
    name="droidreclaim",
    no_args_is_help=False,
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
app.command()(apps.uninstall)
app.add_typer(swap.app, name="swap")
app.add_typer(phone.app, name="phone")


def main() -> None:
    """Run the command line; errors become one line on stderr and their exit code."""
    if not (sys.stdout.isatty() or os.environ.get("FORCE_COLOR")):
        # Typer writes escape sequences into a pipe wherever GITHUB_ACTIONS is set.
        rich_utils.FORCE_TERMINAL = None
    try:
        app()
    except DroidReclaimError as error:
        _fail(f"droidreclaim: {error}", error.exit_code)
    except KeyboardInterrupt:
        _fail("droidreclaim: interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader (head, less) has enough. Python would complain once more while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


def _fail(message: str, exit_code: int) -> None:
    typer.echo(message, err=True)
    raise SystemExit(exit_code)
