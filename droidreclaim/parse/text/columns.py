"""Tables whose header names the columns: ps and top of toolbox and toybox."""

from __future__ import annotations

import re

# Rows are matched left to right by what a column may hold, never by position: a long user,
# kernel function or size pushes everything after it, and toybox then takes the blanks of the
# columns further right to get back into line.
_NUMBER = r"-?[0-9]{1,18}"
_SIZE = r"-?[0-9]{1,15}(?:\.[0-9]{1,3})?[KMGTkmgt]?"
# toybox prints "100." for want of room, and "-31.-5" where a counter went back.
_PERCENT = r"-?[0-9]{1,6}(?:\.(?:-?[0-9]{1,3})?)?%?"
_FREE_TEXT = r".{0,256}?"
_PATTERNS = {
    "PID": r"[0-9]{1,10}",
    "PPID": r"[0-9]{1,10}",
    "TID": r"[0-9]{1,10}",
    "TGID": r"[0-9]{1,10}",
    "UID": r"[0-9A-Za-z_]{1,64}",
    "RUID": r"[0-9]{1,10}",
    "PR": _NUMBER + "|rt|RT",
    "NI": _NUMBER,
    "#THR": r"[0-9]{1,6}",
    "VSZ": _SIZE,
    "VSIZE": _SIZE,
    "VSS": _SIZE,
    "RSS": _SIZE,
    "VIRT": _SIZE,
    "RES": _SIZE,
    "SHR": _SIZE,
    "S": r"[A-Za-z]",
    "ADDR": r"[0-9a-f]{1,16}",
    "PC": r"[0-9a-f]{1,16}",
    "%CPU": _PERCENT,
    "CPU%": _PERCENT,
    "%MEM": _PERCENT,
}
_NAME_COLUMNS = (
    "NAME", "CMD", "CMDLINE", "ARGS", "COMM", "COMMAND", "Name", "Proc", "Thread", "cmdline",
)  # fmt: skip
_WORD = r"\S{1,512}"
_HEADER_WORD = re.compile(r"[#%A-Za-z][%A-Z a-z+0-9_-]{0,15}")
_LONGEST_HEADER = 1000
_LONGEST_ROW = 65536  # a row beyond is no row, and would cost the free-text columns too much time


class Columns:
    """The columns of one table, read from its header; *words* are their names."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self.words = words
        self._row = re.compile(_pattern(words))

    @classmethod
    def from_header(cls, line: str) -> Columns | None:
        """
        The columns a header names, or None when the line is no header with a PID.

        toybox puts brackets around the column it sorts by and glues its neighbour to it
        (``NI[%CPU]S``). toolbox prints the state between PC and NAME without naming it.
        """
        if len(line) > _LONGEST_HEADER:
            return None
        words = line.replace("[", " ").replace("]", " ").split()
        if "PID" not in words or len(words) > 40 or len(set(words)) != len(words):
            return None
        if any(_HEADER_WORD.fullmatch(word) is None for word in words):
            return None
        if "PC" in words[:-1] and words[words.index("PC") + 1] == "NAME":
            words.insert(words.index("PC") + 1, "S")
        return cls(tuple(words))

    def read(self, line: str) -> dict[str, str] | None:
        """The cells of a row by column name, blank ones empty; None when the row does not fit."""
        if len(line) > _LONGEST_ROW:
            return None
        if "\t" in line:  # a spreadsheet or a chat has put tabs in place of the blanks
            line = line.replace("\t", " ")
        row = self._row.fullmatch(line.rstrip())
        if row is None:
            return None
        cells = (row[f"c{index}"] or "" for index in range(len(self.words)))
        return dict(zip(self.words, (cell.strip() for cell in cells), strict=True))


def _pattern(words: tuple[str, ...]) -> str:
    pattern = " *"
    for index, word in enumerate(words):
        last = index == len(words) - 1
        pattern += _cell(word, f"c{index}", first=index == 0, last=last)
    return pattern


def _cell(word: str, group: str, *, first: bool, last: bool) -> str:
    gap = "" if first else " +"
    if last and word in _NAME_COLUMNS:
        return f"(?:{gap}(?P<{group}>.*))?" if not first else f"(?P<{group}>.*)"
    if word == "PCY":
        # Three wide and right-aligned; empty for processes in no known cpuset.
        return rf"(?:{gap}(?P<{group}>[a-z?-]{{1,3}}|un\S{{1,3}})(?= )|  +(?= ))"
    if word in {"CMD", "Thread"}:
        return rf"{gap}(?P<{group}>.{{15}}(?= )|{_WORD})"  # cut at or padded to 15
    if word in {"NAME", "ARGS", "CMDLINE", "COMM"}:
        return f"{gap}(?P<{group}>{_FREE_TEXT})"
    if word == "WCHAN":
        return f"(?:{gap}(?P<{group}>{_WORD}))?"
    if word == "%CPU":
        gap = " *"  # a negative one swallows the blank before it
    return f"{gap}(?P<{group}>{_PATTERNS.get(word, _WORD)})"
