"""
The lines of the helper's replies as checked values (device-scripts/PROTOCOL.md).

A device is not to be trusted with types either: msgspec refuses what is not of the form, and the
refusal becomes a ParseError.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from droidreclaim.errors import ParseError
from droidreclaim.helper.protocol import Reply
from droidreclaim.model.bounded import Adj, PageBytes, Pid, Size, Text, Uid, Word


class Line(msgspec.Struct, frozen=True):
    """A line of a reply: exact types, no key missing; those we do not know are passed over."""


class Hello(Line, frozen=True):
    """Who answers: protocol and build, and what it is allowed to do."""

    protocol: Size
    build: Word
    abi: Word
    page_bytes: PageBytes
    uid: Uid
    cap_eff: Word
    selinux: Text | None
    boot_id: Word | None
    kernel: Text
    machine: Text
    pid: Pid
    cpu_us: Size


class Backend(Line, frozen=True):
    """One backend, as tried by the helper on its own memory."""

    name: Text
    works: bool
    errno: Word | None
    why: Text | None


class Proc(Line, frozen=True):
    """One process of a scan. Memory is None for kernel threads and zombies."""

    pid: Pid
    start: Size
    ppid: Pid
    uid: Uid | None
    adj: Adj | None
    app_frozen: bool
    state: Word
    name: Text
    comm: Text
    kthread: bool
    rss_anon_bytes: Size | None
    rss_file_bytes: Size | None
    rss_shmem_bytes: Size | None
    swap_bytes: Size | None


class Again(Line, frozen=True):
    """What may have changed of a process that the session's last scan told of."""

    pid: Pid
    start: Size
    adj: Adj | None
    app_frozen: bool
    state: Word
    rss_anon_bytes: Size | None
    rss_file_bytes: Size | None
    rss_shmem_bytes: Size | None
    swap_bytes: Size | None


class Importance(Line, frozen=True):
    """How near to its user one process of a scan is whose own adj nobody keeps; None: not known."""

    pid: Pid
    importance: Adj | None


class Package(Line, frozen=True):
    """One line of packages.list; None where it could not be read."""

    line: str | None


class Unreadable(Line, frozen=True):
    """How many processes are there and could not be read."""

    count: Size
    errno: Word | None


class File(Line, frozen=True):
    """One part of the text of a kernel file; None with the errno that denied it."""

    name: Text
    path: Text
    part: Size
    text: str | None
    errno: Word | None


class Measured(Line, frozen=True):
    """Memory of one process now; *errno* says why it is unknown."""

    pid: Pid
    start: Size
    errno: Word | None
    rss_bytes: Size | None
    rss_anon_bytes: Size | None
    rss_file_bytes: Size | None
    swap_bytes: Size | None
    approximate: bool
    locked_bytes: Size | None
    major_faults: Size | None


class Sample(Line, frozen=True):
    """Anonymous memory and adj of a process at one moment of the boot clock; *errno*: it ended."""

    at_us: Size
    pid: Pid
    start: Size
    adj: Adj | None
    rss_anon_bytes: Size | None
    swap_bytes: Size | None
    errno: Word | None


_L = TypeVar("_L")


def lines_of(reply: Reply, type_name: str, line_type: type[_L]) -> tuple[_L, ...]:
    """
    The reply's lines of one type, checked: as a `Line`, or as a value of `model` of that form.

    Raises:
        ParseError: a line is not of the form.
    """
    return tuple(
        _checked(number, line, line_type)
        for number, line in enumerate(reply.lines, start=1)
        if line["t"] == type_name
    )


def only_line_of(reply: Reply, type_name: str, line_type: type[_L]) -> _L:
    """The only line of its type in *reply*; raises ParseError when there is none, or another."""
    lines = lines_of(reply, type_name, line_type)
    if len(lines) != 1:
        raise ParseError("helper", 1, "", hint=f"an answer with {len(lines)} {type_name} lines")
    return lines[0]


def _checked(number: int, line: dict[str, Any], line_type: type[_L]) -> _L:
    try:
        return msgspec.convert(line, line_type)
    except msgspec.ValidationError as error:
        hint = f"{line['t']}: {error}"
        raise ParseError("helper", number, str(line)[:160], hint=hint) from error
