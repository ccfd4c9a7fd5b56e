"""
The man page, made of the page that the site has: docs/commands.md, and README's exit codes.

The build hook of the wheel runs it; ``python man_page.py FILE`` by hand.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

_ROOT = Path(__file__).parent
_FONTS = {
    "strong_open": r"\fB", "strong_close": r"\fR", "em_open": r"\fI", "em_close": r"\fR",
    "softbreak": "\n", "hardbreak": "\n.br\n",
}  # fmt: skip


def page(root: Path) -> str:
    """The man page in roff, of the sources below *root*."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    commands = (root / "docs/commands.md").read_text("utf-8").partition("\n")[2]
    readme = (root / "README.md").read_text("utf-8")
    [codes] = re.findall(r"^## Exit codes\n(.*?)^## ", readme, re.M | re.S)
    head = [
        f'.TH DROIDRECLAIM 1 "" "droidreclaim {project["version"]}"',
        ".SH NAME",
        f"droidreclaim \\- {_escaped(project['description'])}",
        ".SH SYNOPSIS",
        r"\fBdroidreclaim\fR [\fB\-s\fR SERIAL] COMMAND [OPTION]...",
    ]
    body = f"## Commands\n{commands}\n## Exit status\n{codes}"
    return "\n".join([*head, *roff(body)]) + "\n"


def roff(markdown: str) -> Iterator[str]:
    """Lines of roff: headings, paragraphs, code, lists, and a table's rows as tagged paragraphs."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    cells: list[str] = []
    in_head, item = False, ""
    for token, content in zip(tokens, [*tokens[1:], None], strict=True):
        words = _inline(content.children or []) if content is not None else ""
        match token.type:
            case "heading_open":
                yield f"{'.SH' if token.tag in ('h1', 'h2') else '.SS'} {words.upper()}"
            case "paragraph_open":
                yield from ([".IP " + item, words] if item else [".PP", words])
                item = ""
            case "list_item_open":
                item = r"\(bu 3"
            case "fence" | "code_block":
                yield from (".PP", ".EX", _lines(_escaped(token.content.rstrip())), ".EE")
            case "thead_open" | "thead_close":
                in_head = token.type == "thead_open"
            case "tr_open":
                cells = []
            case "td_open":
                cells.append(words)
            case "tr_close" if not in_head:
                yield from (".TP", cells[0], " ".join(filter(None, cells[1:])))


def _inline(tokens: Sequence[Token]) -> str:
    parts = []
    for token in tokens:
        if token.type == "text":
            parts.append(_escaped(token.content))
        elif token.type == "code_inline":
            parts.append(rf"\fB{_escaped(token.content)}\fR")
        else:
            parts.append(_FONTS.get(token.type, ""))  # a link is its text
    return _lines("".join(parts))


def _escaped(text: str) -> str:
    plain = text.replace("\\", r"\e").replace("-", r"\-")
    return "".join(one if ord(one) < 128 else rf"\[u{ord(one):04X}]" for one in plain)


def _lines(text: str) -> str:
    """A dot or a quote begins no request."""
    return "\n".join(rf"\&{line}" if line[:1] in (".", "'") else line for line in text.split("\n"))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(_ROOT), "utf-8")
