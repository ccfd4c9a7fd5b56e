"""Head of an ANR report in dropbox (``data_app_anr@*.txt``): who hung, and the pressure then."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from droidreclaim.errors import ParseError
from droidreclaim.parse.proc.kernel import Pressure, parse_pressure
from droidreclaim.parse.text.answer import answer_lines, no_rows
from droidreclaim.units import KIB

_FIELD = re.compile(r"(?P<key>[A-Za-z][A-Za-z-]{1,40}): ?(?P<value>.{0,2000})")
_OPENING = re.compile(r"-{5} Output from /proc/pressure/(?P<what>[a-z]{1,16}) -{5}")
_CLOSING = re.compile(r"-{5} End output from /proc/pressure/[a-z]{1,16} -{5}")
# The stacks and the event log follow; nothing behind is a field.
_END = re.compile(r"-{5} (?:dumping pid:? |pid )[0-9].*|--- CriticalEventLog ---")
_KIB = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class AnrHead:
    """
    Who hung, and what the device and the process looked like.

    Attributes:
        package: First one, without its version.
        pressure: By ``memory``, ``cpu``, ``io``; empty before Android 12 and without PSI.
        sizes_bytes: ``RssKb``, ``RssHwmKb``, ``RssAnonKb``, ``RssShmemKb``, ``VmSwapKb``
            without ``Kb``; empty on old releases.
        fields: Every ``Key: value`` line as printed.
    """

    process: str
    pid: int | None
    uid: int | None
    package: str | None
    subject: str | None
    frozen: bool | None
    foreground: bool | None
    pressure: Mapping[str, Pressure]
    sizes_bytes: Mapping[str, int]
    fields: Mapping[str, str]


@dataclass(slots=True)
class _Reader:
    source: str
    fields: dict[str, str] = field(default_factory=dict)
    pressure: dict[str, Pressure] = field(default_factory=dict)
    block: tuple[int, str] | None = None  # the file being quoted, and the line it began at
    quoted: list[str] = field(default_factory=list)

    def take(self, number: int, line: str) -> None:
        """Read one line; lines of CPU use and anything unknown are left."""
        opening = _OPENING.fullmatch(line)
        if opening is not None:
            self.block, self.quoted = (number, opening["what"]), []
        elif self.block is not None and _CLOSING.fullmatch(line):
            self.close(self.block[1])
        elif self.block is not None:
            self.quoted.append(line)
        elif (row := _FIELD.fullmatch(line)) is not None:
            self.fields.setdefault(row["key"], row["value"])

    def close(self, what: str) -> None:
        """End a quoted file."""
        self.pressure[what] = parse_pressure("\n".join(self.quoted), f"{self.source}: {what}")
        self.block = None


def parse_anr_head(text: str, source: str = "dropbox anr") -> AnrHead:
    """
    Read the head of an ANR report.

    Raises:
        ParseError: it does not start with ``Process:``, or quoted pressure is cut or unreadable.
    """
    reader = _Reader(source)
    for number, line in answer_lines(source, text):
        if _END.fullmatch(line):
            break
        reader.take(number, line)
        if line and "Process" not in reader.fields:
            raise ParseError(source, number, line)
    if reader.block is not None:
        raise ParseError(source, reader.block[0], f"/proc/pressure/{reader.block[1]} has no end")
    if "Process" not in reader.fields:
        raise no_rows(source, text, "Process: line")
    return _head(reader)


def _head(reader: _Reader) -> AnrHead:
    fields = reader.fields
    sizes = {
        key.removesuffix("Kb"): int(value) * KIB
        for key, value in fields.items()
        if key.endswith("Kb") and _KIB.fullmatch(value)
    }
    return AnrHead(
        process=fields["Process"],
        pid=_number(fields.get("PID")),
        uid=_number(fields.get("UID")),
        package=fields.get("Package", "").partition(" ")[0] or None,
        subject=fields.get("Subject"),
        frozen=_flag(fields.get("Frozen"), "true"),
        foreground=_flag(fields.get("Foreground"), "Yes"),
        pressure=MappingProxyType(reader.pressure),
        sizes_bytes=MappingProxyType(sizes),
        fields=MappingProxyType(fields),
    )


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and _KIB.fullmatch(value) else None


def _flag(value: str | None, yes: str) -> bool | None:
    return None if value is None else value == yes
