"""
The list of commands in docs/commands.md, made of the command line itself.

``python commands_page.py`` writes it; a test fails where the page is not what the command line is.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from droidreclaim.cli.app import command_line
from droidreclaim.cli.complete.table import words_of
from droidreclaim.cli.options import Connection, with_any_connection

PAGE = Path(__file__).parent / "docs" / "commands.md"
BEGIN = "<!-- What follows is written by `python commands_page.py`: change the command line. -->"
END = "<!-- What precedes is written by `python commands_page.py`. -->"
MORE = {
    "devices": "emulators.md",
    "footprint": "footprint.md",
    "guard": "guard.md",
    "phone": "pocket-phone.md",
    "pressure": "qa.md#how-to-reproduce-a-low-memory-kill",
    "profile": "guard.md",
    "reclaim": "numbers.md",
    "run": "qa.md",
    "compare": "qa.md",
    "export": "qa.md",
    "storm": "storm.md",
    "top": "top.md",
    "why": "why.md",
}  # pages that tell more of a command


def page(written: str) -> str:
    """The text of the page *written*, with its list of commands made anew."""
    head, _, rest = written.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{listing()}\n{END}{tail}"


def listing() -> str:
    """Markdown: a table of all commands, then a section for each with its options."""
    root = typer.main.get_command(command_line())
    commands = list(_leaves(root))
    lines = ["| Command | Does |", "| --- | --- |"]
    for name, command in commands:
        summary = inspect.cleandoc(command.help or "").split("\n\n")[0]
        lines.append(f"| [`{name}`](#{name.replace(' ', '-')}) | {' '.join(summary.split())} |")
    for name, command in commands:
        lines += ["", *_section(name, command)]
    return "\n".join(lines) + "\n"


def _leaves(command: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by the words that call it."""
    for name, one in getattr(command, "commands", {}).items():
        words = f"{path} {name}".strip()
        if getattr(one, "commands", None):
            yield from _leaves(one, words)
        elif not one.hidden:
            yield words, one


def _section(name: str, command: Any) -> Iterator[str]:
    arguments = [one for one in command.params if not hasattr(one, "is_flag")]
    shared = _shared()
    options = [
        one
        for one in command.params
        if hasattr(one, "is_flag") and not one.hidden and one.name not in shared
    ]
    yield f"### {name}"
    yield ""
    words = ["droidreclaim", name, *map(_argument, arguments), "[OPTION]..." if options else ""]
    yield f"`{' '.join(filter(None, words))}`"
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        yield ""
        yield " ".join(paragraph.split())
    if link := MORE.get(name.split(maxsplit=1)[0]):
        yield ""
        yield f"More: [{_title(link.partition('#')[0])}]({link})."
    rows = [(f"`{_argument(one)}`", one) for one in arguments]
    rows += [(f"`{_option(one)}`", one) for one in options]
    if rows:
        yield from ("", "| Option | Means |", "| --- | --- |")
    for usage, parameter in rows:
        yield f"| {usage.replace('|', chr(92) + '|')} | {_meaning(parameter)} |"


def _argument(argument: Any) -> str:
    word = "|".join(words_of(argument.type_descriptor.annotation)) or argument.metavar
    word = (word or argument.name.upper()).removesuffix("...")
    return ("{}" if argument.required else "[{}]").format(word) + "..." * (argument.nargs == -1)


def _option(option: Any) -> str:
    names = ", ".join(option.opts)
    if option.is_flag:
        return names
    words = "|".join(words_of(option.type_descriptor.annotation))
    return f"{names} {option.metavar or words or 'N'}"


def _meaning(parameter: Any) -> str:
    text = (parameter.help or "").replace("|", "\\|").replace("*", "\\*")
    default = parameter.default
    if "[" not in text and isinstance(default, int | str) and not isinstance(default, bool):
        return f"{text} Default: `{default}`."
    return text


def _title(page_: str) -> str:
    """The heading of a page of docs/."""
    return (PAGE.parent / page_).read_text("utf-8").splitlines()[0].removeprefix("# ")


def _shared() -> frozenset[str]:
    """Names of the options that every command has, which the page tells of once."""

    @with_any_connection
    def nothing(*, connection: Connection) -> None: ...

    return frozenset(inspect.signature(nothing).parameters)


if __name__ == "__main__":
    text = page(PAGE.read_text("utf-8"))
    if sys.argv[1:] == ["--check"]:
        sys.exit(text != PAGE.read_text("utf-8"))
    PAGE.write_text(text, "utf-8")
