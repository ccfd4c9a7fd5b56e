"""The activity records of ``dumpsys activity activities``: every activity that is remembered."""

from __future__ import annotations

import re
from dataclasses import dataclass

from droidreclaim.parse.text.answer import answer_lines, no_rows

_SOURCE = "dumpsys activity activities"

# "      * Hist  #0: ActivityRecord{87df51 u0 com.example.mail/.Main t9}"
#
# Android 12 and 13 close the brace before the task and once more behind it; users came with 4.2.
_HIST = re.compile(
    r" *\* Hist +#\d{1,4}: ActivityRecord\{(?P<token>[0-9a-f]{1,16}) (?:u(?P<user>\d{1,4}) )?"
    r"(?P<package>[^\s/}]{1,255})/(?P<cls>[^\s},]{1,255}).{0,200}"
)


@dataclass(frozen=True, slots=True)
class ActivityEntry:
    """
    One activity that ActivityManager remembers, whether or not its process lives.

    Attributes:
        token: Identity of the record, in hex: another one is another activity.
    """

    token: str
    package: str
    class_name: str
    user: int


def parse_history(text: str) -> tuple[ActivityEntry, ...]:
    """
    Read ``dumpsys activity activities``, uppermost activity first; none where nothing was opened.

    Raises:
        ParseError: it is another answer.
    """
    lines = answer_lines(_SOURCE, text)
    if not any(line.startswith("ACTIVITY MANAGER ACTIVITIES") for _, line in lines):
        raise no_rows(_SOURCE, text, "list of activities")
    found = [row for _, line in lines if (row := _HIST.fullmatch(line))]
    return tuple(
        ActivityEntry(
            token=row["token"],
            package=row["package"],
            class_name=row["package"] + row["cls"] if row["cls"].startswith(".") else row["cls"],
            user=int(row["user"] or 0),
        )
        for row in found
    )
