"""
The helper's line protocol, number 1 (device-scripts/PROTOCOL.md): bytes to replies and back.

A channel through adb, su and an old shell carries more than the helper wrote: banners, linker
warnings, CR before LF. What is not a line of ours is skipped; what is ours and does not add up
(count and CRC-32 in the end line) is refused whole, never misread.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from droidreclaim.errors import ParseError

PROTOCOL = 1
MAX_LINE_BYTES = 1 << 20
MAX_REPLY_BYTES = 16 << 20

_SOURCE = "helper"
_REQUEST_ID = re.compile(r"[A-Za-z0-9]{1,16}")
_VALUE = re.compile(r"[!-~]+")  # printable ASCII without the blank
_OURS = b'{"id":"'
_END_KEYS = {"id", "t", "ok", "lines", "crc"}
_FAILED_END_KEYS = _END_KEYS | {"error", "why"}


@dataclass(frozen=True, slots=True)
class Reply:
    """
    One complete answer, its count and CRC verified.

    Attributes:
        lines: The answer's objects before the end line, in order.
        error: errno by name when *ok* is false (``EINVAL``, ``EINTR``), else None.
    """

    id: str
    lines: tuple[dict[str, Any], ...]
    ok: bool
    error: str | None
    why: str | None

    def of_type(self, name: str) -> tuple[dict[str, Any], ...]:
        """The lines whose type is *name*, in order."""
        return tuple(line for line in self.lines if line.get("t") == name)


def request(request_id: str, verb: str, **values: str | int | None) -> bytes:
    """
    One request line; keys whose value is None are left out.

    Raises:
        ValueError: an id, key or value that the protocol has no room for. It is a defect of the
            caller: values that come from a user are checked before they get here.
    """
    words = [request_id, verb]
    words += [f"{key}={value}" for key, value in values.items() if value is not None]
    if not _REQUEST_ID.fullmatch(request_id) or not all(_VALUE.fullmatch(word) for word in words):
        raise ValueError(f"not a request of the protocol: {words!r}")
    return " ".join(words).encode("ascii") + b"\n"


@dataclass(slots=True)
class _Partial:
    """Lines of a reply that has not ended yet."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    crc: int = 0
    size_bytes: int = 0


class ReplyReader:
    """
    Turns what a channel delivers, in pieces of any size, into replies.

    Attributes:
        noise: The last few lines that were not the helper's, for an error message that has to
            say what came instead of an answer.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._partial: dict[str, _Partial] = {}
        self._line_number = 0
        self.noise: list[str] = []

    def feed(self, data: bytes) -> Iterator[Reply]:
        """
        Take bytes, give the replies they complete.

        Raises:
            ParseError: a reply's count or CRC is wrong, a line of ours is not JSON, or a line or
                a reply is larger than any the helper sends.
        """
        self._buffer += data
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._line_number += 1
            reply = self._take(line.removesuffix(b"\r"))
            if reply is not None:
                yield reply
        if len(self._buffer) > MAX_LINE_BYTES:
            raise self._refuse(bytes(self._buffer[:200]), "a line without an end")

    def _take(self, line: bytes) -> Reply | None:
        if not line.startswith(_OURS):
            if line.strip():
                self.noise = [*self.noise[-7:], line[:200].decode("utf-8", "replace")]
            return None
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self._refuse(line, "a line of the helper is broken") from error
        request_id = value.get("id") if isinstance(value, dict) else None
        if not isinstance(request_id, str) or not isinstance(value.get("t"), str):
            raise self._refuse(line, "a line of the helper without id and type")
        partial = self._partial.setdefault(request_id, _Partial())
        if value["t"] == "end":
            del self._partial[request_id]
            return self._finish(request_id, partial, value, line)
        partial.lines.append(value)
        partial.crc = zlib.crc32(line + b"\n", partial.crc)
        partial.size_bytes += len(line)
        if partial.size_bytes > MAX_REPLY_BYTES:
            raise self._refuse(line, "an answer larger than 16 MiB")
        return None

    def _finish(
        self, request_id: str, partial: _Partial, end: dict[str, Any], line: bytes
    ) -> Reply:
        if end.get("lines") != len(partial.lines) or end.get("crc") != f"{partial.crc:08x}":
            raise self._refuse(line, "lines of the answer were lost or changed on the way")
        expected = _END_KEYS if end.get("ok") is True else _FAILED_END_KEYS
        if end.keys() != expected or not isinstance(end["ok"], bool):
            raise self._refuse(line, "an end line that is not of the protocol")
        return Reply(request_id, tuple(partial.lines), end["ok"], end.get("error"), end.get("why"))

    def _refuse(self, line: bytes, hint: str) -> ParseError:
        return ParseError(_SOURCE, self._line_number, line.decode("utf-8", "replace"), hint=hint)
