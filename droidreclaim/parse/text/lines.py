"""Lines that hold something, numbered as the device printed them."""

from __future__ import annotations

from collections.abc import Iterator

from droidreclaim.parse.text.answer import NumberedLine, answer_lines

# What a line of JSON may begin with, or a piece of one: an export of a chat may be one line.
QUOTING = frozenset('{["}],')


def filled_lines(source: str, text: str) -> list[NumberedLine]:
    """
    The lines of an answer that are not blank, with their 1-based numbers.

    Raises:
        ParseError: *text* is empty, or an error text stands in place of an answer.
    """
    return [row for row in answer_lines(source, text) if row[1]]


def log_lines(text: str) -> Iterator[NumberedLine]:
    r"""
    The lines of a log that are not blank: any text may stand in one, so none is an error here.

    Only ``\n`` ends a line: ``str.splitlines`` would also cut at form feeds and at U+2028, which
    occur inside log messages.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.rstrip()
        if stripped:
            yield number, stripped
