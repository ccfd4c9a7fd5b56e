"""The command line: every command's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
import typer.core

from droidreclaim.cli import apps, completion, footprint, guard, inspect, profile, swap
from droidreclaim.cli import compare as compare_command
from droidreclaim.cli import export as export_command
from droidreclaim.cli import run as run_command
from droidreclaim.cli import why as why_command
from droidreclaim.cli.lab import demo, phone, storm
from droidreclaim.cli.options import Connection, with_any_connection
from droidreclaim.cli.output import printed, write

app = typer.Typer(
    name="droidreclaim",
    no_args_is_help=False,
    add_completion=False,  # `completion` is ours: a key press of typer's takes 0.3 s
    rich_markup_mode=None,  # plain help: 80 ms sooner, and no escape sequence on any CI
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from droidreclaim import __version__

        write(f"droidreclaim {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
@with_any_connection
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
app.command()(why_command.why)
app.command()(footprint.footprint)
app.command()(apps.uninstall)
app.command()(run_command.run)
app.command()(compare_command.compare)
app.command()(export_command.export)
app.command()(completion.completion)
app.command()(demo.demo)
app.command()(storm.storm)
app.add_typer(swap.app, name="swap")
app.add_typer(guard.app, name="guard")
app.add_typer(profile.app, name="profile")
app.add_typer(phone.app, name="phone")


def run(words: Sequence[str]) -> int:
    """
    Run one command line; returns its exit code.

    Raises:
        typer.TyperException: the words make no sense; whatever else a command raises.
    """
    printed.reset()
    command = typer.main.get_command(app)
    for one in every_command(command):
        for parameter in one.params:
            if isinstance(parameter, typer.core.TyperArgument):
                parameter.display_type = lambda ctx: ""  # type: ignore[method-assign]
    try:
        with command.make_context("droidreclaim", list(words)) as context:
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    return 0


def every_command(command: Any) -> Iterator[Any]:
    """*command* and all below it."""
    yield command
    for one in getattr(command, "commands", {}).values():
        yield from every_command(one)
