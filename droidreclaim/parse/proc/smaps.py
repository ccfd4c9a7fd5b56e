"""``/proc/PID/smaps``: what of each mapping is anonymous or in swap."""

from __future__ import annotations

import re
from dataclasses import dataclass

from droidreclaim.parse.text.answer import no_rows
from droidreclaim.units import KIB

# "7f3a1000-7f3a9000 rw-p 00000000 00:00 0          [anon:dalvik-main space]", "Anonymous:  12 kB"
_HEAD = re.compile(
    r"[0-9a-f]{1,16}-[0-9a-f]{1,16} [r-][w-][x-][ps] [0-9a-f]{1,16} [0-9a-f]{1,8}:[0-9a-f]{1,8}"
    r" [0-9]{1,20}(?: +(?P<name>\S.{0,4096}))?"
)
_SIZE = re.compile(r"(?P<key>Anonymous|Swap): +(?P<kib>[0-9]{1,15}) kB")


@dataclass(slots=True)
class Mapping:
    """
    One mapping.

    Attributes:
        name: File, ``[anon:dalvik-main space]``, ``[stack]``; "" for anonymous memory.
        held_bytes: Anonymous memory and swap: what RssAnon + VmSwap count of it.
    """

    name: str
    held_bytes: int = 0


def parse_smaps(text: str) -> tuple[Mapping, ...]:
    """
    Read ``/proc/PID/smaps``.

    Raises:
        ParseError: there is no mapping in it.
    """
    found: list[Mapping] = []
    for line in text.split("\n"):
        if (size := _SIZE.match(line)) is not None:
            if found:
                found[-1].held_bytes += int(size["kib"]) * KIB
        elif (head := _HEAD.fullmatch(line.rstrip())) is not None:
            found.append(Mapping(head["name"] or ""))
    if not found:
        raise no_rows("/proc/PID/smaps", text, "mapping")
    return tuple(found)
