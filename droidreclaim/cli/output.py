"""Where output goes: data to stdout, words to stderr, no escape sequence into a pipe."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from droidreclaim.cli.options import Connection
from droidreclaim.errors import DroidReclaimError

if TYPE_CHECKING:
    from rich.table import Table


def write(text: str) -> None:
    """
    Write to stdout, at once and whole.

    A reader that has enough (head, less) ends the command quietly.

    Raises:
        DroidReclaimError: stdout takes no more, in the system's words.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _close_stdout()
        raise SystemExit(0) from None
    except OSError as error:
        _close_stdout()
        raise DroidReclaimError(f"cannot write the output: {error.strerror}") from error


def emit(value: Any) -> None:
    """Print one JSON document."""
    from droidreclaim import report

    write(report.document(value) + "\n")


def show(table: Table) -> None:
    """Print a table: as wide as the terminal, or full width and plain into a pipe."""
    from droidreclaim import report

    terminal = sys.stdout.isatty()
    width = os.get_terminal_size(sys.stdout.fileno()).columns if terminal else None
    colour = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    write(report.render(table, width=width, colour=colour))


def now_utc() -> str:
    """This moment in ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def say(line: str, connection: Connection) -> None:
    """Words for people on stderr, unless they asked for quiet."""
    if not connection.quiet:
        warn(line)


def detail(line: str, connection: Connection) -> None:
    """What only somebody who asked with -v wants to know."""
    if connection.verbose:
        warn(line)


def warn(message: str) -> None:
    """A message on stderr whatever was asked for; what a device said in it stays harmless."""
    from droidreclaim.escape import safe

    lines = (safe(line) for line in f"droidreclaim: {message}".split("\n"))
    typer.echo("\n".join(lines), err=True)


def _close_stdout() -> None:
    """Python would complain once more while it exits, when it flushes what could not be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
