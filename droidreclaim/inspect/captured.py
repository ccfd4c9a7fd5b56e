"""The processes that captured text tells of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from droidreclaim.errors import ParseError
from droidreclaim.inspect.capture import read_capture
from droidreclaim.parse.activity.dump import parse_lru, parse_processes
from droidreclaim.parse.kills.copied import without_markup
from droidreclaim.parse.shell.ps import PsRow, parse_ps
from droidreclaim.parse.text.bugreport import Kind
from droidreclaim.parse.text.sections import split_activity_dump
from droidreclaim.snapshot import Member, Snapshot, states


def captured_processes(path: Path) -> tuple[Snapshot, str | None, tuple[str, ...]]:
    """
    The processes in captured text, when it was taken where it says so, and what was left out.

    Raises:
        UsageError, ParseError: the file cannot be read, or holds no processes.
    """
    capture = read_capture(path, frozenset({Kind.PS, Kind.ACTIVITY}), Kind.PS)
    rows: list[PsRow] = []
    members: dict[int, Member] = {}
    left_out = list(capture.left_out)
    for piece in capture.pieces(Kind.PS, Kind.ACTIVITY):
        try:
            if piece in capture.pieces(Kind.PS):
                rows += _rows(piece.text, piece.name)
            else:
                members |= _members(piece.text)
        except ParseError as error:
            left_out.append(f"{piece.name}: {error}"[:300])
    if not rows and not members:
        hint = "looked for ps and dumpsys activity processes: neither is in it"
        raise ParseError(str(path), 1, "", hint="; ".join([hint, *left_out[:3]]))
    return states.captured(members, rows), capture.taken_at, tuple(left_out)


# "> USER PID PPID VSZ RSS ...", quoted in a mail or a chat, behind a machine's time or line numbers
_PS_TITLE = re.compile(
    r"(?P<before>.{0,60}?)(?<![A-Za-z])(?:USER|LABEL|PID|F S UID|UID)[\s|,]{1,20}"
    r"[A-Z]{2,5}\b.{0,500}"
)
_PROMPT = re.compile(r"\S{0,80}(?: ?[~/]\S{0,80})? ?[$#](?: .{0,40})?")  # "oriole:/ $ exit"
_MARKS = re.compile(r"[|,\t]| {0,2}-{3,}")  # between the cells of a table in Markdown or CSV


def _rows(text: str, name: str) -> tuple[PsRow, ...]:
    """
    The rows of ``ps``; of a paste, those below its titles, without what stands before each.

    Raises:
        ParseError: a row cannot be read, or there is none.
    """
    try:
        return parse_ps(text, name)
    except ParseError:
        lines = [without_markup(one) for one in text.splitlines()]
        found = ((at, _PS_TITLE.fullmatch(one)) for at, one in enumerate(lines))
        at, title = next((pair for pair in found if pair[1]), (0, None))
        if title is None:
            raise
        before = re.compile(re.sub(r"[0-9]+", "[0-9]+", re.escape(title["before"])))
        return parse_ps("\n".join([*_unmarked(lines[at:], before), ""]), name)


def _unmarked(lines: list[str], before: re.Pattern[str]) -> Iterator[str]:
    """Rows of a table in a paste; prompts and fences are none."""
    marked = _MARKS.search(before.sub("", lines[0], count=1)) is not None
    for line in lines:
        matched = before.match(line)
        row = line[matched.end() :] if matched else line
        row = _MARKS.sub(" ", row) if marked else row
        if row.strip("> |`-") and not _PROMPT.fullmatch(row):
            yield row


def _members(text: str) -> dict[int, Member]:
    """The processes of a dump of ActivityManager's, or of the one dump in it that lists them."""
    try:
        parts = split_activity_dump(text)
    except ParseError:
        return states.members_of(parse_processes(text))  # an excerpt without its title
    for name in ("processes", "oom"):
        if name in parts:
            return states.members_of(parse_processes(parts[name]))
    return states.members_of_lru(parse_lru(parts["lru"])) if "lru" in parts else {}
