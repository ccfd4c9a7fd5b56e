"""Captured text from a file: a dump, a bug report (.txt, .gz, .zip), or a folder of outputs."""

from __future__ import annotations

import gzip
import io
import itertools
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from droidreclaim.errors import ParseError, UsageError
from droidreclaim.parse.text.bugreport import Captured, Kind, Sorter, is_bug_report, kind_of_text
from droidreclaim.units import GIB

_HEAD_LINES = 200  # a log may open with a crash of 100 lines
_HEAD_BYTES = 256 * 1024
_MOST_BYTES = 2 * GIB  # unpacked; a bug report of a phone full of logs has 0.3 GiB
_MOST_NESTED = 2  # a .zip in a .zip, or a .gz in one
_LONGEST_LINE_BYTES = 1 << 20
_BUG_REPORTS = ("bugreport", "dumpstate")


def read_capture(path: Path, wanted: frozenset[Kind], fallback: Kind) -> Captured:
    """
    The *wanted* kinds of text in *path*.

    Args:
        fallback: What a text is taken for that does not tell by its looks.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        ParseError: it is no text, an archive that is damaged or unpacks to more than 2 GiB, or
            holds nothing of what is wanted.
    """
    captured = Captured()
    reader = _Reader(captured, wanted, fallback)
    try:
        if path.is_dir():
            for one in sorted(path.iterdir()):
                if one.is_file():
                    with one.open("rb") as stream:
                        reader.read(stream, str(one), certain=False)
        else:
            with path.open("rb") as stream:
                reader.read(stream, str(path), certain=True)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except (zipfile.BadZipFile, EOFError, zlib.error, RuntimeError, NotImplementedError) as error:
        raise ParseError(str(path), 1, "", hint=f"a damaged archive: {error}") from error
    if not captured.texts:
        raise ParseError(str(path), 1, "", hint=_nothing(captured, wanted))
    return captured


def _nothing(captured: Captured, wanted: frozenset[Kind]) -> str:
    names = ", ".join(sorted(wanted))
    if captured.sections:
        seen = len(captured.sections)
        return f"a bug report with {seen} sections and none of: {names}"
    return f"holds none of: {names}"


class _Reader:
    def __init__(self, captured: Captured, wanted: frozenset[Kind], fallback: Kind) -> None:
        self._captured = captured
        self._wanted = wanted
        self._fallback = fallback
        self._left_bytes = _MOST_BYTES

    def read(self, stream: IO[bytes], name: str, *, certain: bool, depth: int = 0) -> None:
        """Sort one file; unless *certain*, one that is nothing of ours is passed over."""
        buffered = io.BufferedReader(_Raw(stream), _HEAD_BYTES)
        head = buffered.peek(_HEAD_BYTES)
        if head.startswith(b"PK\x03\x04") and depth < _MOST_NESTED:
            self._read_zip(stream, name, depth)
        elif head.startswith(b"\x1f\x8b") and depth < _MOST_NESTED:
            with gzip.GzipFile(fileobj=buffered) as unpacked:
                self.read(cast(IO[bytes], unpacked), name, certain=certain, depth=depth + 1)
        elif b"\0" not in head[:4096]:
            self._read_text(buffered, certain)
        elif certain:
            raise ParseError(name, 1, "", hint="this is no text, .zip or .gz")

    def _read_zip(self, stream: IO[bytes], name: str, depth: int) -> None:
        stream.seek(0)
        with zipfile.ZipFile(stream) as archive:
            for entry in _entries(archive, name):
                with archive.open(entry) as unpacked:
                    self.read(unpacked, entry.filename, certain=False, depth=depth + 1)

    def _read_text(self, stream: IO[bytes], certain: bool) -> None:
        lines = self._lines(stream)
        head = list(itertools.islice(lines, _HEAD_LINES))
        sorter = Sorter(self._captured, self._wanted)
        if not is_bug_report(head):
            kind = kind_of_text(head) or (self._fallback if certain else None)
            if kind is None:
                return
            sorter.begin(kind)
        sorter.take_all(itertools.chain(head, lines))
        sorter.end()

    def _lines(self, stream: IO[bytes]) -> Iterator[str]:
        while line := stream.readline(_LONGEST_LINE_BYTES):
            self._left_bytes -= len(line)
            if self._left_bytes < 0:
                hint = f"unpacks to more than {_MOST_BYTES // GIB} GiB"
                raise ParseError("capture", 1, "", hint=hint)
            yield line.decode("utf-8", "replace").rstrip("\r\n")


def _entries(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """
    The entries worth reading: the bug report itself where there is one, else all.

    Nothing is written to disk, so a path that leads out does no harm; it says what made the file.
    """
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    for entry in entries:
        if entry.filename.startswith("/") or ".." in Path(entry.filename).parts:
            raise ParseError(name, 1, "", hint=f"holds a path that leads out: {entry.filename!r}")
    top = [one for one in entries if "/" not in one.filename]
    reports = [
        one
        for one in top
        if one.filename.lower().startswith(_BUG_REPORTS)
        and one.filename.lower().endswith((".txt", ".zip", ".gz"))
    ]
    return reports or top or entries


class _Raw(io.RawIOBase):
    """A binary stream of any kind as a raw one, so that a buffer can look ahead in it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill *buffer* with whatever comes next."""
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._stream.read(len(view))
        view[: len(data)] = data
        return len(data)
