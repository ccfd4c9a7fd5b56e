"""Text that comes in from files: one bounded reader for captures, profiles and settings."""

from __future__ import annotations

import codecs
import io
import os
import select
import stat
import sys
import time
from pathlib import Path

from droidreclaim.errors import UsageError

STDIN = Path("-")
_WRITER_S = 3.0  # how long a pipe may be without anybody who writes into it
_SILENCE_S = 60.0  # how long its writer may be silent; stdin may be for ever, as in any filter
_HEAD_BYTES = 4096
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its first half
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\b\x1b")


def open_source(path: Path) -> io.BufferedReader:
    """
    A regular file, a pipe or (``-``) stdin, to read bytes from.

    Raises:
        UsageError: there is none, it may not be read, or it is a folder or a device. Reading
            raises it for a pipe that nobody writes into, and for one that falls silent.
    """
    try:
        if path == STDIN:
            descriptor, waits = os.dup(sys.stdin.fileno() if sys.stdin else 0), None
        else:
            _refuse_kind(path, os.stat(path).st_mode)
            flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
            descriptor, waits = os.open(path, os.O_RDONLY | flags), _SILENCE_S
    except (OSError, ValueError) as error:  # ValueError: NUL in a path
        raise UsageError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    return io.BufferedReader(_Descriptor(descriptor, str(path), waits), 256 * 1024)


def read_bytes(path: Path, most_bytes: int) -> bytes:
    """
    The bytes of a small file, one more than *most_bytes* of one that is larger.

    Raises:
        UsageError: as `open_source`.
    """
    with open_source(path) as file:
        return file.read(most_bytes + 1)


def encoding_of(head: bytes) -> str | None:
    """
    The encoding of text that begins with *head*: by its mark, else by its NULs; None of no text.

    PowerShell's ``>`` writes UTF-16 with a mark; a piece cut out of such a file has none.
    """
    head = head[:_HEAD_BYTES]
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    even, odd = head[::2].count(0), head[1::2].count(0)
    if len(head) >= 4 and (even + odd) * 5 > len(head) * 2 and even * odd == 0:
        return "utf-16-be" if even else "utf-16-le"
    controls = sum(byte < 32 and byte not in _TEXT_CONTROLS for byte in head)
    return None if controls * 20 > len(head) else "utf-8"


def _refuse_kind(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise UsageError(f"{path}: this is a folder, a file is wanted")
    if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
        raise UsageError(f"{path}: this is a device or a socket, a file or a pipe is wanted")


class _Descriptor(io.RawIOBase):
    """A descriptor that never waits for ever on a pipe without a writer."""

    def __init__(self, descriptor: int, name: str, waits_s: float | None) -> None:
        self._descriptor = descriptor
        self._name = name
        self._waits_s = waits_s
        self._is_pipe = stat.S_ISFIFO(os.fstat(descriptor).st_mode)
        self._has_writer = waits_s is None or not self._is_pipe
        self._last_s = time.monotonic()

    def readable(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Close the descriptor, once."""
        if not self.closed:
            os.close(self._descriptor)
        super().close()

    def readinto(self, buffer: object) -> int:
        """Fill *buffer* with whatever comes next; 0 at the end."""
        view = memoryview(buffer)  # type: ignore[arg-type]
        while True:
            try:
                data = os.read(self._descriptor, len(view))
            except BlockingIOError:
                self._has_writer = True
                self._wait(_SILENCE_S)
                continue
            if not data and not self._has_writer:
                self._wait(_WRITER_S)
                continue
            self._has_writer, self._last_s = True, time.monotonic()
            view[: len(data)] = data
            return len(data)

    def _wait(self, at_most_s: float) -> None:
        left_s = self._last_s + at_most_s - time.monotonic()
        if left_s <= 0:
            why = "fell silent" if self._has_writer else "is a pipe that nobody writes into"
            raise UsageError(f"{self._name}: {why} ({at_most_s:g} s)")
        if self._has_writer:
            select.select([self._descriptor], [], [], left_s)
        else:
            time.sleep(0.05)  # select() says "ready" of a pipe without a writer on some systems
