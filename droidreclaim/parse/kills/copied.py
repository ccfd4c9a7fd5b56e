"""Log lines as other programs copy them: behind a machine's own time, in cells, as JSON lines."""

from __future__ import annotations

import csv
import html
import itertools
import re
from collections.abc import Iterable, Iterator

import msgspec

from droidreclaim.parse.kills.am_lines import opens_record
from droidreclaim.parse.kills.lmkd import opens_lmkd_kill
from droidreclaim.parse.kills.logcat import LogEntry, begins_entry
from droidreclaim.parse.text.answer import NumberedLine

TAGS = (
    r"lowmemorykiller|lmkd|ActivityManager|Zygote|zygote64|zygote|killinfo"
    r"|am_kill|am_proc_died|am_crash|am_freeze|am_unfreeze"
)
_TAG = re.compile(TAGS)
_MARKUP = re.compile(
    r"</?(?:a|b|br|code|div|font|i|li|p|pre|span|td|tr)(?: [^<>]{0,200})?/?>", re.I
)
# "2026-11-28T09:00:00.1234567Z 11-28 08:59:59.123  1500  1501 I tag: ..." of a CI's own log
_INNER_TIME = re.compile(r"(?<![0-9-])(?:[0-9]{4}-)?[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.")
_LONGEST_PREFIX = 300
# "... has died. I/ActivityManager( 2258): Process ...": a head in the middle of a line
_GLUE = re.compile(
    r" (?=[VDIWEFA]/[\w.$-]{1,60} {0,16}\( {0,8}[0-9]{1,10}\): "
    r"|[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3} {1,8}(?:[VDIWEFA]/|[0-9]{1,10} ))"
)
_SHORTEST_GLUED, _FEWEST_GLUED = 160, 2
_LONGEST = 8192
# What word processors, chats and pages make of a quote and of a blank.
_DRESSED = ("\u2018'", "\u2019'", "\xa0 ", "&#39;'", "&#x27;'", "&apos;'")
_TIME = re.compile(
    r"(?:(?:[0-9]{4}[-/])?[0-9]{2}[-/][0-9]{2}[ T]{1,3})?"
    r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
)
# "ActivityManager ( 1500): ", "lmkd[206] I ", "tag=lmkd pid=206 msg=": what may stand between a tag
# and its record.
_SAID_BY = re.compile(
    rf"(?<![\w.$-])(?P<tag>{TAGS})(?![\w.$])"
    r"(?:\s{0,8}[\[(]\s{0,8}[0-9]{1,10}(?: {1,8}[0-9]{1,10})?\s{0,8}[\])])?"
    r"(?:[^\w\['\"]{0,24}[VDIWEFA](?=[^\w])|(?:[^\w]{1,4}[a-z]{1,12}=[^\s\"]{0,40}){1,4})?"
    r"[^\w\['\"]{0,24}(?P<quote>[\"]?)"
    r"(?=\[[0-9]|Kill(?:ing)? |Reclaim '|lmkd watchdog|No longer want |Process )"
)
# What may stand before the tag, or whoever is named there has written the line: times and numbers,
# a level, "[  +12 ms]", "[Logcat]", and in logfmt other fields than the tag and the message.
_BEFORE_TAG = re.compile(
    r"(?:[^A-Za-z]|[A-Za-z](?![A-Za-z])|(?:ms|INFO|WARN|DEBUG|ERROR|Logcat|ADB)(?![A-Za-z])"
    r"|(?:time|ts|date|level|lvl|pid|tid)=\S{0,40}|tag=(?=\"?$)){0,200}"
)
_ALONE = re.compile(r"\s{1,8}(?:[VDIWEFA]\s{1,8})?")
_SEPARATORS = ("\t", "|", ",")
_LEVEL = re.compile(r"[VDIWEFA]|[0-9]{0,10}")
_MESSAGE_KEYS = ("message", "msg", "text", "content", "log", "line")
_MOST_VALUES = 64


def plain(text: str) -> str:
    """*text* with the quotes and blanks that lmkd has written."""
    for dressed in _DRESSED:
        text = text.replace(dressed[:-1], dressed[-1])
    return text


def unglued(lines: Iterable[NumberedLine]) -> Iterator[NumberedLine]:
    """Lines as they were where a page has put several into one; all have its number."""
    for number, line in lines:
        if len(line) < _SHORTEST_GLUED:
            yield number, line
            continue
        ends = [glue.start() for glue in _GLUE.finditer(line)]
        cuts = [0, *ends, len(line)] if len(ends) >= _FEWEST_GLUED else [0, len(line)]
        yield from ((number, line[a:b].strip()) for a, b in itertools.pairwise(cuts))


def behind_prefixes(lines: Iterable[NumberedLine]) -> list[NumberedLine]:
    """Lines without what a machine has put before the head of a log entry, where there is one."""
    return [(number, _behind_prefix(line)) for number, line in lines]


def unmarked(line: str) -> str:
    """A line without the marks of code and of bold letters around its end."""
    for mark in ("`", "**"):
        if line.endswith(mark) and mark in line[: -len(mark)]:
            return line[: -len(mark)]
    return line


def without_markup(line: str) -> str:
    """A line of a page that a browser has saved, without its tags and entities."""
    return html.unescape(_MARKUP.sub("", line)) if _MARKUP.search(line) else line


def _behind_prefix(line: str) -> str:
    """*line* from the first time on that begins an entry; what docker keeps of it as JSON."""
    if line.startswith("{"):
        said = _object_in(line[:_LONGEST])
        return next((one.rstrip() for one in said.values() if begins_entry(one)), line)
    for time in _INNER_TIME.finditer(line, 0, _LONGEST_PREFIX):
        if begins_entry(line[time.start() :]):
            return unmarked(line)[time.start() :]
    return line


def copied_entry(number: int, line: str) -> LogEntry | None:
    """
    The entry of a line that has a tag and a record which speaks of a kill, in cells of any kind.

    Whoever names itself before the tag has written the line: "MyApp: lmkd: Kill" is MyApp's.
    """
    return json_entry(number, line) or _of_cells(number, line) or _of_words(number, line)


def json_entry(number: int, line: str) -> LogEntry | None:
    """One object a line, with keys of any name: {"tag": "lmkd", "message": "Kill '..."}."""
    said = _object_in(line)
    tag = next((one for one in said.values() if _TAG.fullmatch(one)), None)
    message = next((said[key] for key in _MESSAGE_KEYS if key in said), None)
    if tag is None or message is None:
        return None
    return _entry(number, _time_in(line[: line.find("{")], *said.values()), tag, message)


def _object_in(line: str) -> dict[str, str]:
    """The texts of the JSON object in *line*; none where there is no object."""
    begin, end = line.find("{"), line.rfind("}")
    if not 0 <= begin < end:
        return {}
    try:
        value = msgspec.json.decode(line[begin : end + 1])
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return {}
    return dict(_strings(value)) if isinstance(value, dict) else {}


def _strings(value: dict[object, object]) -> Iterator[tuple[str, str]]:
    """The texts of an object and of the objects in it, by their keys."""
    for key, one in list(value.items())[:_MOST_VALUES]:
        if isinstance(one, str):
            yield str(key).lower(), one
        elif isinstance(one, dict):
            pairs = list(one.items())[:_MOST_VALUES]
            yield from ((str(k).lower(), text) for k, text in pairs if isinstance(text, str))


def _of_cells(number: int, line: str) -> LogEntry | None:
    """A row of CSV, of a table in Markdown, or with tabs: the tag in one cell, then the record."""
    for separator in _SEPARATORS:
        if line.count(separator) < 2:
            continue
        try:
            cells = [one.strip() for one in next(csv.reader([line], delimiter=separator))]
        except (csv.Error, StopIteration):
            continue
        at = next((index for index, one in enumerate(cells) if _TAG.fullmatch(one)), None)
        if at is None:
            continue
        message = next((one for one in cells[at + 1 :] if not _LEVEL.fullmatch(one)), "")
        if _opens(message):
            return _entry(number, _time_in(*cells[:at]), cells[at], message)
    return None


def _of_words(number: int, line: str) -> LogEntry | None:
    """A tag, few marks, and a record; or a time and a record, whose tag was left out."""
    said = _SAID_BY.search(line)
    if said is not None and _BEFORE_TAG.fullmatch(line[: said.start()]) is not None:
        message = line[said.end() :]
        if said["quote"]:
            message = message.rpartition(said["quote"])[0] or message
        return _entry(number, _time_in(line[: said.start()]), said["tag"], message)
    time = _TIME.search(line, 0, _LONGEST_PREFIX)
    alone = _ALONE.match(line, time.end()) if time else None
    if time is not None and alone is not None and opens_lmkd_kill(line[alone.end() :]):
        return _entry(number, time[0], None, line[alone.end() :])
    return None


def _opens(message: str) -> bool:
    opens = opens_lmkd_kill(message) or opens_record(message)
    return opens or message.startswith(("[", "Process "))


def _time_in(*texts: str) -> str | None:
    """The last time in *texts*; a date in the cell before it belongs to it."""
    found = list(_TIME.finditer(" ".join(texts)[:_LONGEST_PREFIX]))
    return found[-1][0] if found else None


def _entry(number: int, at: str | None, tag: str | None, message: str) -> LogEntry:
    return LogEntry(number, at, None, None, None, None, tag, message.rstrip(), None)
