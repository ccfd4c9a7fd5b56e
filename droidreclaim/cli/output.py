"""Where output goes: data to stdout, words to stderr, no escape sequence into a pipe."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from droidreclaim.cli.options import Connection
from droidreclaim.errors import DroidReclaimError, UsageError

if TYPE_CHECKING:
    from rich.table import Table


_STDOUT = Path("-")


@dataclass
class _Printed:
    """What was printed: one document at most, or any number of JSON lines."""

    any: bool = False
    document: bool = False

    def reset(self) -> None:
        """Forget, before another command line is run in the same process."""
        self.any = self.document = False


class Sink(Protocol):
    """Takes what a command prints, where another process does the printing."""

    def take(self, kind: str, value: Any) -> None:
        """
        Take one piece.

        Args:
            kind: ``text`` (of stdout), ``table``, ``document``, ``line`` or ``words`` (of stderr).
        """


@dataclass
class _Elsewhere:
    """Where output goes instead of to the streams; None for the streams."""

    sink: Sink | None = None


printed = _Printed()
elsewhere = _Elsewhere()


def write(text: str) -> None:
    """
    Write to stdout, at once and whole.

    A reader that has enough (head, less) ends the command quietly.

    Raises:
        DroidReclaimError: stdout takes no more, in the system's words.
    """
    printed.any = True
    if elsewhere.sink is not None:
        elsewhere.sink.take("text", text)
        return
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        close_stdout()
        raise SystemExit(0) from None
    except OSError as error:
        close_stdout()
        raise DroidReclaimError(f"cannot write the output: {error.strerror}") from error


def write_file(path: Path, data: bytes | str) -> None:
    """
    Write a file that was asked for; ``-`` is stdout, for text.

    Raises:
        UsageError: it cannot be written, in the system's words.
    """
    if path == _STDOUT and isinstance(data, str):
        write(data)
        return
    try:
        path.write_bytes(data.encode() if isinstance(data, str) else data)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error


def emit(value: Mapping[str, Any], error: BaseException | None = None) -> None:
    """
    Print the one JSON document of a command.

    Args:
        error: What ended the command, or why it is not achieved: raise it afterwards. It stands in
            the document as ``error``, and is printed as a document only where none was.
    """
    from droidreclaim import report
    from droidreclaim.cli.failure import describe

    printed.document = True
    ended = {"error": asdict(describe(error))} if error is not None else {}
    if elsewhere.sink is not None:
        elsewhere.sink.take("document", {**value, **ended})
        return
    write(report.document({**value, **ended}) + "\n")


def emit_line(value: Mapping[str, Any]) -> None:
    """Print one JSON line of a stream."""
    if elsewhere.sink is not None:
        printed.any = True
        elsewhere.sink.take("line", dict(value))
        return
    write(json.dumps(value) + "\n")


def write_folded(text: str) -> None:
    """Write sentences: into a terminal none goes on at its edge in the middle of a word."""
    if on_terminal():
        from droidreclaim.report.table import folded

        text = folded(text, terminal_columns())
    write(text)


def show(table: Table) -> None:
    """Print a table: as wide as the terminal, or full width and plain into a pipe."""
    from droidreclaim import report

    if elsewhere.sink is not None:
        elsewhere.sink.take("table", table)
        return
    width = terminal_columns() if on_terminal() else None
    write(report.render(table, width=width, colour=in_colour()))


def on_terminal() -> bool:
    """Whether stdout is a terminal that this process draws on, and nobody else."""
    return elsewhere.sink is None and sys.stdout.isatty()


def in_colour() -> bool:
    """Whether what is written may be coloured: on a terminal that can, unless nobody wants it."""
    return on_terminal() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def terminal_columns() -> int:
    """The terminal's width: $COLUMNS, or what it says, or 80 where it says nothing."""
    return shutil.get_terminal_size().columns


def terminal_rows() -> int:
    """The terminal's height: $LINES, or what it says, or 24 where it says nothing."""
    return shutil.get_terminal_size().lines


def now_utc() -> str:
    """This moment in ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def say(line: str, connection: Connection) -> None:
    """Words for people on stderr, unless they asked for quiet."""
    if not connection.quiet:
        warn(line)


def detail(line: str, connection: Connection) -> None:
    """Words for people on stderr who asked for them with -v."""
    if connection.verbose:
        warn(line)


def warn(message: str) -> None:
    """A message on stderr whatever was asked for; what a device said in it stays harmless."""
    from droidreclaim.escape import safe

    lines = (safe(line) for line in f"droidreclaim: {message}".split("\n"))
    to_stderr("\n".join(lines) + "\n")


def to_stderr(text: str) -> None:
    """
    Write sentences to stderr; into a terminal none goes on at its edge in the middle of a word.

    Where stderr is closed, the exit code is all there is.
    """
    if elsewhere.sink is not None:
        elsewhere.sink.take("words", text)
        return
    if sys.stderr.isatty() and "Traceback (" not in text:
        from droidreclaim.report.table import folded

        text = folded(text, terminal_columns())
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def close_stdout() -> None:
    """Close stdout, or Python complains again at its exit about what could not be written."""
    with suppress(OSError, ValueError):  # ValueError: a stream without a number, in a test
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
