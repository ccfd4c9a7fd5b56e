"""The command line: every command's name, and the way from words to a command."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import Annotated, Any, Literal, get_origin

import typer
import typer.core

from droidreclaim.cli.options import Connection, with_any_connection
from droidreclaim.cli.output import printed, write

# Where each command is, and by which name; ``app`` is one with commands of its own.
COMMANDS = {
    "devices": "apps.devices",
    "ps": "apps.ps",
    "reclaim": "apps.reclaim",
    "doctor": "inspect.doctor",
    "kills": "inspect.kills",
    "headroom": "inspect.headroom",
    "why": "why.why",
    "footprint": "footprint.footprint",
    "top": "top.top",
    "uninstall": "apps.uninstall",
    "run": "run.run",
    "compare": "compare.compare",
    "export": "export.export",
    "pressure": "pressure.pressure",
    "fleet": "fleet.app",
    "completion": "completion.completion",
    "demo": "lab.demo.demo",
    "storm": "lab.storm.storm",
    "swap": "swap.app",
    "guard": "guard.app",
    "profile": "profile.app",
    "phone": "lab.phone.app",
}


def _print_version(wanted: bool) -> None:
    if wanted:
        from droidreclaim import __version__

        write(f"droidreclaim {__version__}\n")
        raise typer.Exit


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
        from droidreclaim.cli import apps

        apps.status(connection)


def command_line(names: Iterable[str] = tuple(COMMANDS)) -> typer.Typer:
    """The command line with the commands of these names, which are imported now."""
    app = typer.Typer(
        name="droidreclaim",
        no_args_is_help=False,
        add_completion=False,  # `completion` is ours: a key press of typer's takes 0.3 s
        rich_markup_mode=None,  # plain help: 80 ms sooner, and no escape sequence on any CI
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(start)
    for name in names:
        module, _, attribute = COMMANDS[name].rpartition(".")
        found = getattr(import_module(f"droidreclaim.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command(name)(found)
    return app


def names_in(words: Sequence[str]) -> list[str]:
    """
    The commands that a command line may mean; all of them where it names none or asks for help.

    A command that is not named need not be there: importing all of them costs 60 ms of CPU.
    """
    named = [word for word in words if word in COMMANDS]
    before = words[: words.index(named[0])] if named else ()
    if not named or "--help" in before or "-h" in before:
        return list(COMMANDS)
    return [name for name in COMMANDS if name in named]


def run(words: Sequence[str]) -> int:
    """
    Run one command line; returns its exit code.

    Raises:
        typer.TyperException: the words make no sense; whatever else a command raises.
    """
    printed.reset()
    command = typer.main.get_command(command_line(names_in(words)))
    for one in every_command(command):
        one.short_help = _first_paragraph(one.help)
        one.get_help_option = partial(_help_option, one.get_help_option)
        for parameter in one.params:
            if isinstance(parameter, typer.core.TyperArgument):
                parameter.display_type = lambda ctx: ""  # type: ignore[method-assign]
            elif parameter.type_descriptor.annotation in (int, float):
                parameter.metavar = parameter.metavar or "N"
            _coerce_only_what_is_given(parameter)
    try:
        with command.make_context("droidreclaim", list(words)) as context:
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    return 0


def _first_paragraph(text: str | None) -> str | None:
    """What a list of commands says of one: whole, since typer cuts in the middle of a sentence."""
    return " ".join((text or "").strip().partition("\n\n")[0].split()) or None


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
        """Convert *value*, as typer's own coercion does."""
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
