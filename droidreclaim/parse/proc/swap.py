"""Swap areas and what zram made of them: ``/proc/swaps`` and ``/sys/block/zram*``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import no_rows
from droidreclaim.parse.text.lines import filled_lines
from droidreclaim.units import KIB

_HEADER = re.compile(r"Filename\s+Type\s+Size\s+Used\s+Priority")
# Read from the right: the path is the only free text ("\040(deleted)" follows a removed file).
_ROW = re.compile(
    r"(?P<path>\S{1,4096})\s+(?P<kind>partition|file)\s+(?P<size>[0-9]{1,18})\s+"
    r"(?P<used>[0-9]{1,18})\s+(?P<priority>-?[0-9]{1,6})"
)
_BD_UNIT = 4 * KIB
_ZRAM = re.compile(r"(?:.*/)?zram[0-9]+")


@dataclass(frozen=True, slots=True)
class SwapArea:
    """
    One swap area.

    Attributes:
        path: As printed; some kernels lose ``/dev`` (``/block/zram0``, OnePlus 8).
        kind: ``partition`` or ``file``.
        used_bytes: Before compression, for zram.
        priority: Higher is used first; negative ones were given by the kernel.
    """

    path: str
    kind: str
    size_bytes: int
    used_bytes: int
    priority: int

    @property
    def is_zram(self) -> bool:
        """Whether the area is compressed memory rather than flash (wear, and far slower)."""
        return _ZRAM.fullmatch(self.path) is not None

    @property
    def name(self) -> str:
        """Last part of the path: ``zram0``."""
        return self.path.rsplit("/", 1)[-1]


def parse_swaps(text: str, source: str = "/proc/swaps") -> tuple[SwapArea, ...]:
    """
    Read ``/proc/swaps``; a header without rows is a device without swap.

    Raises:
        ParseError: a line is no area, or there is neither header nor area.
    """
    areas = []
    header = False
    for number, line in filled_lines(source, text):
        row = _ROW.fullmatch(line)
        if row is not None:
            size, used = int(row["size"]) * KIB, int(row["used"]) * KIB
            areas.append(SwapArea(row["path"], row["kind"], size, used, int(row["priority"])))
        elif _HEADER.fullmatch(line):
            header = True
        else:
            raise ParseError(source, number, line)
    if not areas and not header:
        raise no_rows(source, text, "swap area")
    return tuple(areas)


@dataclass(frozen=True, slots=True)
class ZramMemory:
    """
    ``mm_stat`` of one zram device.

    Attributes:
        original_bytes: Data stored, before compression.
        compressed_bytes: After it.
        used_bytes: Memory taken, with the allocator's loss: what zram really costs.
        limit_bytes: Most it may take; 0 is no limit.
        peak_bytes: Most it took so far.
        same_pages: Pages of one repeated word, which cost nothing.
        compacted_pages: Pages freed by compaction of the allocator.
        huge_pages: Pages stored uncompressed; None before Linux 4.18.
        huge_pages_since: Such pages ever stored; None before Linux 5.13.
    """

    original_bytes: int
    compressed_bytes: int
    used_bytes: int
    limit_bytes: int
    peak_bytes: int
    same_pages: int
    compacted_pages: int
    huge_pages: int | None
    huge_pages_since: int | None


@dataclass(frozen=True, slots=True)
class ZramFlash:
    """
    What a zram wrote to its backing device, which is flash (``bd_stat``).

    Attributes:
        held_bytes: There now; *read_bytes* and *written_bytes* count since boot.
    """

    held_bytes: int
    read_bytes: int
    written_bytes: int


def parse_zram_mm_stat(text: str, source: str = "/sys/block/zram0/mm_stat") -> ZramMemory:
    """
    Read ``mm_stat``: 7 numbers on Linux 4.1, 8 from 4.18, 9 from 5.13, 10 on some vendor kernels.

    Mails wrap the one line, so line ends count as blanks.

    Raises:
        ParseError: something else than 7 to 12 numbers.
    """
    values = _numbers(text, source, fewest=7, most=12)
    original, compressed, used, limit, peak, same, compacted = values[:7]
    return ZramMemory(
        original_bytes=original,
        compressed_bytes=compressed,
        used_bytes=used,
        limit_bytes=limit,
        peak_bytes=peak,
        same_pages=same,
        compacted_pages=compacted,
        huge_pages=values[7] if len(values) > 7 else None,
        huge_pages_since=values[8] if len(values) > 8 else None,
    )


def parse_zram_bd_stat(text: str, source: str = "/sys/block/zram0/bd_stat") -> ZramFlash:
    """
    Read ``bd_stat``, in units of 4 KiB whatever the size of a page: "   5921      970     6890".

    Raises:
        ParseError: something else than three numbers, which vendors may follow up with others.
    """
    sizes = (count * _BD_UNIT for count in _numbers(text, source, fewest=3, most=12)[:3])
    return ZramFlash(*sizes)


def flash_read_bytes(files: Mapping[str, str | None]) -> int | None:
    """What all zram devices read back from flash since boot; None where none can write there."""
    texts = [text for path, text in files.items() if path.endswith("/bd_stat") and text]
    return sum(parse_zram_bd_stat(text).read_bytes for text in texts) if texts else None


def _numbers(text: str, source: str, *, fewest: int, most: int) -> list[int]:
    values: list[int] = []
    for number, line in filled_lines(source, text):
        for word in line.split():
            if not (word.isascii() and word.isdigit() and len(word) <= 20) or len(values) == most:
                raise ParseError(source, number, line)
            values.append(int(word))
    if len(values) < fewest:
        raise no_rows(source, text, "whole record of zram")
    return values
