"""``dumpsys meminfo PACKAGE``: the memory of single processes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import NumberedLine, answer_lines, no_rows
from droidreclaim.units import KIB

APP = "dumpsys meminfo PACKAGE"

_HEAD = re.compile(r"\*\* MEMINFO in pid (\d{1,8}) \[(.{0,400})\] \*\*")
_OLD_COLUMNS = ("native", "dalvik", "other", "total")  # Android 2.3: kinds across, sizes down
_OLD_ROW = re.compile(
    r" *\(?(?P<what>Pss|shared dirty|priv dirty)\)?:(?P<cells>(?: +(?:\d{1,12}|N/A)){4})"
)
_DASHES = re.compile(r" +-{3,}(?: +-{3,})+")
_ROW = re.compile(r" *(?P<name>[.A-Za-z][^\d:]{0,40}?)(?P<cells>(?: +\d{1,12})+)")
_SUMMARY = re.compile(
    r" +(?P<name>[A-Z][A-Za-z ]{2,30}?): +(?P<pss>\d{1,12})(?: +(?P<rss>\d{1,12}))?"
)
_TOTALS = re.compile(r"(TOTAL(?: [A-Z]{3,4})*)(?: \(KB\))?: +(\d{1,12})")
_NATIVE = re.compile(r" *(?P<name>[A-Z][a-z]{1,30} \(\w{1,20}\)): +(\d{1,9}) +(\d{1,12})")
_HEAP_COLUMNS = 3  # Size, Alloc, Free: blank but for the heaps and TOTAL


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """
    One row of the table.

    Attributes:
        cells: Bytes by column, named by the two header lines together (``Pss Total``,
            ``SwapPss Dirty``); the set depends on the release and on ``-a``.
    """

    name: str
    cells: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class AppMemory:
    """
    Memory of one process, from its block; None where this release has no such column.

    Attributes:
        rows: The table without its total, and the Dalvik details below it.
        swap_bytes: Swapped out; a shared page counts in part when *swap_is_pss*.
        summary_pss: ``App Summary`` by name (``Java Heap``, ``Graphics``), in bytes.
        native: ``Native Allocations`` by name (``Bitmap (malloced)``): how many, and bytes.
    """

    pid: int
    name: str
    rows: tuple[MemoryRow, ...]
    pss_bytes: int
    rss_bytes: int | None
    swap_bytes: int | None
    swap_is_pss: bool
    private_dirty_bytes: int | None
    summary_pss: Mapping[str, int]
    native: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def parse_meminfo_app(text: str) -> tuple[AppMemory, ...]:
    """
    Read ``dumpsys meminfo PACKAGE|PID``: a block for each process that matched.

    Raises:
        ParseError: no block (the header alone is printed when a process died), or one without a
            total.
    """
    apps, refused = read_blocks(text)
    if refused:
        raise refused[0]
    if not apps:
        for number, line in answer_lines(APP, text):
            if line.startswith(("Total PSS by ", "Total RAM:")):
                hint = "this is the dump of the whole device: 'dumpsys meminfo -a' has processes"
                raise ParseError(APP, number, line, hint=hint)
        raise no_rows(APP, text, "process")
    return apps


def read_blocks(text: str) -> tuple[tuple[AppMemory, ...], tuple[ParseError, ...]]:
    """The processes of ``dumpsys meminfo [-a] [PACKAGE]``, and what is wrong with other blocks."""
    apps, refused = [], []
    for block in _blocks(answer_lines(APP, text)):
        try:
            apps.append(_read_block(block))
        except ParseError as error:
            refused.append(error)
    return tuple(apps), tuple(refused)


def _kib(cell: str) -> int | None:
    return int(cell) * KIB if re.fullmatch(r"\d{1,12}", cell) else None


def _blocks(lines: list[NumberedLine]) -> Iterator[list[NumberedLine]]:
    block: list[NumberedLine] = []
    for number, line in lines:
        if line.startswith(("** MEMINFO in pid ", "Total RSS by ", "Total PSS by ", "Total RAM:")):
            if block:
                yield block
            block = [(number, line)] if line.startswith("**") else []
        elif block:
            block.append((number, line))
    if block:
        yield block


def _read_block(block: list[NumberedLine]) -> AppMemory:
    number, line = block[0]
    head = _HEAD.fullmatch(line)
    if head is not None and "Pss" in (old := _old_table(block)):
        return _old_memory(int(head[1]), head[2], old)
    columns = _columns(block)
    if head is None or not columns:
        raise ParseError(APP, number, line, hint="no table: the process died meanwhile")
    rows = [row for _, text in block[1:] if (row := _row(text, columns)) is not None]
    totals = [row for row in rows if row.name == "TOTAL"]
    pss = next((name for name in ("Pss Total", "Pss") if totals and name in totals[0].cells), None)
    if pss is None:
        raise ParseError(APP, number, line, hint="the table of this process has no total")
    total = totals[0].cells
    summary, summed = _summary(block)
    swap = next(
        (name for name in ("SwapPss Dirty", "Swap Dirty", "Swapped Dirty") if name in total), ""
    )
    return AppMemory(
        pid=int(head[1]),
        name=head[2],
        rows=tuple(row for row in rows if row.name != "TOTAL"),
        pss_bytes=total[pss],
        rss_bytes=total.get("Rss Total", summed.get("TOTAL RSS")),
        swap_bytes=total.get(swap),
        swap_is_pss=swap == "SwapPss Dirty",
        private_dirty_bytes=total.get("Private Dirty"),
        summary_pss=summary,
        native=_native(block),
    )


def _native(block: list[NumberedLine]) -> dict[str, tuple[int, int]]:
    """``Bitmap (malloced):   4   7``: count and KiB, below ``Native Allocations``."""
    found = (_NATIVE.fullmatch(line[:200].rstrip()) for _, line in block)
    return {row["name"]: (int(row[2]), int(row[3]) * KIB) for row in found if row}


def _old_table(block: list[NumberedLine]) -> dict[str, tuple[str, ...]]:
    """Cells of Android 2.3's table by what they measure, {} where the table is another."""
    if len(block) < 3 or tuple(block[1][1].split()) != _OLD_COLUMNS:
        return {}
    found = (_OLD_ROW.fullmatch(line[:400]) for _, line in block[2:])
    cells = {match["what"]: tuple(match["cells"].split()) for match in found if match}
    return cells if cells.get("Pss", ("N/A",))[-1] != "N/A" else {}


def _old_memory(pid: int, name: str, table: Mapping[str, tuple[str, ...]]) -> AppMemory:
    names = {"Pss": "Pss Total", "priv dirty": "Private Dirty", "shared dirty": "Shared Dirty"}
    rows = []
    for index, column in enumerate(_OLD_COLUMNS):
        sizes = ((names[what], _kib(cells[index])) for what, cells in table.items())
        rows.append(MemoryRow(column, {key: size for key, size in sizes if size is not None}))
    total = rows.pop().cells
    dirty = total.get("Private Dirty")
    return AppMemory(pid, name, tuple(rows), total["Pss Total"], None, None, False, dirty, {})


def _columns(block: list[NumberedLine]) -> tuple[str, ...]:
    # Two header lines are read together, word by word where the dashes below them end.
    for index, (_, line) in enumerate(block[:12]):
        if index >= 2 and _DASHES.fullmatch(line[:400]):
            upper, lower = block[index - 2][1], block[index - 1][1]
            ends = [match.end() for match in re.finditer(r"-+", line)]
            starts = [0, *ends[:-1]]
            spans = zip(starts, ends, strict=True)
            return tuple(f"{upper[a:b].strip()} {lower[a:b].strip()}".strip() for a, b in spans)
    return ()


def _row(line: str, columns: tuple[str, ...]) -> MemoryRow | None:
    match = _ROW.fullmatch(line[:400])
    if match is None:
        return None
    numbers = [int(cell) * KIB for cell in match["cells"].split()]
    if len(numbers) not in (len(columns), len(columns) - _HEAP_COLUMNS):
        return None
    return MemoryRow(match["name"].strip(), dict(zip(columns, numbers, strict=False)))


def _summary(block: list[NumberedLine]) -> tuple[dict[str, int], dict[str, int]]:
    summary: dict[str, int] = {}
    totals: dict[str, int] = {}
    inside = False
    pss_end = 0
    for _, line in block:
        if line.strip() == "App Summary":
            inside = True
        elif line.strip() in ("Objects", "SQL"):
            inside = False
        elif inside and line.lstrip().startswith("TOTAL"):
            totals |= {m[1]: int(m[2]) * KIB for m in _TOTALS.finditer(line[:400])}
        elif inside and "Pss(KB)" in line:
            pss_end = line.index("Pss(KB)") + len("Pss(KB)")
        elif inside and (match := _SUMMARY.fullmatch(line)) and match.end("pss") <= pss_end + 4:
            summary[match["name"]] = int(match["pss"]) * KIB  # "Unknown" has an Rss alone
    return summary, totals
