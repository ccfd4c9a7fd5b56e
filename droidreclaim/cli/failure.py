"""What ended a command, in one line: for people on stderr, with --json as a document on stdout."""

from __future__ import annotations

import re
import sys
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from droidreclaim.cli import output
from droidreclaim.errors import DroidReclaimError

INTERRUPTED = 130
# What pydantic says of a number that typer has it read, in words for people.
_NUMBERS = (
    (re.compile(r"Input should be greater than or equal to (\S+)"), r"\1 is the least"),
    (re.compile(r"Input should be less than or equal to (\S+)"), r"\1 is the most"),
    (re.compile(r"Input should be a valid integer.*"), "a whole number is wanted"),
    (re.compile(r"Input should be a (?:valid|finite) number.*"), "a number is wanted"),
)
_REPORT = "a defect of droidreclaim; please report it, with what the same command with -v prints"


@dataclass(frozen=True)
class Failure:
    """The document ``error``: who and what, what next, and the exit code."""

    message: str
    hint: str | None
    exit_code: int

    def __str__(self) -> str:
        return str(DroidReclaimError(self.message, hint=self.hint))


def describe(error: BaseException) -> Failure:
    """What *error* is to a user; whatever nobody expected is a defect of ours, exit code 1."""
    if isinstance(error, DroidReclaimError):
        return Failure(error.message, error.hint, error.exit_code)
    if isinstance(error, KeyboardInterrupt):
        ended = getattr(error, "exit_code", INTERRUPTED)
        return Failure(str(error) if ended != INTERRUPTED else "interrupted", None, ended)
    if isinstance(error, typer.Abort):  # a Ctrl-C, or the end of stdin, at a question
        return Failure("interrupted", None, INTERRUPTED)
    if isinstance(error, typer.TyperException):
        return _usage(error)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return Failure(f"{where}{error.strerror}", None, 1)
    return Failure(f"{_what(error)}{_where(error)}", _REPORT, 1)


def tell(error: BaseException, words: list[str]) -> int:
    """
    Print what ended the command; returns its exit code.

    Args:
        words: Of the command line, which may be one that could not be read.
    """
    if isinstance(error, BrokenPipeError):
        output.close_stdout()
        return 0  # the reader has enough
    found = _unwritten() or describe(error) if isinstance(error, OSError) else describe(error)
    own = words[: words.index("--")] if "--" in words else words
    interrupted = found.exit_code >= INTERRUPTED
    if "--json" in own and not (output.printed.any if interrupted else output.printed.document):
        try:
            output.emit({"error": asdict(found)})
        except DroidReclaimError as unwritten:
            output.warn(str(unwritten))
    if not {"-v", "--verbose"}.isdisjoint(own) and not _expected(error):
        output.warn("".join(traceback.format_exception(error)).rstrip())
    if interrupted and sys.stderr.isatty():
        output.to_stderr("\n")  # the terminal has printed ^C, or a line stands half-written
    output.warn(str(found))
    return found.exit_code


def _unwritten() -> Failure | None:
    """Whether stdout takes no more: its buffer still holds what could not be written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        output.close_stdout()
        return Failure(f"cannot write the output: {error.strerror}", None, 1)
    return None


def _expected(error: BaseException) -> bool:
    return isinstance(error, DroidReclaimError | KeyboardInterrupt | typer.Abort)


def _usage(error: typer.TyperException) -> Failure:
    """What typer says about the words of a command line, in our form."""
    context = getattr(error, "ctx", None)
    message = error.format_message().replace("Value error, ", "").strip()
    if context is not None and message == context.get_help().strip():
        return Failure(message, None, error.exit_code)  # a group without a command: all of them
    for theirs, ours in _NUMBERS:
        message = theirs.sub(ours, message)
    message = message.replace(" (Possible options: ", " (did you mean ")
    message = message[:1].lower() + message[1:].rstrip(".")
    hint = f"see '{context.command_path} --help'" if context is not None else None
    return Failure(message, hint, error.exit_code)


def _what(error: BaseException) -> str:
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0][:200]}" if said else type(error).__name__


def _where(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1:]
    if not last:
        return ""
    return f" at {Path(last[0].filename).name}:{last[0].lineno}"
