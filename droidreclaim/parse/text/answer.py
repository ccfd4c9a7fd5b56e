"""What readers of device text share: lines, numbers, sizes, and refusing what is no answer."""

from __future__ import annotations

import re

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.errors import find_error
from droidreclaim.units import GIB, KIB, MIB

# Digits are bounded everywhere: int() of a mangled dump's 5,000 digits is a ValueError in Python.
_SIZE = re.compile(r"(?P<number>\d{1,15}(?:[.,\u066b]\d{1,6})?)(?P<unit>[KMGTP]B|B| bytes|)")
_SIZE_UNITS = {"": 1, "B": 1, "bytes": 1, "KB": KIB, "MB": MIB, "GB": GIB, "TB": 1024 * GIB}
# Groups of two occur in India: 76,54,321.
_GROUPED = re.compile(r"-?\d{1,15}(?:[.,'\u00a0\u202f\u2019\u066c]\d{2,3}){0,6}")
# What the dynamic linker says at the start of a program, to stderr, on a device that has no shell
# protocol 2 and in captures in the midst of the answer:
#   WARNING: linker: libdvm.so has text relocations. This is wasting memory ...
#   WARNING: linker: Warning: failed to find generated linker configuration from "/linkerconfig/..."
#   linker: Warning: couldn't read "/linkerconfig/ld.config.txt" for "/system/bin/sh" ...
_LINKER = re.compile(r"(?:WARNING: )?linker(?:64)?: ")

NumberedLine = tuple[int, str]


def answer_lines(source: str, text: str) -> list[NumberedLine]:
    """
    The lines of an answer with their 1-based numbers, without carriage returns and trailing blanks.

    Blank lines stay (as ""): some dumps end a block with one. Warnings of the linker become blank.

    Raises:
        ParseError: *text* is empty, or an error text or a timed-out dump stands in place of an
            answer; the hint says which.
    """
    error = find_error(text)
    if error is not None:
        about = f": {error.subject}" if error.subject else ""
        raise ParseError(source, error.line_number, error.line, hint=f"{error.kind}{about}"[:200])
    lines = [(number, _plain_line(line)) for number, line in enumerate(text.split("\n"), start=1)]
    if not any(line for _, line in lines):
        raise ParseError(source, 1, "", hint="the answer is empty")
    return lines


def _plain_line(line: str) -> str:
    return "" if is_linker_warning(line) else line.rstrip()


def is_linker_warning(line: str) -> bool:
    """Whether a line is the dynamic linker's, and not of the program that was asked."""
    return _LINKER.match(line) is not None


def no_rows(source: str, text: str, wanted: str) -> ParseError:
    """The error for a text without one *wanted* row: shows its first line that says something."""
    for number, line in enumerate(text[:4000].split("\n"), start=1):
        if line.strip():
            return ParseError(source, number, line.rstrip(), hint=f"no {wanted} in this answer")
    return ParseError(source, 1, "", hint=f"no {wanted} in this answer")


def size_bytes(printed: str) -> int | None:
    """
    Bytes of a rounded framework size: ``13MB``, ``9.1MB``, ``0,00``, ``46 bytes``; None otherwise.

    The decimal mark follows the device's language (android.util.DebugUtils uses its locale), so
    a comma is one here, never a separator of thousands.
    """
    match = _SIZE.fullmatch(printed.strip())
    if match is None:
        return None
    number = float(match["number"].replace(",", ".").replace("\u066b", "."))
    unit = match["unit"].strip()
    return int(number * (1024**5 if unit == "PB" else _SIZE_UNITS[unit]))


def kib_bytes(printed: str) -> int | None:
    """
    Bytes of a count of KiB with any separator of thousands: ``1,234,567`` or ``1.234.567``.

    Negative where the device prints so (``Lost RAM``); None when it is no such number.
    """
    match = _GROUPED.fullmatch(printed.strip())
    if match is None:
        return None
    return int("".join(c for c in match[0] if c.isdigit() or c == "-")) * KIB
