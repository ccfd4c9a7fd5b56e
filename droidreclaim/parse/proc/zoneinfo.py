"""``/proc/zoneinfo``: free pages and watermarks of each zone, and their sums as lmkd adds them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import no_rows
from droidreclaim.parse.text.lines import filled_lines

_ZONE_HEAD = re.compile(r"Node (?P<node>[0-9]{1,4}), zone +(?P<zone>\w+)")
_FREE = re.compile(r" *pages free +(?P<value>[0-9]{1,18})")
_PROTECTION = re.compile(r" *protection: \((?P<values>[0-9]{1,18}(?:, ?[0-9]{1,18})*)\)")
_COUNTER = re.compile(r" *(?P<name>[A-Za-z]\w*) +(?P<value>-?[0-9]{1,18})(?: \([^()]{1,40}\))?")
# Per-cpu lists, and what vendors add: words and one number.
_DETAIL = re.compile(
    r" *(?:pagesets|[a-z][\w ]{0,60}: *-?[0-9]{1,20}(?: pcp: [0-9]+)?)"
    r"| +[a-z]\w{0,40}(?: [a-z]\w{0,40}){1,4} +-?[0-9]{1,20}"
)
_LIMITS = ("free", "min", "low", "high")


class Watermark(StrEnum):
    """The marks of a zone, from the last pages kept back to where kswapd rests."""

    MIN = "min"
    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Zone:
    """
    One zone; every number is in pages, whose size zoneinfo does not say.

    Attributes:
        protection_pages: Kept back from requests that could use a higher zone, one a zone.
        fields: ``spanned``, ``present``, ``managed``, ``cma``, ``boost``, as this kernel has them.
        counters: ``nr_*`` of this zone.
    """

    node: int
    name: str
    free_pages: int
    min_pages: int
    low_pages: int
    high_pages: int
    protection_pages: tuple[int, ...]
    fields: Mapping[str, int]
    counters: Mapping[str, int]

    @property
    def present_pages(self) -> int | None:
        """Pages of memory behind the zone; 0 for one that exists on paper only."""
        return self.fields.get("present")

    @property
    def free_cma_pages(self) -> int | None:
        """Free pages of CMA."""
        return self.counters.get("nr_free_cma")

    @property
    def max_protection_pages(self) -> int:
        """The largest protection, which lmkd adds to every mark of the zone."""
        return max(self.protection_pages, default=0)

    def watermark_pages(self, mark: Watermark) -> int:
        """One of the three marks, without protection."""
        return {
            Watermark.MIN: self.min_pages,
            Watermark.LOW: self.low_pages,
            Watermark.HIGH: self.high_pages,
        }[mark]


@dataclass(frozen=True, slots=True)
class ZoneInfo:
    """
    Every zone of the device.

    Attributes:
        node_counters: Counters of a whole memory node, by node number; empty before Linux 4.8.
    """

    zones: tuple[Zone, ...]
    node_counters: Mapping[int, Mapping[str, int]]

    @property
    def free_pages(self) -> int:
        """Free pages of all zones, CMA included."""
        return sum(zone.free_pages for zone in self.zones)

    @property
    def free_cma_pages(self) -> int:
        """Free pages of CMA in all zones."""
        return sum(zone.free_cma_pages or 0 for zone in self.zones)

    def watermark_pages(self, mark: Watermark, skipped: frozenset[str] = frozenset()) -> int:
        """
        The mark lmkd compares free pages with: mark plus largest protection, over all zones.

        A zone without memory is left out, and so are the *skipped* ones (by name): lmkd leaves
        out zones whose ``pgskip_*`` counter moves (lmkd.cpp, calc_zone_watermarks).
        """
        return sum(
            zone.watermark_pages(mark) + zone.max_protection_pages
            for zone in self.zones
            if zone.present_pages != 0 and zone.name not in skipped
        )


@dataclass(slots=True)
class _Draft:
    """A zone while its lines come in."""

    number: int
    line: str
    node: int
    name: str
    fields: dict[str, int] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    protection: tuple[int, ...] | None = None

    def finish(self, source: str) -> Zone:
        """The zone, or an error that names it when a mark is missing (a cut capture)."""
        if self.protection is None or any(name not in self.fields for name in _LIMITS):
            raise ParseError(source, self.number, self.line)
        limits = {name: self.fields.pop(name) for name in _LIMITS}
        return Zone(
            node=self.node,
            name=self.name,
            free_pages=limits["free"],
            min_pages=limits["min"],
            low_pages=limits["low"],
            high_pages=limits["high"],
            protection_pages=self.protection,
            fields=MappingProxyType(self.fields),
            counters=MappingProxyType(self.counters),
        )


class _Reader:
    """Where the next line belongs: the node, the zone, or the per-cpu lists nobody here needs."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.zones: list[Zone] = []
        self.nodes: dict[int, dict[str, int]] = {}
        self.draft: _Draft | None = None
        self.in_node = False

    def take(self, number: int, line: str) -> None:
        """Read one line."""
        head = _ZONE_HEAD.fullmatch(line)
        if head is not None:
            self.close()
            self.draft = _Draft(number, line, int(head["node"]), head["zone"])
        elif self.draft is None or not self._take_detail(self.draft, line):
            raise ParseError(self.source, number, line)

    def _take_detail(self, draft: _Draft, line: str) -> bool:
        if line.strip() == "per-node stats":
            self.in_node = True
        elif (free := _FREE.fullmatch(line)) is not None:
            self.in_node = False
            draft.fields["free"] = int(free["value"])
        elif (protection := _PROTECTION.fullmatch(line)) is not None:
            draft.protection = tuple(int(value) for value in protection["values"].split(","))
        elif (counter := _COUNTER.fullmatch(line)) is not None:
            self._count(draft, counter["name"], int(counter["value"]))
        else:
            return _DETAIL.fullmatch(line) is not None
        return True

    def _count(self, draft: _Draft, name: str, value: int) -> None:
        if self.in_node:
            self.nodes.setdefault(draft.node, {})[name] = value
        elif name.startswith(("nr_", "numa_", "workingset_")):
            draft.counters[name] = value
        else:
            draft.fields.setdefault(name, value)

    def close(self) -> None:
        """End the zone that was being read."""
        if self.draft is not None:
            self.zones.append(self.draft.finish(self.source))
        self.draft = None
        self.in_node = False


def parse_zoneinfo(text: str, source: str = "/proc/zoneinfo") -> ZoneInfo:
    """
    Read ``/proc/zoneinfo``.

    The per-node block stands inside the first zone of a node at the same indent as that zone's
    own counters, and ends where ``pages free`` begins.

    Raises:
        ParseError: a line fits nowhere, a zone lacks a mark, or there is no zone.
    """
    reader = _Reader(source)
    for number, line in filled_lines(source, text):
        reader.take(number, line)
    reader.close()
    if not reader.zones:
        raise no_rows(source, text, "zone")
    nodes = {node: MappingProxyType(counters) for node, counters in reader.nodes.items()}
    return ZoneInfo(tuple(reader.zones), MappingProxyType(nodes))
