"""Captured text from a file: a dump, a bug report (.txt, .gz, .zip), a folder of outputs, stdin."""

from __future__ import annotations

import contextlib
import gzip
import io
import itertools
import re
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

from droidreclaim.errors import ParseError, UsageError
from droidreclaim.files import STDIN, encoding_of, open_source
from droidreclaim.parse.kills.studio import is_studio_export, studio_lines
from droidreclaim.parse.text.bugreport import Captured, Kind, Sorter, is_bug_report, kind_of_text
from droidreclaim.parse.text.lines import QUOTING
from droidreclaim.units import GIB, MIB

_HEAD_LINES = 200  # a log may open with a crash of 100 lines
_HEAD_BYTES = 256 * 1024
_MOST_BYTES = 2 * GIB  # unpacked; a bug report of a phone full of logs has 0.3 GiB
_MOST_NESTED = 2  # a .zip in a .zip, or a .gz in one
_MOST_FILES = 2000  # of a folder or archive
_MOST_UNTOLD = 20  # texts of an archive that are read as logs though none looks like one
_LONGEST_LINE = 1 << 20
_MOST_LINES = 10_000_000  # the largest bug report seen has 4 million
# A log packs to a tenth, the emptiest of them to a hundredth; zeros to a thousandth.
_MOST_RATIO, _SMALL_BYTES = 200, 8 * MIB
_IN_MEMORY_BYTES = 32 * MIB
_MOST_STUDIO_BYTES = 64 * MIB  # a quarter of a million messages
_BUG_REPORTS = ("bugreport", "dumpstate")
_BESIDE_REPORTS = ("dumpstate_log", "dumpstate_board")  # dumpstate's own log, the vendor's part
_MAIN_ENTRY, _LONGEST_NAME = "main_entry.txt", 256
_OF_MACOS = "__MACOSX/"  # what its Finder puts beside each file
_TEXT_ENDS = re.compile(r'(?<!\\)"(?=[,}\]])')
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1


def read_capture(path: Path, wanted: frozenset[Kind], fallback: Kind) -> Captured:
    """
    The *wanted* kinds of text in *path*; ``-`` is stdin.

    Args:
        fallback: What a text is taken for that does not tell by its looks.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        ParseError: it is no text, an archive that is damaged or unpacks to too much, or holds
            nothing of what is wanted. One bad file among several is left out and named instead.
    """
    captured = Captured()
    if path != STDIN and path.is_dir():
        _read_folder(_Reader(captured, wanted, fallback), path)
    else:
        with open_source(path) as stream:
            reader = _Reader(captured, wanted, fallback)
            reader.read_file(stream, _name_of(path), certain=True)
    if not captured.texts:
        raise ParseError(_name_of(path), 1, "", hint=_nothing(captured, wanted))
    return captured


def _name_of(path: Path) -> str:
    return "stdin" if path == STDIN else str(path)


def _read_folder(reader: _Reader, folder: Path) -> None:
    try:
        files = list(itertools.islice(folder.iterdir(), _MOST_FILES + 1))
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror or error}") from error
    if len(files) > _MOST_FILES:
        raise UsageError(f"{folder}: more than {_MOST_FILES} files: give one of them")
    for one in sorted(files):
        try:
            if not stat.S_ISREG(one.stat().st_mode):
                continue
            with open_source(one) as stream:
                reader.read_file(stream, str(one), certain=False)
        except (ParseError, UsageError, OSError) as error:
            reader.leave_out(one.name, error)


def _nothing(captured: Captured, wanted: frozenset[Kind]) -> str:
    names = ", ".join(sorted(wanted))
    words = f"looked for {names}: none is in it"
    if captured.sections:
        words = f"a bug report with {len(captured.sections)} sections and none of: {names}"
    return "; ".join([words, *captured.left_out[:3]])


class _Reader:
    """Sorts files and archives into one capture, within bounds that hold for all together."""

    def __init__(self, captured: Captured, wanted: frozenset[Kind], fallback: Kind) -> None:
        self._captured = captured
        self._wanted = wanted
        self._fallback = fallback
        self._left = _MOST_BYTES
        self._packed = 0  # read so far as it came
        self._unpacked = 0

    def leave_out(self, name: str, error: Exception) -> None:
        """Name a file that could not be read, and go on."""
        hint = getattr(error, "hint", None)
        self._captured.left_out.append(f"{name}: {hint or error}"[:300])

    def read_file(self, stream: IO[bytes], name: str, *, certain: bool) -> None:
        """Sort one file; unless *certain*, one that is no text is passed over."""
        self._read(_counted(stream, self._count_packed), name, certain, 0)

    def _read(self, stream: io.BufferedReader, name: str, certain: bool, depth: int) -> None:
        head = stream.peek(_HEAD_BYTES)
        if head.startswith(b"PK\x03\x04") and depth < _MOST_NESTED:
            with _archive_errors(name):
                self._read_zip(stream, name, certain, depth)
        elif head.startswith(b"\x1f\x8b") and depth < _MOST_NESTED:
            with _archive_errors(name), gzip.GzipFile(fileobj=stream) as unpacked:
                self._read(_counted(unpacked, self._count_unpacked), name, certain, depth + 1)
        elif encoding := encoding_of(head):
            self._read_text(stream, encoding, name, certain, depth)
        elif certain:
            raise ParseError(name, 1, "", hint="this is no text, .zip or .gz")

    def _read_zip(self, stream: io.BufferedReader, name: str, certain: bool, depth: int) -> None:
        # A copy: a stream may not go back, and going back in a packed one unpacks it again.
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as copy:
            shutil.copyfileobj(stream, copy, 1 << 20)
            copy.seek(0)
            with zipfile.ZipFile(cast(IO[bytes], copy)) as archive:
                entries = _entries(archive, name)
                for entry in entries:
                    self._read_entry(archive, entry, depth)
                if certain and not self._captured.texts:
                    for entry in _files_of(archive)[:_MOST_UNTOLD]:  # a paste may show nothing
                        self._read_entry(archive, entry, depth, certain=True)

    def _read_entry(
        self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, depth: int, certain: bool = False
    ) -> None:
        try:
            _refuse_entry(entry)
            self._refuse_bomb(self._unpacked + entry.file_size)
            with archive.open(entry) as unpacked, _archive_errors(entry.filename):
                counted = _counted(unpacked, self._count_unpacked)
                self._read(counted, entry.filename, certain, depth + 1)
        except _TooMuch:
            raise
        except (ParseError, *_DAMAGES) as error:
            self.leave_out(entry.filename, error)

    def _count_packed(self, size: int) -> None:
        self._packed += size
        self._take(size)

    def _count_unpacked(self, size: int) -> None:
        self._unpacked += size
        self._refuse_bomb(self._unpacked)
        self._take(size)

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            hint = f"unpacks to more than {_MOST_BYTES / GIB:g} GiB"
            raise _TooMuch("capture", 1, "", hint=hint)

    def _refuse_bomb(self, size: int) -> None:
        if size > _SMALL_BYTES + _MOST_RATIO * self._packed:
            hint = f"unpacks to more than {_MOST_RATIO} times its size, as no log does"
            raise _TooMuch("capture", 1, "", hint=hint)

    def _read_text(
        self, stream: io.BufferedReader, encoding: str, name: str, certain: bool, depth: int
    ) -> None:
        begins = stream.peek(_HEAD_BYTES)
        if is_studio_export(begins[:_HEAD_BYTES].decode(encoding, "replace")):
            self._read_studio(stream, encoding, name)
            return
        # A terminal's own log may end its lines with CR alone.
        end = "\r" if b"\r" in begins and b"\n" not in begins else "\n"
        lines = _lines(io.TextIOWrapper(stream, encoding, "replace", newline=end))
        head = list(itertools.islice(lines, _HEAD_LINES))
        sorter = Sorter(self._captured, self._wanted, name)
        if is_bug_report(head):
            sorter.begin_report()
        else:
            kind = kind_of_text(head) or (self._fallback if certain else None)
            if kind is None:
                if depth == 0:  # an archive has too many of these, and few are ours
                    raise ParseError(name, 1, "", hint="what it is does not show: give it alone")
                return
            sorter.begin(kind)
        for line in itertools.chain(head, lines):
            sorter.take(line)
        sorter.end()

    def _read_studio(self, stream: io.BufferedReader, encoding: str, name: str) -> None:
        """Android Studio's export is one document, so it is read as a whole."""
        data = stream.read(_MOST_STUDIO_BYTES + 1)
        if len(data) > _MOST_STUDIO_BYTES:
            hint = f"an export of Android Studio larger than {_MOST_STUDIO_BYTES // MIB} MiB"
            raise ParseError(name, 1, "", hint=hint)
        sorter = Sorter(self._captured, self._wanted, name)
        sorter.begin(Kind.LOG)
        for line in studio_lines(data.decode(encoding, "replace"), name):
            sorter.take(line)
        sorter.end()


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines without their ends: very long ones in pieces, of several blank ones the first."""
    was_blank, begun = False, ""
    for _ in range(_MOST_LINES):
        came = text.readline(_LONGEST_LINE)
        line, begun = begun + came, ""
        if not line:
            return
        if len(came) == _LONGEST_LINE and not came.endswith(("\n", "\r")):
            end = _end_of_a_text(line)
            line, begun = line[:end], line[end:]
        line = line.rstrip("\r\n")
        if line or not was_blank:  # a file of line ends alone would take minutes
            yield line
        was_blank = not line
    raise _TooMuch("capture", 1, "", hint=f"more than {_MOST_LINES} lines")


def _end_of_a_text(line: str) -> int:
    """Where a piece of a line of JSON may end, behind one of its texts; else the end of *line*."""
    if line.lstrip()[:1] not in QUOTING:
        return len(line)
    ends = [match.end() for match in _TEXT_ENDS.finditer(line, len(line) // 2)]
    return ends[-1] if ends else len(line)


class _TooMuch(ParseError):
    """Raised to end the reading: as much was read as will be."""


# What zipfile, gzip and zlib raise for bytes that are no archive of theirs.
_DAMAGES = (
    zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError, ValueError,
    ArithmeticError, LookupError, zlib.error, struct.error,
)  # fmt: skip


@contextlib.contextmanager
def _archive_errors(name: str) -> Iterator[None]:
    """Turn what the libraries raise for a damaged archive into our error."""
    try:
        yield
    except _DAMAGES as error:
        why = str(error).partition("\n")[0][:120]
        raise ParseError(name, 1, "", hint=f"a damaged archive: {why}") from error


def _refuse_entry(entry: zipfile.ZipInfo) -> None:
    if entry.flag_bits & _ENCRYPTED:
        raise ParseError(entry.filename, 1, "", hint="encrypted")
    if entry.compress_type not in _PACKED:
        hint = f"packed by method {entry.compress_type}, only deflate is read"
        raise ParseError(entry.filename, 1, "", hint=hint)


def _files_of(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    files = (entry for entry in archive.infolist() if not entry.is_dir())
    return [entry for entry in files if not entry.filename.startswith(_OF_MACOS)]


def _entries(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """
    The entries worth reading: the bug report itself where there is one, else all.

    Nothing is written under its name, so a path that leads out does no harm; it says what made it.
    """
    entries = _files_of(archive)
    if len(entries) > 10 * _MOST_FILES:
        raise ParseError(name, 1, "", hint=f"holds {len(entries)} files")
    for entry in entries:
        if entry.filename.startswith("/") or ".." in Path(entry.filename).parts:
            raise ParseError(name, 1, "", hint=f"holds a path that leads out: {entry.filename!r}")
    top = [one for one in entries if "/" not in one.filename]
    main = _main_entry(archive, top)
    reports = [
        one
        for one in top
        if one.filename.lower().startswith(_BUG_REPORTS)
        and one.filename.lower().endswith((".txt", ".log", ".zip", ".gz"))
        and not one.filename.startswith(_BESIDE_REPORTS)
    ]
    return main or reports or top or entries


def _main_entry(archive: zipfile.ZipFile, top: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The bug report, where Android says in the archive how it is called; empty elsewhere."""
    try:
        with archive.open(_MAIN_ENTRY) as told:
            name = told.read(_LONGEST_NAME).decode("utf-8", "replace").strip()
    except (KeyError, *_DAMAGES):
        return []
    return [one for one in top if one.filename == name]


class _Raw(io.RawIOBase):
    """A binary stream of any kind as a raw one that counts, to look ahead in with a buffer."""

    def __init__(self, stream: IO[bytes], count: Callable[[int], None]) -> None:
        self._stream = stream
        self._count = count

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill *buffer* with whatever comes next."""
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._stream.read(len(view))
        view[: len(data)] = data
        self._count(len(data))
        return len(data)


def _counted(stream: object, count: Callable[[int], None]) -> io.BufferedReader:
    """*stream* with every read of it told to *count*."""
    return io.BufferedReader(_Raw(cast(IO[bytes], stream), count), _HEAD_BYTES)
