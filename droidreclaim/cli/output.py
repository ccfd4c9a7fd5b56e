"""Where output goes: data to stdout, words to stderr, no escape sequence into a pipe."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from droidreclaim.cli.options import Connection

if TYPE_CHECKING:
    from rich.table import Table


def emit(value: Any) -> None:
    """Print one JSON document."""
    from droidreclaim import report

    typer.echo(report.document(value))


def show(table: Table) -> None:
    """Print a table: as wide as the terminal, or full width and plain into a pipe."""
    from droidreclaim import report

    terminal = sys.stdout.isatty()
    width = os.get_terminal_size(sys.stdout.fileno()).columns if terminal else None
    colour = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    typer.echo(report.render(table, width=width, colour=colour), nl=False)


def now_utc() -> str:
    """This moment in ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def say(line: str, connection: Connection) -> None:
    """Words for people on stderr, unless they asked for quiet."""
    if not connection.quiet:
        typer.echo(f"droidreclaim: {line}", err=True)
