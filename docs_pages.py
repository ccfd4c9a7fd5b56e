"""
Pages of docs/ that are made of something else: the list of commands, and the quick start.

``python docs_pages.py`` writes the list of commands in docs/commands.md, of the command line
itself, and docs/index.md, of README. A test fails where a page is not what it is made of.
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

_ROOT = Path(__file__).parent
PAGE = _ROOT / "docs" / "commands.md"
QUICK_START = _ROOT / "docs" / "index.md"
BEGIN = "<!-- What follows is written by `python docs_pages.py`: change the command line. -->"
END = "<!-- What precedes is written by `python docs_pages.py`. -->"
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
    "fleet": "fleet.md",
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


def quick_start(readme: str) -> str:
    """The site's first page: README from how to install it to what it could break."""
    part = readme[readme.index("## Install") : readme.index("## What it touches")]
    part = part.replace("## Three first minutes\n\n", "").replace("\n### ", "\n## ")
    part = part.replace("](docs/", "](")
    what = "What droidreclaim is, and what it needs: the first page of the repository, README."
    return f"# Quick start\n\n{what}\n\n{part.rstrip()}\n"


def main(words: list[str]) -> int:
    """Write the pages; with --check only say by the exit code whether one would change."""
    readme = (_ROOT / "README.md").read_text("utf-8")
    made = {PAGE: page(PAGE.read_text("utf-8")), QUICK_START: quick_start(readme)}
    if words == ["--check"]:
        return int(any(path.read_text("utf-8") != text for path, text in made.items()))
    for path, text in made.items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
