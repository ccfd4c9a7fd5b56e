"""What this program wrote down for itself, small JSON files: one bounded and typed reader."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

MAX_BYTES = 1 << 20

_T = TypeVar("_T")


def read_record(path: Path, form: type[_T]) -> _T:
    """
    The content of *path*, of the *form* that is wanted.

    Raises:
        OSError: it is not there or may not be read, or is no regular file.
        ValueError: it is larger than a mebibyte, no JSON, nested too deep or of another form.
    """
    with open_record(path) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES >> 20} MiB")
    try:
        return msgspec.json.decode(data, type=form)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def open_record(path: Path) -> BinaryIO:
    """
    A regular file to read from; never waits for the writer of a pipe.

    Raises:
        OSError: as `read_record`.
    """
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "no regular file", str(path))
    return file
