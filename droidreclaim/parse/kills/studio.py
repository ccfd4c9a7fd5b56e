"""The ``.logcat`` file that Android Studio exports: one JSON document, into lines of a log."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from droidreclaim.errors import ParseError

_BEGINS = re.compile(r'\s{0,64}\{\s{0,64}"(?:metadata|logcatMessages)"\s{0,64}:')
_MOST_SECONDS = 10**11


class _Timestamp(msgspec.Struct):
    seconds: int = 0
    nanos: int = 0


class _Header(msgspec.Struct, rename="camel"):
    tag: str = ""
    pid: int = 0
    tid: int = 0
    log_level: str = "INFO"
    timestamp: _Timestamp = msgspec.field(default_factory=_Timestamp)


class _Message(msgspec.Struct):
    message: str = ""
    header: _Header = msgspec.field(default_factory=_Header)


class _Export(msgspec.Struct, rename="camel"):
    logcat_messages: list[_Message]


def is_studio_export(head: str) -> bool:
    """Whether text that begins with *head* is such a file, whole or cut."""
    return _BEGINS.match(head) is not None and ("logcatMessages" in head or "metadata" in head)


def studio_lines(text: str, source: str) -> Iterator[str]:
    r"""
    The lines of ``logcat -v threadtime -v epoch`` that the document stands for.

        {"header": {"logLevel": "INFO", "pid": 206, "tid": 206, "tag": "lowmemorykiller",
                    "timestamp": {"seconds": 1790000000, "nanos": 123000000}},
         "message": "Kill 'com.example' (4321), uid 10123, ..."}

    Raises:
        ParseError: it is no such document, or it was cut.
    """
    try:
        export = msgspec.json.decode(text, type=_Export)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        hint = f"begins as Android Studio's .logcat and is none: {str(error)[:120]}"
        raise ParseError(source, 1, "", hint=hint) from error
    for one in export.logcat_messages:
        yield from _lines(one)


def _lines(one: _Message) -> Iterator[str]:
    header = one.header
    seconds = min(max(header.timestamp.seconds, 0), _MOST_SECONDS)
    millis = min(max(header.timestamp.nanos, 0), 999_999_999) // 1_000_000
    level = header.log_level[:1] if header.log_level[:1] in "VDIWEFA" else "I"
    tag = header.tag.replace("\n", " ")[:80]
    ids = f"{max(header.pid, 0) % 10**10} {max(header.tid, 0) % 10**10}"
    for line in one.message.split("\n") or [""]:
        yield f"{seconds}.{millis:03d} {ids} {level} {tag}: {line}"
