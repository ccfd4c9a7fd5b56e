"""Log lines inside texts of JSON: an export of a chat, a page of an issue tracker's interface."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from droidreclaim.parse.kills.copied import TAGS, json_entry, plain
from droidreclaim.parse.kills.exit_lines import has_exit
from droidreclaim.parse.text.answer import NumberedLine
from droidreclaim.parse.text.lines import QUOTING

# One that is not closed goes to the end of the line, so no quote in it is tried again.
_TEXT = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*+)(?:"|$)')
# "text": "...", or "..." alone: a line of JSON that is written over several lines
_PART = re.compile(
    r'\s{0,400}(?:"[^"\\]{0,100}"\s{0,8}:\s{0,8})?"(?:[^"\\]|\\.)*+"\s{0,8},?\s{0,8}'
)
# A tag with its message behind it (a tag alone is a field's value), or words of a record.
_SPEAKS = re.compile(
    rf"(?<![\w.$])(?:{TAGS})(?![\w.$])[^\n]{{1,80}}[\w\]]|\bKill(?:ed process|ing)? |has died"
)
_ITS_TAG = re.compile(r'"(?:log)?tag"\s{0,4}:\s{0,4}"[\w.$-]{1,80}"', re.I)


def out_of_quotes(lines: Iterable[NumberedLine]) -> Iterator[NumberedLine]:
    r"""
    Lines as they were before they became texts of JSON; all of one text have its line's number.

        {"user": "U1", "text": "it died:\n11-28 09:00:00.123  206  206 I lmkd: Kill 'a' (7), ..."}

    A line that holds one entry as an object (``{"tag": "lmkd", "message": ...}``) stays as it is.
    """
    for number, line in lines:
        texts = _texts_of(line) if line.lstrip()[:1] in QUOTING else []
        of_lines = any("\n" in one.strip() for one in texts)
        if not texts or (not of_lines and _is_entry(number, line)):
            yield number, line
            continue
        for text in texts:
            yield from ((number, one.rstrip()) for one in text.split("\n") if one.strip())


def _is_entry(number: int, line: str) -> bool:
    """Whether a line is one entry of a log as an object, be it of a tag that is no killer's."""
    return json_entry(number, line) is not None or _ITS_TAG.search(line) is not None


def _texts_of(line: str) -> list[str]:
    """The texts in a line of JSON that speak of kills; none of a row of a table, or of a log."""
    if line.lstrip().startswith('"') and not _PART.fullmatch(line):
        return []
    texts = (_decoded(match["text"]) for match in _TEXT.finditer(line))
    return [plain(one) for one in texts if _SPEAKS.search(one) or has_exit(one)]


def _decoded(text: str) -> str:
    """A text without its escapes; empty where they are none of JSON's."""
    try:
        return str(msgspec.json.decode(f'"{text}"'))
    except (msgspec.MsgspecError, UnicodeError):
        return ""
