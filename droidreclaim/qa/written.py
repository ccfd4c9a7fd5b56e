"""A folder that a run is written down in; QA runs and storms write, append and read alike."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from droidreclaim.errors import UsageError
from droidreclaim.records import open_record

# What damaged files of a run raise while they are read and judged.
UNREADABLE = (OSError, ValueError, LookupError, TypeError, OverflowError, RecursionError)


class WrittenFolder:
    """
    A folder of files that are whole or grow by lines, whenever the run is cut short.

    Every method that writes raises `UsageError`, in the system's words, where it cannot.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write_whole(self, name: str, content: dict[str, Any] | str) -> None:
        """Replace a file by text or a document; the old one stays until the new is whole."""
        text = content if isinstance(content, str) else json.dumps(content, indent=2) + "\n"
        self.write_parts(name, (text,))

    def write_parts(self, name: str, parts: Iterable[str]) -> None:
        """Replace a file by text that comes in parts; the old one stays until all have come."""
        partial = self.path / f"{name}.partial"
        with self.faults_named():
            with partial.open("w", encoding="utf-8") as file:
                file.writelines(parts)
            partial.replace(self.path / name)

    def append_line(self, name: str, line: str) -> None:
        """Add one line to a file."""
        with self.faults_named(), (self.path / name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    @contextmanager
    def faults_named(self) -> Iterator[None]:
        """
        Raises:
            UsageError: what is written in the block does not get there, in the system's words.
        """
        try:
            yield
        except OSError as error:
            raise UsageError(f"--out {self.path}: {error.strerror or error}") from error


def whole_lines(path: Path, *, most_bytes: int, longest_bytes: int) -> Iterator[bytes]:
    """
    The lines that were written to their end; none where there is no file.

    A crash may have cut the last one.

    Raises:
        OSError: no regular file, or it cannot be read.
        ValueError: the file or a line is larger than a run writes.
    """
    try:
        file = open_record(path)
    except FileNotFoundError:
        return
    size_bytes = 0
    with file:
        while line := file.readline(longest_bytes):
            size_bytes += len(line)
            if size_bytes > most_bytes:
                raise ValueError(f"larger than {most_bytes >> 20} MiB")
            if line.endswith(b"\n"):
                yield line
            elif len(line) == longest_bytes:
                raise ValueError(f"a line longer than {longest_bytes >> 10} KiB")
