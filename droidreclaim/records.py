"""What this program wrote down for itself, small JSON files: one bounded and typed reader."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

MAX_BYTES = 1 << 20
MAX_NUMBER = (1 << 63) - 1

_T = TypeVar("_T")


def read_record(path: Path, form: type[_T]) -> _T:
    """
    The content of *path*, of the *form* that is wanted.

    Raises:
        OSError: it is not there or may not be read, or is no regular file.
        ValueError: it is larger than a mebibyte, no JSON, nested too deep or of another form, or it
            holds a number beyond 63 bits.
    """
    with open_record(path) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES >> 20} MiB")
    return read_json(data, form)


def read_json(text: bytes, form: type[_T]) -> _T:
    """
    A document that this program wrote, of the *form* that is wanted.

    Raises:
        ValueError: no JSON, nested too deep or of another form, or a number beyond 63 bits.
    """
    try:
        value = msgspec.json.decode(text)
        require_bounded(value)
        return msgspec.convert(value, type=form)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def require_bounded(value: object) -> None:
    """
    Raises:
        ValueError: a number in a value of JSON is larger than anything that is measured here.
    """
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            require_bounded(one)
    elif isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
        raise ValueError("a number that is too large")


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
