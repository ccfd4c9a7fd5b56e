"""The command line: every command's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Annotated, Any, Literal, get_origin

import typer
import typer.core

from droidreclaim.cli import apps, completion, footprint, guard, inspect, profile, swap
from droidreclaim.cli import compare as compare_command
from droidreclaim.cli import export as export_command
from droidreclaim.cli import pressure as pressure_command
from droidreclaim.cli import run as run_command
from droidreclaim.cli import top as top_command
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
app.command()(top_command.top)
app.command()(apps.uninstall)
app.command()(run_command.run)
app.command()(compare_command.compare)
app.command()(export_command.export)
app.command()(pressure_command.pressure)
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
        one.get_help_option = partial(_help_option, one.get_help_option)
        for parameter in one.params:
            if isinstance(parameter, typer.core.TyperArgument):
                parameter.display_type = lambda ctx: ""  # type: ignore[method-assign]
            _coerce_only_what_is_given(parameter)
    try:
        with command.make_context("droidreclaim", list(words)) as context:
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    return 0


def _help_option(find: Callable[[Any], Any], ctx: Any) -> Any:
    """The option ``--help`` of a command, which typer makes when it is asked for."""
    option = find(ctx)
    if option is not None and "get_runtime_param" not in vars(option):
        _coerce_only_what_is_given(option)
    return option


def _coerce_only_what_is_given(parameter: Any) -> None:
    coercion = _Coercion(parameter)
    parameter.get_runtime_param = lambda: coercion


class _Coercion:
    """
    Conversion of one option's value, done only where it was given as something else than text.

    typer converts by pydantic, also what was not given: that costs 60 ms of CPU to import.
    """

    def __init__(self, parameter: Any) -> None:
        self._by_typer = parameter.get_runtime_param

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """As typer's own."""
        kind = param.type_descriptor.annotation
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        if (kind is str and isinstance(value, str)) or (kind is bool and isinstance(value, bool)):
            return value
        if kind == list[str] and isinstance(value, (list, tuple)):
            return list(value)
        plain = kind in (int, float) or get_origin(kind) is Literal
        if plain and value == param.default:
            return value
        return self._by_typer().coerce(value, param=param, ctx=ctx)


def every_command(command: Any) -> Iterator[Any]:
    """*command* and all below it."""
    yield command
    for one in getattr(command, "commands", {}).values():
        yield from every_command(one)
