"""The swap that paged-out memory goes to, and whether writing there costs the storage. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from droidreclaim.errors import NotPossible
from droidreclaim.parse.proc.kernel import parse_meminfo
from droidreclaim.parse.proc.swap import SwapArea, parse_swaps, parse_zram_mm_stat
from droidreclaim.reclaim.request import Request
from droidreclaim.units import MIB

FILES = ("meminfo", "swaps", "zram", "zram_algorithm", "zram_backing")

_IN_USE = re.compile(r"\[([\w.-]{1,32})\]")  # "lzo lzo-rle [lz4] zstd"
_LEAST_STORED_BYTES = MIB  # of less the allocator's own pages are most of what zram takes


@dataclass(frozen=True, slots=True)
class SwapState:
    """
    Swap of the device before anything is done.

    Attributes:
        ratio: How much data zram holds for each byte it takes; None while it holds next to none.
        algorithms: Device name and compressor, of each zram that is swap.
        wears: Swap areas that are written to storage, each with why.
    """

    total_bytes: int
    free_bytes: int
    ratio: float | None
    algorithms: tuple[tuple[str, str], ...]
    wears: tuple[str, ...]


def read_swap_state(files: Mapping[str, str | None]) -> SwapState:
    """The swap that these texts, by path, tell of; without ``/proc/swaps`` there is none."""
    meminfo = files.get("/proc/meminfo")
    swaps = files.get("/proc/swaps")
    areas = parse_swaps(swaps) if swaps else ()
    memory = parse_meminfo(meminfo) if meminfo else None
    return SwapState(
        total_bytes=(memory.swap_total_bytes or 0) if memory else 0,
        free_bytes=(memory.swap_free_bytes or 0) if memory else 0,
        ratio=_ratio(files, areas),
        algorithms=tuple(_algorithms(files, areas)),
        wears=tuple(why for area in areas if (why := _wear(files, area))),
    )


def require_swap(request: Request, swap: SwapState) -> None:
    """
    See that what *request* pages out has somewhere to go that it may go to.

    Raises:
        NotPossible: there is no swap, or it wears the storage and that was not allowed.
    """
    if not request.needs_swap:
        return
    if not request.touches_files and swap.total_bytes == 0:
        raise NotPossible(
            "no_swap: this device has no swap, so anonymous memory has nowhere to go",
            hint="'droidreclaim swap on' makes an unused zram swap; --how cold needs none",
        )
    if swap.wears and not request.allow_flash and not request.dry_run:
        raise NotPossible(
            f"paging out here wears the storage: {'; '.join(swap.wears)}",
            hint="--allow-flash; in a scenario {arm: reclaim, allow_flash: true}",
        )


def _ratio(files: Mapping[str, str | None], areas: tuple[SwapArea, ...]) -> float | None:
    texts = [_of_zram(files, area, "mm_stat") for area in areas if area.is_zram]
    stats = [parse_zram_mm_stat(text) for text in texts if text]
    original = sum(stat.original_bytes for stat in stats)
    used = sum(stat.used_bytes for stat in stats)
    return original / used if original >= _LEAST_STORED_BYTES and used else None


def _algorithms(
    files: Mapping[str, str | None], areas: tuple[SwapArea, ...]
) -> list[tuple[str, str]]:
    named = ((area.name, _of_zram(files, area, "comp_algorithm")) for area in areas if area.is_zram)
    found = ((name, _IN_USE.search(text)) for name, text in named if text)
    return [(name, match[1]) for name, match in found if match]


def _wear(files: Mapping[str, str | None], area: SwapArea) -> str | None:
    if not area.is_zram:
        return f"{area.path} is swap on storage"
    backing = (_of_zram(files, area, "backing_dev") or "none").strip()
    return None if backing == "none" else f"{area.name} writes back to {backing}"


def _of_zram(files: Mapping[str, str | None], area: SwapArea, file: str) -> str | None:
    return files.get(f"/sys/block/{area.name}/{file}")
