"""Lines of device text, numbered as the device printed them."""

from __future__ import annotations

from collections.abc import Iterator

from droidreclaim.errors import ParseError


def numbered(text: str) -> Iterator[tuple[int, str]]:
    r"""
    The lines that hold something, counted from 1, without blanks and ``\r`` at their end.

    Only ``\n`` ends a line: ``str.splitlines`` would also cut at form feeds and at U+2028, which
    occur inside property values and log messages.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.rstrip()
        if stripped:
            yield number, stripped


def nothing_read(source: str, text: str) -> ParseError:
    """The error for text in which no line was what the parser looks for."""
    return ParseError(source, 1, text[:80])
