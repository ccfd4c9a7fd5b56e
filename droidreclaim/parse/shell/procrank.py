"""``procrank`` and ``showmap``: memory by process and by mapping, as root sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import NumberedLine, answer_lines, no_rows
from droidreclaim.units import KIB

PROCRANK = "procrank"
SHOWMAP = "showmap"

_HEADER = re.compile(r" *PID(?: +[A-Z][A-Za-z]{1,8}){2,10} +cmdline")
_KIB = re.compile(r"\d{1,14}K")
_DASHES = re.compile(r"-{4,}(?: +-{3,}){6,24}")
_NUMBER = re.compile(r"\d{1,14}")


@dataclass(frozen=True, slots=True)
class RankedProcess:
    """
    One row of procrank, in bytes.

    Attributes:
        name: Command line, which may hold blanks.
        swap_bytes: None before Android 10, where swap has no columns.
    """

    pid: int
    name: str
    vss_bytes: int
    rss_bytes: int
    pss_bytes: int
    uss_bytes: int
    swap_bytes: int | None


@dataclass(frozen=True, slots=True)
class MappedObject:
    """
    All mappings of one file or region of a process.

    Attributes:
        cells: Bytes by column (``size``, ``RSS``, ``shared clean``), and mappings under ``#``.
    """

    name: str
    cells: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ShowMap:
    """
    The mappings of one process.

    Attributes:
        pid: From the title of a bug report's section; None in the output of showmap itself.
        objects: Empty for a kernel thread, whose total is zero.
    """

    pid: int | None
    name: str | None
    objects: tuple[MappedObject, ...]
    total: MappedObject


def parse_procrank(text: str) -> tuple[RankedProcess, ...]:
    """
    Read ``procrank``, in its order.

    Numbers are not judged: old ones print a PSS above the RSS.

    Raises:
        ParseError: there is no header or no row, or a row cannot be read.
    """
    columns: list[str] = []
    ranked = []
    for number, line in answer_lines(PROCRANK, text):
        if _HEADER.fullmatch(line):
            columns = line.split()[1:-1]
        elif columns and line[:1].strip(" 0123456789") == "" and line.split()[:1] != []:
            cells = line.split(None, len(columns) + 1)
            if cells[0].isdecimal():
                ranked.append(_ranked(columns, cells, (number, line)))
    if not ranked:
        raise no_rows(PROCRANK, text, "process")
    return tuple(ranked)


def _ranked(columns: list[str], cells: list[str], numbered: NumberedLine) -> RankedProcess:
    sizes = cells[1 : len(columns) + 1]
    if len(cells) != len(columns) + 2 or not all(_KIB.fullmatch(size) for size in sizes):
        raise ParseError(PROCRANK, *numbered)
    named = {name: int(size[:-1]) * KIB for name, size in zip(columns, sizes, strict=True)}
    if len(cells[0]) > 8 or not {"Vss", "Rss", "Pss", "Uss"} <= named.keys():
        raise ParseError(PROCRANK, *numbered)
    return RankedProcess(
        pid=int(cells[0]),
        name=cells[-1],
        vss_bytes=named["Vss"],
        rss_bytes=named["Rss"],
        pss_bytes=named["Pss"],
        uss_bytes=named["Uss"],
        swap_bytes=named.get("Swap"),
    )


def parse_showmap(text: str) -> tuple[ShowMap, ...]:
    """
    Read ``showmap PID``, or the SHOW MAP sections of a bug report.

    Raises:
        ParseError: a row cannot be read, or a process has no total.
    """
    lines = answer_lines(SHOWMAP, text)
    maps = tuple(_read_showmap(block) for block in _showmap_blocks(lines))
    if not maps:
        raise no_rows(SHOWMAP, text, "mapping")
    return maps


def _showmap_blocks(lines: list[NumberedLine]) -> Iterator[list[NumberedLine]]:
    block: list[NumberedLine] = []
    for number, line in lines:
        if line.startswith("------ SHOW MAP"):
            block = []
        block.append((number, line))
        if line.endswith(" TOTAL"):
            yield block
            block = []
    if any(_DASHES.fullmatch(line[:1000]) for _, line in block):
        raise ParseError(SHOWMAP, *block[-1], hint="cut off: no total at the end")


def _read_showmap(block: list[NumberedLine]) -> ShowMap:
    title = block[0][1] if block[0][1].startswith("------ SHOW MAP") else ""
    columns: tuple[str, ...] = ()
    objects = []
    for index, (number, line) in enumerate(block):
        if _DASHES.fullmatch(line[:1000]):
            columns = columns or _showmap_columns(block, index)
        elif columns and line.lstrip()[:1].isdecimal():
            objects.append(_mapped(columns, (number, line)))
    if not objects or objects[-1].name != "TOTAL":
        raise ParseError(SHOWMAP, *block[-1])
    pid, _, name = title.removeprefix("------ SHOW MAP ").partition(" (")
    return ShowMap(
        pid=int(pid) if _NUMBER.fullmatch(pid) and len(pid) <= 8 else None,
        name=name.partition(") (")[0].rstrip(") -") or None,
        objects=tuple(objects[:-1]),
        total=objects[-1],
    )


def _showmap_columns(block: list[NumberedLine], index: int) -> tuple[str, ...]:
    # The two lines above the dashes hold each name, one word or none a line, above its dashes.
    line = block[index][1][:1000]
    upper, lower = (block[index - back][1] if index >= back else "" for back in (2, 1))
    ends = [match.end() for match in re.finditer(r"-+", line)][:-1]
    spans = zip([0, *ends[:-1]], ends, strict=True)
    names = (f"{upper[a:b].strip()} {lower[a:b].strip()}".strip() for a, b in spans)
    return tuple(name.removeprefix("virtual ") for name in names)


def _mapped(columns: tuple[str, ...], numbered: NumberedLine) -> MappedObject:
    cells = numbered[1].split(None, len(columns))
    numbers = cells[: len(columns)]
    if len(numbers) < len(columns) or not all(_NUMBER.fullmatch(cell) for cell in numbers):
        raise ParseError(SHOWMAP, *numbered)
    sizes = {
        name: int(cell) * (1 if name == "#" else KIB)
        for name, cell in zip(columns, numbers, strict=True)
    }
    return MappedObject(cells[len(columns)] if len(cells) > len(columns) else "", sizes)
