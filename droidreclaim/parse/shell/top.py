r"""``top -b -n N`` of toybox and toolbox, and what an interactive one leaves in a terminal log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from droidreclaim.errors import ParseError
from droidreclaim.parse.shell.ps import size_bytes
from droidreclaim.parse.text.answer import no_rows
from droidreclaim.parse.text.columns import Columns
from droidreclaim.parse.text.lines import filled_lines

_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]{0,32}[A-Za-z]|[78=>])")
_TASKS = re.compile(r"(?:Tasks|Threads): (?P<counts>[0-9]{1,9} total,.{1,120})")
_MEMORY = re.compile(r" *(?P<kind>Mem|Swap): (?P<amounts>.{1,160})")
_AMOUNT = re.compile(r" *(?P<amount>[0-9.]{1,15}[KMGT]?) (?P<word>[a-z]+)")
_LOAD = re.compile(
    r" *[0-9]{1,6}%cpu .{1,160}|User [0-9]{1,4}%, .{1,120}|User [0-9]{1,9} \+ .{1,200}"
)


@dataclass(frozen=True, slots=True)
class TopRow:
    """
    One process or thread.

    Attributes:
        cpu_percent: 100 is one core; negative where a counter went back.
        rss_bytes: Rounded, as printed (``6.1M``); None where it was not printed.
        thread: Thread name, cut at 15 characters, where threads were asked for.
        name: Process name; ``+`` at the end where toybox cut it.
        cells: Every column as printed.
    """

    pid: int
    tid: int | None
    user: str | None
    state: str | None
    cpu_percent: float | None
    rss_bytes: int | None
    thread: str | None
    name: str
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Top:
    """
    One screen.

    Attributes:
        counts: Processes or threads by ``total``, ``running``, ``sleeping``, ``zombie``.
        memory_bytes: ``total``, ``used``, ``free``, ``buffers``, rounded as printed; empty on
            toolbox. ``cached`` stands in the swap line and is file cache: it is kept here.
        swap_bytes: ``total``, ``used``, ``free``.
    """

    counts: Mapping[str, int]
    memory_bytes: Mapping[str, int]
    swap_bytes: Mapping[str, int]
    rows: tuple[TopRow, ...]


@dataclass(slots=True)
class _Screen:
    counts: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, dict[str, int]] = field(default_factory=dict)
    columns: Columns | None = None
    rows: list[TopRow] = field(default_factory=list)

    def take(self, line: str) -> bool:
        """Read a summary line, the header or a row; False when it is none of them."""
        header = Columns.from_header(line)
        if header is not None and not {"%CPU", "CPU%"}.isdisjoint(header.words):
            self.columns = header
        elif (tasks := _TASKS.fullmatch(line)) is not None:
            self.counts = _counts(tasks["counts"])
        elif (memory := _MEMORY.fullmatch(line)) is not None:
            self.sizes[memory["kind"]] = _amounts(memory["amounts"])
        elif _LOAD.fullmatch(line) is None:
            cells = self.columns.read(line) if self.columns else None
            if cells is None:
                return False
            self.rows.append(_row(cells))
        return True

    def finish(self) -> Top:
        """The screen as a value."""
        memory, swap = self.sizes.get("Mem", {}), self.sizes.get("Swap", {})
        if "cached" in swap:
            memory["cached"] = swap.pop("cached")
        return Top(
            MappingProxyType(self.counts),
            MappingProxyType(memory),
            MappingProxyType(swap),
            tuple(self.rows),
        )


def parse_top(text: str, source: str = "top") -> tuple[Top, ...]:
    """
    Read one or more screens of top.

    Raises:
        ParseError: a line is neither summary, header nor row, or no screen has rows.
    """
    screens: list[_Screen] = []
    for number, line in filled_lines(source, _ESCAPE.sub("", text)):
        if not screens or (screens[-1].rows and _opens(line)):
            screens.append(_Screen())
        if not screens[-1].take(line):
            raise ParseError(source, number, line)
    if not any(screen.rows for screen in screens):
        raise no_rows(source, text, "process")
    return tuple(screen.finish() for screen in screens)


def _opens(line: str) -> bool:
    return _TASKS.fullmatch(line) is not None or line.startswith("User ")


def _row(cells: dict[str, str]) -> TopRow:
    names = [cells[c] for c in ("NAME", "Name", "Proc", "ARGS", "CMDLINE") if cells.get(c)]
    thread = cells.get("CMD") or cells.get("Thread")
    percent = cells.get("%CPU") or cells.get("CPU%")
    return TopRow(
        pid=int(cells["PID"]),
        tid=int(cells["TID"]) if "TID" in cells else None,
        user=cells.get("USER") or cells.get("UID"),
        state=cells.get("S"),
        cpu_percent=_percent(percent) if percent else None,
        rss_bytes=_size(cells.get("RES") or cells.get("RSS") or ""),
        thread=thread,
        name=names[0] if names else thread or "",
        cells=MappingProxyType(cells),
    )


def _percent(cell: str) -> float:
    whole, _, tenths = cell.rstrip("%").partition(".")
    return float(f"{whole}.{tenths.lstrip('-') or '0'}")


def _size(cell: str) -> int | None:
    return 0 if cell == "0" else size_bytes(cell)


def _counts(text: str) -> dict[str, int]:
    pairs = (part.split() for part in text.split(","))
    return {pair[1]: int(pair[0]) for pair in pairs if len(pair) == 2 and pair[0].isdecimal()}


def _amounts(text: str) -> dict[str, int]:
    amounts = {}
    for part in text.split(","):
        amount = _AMOUNT.fullmatch(part)
        size = _size(amount["amount"]) if amount else None
        if amount is not None and size is not None:
            amounts[amount["word"]] = size
    return amounts
