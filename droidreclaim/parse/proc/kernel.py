"""Memory of the whole device as the kernel counts it: meminfo, vmstat, pressure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import no_rows
from droidreclaim.parse.text.lines import filled_lines
from droidreclaim.units import KIB

_MEMINFO_ROW = re.compile(
    r"(?P<key>[A-Za-z][\w()/. -]{0,60}?) ?:\s+(?P<value>-?[0-9]{1,18})(?P<unit> [kK]B)?"
)
_MEMINFO_MARKS = frozenset({"MemTotal", "MemFree", "MemAvailable", "SwapTotal", "SwapFree"})
_VMSTAT_ROW = re.compile(r"(?P<name>[A-Za-z][\w.-]*)\s+(?P<value>-?[0-9]{1,20})")
_VMSTAT_MARKS = (
    "nr_",
    "pgpgin",
    "pgscan",
    "pgsteal",
    "pgalloc",
    "pswp",
    "workingset_",
    "allocstall",
)
_PERCENT = r"[0-9]{1,4}\.[0-9]{1,4}"
_STALL_ROW = re.compile(
    rf"(?P<kind>some|full) avg10=(?P<avg10>{_PERCENT}) avg60=(?P<avg60>{_PERCENT})"
    rf" avg300=(?P<avg300>{_PERCENT}) total=(?P<total>[0-9]{{1,20}})(?: .{{0,200}})?"
)

# Kernels before 4.8 count these per zone: "pgsteal_kswapd_normal". Spelled out, because
# "pgscan_direct_throttle" looks alike and counts something else.
_ZONE_SUFFIXES = ("_dma", "_dma32", "_normal", "_high", "_movable", "_device")


@dataclass(frozen=True, slots=True)
class MemInfo:
    """
    ``/proc/meminfo``; a property is None where this kernel or capture has no such line.

    Attributes:
        sizes_bytes: Every line with a unit, by the kernel's own key (``Active(anon)``).
        counts: Lines without one (``HugePages_Total``): numbers of things.
    """

    sizes_bytes: Mapping[str, int]
    counts: Mapping[str, int]

    @property
    def total_bytes(self) -> int | None:
        """Memory the kernel manages, less than what is soldered in."""
        return self.sizes_bytes.get("MemTotal")

    @property
    def free_bytes(self) -> int | None:
        """Pages nobody uses."""
        return self.sizes_bytes.get("MemFree")

    @property
    def available_bytes(self) -> int | None:
        """The kernel's guess at what could be had without swapping; absent before 3.14."""
        return self.sizes_bytes.get("MemAvailable")

    @property
    def cached_bytes(self) -> int | None:
        """Page cache of files, shared memory included."""
        return self.sizes_bytes.get("Cached")

    @property
    def inactive_file_bytes(self) -> int | None:
        """File pages on the inactive list."""
        return self.sizes_bytes.get("Inactive(file)")

    @property
    def anon_bytes(self) -> int | None:
        """Anonymous memory that is mapped."""
        return self.sizes_bytes.get("AnonPages")

    @property
    def swap_total_bytes(self) -> int | None:
        """Size of all swap areas together."""
        return self.sizes_bytes.get("SwapTotal")

    @property
    def swap_free_bytes(self) -> int | None:
        """Room in all swap areas; of a zram, room for data before compression."""
        return self.sizes_bytes.get("SwapFree")


def parse_meminfo(text: str, source: str = "/proc/meminfo") -> MemInfo:
    """
    Read ``/proc/meminfo``, or some of its lines.

    Raises:
        ParseError: a line is not ``Key: N [kB]``, or none of the keys every kernel has is there.
    """
    sizes: dict[str, int] = {}
    counts: dict[str, int] = {}
    for number, line in filled_lines(source, text):
        row = _MEMINFO_ROW.fullmatch(line)
        if row is None:
            raise ParseError(source, number, line)
        if row["unit"]:
            sizes.setdefault(row["key"], int(row["value"]) * KIB)
        else:
            counts.setdefault(row["key"], int(row["value"]))
    if not _MEMINFO_MARKS & sizes.keys():
        raise no_rows(source, text, "meminfo key")
    return MemInfo(MappingProxyType(sizes), MappingProxyType(counts))


@dataclass(frozen=True, slots=True)
class VmStat:
    """
    ``/proc/vmstat``.

    Attributes:
        counters: By the kernel's own name. ``nr_*`` are pages now; ``pg*``, ``pswp*`` and
            ``workingset_*`` are events (mostly pages) since boot; ``pgpgin/pgpgout`` are KiB.
    """

    counters: Mapping[str, int]

    def get(self, name: str) -> int | None:
        """A counter by its exact name, or None."""
        return self.counters.get(name)

    def total(self, name: str) -> int | None:
        """A counter, summed over zones where this kernel has one for each zone."""
        whole = self.counters.get(name)
        if whole is not None:
            return whole
        parts = [
            self.counters[name + zone] for zone in _ZONE_SUFFIXES if name + zone in self.counters
        ]
        return sum(parts) if parts else None

    @property
    def free_pages(self) -> int | None:
        """Pages nobody uses, those of CMA included."""
        return self.total("nr_free_pages")

    @property
    def free_cma_pages(self) -> int | None:
        """Of these, the ones in CMA."""
        return self.total("nr_free_cma")

    @property
    def refault_file_pages(self) -> int | None:
        """
        File pages that came back after eviction.

        Until Linux 5.8 there is one ``workingset_refault``, and it counted file pages only;
        5.9 split it into ``_anon`` and ``_file``.
        """
        split = self.total("workingset_refault_file")
        return split if split is not None else self.total("workingset_refault")


def parse_vmstat(text: str, source: str = "/proc/vmstat") -> VmStat:
    """
    Read ``/proc/vmstat``, or some of its lines.

    Raises:
        ParseError: a line is not ``name value``, or no counter is one of vmstat's.
    """
    counters: dict[str, int] = {}
    for number, line in filled_lines(source, text):
        row = _VMSTAT_ROW.fullmatch(line)
        if row is None:
            raise ParseError(source, number, line)
        counters.setdefault(row["name"], int(row["value"]))
    if not any(name.startswith(_VMSTAT_MARKS) for name in counters):
        raise no_rows(source, text, "vmstat counter")
    return VmStat(MappingProxyType(counters))


@dataclass(frozen=True, slots=True)
class Stall:
    """
    How long work waited for a resource.

    Attributes:
        avg10_percent: Share of wall time over the last 10 s (then 60 s, 300 s), 0 to 100.
        total_us: Since boot.
    """

    avg10_percent: float
    avg60_percent: float
    avg300_percent: float
    total_us: int


@dataclass(frozen=True, slots=True)
class Pressure:
    """
    One file of ``/proc/pressure``.

    Attributes:
        some: At least one task waited; None in ``irq``, which has ``full`` only.
        full: Every task waited; None in ``cpu`` before Linux 5.13.
    """

    some: Stall | None
    full: Stall | None


def parse_pressure(text: str, source: str = "/proc/pressure/memory") -> Pressure:
    """
    Read one file of ``/proc/pressure``.

    Raises:
        ParseError: a line is no stall, a kind comes twice, or there is none.
    """
    stalls: dict[str, Stall] = {}
    for number, line in filled_lines(source, text):
        row = _STALL_ROW.fullmatch(line)
        if row is None or row["kind"] in stalls:
            raise ParseError(source, number, line)
        stalls[row["kind"]] = Stall(
            avg10_percent=float(row["avg10"]),
            avg60_percent=float(row["avg60"]),
            avg300_percent=float(row["avg300"]),
            total_us=int(row["total"]),
        )
    if not stalls:
        raise no_rows(source, text, "stall")
    return Pressure(stalls.get("some"), stalls.get("full"))
