"""Kill records in text that is no whole log: chats, issues, ``grep -n``, Studio's tab log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from droidreclaim.parse.kills.am_lines import opens_record
from droidreclaim.parse.kills.copied import TAGS, copied_entry, json_entry, unmarked
from droidreclaim.parse.kills.exit_lines import exit_is_cut, has_exit
from droidreclaim.parse.kills.lmkd import opens_lmkd_kill
from droidreclaim.parse.kills.logcat import LogEntry, entry_elsewhere
from droidreclaim.parse.text.answer import NumberedLine

# "09-22 23:54:11.386", "2026-09-22T23:54:11", "23:54:11.386", after any prefix ("> ", "F:12:")
_AT = re.compile(
    r"(?<![0-9.])(?P<at>(?:(?:[0-9]{4}[-/])?[0-9]{2}[-/][0-9]{2}[ T]{1,3})?"
    r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?)(?![0-9]|:[0-9])"
)
# Whoever is the first to name a tag has written the line: "I MyApp: ... lmkd: Kill" is MyApp's.
_HEAD = re.compile(
    r"\s{0,20}(?:[a-z_0-9]{1,32}\s+)?(?:[0-9]{1,10}(?:\s+|[-/])[0-9]{1,10}(?:/\S{1,255})?\s+)?"
    r"(?:[VDIWEFAS](?:/|\s+))?(?P<tag>[\w.$-]{1,80})\s*(?:\(\s*[0-9]{1,10}\))?\s*:(?:\s|$)"
)
_TABLE = re.compile(
    rf"\s{{0,20}}(?:[0-9]{{1,10}}-[0-9]{{1,10}}\s+(?P<tag>{TAGS})\s+\S{{1,255}}\s+[VDIWEFAS]\s+"
    rf"|(?:[^\t]{{0,80}}\t){{2}}[0-9]{{1,10}}\t(?P<tab>{TAGS})\t)"
)
_BARE_TAG = re.compile(
    rf"(?:[^\w]{{0,20}}|.{{0,260}}?\b[0-9]{{1,9}}[:-])(?:[VDIWEFAS][/ ]\s*)?(?P<tag>{TAGS})"
    r"\s*(?:\(\s*[0-9]{1,10}\))?\s*:\s*"
)
_BARE = re.compile(r"(?:[>|*\s-]{0,20}|[^\s']{1,260}:[0-9]{1,9}:|[0-9]{1,9}[:-])")
# "I(  206) Kill '...  (lowmemorykiller)" of -v process; -v thread has no tag behind
_TAG_BEHIND = re.compile(
    rf"[VDIWEFAS]\((?: *[0-9a-z_]{{1,32}}:){{0,2}} *[0-9]{{1,10}}\) (?P<said>.*?)"
    rf"(?: {{2}}\((?P<tag>{TAGS})\))?"
)
_QUOTE = re.compile(r"(?:\s*[>|]\s?)+")
_FENCE = re.compile(r"[\s>|]*(?:```|~~~).{0,40}")
_LONGEST = 4096
# A record that ends before it has said what it must: its first words, or half of what is in ().
_CUT = re.compile(
    r"Kill|Reclaim"
    r"|Killing(?: [0-9]{1,10}:\S{1,255}(?: \(adj(?: -?[0-9]{1,6}[^)]{0,40}(?:\):)?)?)?)?"
    r"|Killing PhantomProcessRecord(?: \{[^}]{0,300}(?:\}:)?)?"
    r"|(?:Process|Isolated process)(?: \S{1,255})?(?: \(pid(?: [0-9]{1,10}\)?)?(?: has)?)?"
)
# lmkd's reasons begin with these; "low watermark" has its rest on the next line.
_REASONS = (
    "low watermark is breached", "min watermark is breached even after kill",
    "device is low on swap", "device is low on memory", "device is not responding",
    "device is in direct reclaim and thrashing", "critical pressure and device is low on memory",
)  # fmt: skip
_JOINING = frozenset({"and", "is", "on", "in", "swap", "even", "after"})  # none ends with these
_MORE_REASON = re.compile(r"[\s>|]*and (?:device|swap|thrashing) ?")
_MOST_PARTS = 8  # lines one record was seen wrapped over
_DEEP = 8  # blanks before a wrapped rest


def is_fence(line: str) -> bool:
    """Whether a line only marks code in Markdown."""
    return _FENCE.fullmatch(line) is not None


def pasted_entries(lines: Iterable[NumberedLine]) -> Iterator[LogEntry]:
    """The lines that name a tag which speaks of kills, or begin as such a record, put together."""
    draft: LogEntry | None = None
    parts = 0
    for number, line in lines:
        entry = _entry(number, unmarked(line[:_LONGEST]))
        if entry is None and draft is not None and parts < _MOST_PARTS and _goes_on(draft, line):
            rest = _QUOTE.sub("", line[:_LONGEST], count=1) if line.startswith(">") else line
            draft = replace(draft, message=f"{draft.message} {rest[:_LONGEST].strip()}")
            parts += 1
            continue
        if draft is not None:
            yield draft
        draft, parts = entry, 0
    if draft is not None:
        yield draft


def _entry(number: int, line: str) -> LogEntry | None:
    if line.lstrip().startswith("{"):
        return json_entry(number, line)
    if elsewhere := entry_elsewhere(number, line):
        return elsewhere
    at = _AT.search(line[:400])
    if at is not None:
        rest = line[at.end() :]
        head = _TABLE.match(rest) or _HEAD.match(rest)
        if head is not None:
            tag = head["tag"] or head.groupdict().get("tab")
            return _log_entry(number, at["at"], tag, rest[head.end() :])
    head = _BARE_TAG.match(line)
    if head is not None:
        return _log_entry(number, at["at"] if at else None, head["tag"], line[head.end() :])
    behind = _TAG_BEHIND.fullmatch(line)
    if behind is not None and (behind["tag"] or opens_lmkd_kill(behind["said"])):
        return _log_entry(number, None, behind["tag"], behind["said"])
    bare = _BARE.match(line)
    message = line[bare.end() if bare else 0 :]
    if opens_lmkd_kill(message) or opens_record(message) or message.startswith("Process "):
        return _log_entry(number, None, None, message)
    if has_exit(message):
        return _log_entry(number, at["at"] if at else None, None, message)
    return copied_entry(number, line)


def _is_part_of_a_reason(said: str) -> bool:
    reason = said.rpartition("reason:")[2].strip()
    if reason.rpartition(" ")[2] in _JOINING:
        return True
    return any(one.startswith(f"{reason} ") or not reason for one in _REASONS)


def _log_entry(number: int, at: str | None, tag: str | None, message: str) -> LogEntry:
    return LogEntry(number, at, None, None, None, None, tag, message.rstrip(), None)


def _goes_on(draft: LogEntry, line: str) -> bool:
    """Whether *line* goes on with a record that a chat or a phone has wrapped."""
    said = draft.message
    if exit_is_cut(said):
        return bool(line.strip())
    if opens_lmkd_kill(said):
        if "reason: " not in said and line.strip():
            return True
        whole = said.count("(") == said.count(")") and not _is_part_of_a_reason(said)
        return not whole or line.startswith(" " * _DEEP) or _MORE_REASON.match(line) is not None
    if _CUT.fullmatch(said):
        return bool(line.strip())
    return said.startswith("[") and not said.endswith("]") and bool(line.strip())
