"""``getprop``: system properties, whose values may hold anything, line ends too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from droidreclaim.errors import ParseError
from droidreclaim.parse.text.answer import answer_lines, no_rows

# A record ends at "]" before the next record's head, not at a line end. A value that ends in
# a carriage return, copied from a terminal, shows its closing bracket over the opening one
# ("]key]: [value"): such a record has no end of its own.
_HEAD = re.compile(r"(?P<opening>[\[\]])(?P<key>[^\[\]\s]{1,256})\]: \[(?P<value>.*)", re.DOTALL)
_TWICE = re.compile(r"\[\[([^\[\]\s]{1,256})\]\]: \[")  # some vendors bracket a key twice


def parse_getprop(text: str, source: str = "getprop") -> Mapping[str, str]:
    """
    Read ``getprop`` into values by key; the last of two records for one key counts.

    Raises:
        ParseError: a record does not end, text stands before the first one, or there is none.
    """
    properties: dict[str, str] = {}
    started, record = 0, list[str]()
    for number, printed in answer_lines(source, text):
        line = _TWICE.sub(r"[\1]: [", printed, count=1) if printed.startswith("[[") else printed
        if _HEAD.match(line) is not None:
            if record:
                properties.update([_finish(source, started, record)])
            started, record = number, [line]
        elif record:
            record.append(line)
        elif line:
            raise ParseError(source, number, line)
    if not record:
        raise no_rows(source, text, "property")
    properties.update([_finish(source, started, record)])
    return MappingProxyType(properties)


def _finish(source: str, number: int, record: list[str]) -> tuple[str, str]:
    head = _HEAD.fullmatch("\n".join(record).rstrip("\n"))
    if head is None or (head["opening"] == "[" and not head["value"].endswith("]")):
        raise ParseError(source, number, record[0])
    value = head["value"]
    return head["key"], value[:-1] if head["opening"] == "[" else value
