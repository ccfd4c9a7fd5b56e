"""What several devices said, as one answer: the serial first. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from droidreclaim.escape import safe
from droidreclaim.report.table import new_table


def tables(said: Sequence[tuple[str, Table]]) -> list[Table]:
    """Tables with the same columns become one, in order of the serials; captions go below it."""
    merged: dict[tuple[str, ...], list[tuple[str, Table]]] = {}
    for serial, table in sorted(said, key=lambda pair: pair[0]):
        titles = tuple(str(column.header) for column in table.columns)
        merged.setdefault(titles, []).append((serial, table))
    return [_joined(parts) for parts in merged.values()]


def lines(said: Iterable[tuple[str, str]]) -> list[str]:
    """Each line of text behind its device's serial, the serials in a column."""
    ordered = sorted(said, key=lambda pair: pair[0])
    width = max((len(safe(serial)) for serial, _ in ordered), default=0)
    return [
        f"{safe(serial).ljust(width)}  {line}".rstrip()
        for serial, text in ordered
        for line in text.splitlines()
    ]


def stream(serial: str, text: str) -> str:
    """Lines that are printed as they come."""
    return "".join(f"{safe(serial)}  {line}\n" for line in text.splitlines())


def words(serial: str, text: str) -> str:
    """Words on stderr, each line naming the device."""
    return "".join(f"{_named(safe(serial), line)}\n" for line in text.splitlines())


def of_device(serial: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """A document that names its device, also where nothing else is known of it."""
    device = {"serial": serial, **(document.get("device") or {})}
    return {"device": device, **{key: value for key, value in document.items() if key != "device"}}


def _joined(parts: Sequence[tuple[str, Table]]) -> Table:
    _, first = parts[0]
    made = new_table("SERIAL")
    for column in first.columns:
        made.add_column(
            column.header, justify=column.justify, no_wrap=column.no_wrap, overflow=column.overflow
        )
    for serial, table in parts:
        for cells in zip(*(list(column.cells) for column in table.columns), strict=True):
            made.add_row(safe(serial), *cells)
    captions = [f"{safe(serial)}: {table.caption}" for serial, table in parts if table.caption]
    made.caption = "\n".join(captions) or None
    return made


def _named(serial: str, line: str) -> str:
    ours, said = ("droidreclaim: ", line.removeprefix("droidreclaim: "))
    if said == line:
        ours = ""
    return line if said.startswith(f"{serial}: ") else f"{ours}{serial}: {said}"
