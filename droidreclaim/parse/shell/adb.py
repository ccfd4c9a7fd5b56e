"""What the adb client prints: ``adb devices [-l]`` and ``adb root``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import no_rows

_HEADER = "List of devices attached"
# Messages of the client and its daemon, which come before the header or between rows.
_NOTICE = re.compile(
    r"\* daemon .*|adb server (?:version|is out of date).*|\* (?:server|failed) .*"
)
# A serial may hold blanks ("adb-0123 (2)._adb-tls-connect._tcp"), so the state splits the row.
_STATES = (
    "device|offline|unauthorized|authorizing|connecting|recovery|sideload|rescue|bootloader|host"
    "|detached|unknown|no device"
)
_ROW = re.compile(
    rf"(?P<serial>\S(?:.{{0,254}}?\S)?)[ \t]+(?:(?P<state>{_STATES})(?P<rest>[ \t].*)?"
    r"|(?P<denied>no permissions)(?P<why>.*))"
)
_OTHER_ROW = re.compile(
    r"(?P<serial>\S{1,255})(?:\t *| +)(?P<state>[a-z_]{3,32})(?P<rest>[ \t].*)?"
)
_PROPERTY = re.compile(r"(?P<key>[A-Za-z_][\w.-]{0,31}):(?P<value>\S*)")


@dataclass(frozen=True, slots=True)
class AttachedDevice:
    """
    One row of ``adb devices``.

    Attributes:
        serial: May hold blanks (mDNS names), colons (TCP), or be all question marks.
        state: ``device``, ``unauthorized``, ``no permissions``...; unknown ones are kept.
        detail: Rest of a ``no permissions`` row, else None.
        usb: USB path without ``usb:``, which some clients do not print.
        properties: ``product``, ``model``, ``device``, ``transport_id``, as far as printed.
    """

    serial: str
    state: str
    detail: str | None
    usb: str | None
    properties: Mapping[str, str]

    @property
    def ready(self) -> bool:
        """Whether commands can be sent to it."""
        return self.state == "device"


class RootAnswer(StrEnum):
    """What ``adb root`` came to; its exit status is 0 for all of them."""

    RESTARTING = "restarting"
    ALREADY = "already"
    PRODUCTION = "production build"
    DISABLED = "disabled in settings"
    UNREACHABLE = "device not reachable"


_ROOT_ANSWERS = (
    ("restarting adbd as root", RootAnswer.RESTARTING),
    ("adbd is already running as root", RootAnswer.ALREADY),
    ("adbd cannot run as root in production builds", RootAnswer.PRODUCTION),
    ("root access is disabled by system setting", RootAnswer.DISABLED),  # LineageOS
    ("adb: unable to connect for root", RootAnswer.UNREACHABLE),
    ("timeout expired while waiting for device", RootAnswer.UNREACHABLE),
    ("error: device", RootAnswer.UNREACHABLE),
    ("error: no devices", RootAnswer.UNREACHABLE),
    ("error: closed", RootAnswer.UNREACHABLE),
    ("adb: error: ", RootAnswer.UNREACHABLE),
)


def parse_devices(text: str, source: str = "adb devices") -> tuple[AttachedDevice, ...]:
    """
    Read ``adb devices``, with or without ``-l``; the header alone means none is attached.

    Raises:
        ParseError: a line is no row, or there is neither header nor row.
    """
    devices: list[AttachedDevice] = []
    header = False
    for number, line in _stripped(text):
        if line == _HEADER:
            header = True
        elif _NOTICE.fullmatch(line) is None:
            device = _device(line, header=header)
            if device is None:
                raise ParseError(source, number, line)
            devices.append(device)
    if not header and not devices:
        raise no_rows(source, text, "device")
    return tuple(devices)


def parse_adb_root(text: str, source: str = "adb root") -> RootAnswer:
    """
    Read the answer of ``adb root``; after RESTARTING the device is gone for 1 to 5 s.

    Raises:
        ParseError: none of the known answers.
    """
    for _, line in _stripped(text[:8000]):
        folded = line.lower()
        for words, answer in _ROOT_ANSWERS:
            if words in folded[:400]:
                return answer
    raise no_rows(source, text, "answer of adb root")


def _stripped(text: str) -> list[tuple[int, str]]:
    lines = ((number, line.strip()) for number, line in enumerate(text.split("\n"), start=1))
    return [row for row in lines if row[1]]


def _device(line: str, *, header: bool) -> AttachedDevice | None:
    row = _ROW.fullmatch(line[:4096])
    if row is not None and row["denied"]:
        return AttachedDevice(
            row["serial"], row["denied"], row["why"].strip() or None, None, MappingProxyType({})
        )
    if row is None and header:  # under a header, a state of a release to come is kept
        row = _OTHER_ROW.fullmatch(line[:4096])
    if row is None:
        return None
    usb, properties = _properties((row["rest"] or "").split())
    if properties is None:
        return None
    return AttachedDevice(row["serial"], row["state"], None, usb, MappingProxyType(properties))


def _properties(words: list[str]) -> tuple[str | None, dict[str, str] | None]:
    """The USB path and the properties; None for words that are neither."""
    usb: str | None = None
    properties: dict[str, str] = {}
    for word in words:
        found = _PROPERTY.fullmatch(word)
        if found is not None and found["key"] == "usb":
            usb = found["value"]
        elif found is not None:
            properties[found["key"]] = found["value"]
        elif usb is None and re.fullmatch(r"[0-9]{1,4}-[0-9.:]{1,32}|[0-9A-Z]{1,16}", word):
            usb = word  # "3-1": some clients leave out "usb:"
        else:
            return None, None
    return usb, properties
