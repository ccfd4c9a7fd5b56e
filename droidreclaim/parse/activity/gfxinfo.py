"""``dumpsys gfxinfo PACKAGE``: how many frames an app drew, and how many came late."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PROCESS = re.compile(r"\*\* Graphics info for pid (\d{1,10}) \[(.{1,255})\] \*\*")
_TOTAL = re.compile(r"Total frames rendered: (\d{1,12})")
_JANKY = re.compile(r"Janky frames: (\d{1,12}) \(")


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames of one process since it started; *janky* ones came after their deadline."""

    pid: int
    rendered: int
    janky: int


def parse_gfxinfo(text: str) -> tuple[Frames, ...]:
    """
    Read the processes that said both counts; a frozen one cannot be asked, and a line is missing.

        ** Graphics info for pid 4321 [com.example.game] **

        Stats since: 1284567890ns
        Total frames rendered: 82
        Janky frames: 3 (3.66%)
    """
    found: list[Frames] = []
    pid = rendered = None
    for line in map(str.strip, text.splitlines()):
        if process := _PROCESS.fullmatch(line):
            pid, rendered = int(process[1]), None
        elif total := _TOTAL.fullmatch(line):
            rendered = int(total[1])
        elif pid is not None and rendered is not None and (janky := _JANKY.match(line)):
            found.append(Frames(pid, rendered, int(janky[1])))
            pid = None  # windows of the same process follow, with counts of their own
    return tuple(found)
