"""Tables for people: as wide as the terminal and no wider, or whole into a pipe. Pure."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

_SHORTENED = frozenset({"PROCESS", "MODEL", "PACKAGE"})  # in the middle; a serial is copied whole
_NAMES = _SHORTENED | {"SERIAL"}
_MAY_WRAP = frozenset({"REASON", "READY", "FACT", "CHECK", "WHAT TO DO", "WHY", "AT"})
# What a narrow terminal does without, first this; --json and a pipe have all.
_OPTIONAL = ("USER", "ANON", "ABI", "SDK", "SHARED", "TIME", "LAUNCH p50/p95", "TO SWAP")
_LEAST_CELLS = 12  # the narrowest a column of words may become
_GAP_CELLS = 2
_UNLIMITED = 10_000  # columns when nobody looks: a cut package name is worse than a long line


class Name:
    """A name that gives way in the middle: ``com.example…:sync`` tells more than either end."""

    def __init__(self, text: Text) -> None:
        self.text = text

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        cells = self.text.cell_len
        return Measurement(min(cells, _LEAST_CELLS), cells)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown = self.text.copy()
        if shown.cell_len > options.max_width:
            shown.plain = shortened(shown.plain, options.max_width)
        yield shown


def shortened(name: str, width: int) -> str:
    """*name* in at most *width* cells, the middle left out."""
    if cell_len(name) <= width:
        return name
    head = (width - 1) // 2
    tail = width - 1 - head
    reversed_tail = set_cell_size(name[::-1], tail).strip()[::-1] if tail else ""
    return f"{set_cell_size(name, head).rstrip()}…{reversed_tail}"


def new_table(*columns: str) -> Table:
    """A table without lines; a column whose title ends in ``>`` is right-aligned."""
    table = Table(box=None, pad_edge=False, caption_justify="left", header_style="bold")
    for column in columns:
        title = column.rstrip(">")
        table.add_column(
            title,
            justify="right" if column.endswith(">") else "left",
            no_wrap=title not in _MAY_WRAP,
            overflow="fold",
        )
    return table


def render(table: Table, *, width: int | None = None, colour: bool = False) -> str:
    """
    A table as text; *width* None means as wide as it needs, colour only when asked for.

    Where the terminal is narrow, names are shortened in the middle and reasons wrap; then columns
    that a reader can do without are left out; then each row is a paragraph. A number is never cut.
    """
    out = io.StringIO()
    console = Console(
        file=out,
        width=width or _UNLIMITED,
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(_fitted(table, width) if width else table)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _fitted(table: Table, width: int) -> Table | Group:
    shown = list(table.columns)
    left_out = []
    for title in _OPTIONAL:
        if _least(shown) <= width:
            break
        left_out += [title for one in shown if one.header == title]
        shown = [one for one in shown if one.header != title]
    if _least(shown) > width:
        return _paragraphs(table, width)
    fitted = Table(box=None, pad_edge=False, header_style=table.header_style, padding=(0, 2, 0, 0))
    fitted.caption, fitted.caption_justify = table.caption, "left"
    if left_out:
        words = f"no room for {', '.join(left_out)}: a wider terminal, a pipe or --json"
        fitted.caption = f"{fitted.caption}\n{words}" if fitted.caption else words
    for one in shown:
        fitted.add_column(
            one.header,
            justify=one.justify,
            overflow="fold",
            no_wrap=one.no_wrap and not _gives_way(one),
            min_width=_least_of(one),
        )
    for cells in zip(*(_cells(one) for one in shown), strict=True):
        pairs = zip(shown, cells, strict=True)
        fitted.add_row(*(Name(cell) if one.header in _SHORTENED else cell for one, cell in pairs))
    return fitted


def _paragraphs(table: Table, width: int) -> Group:
    """Each row as its name and, below, ``TITLE value`` pairs: what no table of this width holds."""
    names = [one for one in table.columns if one.header in _NAMES] or table.columns[:1]
    rest = [one for one in table.columns if one is not names[0]]
    parts: list[Text | Padding] = []
    for number, name in enumerate(_cells(names[0])):
        whole = names[0].header not in _SHORTENED
        parts.append(name if whole else Text(shortened(name.plain, width), style=name.style))
        cells = ((str(one.header), _cells(one)[number]) for one in rest)
        pairs = [Text.assemble((title, "bold"), " ", cell) for title, cell in cells if cell.plain]
        parts += [Padding(line, (0, 0, 0, 2)) for line in _packed(pairs, max(1, width - 2))]
    if table.caption:
        parts.append(Text(str(table.caption)))
    return Group(*parts)


def _packed(pairs: Sequence[Text], width: int) -> list[Text]:
    """As many *pairs* to a line as have room; one that is longer has lines of its own."""
    lines: list[Text] = []
    for pair in pairs:
        if lines and lines[-1].cell_len + _GAP_CELLS + pair.cell_len <= width:
            lines[-1].append(" " * _GAP_CELLS).append(pair)
        else:
            lines.append(pair)
    return lines


def _cells(column: Column) -> list[Text]:
    return [cell if isinstance(cell, Text) else Text(str(cell)) for cell in column.cells]


def _gives_way(column: Column) -> bool:
    return column.header in _SHORTENED or column.header in _MAY_WRAP or not column.no_wrap


def _least_of(column: Column) -> int:
    widest = max(cell_len(str(column.header)), *(cell.cell_len for cell in _cells(column)), 0)
    return min(widest, _LEAST_CELLS) if _gives_way(column) else widest


def _least(columns: Sequence[Column]) -> int:
    """The least width that all of *columns* take."""
    return sum(map(_least_of, columns)) + _GAP_CELLS * max(0, len(columns) - 1)


# "swap free       67% as lmkd counts": a label, and what is said of it.
_LABEL = re.compile(r"\S+(?: \S+)* {2,}")


def folded(text: str, width: int) -> str:
    """*text* with its long lines broken between words, under the words of the first part."""
    return "".join(
        f"{line}\n" for row in text.splitlines() for line in _folded(row.rstrip(), width)
    )


def _folded(line: str, width: int) -> list[str]:
    label = _LABEL.match(line)
    indent = " " * label.end() if label and label.end() < width // 2 else "  "
    if cell_len(line) <= width or width <= 2 * len(indent):
        return [line]
    lines = []
    rest = line
    while cell_len(rest) > width:
        room = set_cell_size(rest, width + 1)
        if not rest.startswith(room):
            room = room[:-1]  # a blank that stands for half of a wide character
        at = room.rfind(" ", len(indent) + 1)
        if at < 0:
            at = rest.find(" ", len(indent) + 1)  # a path or an address stays whole
        if at < 0:
            break
        lines.append(rest[:at].rstrip())
        rest = indent + rest[at:].lstrip()
    return [*lines, rest]


def fitted_line(line: str, width: int) -> str:
    """*line* in *width* cells: parts, two blanks between them, go from the last but one on."""
    parts = line.split("  ")
    while cell_len("  ".join(parts)) > width and len(parts) > 2:
        parts.pop(-2)
    shown = "  ".join(parts)
    return shown if cell_len(shown) <= width else set_cell_size(shown, max(0, width - 1)) + "…"
