"""``procrank`` and ``showmap``: proportional memory of every process, and of one, by mapping."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from droidreclaim.errors import ParseError
from droidreclaim.parse.lines import filled_lines
from droidreclaim.parse.text import no_rows
from droidreclaim.units import KIB

_RANK_HEADER = re.compile(r" *PID +Vss +Rss +Pss +Uss(?P<swap>(?: +\w{4,8}){0,6}) +cmdline")
_RANK_ROW = re.compile(
    r" *(?P<pid>[0-9]{1,10})(?P<sizes>(?: +[0-9]{1,15}K){4,10})(?: +(?P<name>.*))?"
)
# What follows the rows; a line of dots is where someone shortened a capture.
_RANK_TAIL = re.compile(r" +-{6}.*|.* TOTAL| *ZRAM: .*| *RAM: [0-9]{1,15}K total.*|\.{3,}")

_DASHES = re.compile(r"(?:-+ )+-+")
_MAP_TITLE = re.compile(r"-{6} SHOW MAP (?P<pid>[0-9]{1,10}) \((?P<name>.*)\) \(.*\) -{6}")
_MAP_ROW = re.compile(r" *(?P<numbers>[0-9]{1,15}(?: +[0-9]{1,15}){7,24})(?: (?P<name>.*))?")
# The first nine columns kept their order from Android 10 to 16, and "#" is the last number.
_MAP_COLUMNS = (
    "size", "rss", "pss", "shared_clean", "shared_dirty",
    "private_clean", "private_dirty", "swap", "swap_pss",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RankRow:
    """
    One process of procrank.

    Attributes:
        name: Command line, which may hold blanks.
        virtual_bytes, rss_bytes, pss_bytes, uss_bytes: As printed. Android 2.3 printed impossible
            ones (PSS above RSS); they are kept.
        swap_bytes: ``Swap``, ``PSwap``, ``USwap``, ``ZSwap`` by name; empty on old releases.
    """

    pid: int
    name: str
    virtual_bytes: int
    rss_bytes: int
    pss_bytes: int
    uss_bytes: int
    swap_bytes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ShowmapRow:
    """
    One mapped object, or the total.

    Attributes:
        name: File or ``[anon:...]``, which may hold blanks; empty for unnamed memory.
        sizes_bytes: By column: size, rss, pss, shared_clean, ..., swap, swap_pss.
        count: Number of ranges.
    """

    name: str
    sizes_bytes: Mapping[str, int]
    count: int


@dataclass(frozen=True, slots=True)
class Showmap:
    """
    One process.

    Attributes:
        pid, process: From the title of a bug report's section; None without one.
        rows: Empty for a kernel thread.
    """

    pid: int | None
    process: str | None
    rows: tuple[ShowmapRow, ...]
    total: ShowmapRow


def parse_procrank(text: str, source: str = "procrank") -> tuple[RankRow, ...]:
    """
    Read ``procrank``, in the order printed.

    Raises:
        ParseError: a row does not fit the header, or there is none.
    """
    rows: list[RankRow] = []
    swap_names: list[str] | None = None
    for number, line in filled_lines(source, text):
        header = _RANK_HEADER.fullmatch(line)
        if header is not None:
            swap_names = header["swap"].split()
            continue
        if swap_names is not None and _RANK_TAIL.fullmatch(line):
            continue
        row = _RANK_ROW.fullmatch(line)
        sizes = [int(size[:-1]) * KIB for size in row["sizes"].split()] if row else []
        if row is None or swap_names is None or len(sizes) != 4 + len(swap_names):
            raise ParseError(source, number, line)
        swap = MappingProxyType(dict(zip(swap_names, sizes[4:], strict=True)))
        virtual, rss, pss, uss = sizes[:4]
        rows.append(RankRow(int(row["pid"]), row["name"] or "", virtual, rss, pss, uss, swap))
    if not rows:
        raise no_rows(source, text, "process")
    return tuple(rows)


def parse_showmap(text: str, source: str = "showmap") -> tuple[Showmap, ...]:
    """
    Read one or more ``showmap`` tables, with or without a bug report's titles.

    Raises:
        ParseError: a line is no part of a table, a table has no total (it was cut), or there is
            none.
    """
    tables: list[Showmap] = []
    title: tuple[int, str] | None = None
    rows: list[ShowmapRow] = []
    framed = False  # a line of dashes was seen: column titles lie around it
    for number, line in filled_lines(source, text):
        section = _MAP_TITLE.fullmatch(line)
        row = _showmap_row(line)
        if section is not None and not rows:
            title, framed = (int(section["pid"]), section["name"]), False
        elif row is not None and row.name == "TOTAL":
            pid, process = title or (None, None)
            tables.append(Showmap(pid, process, tuple(rows), row))
            title, rows, framed = None, [], False
        elif row is not None and framed:
            rows.append(row)
        elif _DASHES.fullmatch(line):
            framed = True
        elif not line.lstrip().startswith(("virtual ", "size ")):
            raise ParseError(source, number, line)
    if rows or framed or not tables:
        raise no_rows(source, text, "whole table")
    return tuple(tables)


def _showmap_row(line: str) -> ShowmapRow | None:
    row = _MAP_ROW.fullmatch(line)
    if row is None:
        return None
    numbers = [int(number) for number in row["numbers"].split()]
    sizes = {name: kib * KIB for name, kib in zip(_MAP_COLUMNS, numbers[:-1], strict=False)}
    return ShowmapRow(row["name"] or "", MappingProxyType(sizes), numbers[-1])
