"""
The helper's line protocol, number 1 (device-scripts/PROTOCOL.md): bytes to replies and back.

A channel through adb, su and an old shell carries more than the helper wrote: banners, linker
warnings, CR before LF. What is not a line of ours is skipped; what is ours and does not add up
(count and CRC-32 in the end line) is refused whole, never misread.
"""

from __future__ import annotations

import re
import zlib
from collections import deque
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from droidreclaim.errors import ParseError, TooMuchOutput

PROTOCOL = 1
MAX_LINE_BYTES = 128 * 1024  # the helper's own longest is half of it
MAX_REPLY_BYTES = 16 << 20
MAX_LINES = 100_000  # a line each process, package and part of a file: Linux has 32,768 pids
MAX_NOISE_BYTES = 16 << 20

_SOURCE = "helper"
_REQUEST_ID = re.compile(r"[A-Za-z0-9]{1,16}")
_VALUE = re.compile(r"[!-~]+")  # printable ASCII without the blank
_OURS = b'{"id":"'
_END_KEYS = {"id", "t", "ok", "lines", "crc"}
_FAILED_END_KEYS = _END_KEYS | {"error", "why"}

# {"id":"3","t":"target","pid":7,"refused":[{"errno":"EINVAL","ranges":1}],"before":{"rss_bytes":0}}
_Number = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
_Scalar = None | bool | _Number | str
_Group = Annotated[dict[str, _Scalar], Meta(max_length=64)]
_Groups = Annotated[list[_Group], Meta(max_length=64)]
_LINE = msgspec.json.Decoder(Annotated[dict[str, _Scalar | _Group | _Groups], Meta(max_length=64)])


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

    def __init__(self, asked: Container[str] | None = None) -> None:
        """*asked*: ids whose replies are awaited, lines of others are dropped; None takes all."""
        self._asked = asked
        self._buffer = b""
        self._partial: dict[str, _Partial] = {}
        self._line_number = 0
        self._noise_bytes = 0
        self.noise: deque[str] = deque(maxlen=8)

    def feed(self, data: bytes) -> Iterator[Reply]:
        """
        Take bytes, give the replies they complete.

        Raises:
            ParseError: a reply's count or CRC is wrong, a line of ours is not of the protocol, or
                a line or a reply is larger than any the helper sends.
            TooMuchOutput: 16 MiB came, and no reply was among them.
        """
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._line_number += 1
            reply = self._take(line.removesuffix(b"\r"))
            if reply is not None:
                self._noise_bytes = 0
                yield reply
        if len(self._buffer) > MAX_LINE_BYTES:
            raise self._refuse(self._buffer[:200], "a line without an end")

    def _take(self, line: bytes) -> Reply | None:
        if not line.startswith(_OURS):
            self._pass_over(line)
            return None
        value = self._read(line)
        request_id = value["id"]
        if self._asked is not None and request_id not in self._asked:
            self._pass_over(line)
            return None
        partial = self._partial.setdefault(request_id, _Partial())
        if value["t"] == "end":
            del self._partial[request_id]
            return self._finish(request_id, partial, value, line)
        partial.lines.append(value)
        partial.crc = zlib.crc32(line + b"\n", partial.crc)
        partial.size_bytes += len(line)
        if partial.size_bytes > MAX_REPLY_BYTES or len(partial.lines) > MAX_LINES:
            raise self._refuse(line, "an answer larger than any of the helper's")
        return None

    def _read(self, line: bytes) -> dict[str, Any]:
        """A line of ours, every value in it of a known type and bounded."""
        if len(line) > MAX_LINE_BYTES:
            raise self._refuse(line[:200], "a line longer than any of the helper's")
        try:
            value: dict[str, Any] = _LINE.decode(line)
        except ValueError as error:
            raise self._refuse(line, "a line of the helper is broken") from error
        if not isinstance(value.get("id"), str) or not isinstance(value.get("t"), str):
            raise self._refuse(line, "a line of the helper without id and type")
        return value

    def _pass_over(self, line: bytes) -> None:
        self._noise_bytes += len(line) + 1
        if line.strip():
            self.noise.append(line[:200].decode("utf-8", "replace"))
        if self._noise_bytes > MAX_NOISE_BYTES:
            raise TooMuchOutput(
                f"helper: {MAX_NOISE_BYTES >> 20} MiB came instead of an answer",
                hint=f"the last line of it: {self.noise[-1][:80]!r}" if self.noise else None,
            )

    def _finish(
        self, request_id: str, partial: _Partial, end: dict[str, Any], line: bytes
    ) -> Reply:
        if end.get("lines") != len(partial.lines) or end.get("crc") != f"{partial.crc:08x}":
            raise self._refuse(line, "lines of the answer were lost or changed on the way")
        expected = _END_KEYS if end.get("ok") is True else _FAILED_END_KEYS
        words = (end.get("error"), end.get("why"))
        if (
            end.keys() != expected
            or not isinstance(end["ok"], bool)
            or not all(word is None or isinstance(word, str) for word in words)
        ):
            raise self._refuse(line, "an end line that is not of the protocol")
        return Reply(request_id, tuple(partial.lines), end["ok"], *words)

    def _refuse(self, line: bytes, hint: str) -> ParseError:
        return ParseError(_SOURCE, self._line_number, line.decode("utf-8", "replace"), hint=hint)
