"""
The lines of the helper's replies as checked values (device-scripts/PROTOCOL.md).

A device is not to be trusted with types either: msgspec refuses what is not of the form, and the
refusal becomes a ParseError.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from droidreclaim.errors import ParseError
from droidreclaim.helper.protocol import Reply
from droidreclaim.model import Memory

_MOST = (1 << 63) - 1
Size = Annotated[int, Meta(ge=0, le=_MOST)]
Difference = Annotated[int, Meta(ge=-_MOST, le=_MOST)]
Pid = Annotated[int, Meta(ge=0, lt=1 << 31)]
Uid = Annotated[int, Meta(ge=0, lt=1 << 32)]
Adj = Annotated[int, Meta(ge=-1000, le=1000)]
PageBytes = Annotated[int, Meta(ge=1 << 12, le=1 << 20)]
Word = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(max_length=4096)]  # a name of a process has 1,024 bytes at most


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
    """A process that the session's last scan told of: what may have changed."""

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


class WireMemory(Line, frozen=True):
    """Memory of a process as a target line carries it."""

    rss_bytes: Size | None
    rss_anon_bytes: Size | None
    rss_file_bytes: Size | None
    swap_bytes: Size | None

    def value(self) -> Memory:
        """The same as a plain value."""
        return Memory(self.rss_bytes, self.rss_anon_bytes, self.rss_file_bytes, self.swap_bytes)


class Measured(WireMemory, frozen=True):
    """Memory of one process now; *errno* says why it is unknown."""

    pid: Pid
    start: Size
    errno: Word | None
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


class Refused(Line, frozen=True):
    """Ranges that the kernel refused to take advice on, by errno."""

    errno: Word
    ranges: Size
    bytes: Size


class Kind(Line, frozen=True):
    """Mappings of one kind, as a dry run counted them."""

    kind: Word
    mapped_bytes: Size
    exclusive_bytes: Size | None
    shared_bytes: Size | None
    swapped_bytes: Size | None
    locked_bytes: Size | None


class Target(Line, frozen=True):
    """What was done to one process."""

    pid: Pid
    start: Size
    outcome: Word
    reason: Word | None
    advised_bytes: Size
    exclusive_bytes: Size | None
    shared_bytes: Size | None
    swapped_bytes: Size | None
    mapped_bytes: Size | None
    refused: tuple[Refused, ...]
    adj: Adj | None
    frozen: bool | None
    steps: Size
    longest_us: Size
    duration_us: Size
    before: WireMemory | None
    after: WireMemory | None
    major_faults: Size | None
    swap_room_bytes: Size | None
    approximate: bool
    kinds: tuple[Kind, ...] = ()


class Swap(Line, frozen=True):
    """One swap device of ours, made or undone."""

    path: Text
    size_bytes: Size
    used_bytes: Size | None


class DeviceMemory(Line, frozen=True):
    """Swap of the device around a page-out, as the helper saw it."""

    swap_total_bytes: Size
    swap_free_before_bytes: Size
    swap_free_after_bytes: Size
    zram_used_before_bytes: Size | None
    zram_used_after_bytes: Size | None
    swap_cached_before_bytes: Size | None
    swap_cached_after_bytes: Size | None
    failed_writes: Size | None


_L = TypeVar("_L", bound=Line)


def lines_of(reply: Reply, type_name: str, line_type: type[_L]) -> tuple[_L, ...]:
    """
    The reply's lines of one type, checked.

    Raises:
        ParseError: a line is not of the form.
    """
    return tuple(
        _checked(number, line, line_type)
        for number, line in enumerate(reply.lines, start=1)
        if line["t"] == type_name
    )


def one_of(reply: Reply, type_name: str, line_type: type[_L]) -> _L:
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
