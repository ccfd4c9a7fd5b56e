"""The table of commands and options that completion reads, made of the command line itself."""

from __future__ import annotations

import enum
import inspect
import types
import typing
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from droidreclaim.cli.complete import cache
from droidreclaim.cli.complete.words import Command, Table

_BY_METAVAR = {
    "PACKAGE": "packages",
    "PACKAGE|pid:N": "packages",
    "SERIAL": "serials",
    "FILE": "files",
    "PATH": "files",
    "DIR": "files",
    "RUN": "files",
    "SCENARIO": "files",
}


def keep_table() -> Table:
    """Make the table and keep it."""
    made = table()
    cache.keep_table(made)
    return made


def table() -> Table:
    """Every command by its path, the whole command line under ``""``."""
    import typer

    from droidreclaim.cli.app import command_line

    found: Table = {}
    _add(found, "", typer.main.get_command(command_line()))
    return found


def _add(found: Table, path: str, command: Any) -> None:
    below = getattr(command, "commands", {})
    entry: Command = {"options": {}, "takes": {}, "arguments": {}, "commands": {}}
    for parameter in command.params:
        _add_parameter(entry, parameter)
    for name in ("-h", "--help"):
        entry["options"][name] = "Show what there is."
    shown = {name: one for name, one in below.items() if not one.hidden}
    entry["commands"] = {name: _first_line(one.help) for name, one in shown.items()}
    found[path] = entry
    for name, one in shown.items():
        _add(found, f"{path} {name}".strip(), one)


def _add_parameter(entry: Command, parameter: Any) -> None:
    if not hasattr(parameter, "is_flag"):  # an argument
        entry["arguments"][parameter.name] = kind_of(parameter)
        return
    if parameter.hidden:
        return
    for name in parameter.opts:
        entry["options"][name] = _first_line(parameter.help)
        if not parameter.is_flag and not parameter.count:
            entry["takes"][name] = kind_of(parameter)


def kind_of(parameter: Any) -> str:
    """Kind of a parameter's value, by its type, else by its name in the help."""
    if parameter.metavar == "PROFILE":
        from droidreclaim.profiles import built_in

        return "=" + ",".join(sorted(built_in())) + "+files"
    words = words_of(parameter.type_descriptor.annotation)
    if words:
        return "=" + ",".join(words)
    known = _BY_METAVAR.get(parameter.metavar or "")
    if known is None and parameter.type_descriptor.annotation is Path:
        known = "files"
    return known or "none"


def words_of(annotation: Any) -> list[str]:
    """The words of a Literal or an enumeration, also inside of ``list[...]`` and ``... | None``."""
    if get_origin(annotation) is Literal:
        return [str(one) for one in get_args(annotation)]
    if inspect.isclass(annotation) and issubclass(annotation, enum.Enum):
        return [str(one.value) for one in annotation]
    if get_origin(annotation) in (list, tuple, typing.Union, types.UnionType, typing.Annotated):
        return [word for one in get_args(annotation) for word in words_of(one)]
    return []


def _first_line(text: str | None) -> str:
    lines = inspect.cleandoc(text or "").splitlines()
    return lines[0] if lines else ""
