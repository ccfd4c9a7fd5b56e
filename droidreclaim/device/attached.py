"""The adb server's list of devices, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass

from droidreclaim.errors import ParseError

ONLINE = "device"

# "adb-XX (2)._adb-tls-connect._tcp device usb:1-4 product:blazer model:Pixel_10_Pro transport_id:3"
#
# The serial may hold blanks and a state may be a sentence, so the row is split at the state, by the
# words adb knows (packages/modules/adb, adb.cpp: connection_state_name).
_STATES = (
    "device|offline|unauthorized|authorizing|connecting|bootloader|fastboot|host|recovery|rescue|"
    r"sideload|detached|unknown|no device|no permissions(?: \(.*\))?(?:; see \[[^\]]*\])?"
)
_MAX_ROW_CHARS = 1024  # four times the longest that was seen
_ROW = re.compile(rf"(?P<serial>\S.{{0,254}}?)\s+(?P<state>{_STATES})(?P<tags>(?:\s+\S+)*)\s*")
_ROW_OF_A_NEW_STATE = re.compile(
    r"(?P<serial>\S{1,255})\s+(?P<state>\S{1,32})(?P<tags>(?:\s+\S+)*)\s*"
)
_TRANSPORT_ID = re.compile(r"[0-9]{1,18}")  # a size_t of adb's
_OVER_TCP = re.compile(r".+:\d+|.*\._adb(-tls-connect)?\._tcp\.?")


@dataclass(frozen=True, slots=True)
class Attached:
    """
    One row of the adb server's list; a device that is listed need not be usable.

    Attributes:
        state: As adb says it: ``device`` (online), ``offline``, ``no permissions (...)``.
        transport_id: Names this one connection: another after a reconnect. None from old servers.
    """

    serial: str
    state: str
    model: str | None = None
    product: str | None = None
    transport_id: int | None = None

    @property
    def online(self) -> bool:
        """Whether commands can be run on it."""
        return self.state == ONLINE

    @property
    def kind(self) -> str:
        """``emulator``, ``tcp`` or ``usb``, by the serial: Windows lists no USB path."""
        if self.serial.startswith("emulator-"):
            return "emulator"
        return "tcp" if _OVER_TCP.fullmatch(self.serial) else "usb"


def parse_attached(text: str) -> tuple[Attached, ...]:
    """
    Read the answer to ``host:devices-l``; an empty list is an empty text.

    Raises:
        ParseError: a row has no state, or is longer than any of adb's.
    """
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        row = None
        if len(line) <= _MAX_ROW_CHARS:
            row = _ROW.fullmatch(line) or _ROW_OF_A_NEW_STATE.fullmatch(line)
        if row is None:
            raise ParseError("adb devices", number, line)
        tags = dict(tag.split(":", 1) for tag in row["tags"].split() if ":" in tag)
        transport_id = tags.get("transport_id", "")
        rows.append(
            Attached(
                serial=row["serial"],
                state=row["state"],
                model=tags.get("model"),
                product=tags.get("product"),
                transport_id=int(transport_id) if _TRANSPORT_ID.fullmatch(transport_id) else None,
            )
        )
    return tuple(rows)
