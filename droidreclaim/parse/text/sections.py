"""A whole ``dumpsys activity``, as in a bug report, cut into the dumps it is made of."""

from __future__ import annotations

import re

from droidreclaim.parse.text.answer import answer_lines, no_rows

ACTIVITY = "dumpsys activity"

_TITLE = re.compile(
    r"ACTIVITY MANAGER .{0,80}?\(dumpsys activity (?P<name>[\w-]{1,40})[^)]{0,40}\).{0,100}"
)
_RULE = re.compile(r"-{60,}")


def split_activity_dump(text: str) -> dict[str, str]:
    """
    The parts of ``dumpsys activity`` by name (``processes``, ``exit-info``), each with its title.

    Raises:
        ParseError: no part has a title.
    """
    parts: dict[str, list[str]] = {}
    name = None
    for _, line in answer_lines(ACTIVITY, text):
        match = _TITLE.fullmatch(line)
        if match:
            name = match["name"]
            parts[name] = []
        elif _RULE.fullmatch(line):
            name = None
        if name is not None:
            parts[name].append(line)
    if not parts:
        raise no_rows(ACTIVITY, text, "title of a dump")
    return {name: "\n".join(lines) + "\n" for name, lines in parts.items()}
