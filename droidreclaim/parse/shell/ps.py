"""``ps`` of toolbox (Android 7 and before) and toybox, with whatever columns were asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import no_rows
from droidreclaim.parse.text.columns import Columns
from droidreclaim.parse.text.lines import filled_lines
from droidreclaim.parse.text.uids import uid_of
from droidreclaim.units import KIB

_TOYBOX = Columns(("USER", "PID", "PPID", "VSZ", "RSS", "WCHAN", "ADDR", "S", "NAME"))
_TOOLBOX = Columns(("USER", "PID", "PPID", "VSIZE", "RSS", "WCHAN", "PC", "S", "NAME"))
_KIB_SIZE = re.compile(r"[0-9]{1,15}")
_ROUNDED = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)([KMGT])", re.IGNORECASE)
_FACTORS = {"K": KIB, "M": KIB**2, "G": KIB**3, "T": KIB**4}


@dataclass(frozen=True, slots=True)
class PsRow:
    """
    One process, or one thread where threads were asked for; None for columns not printed.

    Attributes:
        tid: Thread, with ``-T``. toolbox ``-t`` prints threads as rows whose ppid is the process.
        user: As printed: ``root``, ``u0_a23``, ``app_59``, or a number.
        uid: None too for users this program does not know (``vendor_x``, ``oem_5013``).
        name: Process name; kernel threads in brackets (toybox) or bare (toolbox).
        label: SELinux context, with ``-Z``.
        cells: Every column as printed, by its header.
    """

    pid: int
    ppid: int | None
    tid: int | None
    user: str | None
    uid: int | None
    state: str | None
    name: str | None
    virtual_bytes: int | None
    rss_bytes: int | None
    label: str | None
    cells: Mapping[str, str]


def parse_ps(text: str, source: str = "ps") -> tuple[PsRow, ...]:
    """
    Read ``ps``, in the order printed.

    Picked lines without a header are read as the default columns, those of toybox first.

    Raises:
        ParseError: a row does not fit its header, or there is none.
    """
    rows: list[PsRow] = []
    columns: Columns | None = None
    for number, line in filled_lines(source, text):
        header = Columns.from_header(line)
        if header is not None:
            columns = header
            continue
        columns = columns or next((c for c in (_TOYBOX, _TOOLBOX) if c.read(line)), None)
        cells = columns.read(line) if columns else None
        if cells is None:
            raise ParseError(source, number, line)
        rows.append(_row(cells))
    if not rows:
        raise no_rows(source, text, "process")
    return tuple(rows)


def toolbox_threads(rows: Iterable[PsRow]) -> frozenset[int]:
    """
    The rows that are threads of the row that is their parent, by their number.

    toolbox's ``-t`` prints them behind their process, like processes that it has started. What
    tells them apart: all threads of one process have its memory.
    """
    last: PsRow | None = None
    threads: set[int] = set()
    for row in rows:
        process = last
        if process is None or "PC" not in row.cells or not _is_thread(row, process):
            last = row
        else:
            threads.add(row.pid)
    return frozenset(threads)


def _is_thread(row: PsRow, process: PsRow) -> bool:
    same = (row.ppid, row.user, row.virtual_bytes, row.rss_bytes) == (
        process.pid,
        process.user,
        process.virtual_bytes,
        process.rss_bytes,
    )
    return same and bool(row.virtual_bytes)  # kernel threads have none, and one parent


def size_bytes(cell: str) -> int | None:
    """
    Bytes from a size column of ps or top, None when it is not printed.

    ps counts in KiB without saying so; with a letter (``10G``, ``6.1M``) the number is rounded.
    """
    if _KIB_SIZE.fullmatch(cell):
        return int(cell) * KIB
    rounded = _ROUNDED.fullmatch(cell)
    return int(float(rounded[1]) * _FACTORS[rounded[2].upper()]) if rounded else None


def _row(cells: dict[str, str]) -> PsRow:
    user = cells.get("USER") or cells.get("UID")
    uid = cells.get("UID") or user
    return PsRow(
        pid=int(cells["PID"]),
        ppid=int(cells["PPID"]) if "PPID" in cells else None,
        tid=int(cells["TID"]) if "TID" in cells else None,
        user=user,
        uid=uid_of(uid) if uid else None,
        state=cells.get("S") or cells.get("STAT"),
        name=_name(cells),
        virtual_bytes=size_bytes(cells.get("VSZ") or cells.get("VSIZE") or cells.get("VIRT") or ""),
        rss_bytes=size_bytes(cells.get("RSS") or cells.get("RES") or cells.get("Rss") or ""),
        label=cells.get("LABEL"),
        cells=MappingProxyType(cells),
    )


def _name(cells: dict[str, str]) -> str | None:
    for column in ("NAME", "CMDLINE", "ARGS", "CMD", "COMM", "COMMAND", "cmdline"):
        if cells.get(column):
            return cells[column]
    return None
