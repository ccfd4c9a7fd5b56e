"""Memory of one process, range by range: ``/proc/PID/maps``, ``smaps``, ``smaps_rollup``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import no_rows
from droidreclaim.parse.text.lines import filled_lines
from droidreclaim.units import KIB

# "6fbef4e000-6fbef4f000 rw-p 00004000 fd:00 113092486     /system/lib64/libx.so"
# Names are padded to a column that long ranges push, and may hold blanks.
_HEAD = re.compile(
    r"(?P<start>[0-9a-f]{1,16})-(?P<end>[0-9a-f]{1,16}) (?P<perms>[r-][w-][x-][ps])"
    r" (?P<offset>[0-9a-f]{1,16}) (?P<dev>[0-9a-f]{1,8}:[0-9a-f]{1,8}) (?P<inode>[0-9]{1,20})"
    r"(?: +(?P<name>\S.*))?"
)
_DETAIL = re.compile(r"(?P<key>[A-Z][\w().-]*):(?:\s+(?P<value>.*))?")
_SIZE = re.compile(r"([0-9]{1,18}) kB")
_ROLLUP_NAME = "[rollup]"


@dataclass(frozen=True, slots=True)
class MapRange:
    """
    One range of addresses.

    Attributes:
        start, end: Addresses, end excluded.
        perms: ``rw-p``: read, write, execute, and private or shared.
        offset: Bytes into the file.
        name: File, ``[anon:dalvik-main space]``, ``[stack]``; empty for plain anonymous memory.
    """

    start: int
    end: int
    perms: str
    offset: int
    device: str
    inode: int
    name: str

    @property
    def size_bytes(self) -> int:
        """Length of the range."""
        return self.end - self.start

    @property
    def private(self) -> bool:
        """Whether writes stay in this process."""
        return self.perms.endswith("p")


@dataclass(frozen=True, slots=True)
class MapUse:
    """
    One range and what it holds.

    Attributes:
        sizes_bytes: By the kernel's key (``Rss``, ``Private_Dirty``, ``SwapPss``).
        vm_flags: Two-letter flags; empty where the kernel prints none.
        others: Lines without a size (``THPeligible``, ``ProtectionKey``), as printed.
    """

    range: MapRange
    sizes_bytes: Mapping[str, int]
    vm_flags: tuple[str, ...]
    others: Mapping[str, str]

    @property
    def rss_bytes(self) -> int:
        """Resident part."""
        return self.sizes_bytes.get("Rss", 0)

    @property
    def swap_bytes(self) -> int:
        """Part in swap."""
        return self.sizes_bytes.get("Swap", 0)


@dataclass(frozen=True, slots=True)
class Rollup:
    """
    ``/proc/PID/smaps_rollup``: exact sums over all ranges; None where the line is absent.

    Attributes:
        sizes_bytes: By the kernel's key.
    """

    sizes_bytes: Mapping[str, int]

    @property
    def rss_bytes(self) -> int | None:
        """Resident memory."""
        return self.sizes_bytes.get("Rss")

    @property
    def pss_bytes(self) -> int | None:
        """Resident memory, shared pages divided by the number of sharers."""
        return self.sizes_bytes.get("Pss")

    @property
    def pss_anon_bytes(self) -> int | None:
        """The anonymous part of PSS; absent before Linux 5.3."""
        return self.sizes_bytes.get("Pss_Anon")

    @property
    def anon_bytes(self) -> int | None:
        """Resident anonymous memory."""
        return self.sizes_bytes.get("Anonymous")

    @property
    def swap_bytes(self) -> int | None:
        """Memory in swap, shared memory included."""
        return self.sizes_bytes.get("Swap")

    @property
    def swap_pss_bytes(self) -> int | None:
        """The same, shared slots divided by the number of sharers."""
        return self.sizes_bytes.get("SwapPss")


def parse_maps(text: str, source: str = "/proc/PID/maps") -> tuple[MapRange, ...]:
    """
    Read ``/proc/PID/maps``.

    Raises:
        ParseError: a line is no range, or there is none.
    """
    ranges = []
    for number, line in filled_lines(source, text):
        found = _range(line)
        if found is None:
            raise ParseError(source, number, line)
        ranges.append(found)
    if not ranges:
        raise no_rows(source, text, "range")
    return tuple(ranges)


def parse_smaps(text: str, source: str = "/proc/PID/smaps") -> tuple[MapUse, ...]:
    """
    Read ``/proc/PID/smaps``.

    A ``Name:`` line repeats the name; on old Android kernels it is the only place that has it.

    Raises:
        ParseError: a line is neither range nor detail, a range has no details, or there is none.
    """
    uses = tuple(_uses(text, source))
    if not uses or uses[0].range.name == _ROLLUP_NAME:
        raise no_rows(source, text, "range")
    return uses


def parse_smaps_rollup(text: str, source: str = "/proc/PID/smaps_rollup") -> Rollup:
    """
    Read ``/proc/PID/smaps_rollup``, or its first lines.

    Raises:
        ParseError: not exactly one range, named ``[rollup]``, with its sums.
    """
    uses = tuple(_uses(text, source))
    if len(uses) != 1 or uses[0].range.name != _ROLLUP_NAME:
        raise no_rows(source, text, "rollup")
    return Rollup(uses[0].sizes_bytes)


def _range(line: str) -> MapRange | None:
    head = _HEAD.fullmatch(line)
    if head is None:
        return None
    return MapRange(
        start=int(head["start"], 16),
        end=int(head["end"], 16),
        perms=head["perms"],
        offset=int(head["offset"], 16),
        device=head["dev"],
        inode=int(head["inode"]),
        name=head["name"] or "",
    )


@dataclass(slots=True)
class _Draft:
    """A range while its details come in."""

    number: int
    line: str
    range: MapRange
    sizes: dict[str, int] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)

    def take(self, line: str) -> bool:
        """Read one detail; False when it is none."""
        detail = _DETAIL.fullmatch(line)
        if detail is None:
            return False
        value = detail["value"] or ""
        size = _SIZE.fullmatch(value)
        if size is not None:
            self.sizes[detail["key"]] = int(size[1]) * KIB
        elif value.endswith(" kB"):
            return False
        else:
            self.others[detail["key"]] = value
        return True

    def finish(self, source: str) -> MapUse:
        """The range and its use, or an error that names it when it has none (a cut capture)."""
        if "Rss" not in self.sizes:
            raise ParseError(source, self.number, self.line)
        name = self.others.pop("Name", "")
        flags = tuple(self.others.pop("VmFlags", "").split())
        named = self.range if self.range.name else replace(self.range, name=name)
        return MapUse(named, MappingProxyType(self.sizes), flags, MappingProxyType(self.others))


def _uses(text: str, source: str) -> Iterator[MapUse]:
    draft: _Draft | None = None
    for number, line in filled_lines(source, text):
        found = _range(line)
        if found is not None:
            if draft is not None:
                yield draft.finish(source)
            draft = _Draft(number, line, found)
        elif draft is None or not draft.take(line):
            raise ParseError(source, number, line)
    if draft is not None:
        yield draft.finish(source)
