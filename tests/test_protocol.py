"""The helper's protocol as the host reads it, with the examples of PROTOCOL.md."""

from __future__ import annotations

import json
import random
import re
import zlib
from pathlib import Path

import msgspec
import pytest

from droidreclaim.errors import ParseError
from droidreclaim.helper import wire
from droidreclaim.helper.protocol import Reply, ReplyReader, request
from droidreclaim.model import Advice, SwapChange, SwapDevice

_PAGE = Path(__file__).parent.parent / "device-scripts" / "PROTOCOL.md"
_EXCHANGE = re.compile(r"```exchange\n> (.*)\n((?:< .*\n)+)```")


def examples() -> list[tuple[str, bytes]]:
    """Each exchange of the page: the request line, and the bytes of the answer."""
    return [
        (asked, "".join(line[2:] + "\n" for line in answered.splitlines()).encode())
        for asked, answered in _EXCHANGE.findall(_PAGE.read_text("utf-8"))
    ]


def answer(request_id: str, *bodies: dict[str, object]) -> bytes:
    """A well-formed reply, as the helper would write it."""
    lines = b"".join(_line({"id": request_id, **body}) for body in bodies)
    end = {"id": request_id, "t": "end", "ok": True, "lines": len(bodies)}
    return lines + _line(end | {"crc": f"{zlib.crc32(lines):08x}"})


def _line(value: dict[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def read(data: bytes) -> list[Reply]:
    return list(ReplyReader().feed(data))


@pytest.mark.parametrize(("asked", "answered"), examples())
def test_examples_of_the_page_read_as_one_reply(asked: str, answered: bytes) -> None:
    [reply] = read(answered)
    assert reply.id == asked.split(maxsplit=1)[0]
    assert reply.ok == (reply.error is None)


def test_the_page_has_examples_of_both_kinds() -> None:
    assert {read(answered)[0].ok for _, answered in examples()} == {True, False}


def test_a_request_is_one_line_of_words() -> None:
    line = request("7", "pageout", targets="12:34", what="anon", budget_bytes=None, dry=1)
    assert line == b"7 pageout targets=12:34 what=anon dry=1\n"


@pytest.mark.parametrize("value", ["a b", "a\nb", "", "\x1b[0m", "é"])
def test_a_value_the_protocol_has_no_room_for_is_never_sent(value: str) -> None:
    with pytest.raises(ValueError, match="not a request"):
        request("1", value)


def test_noise_between_the_lines_is_skipped_and_remembered() -> None:
    good = answer("1", {"t": "hello", "protocol": 1})
    first, second = good.splitlines(keepends=True)
    reader = ReplyReader()
    noisy = b"WARNING: linker: unsupported flags\r\n" + first + b"\n# motd\n" + second
    [reply] = list(reader.feed(noisy))
    assert reply.lines[0]["protocol"] == 1
    assert list(reader.noise) == ["WARNING: linker: unsupported flags", "# motd"]


def test_line_ends_of_a_pty_are_understood() -> None:
    [reply] = read(answer("1", {"t": "x"}).replace(b"\n", b"\r\n"))
    assert reply.ok


def test_a_reply_arrives_whole_whatever_the_pieces() -> None:
    data = answer("1", *({"t": "proc", "pid": pid} for pid in range(50)))
    reader = ReplyReader()
    replies = [reply for byte in data for reply in reader.feed(bytes([byte]))]
    assert [len(reply.lines) for reply in replies] == [50]


def test_two_replies_may_be_interleaved() -> None:
    one, two = answer("1", {"t": "a"}), answer("2", {"t": "b"})
    (a1, a2), (b1, b2) = one.splitlines(keepends=True), two.splitlines(keepends=True)
    assert [reply.id for reply in read(a1 + b1 + b2 + a2)] == ["2", "1"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.replace(b'"pid":1', b'"pid":2'),
        lambda data: data.split(b"\n", 1)[1],
        lambda data: data.replace(b'"pid":1}', b'"pid":1'),
        lambda data: data.replace(b'{"id":"1","t":"p","pid":1}', b'{"id":"1"}'),
    ],
    ids=["changed", "lost", "broken", "typeless"],
)
def test_a_damaged_reply_is_refused_whole(damage) -> None:  # type: ignore[no-untyped-def]
    data = damage(answer("1", {"t": "p", "pid": 1}))
    with pytest.raises(ParseError):
        read(data)


def test_noise_at_every_position_is_read_right_or_refused() -> None:
    data = answer("1", *({"t": "p", "pid": pid, "name": f"com.example.app{pid}"} for pid in (1, 2)))
    [expected] = read(data)
    for position in range(len(data)):
        for noise in (b"\n", b"linker: warning\n", b"{", b'{"id":"1","t":"p","pid":9}\n', b"\x00"):
            try:
                replies = read(data[:position] + noise + data[position:])
            except ParseError:
                continue
            assert replies in ([], [expected])


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    reader = ReplyReader()
    endless = (piece for _ in range(1000) for piece in reader.feed(b'{"id":"1' + b"x" * 65536))
    with pytest.raises(ParseError, match="without an end"):
        list(endless)


@pytest.mark.parametrize("rounds", [300, pytest.param(3_000, marks=pytest.mark.nightly)])
def test_random_bytes_never_become_a_reply(rounds: int) -> None:
    source = random.Random(1)
    for _ in range(rounds):
        data = source.randbytes(400) + b"\n" + answer("1", {"t": "p"})[:-9]
        try:
            assert read(data) == []
        except ParseError:
            continue


_FORMS = {
    "hello": wire.Hello, "backend": wire.Backend, "proc": wire.Proc, "package": wire.Package,
    "importance": wire.Importance, "unreadable": wire.Unreadable, "file": wire.File,
    "memory": wire.Measured, "sample": wire.Sample, "target": Advice, "device": SwapChange,
    "swap": SwapDevice, "again": wire.Again,
}  # fmt: skip
_LINES = [json.loads(line) for line in re.findall(r"^    (\{.*\})$", _PAGE.read_text(), re.M)]


@pytest.mark.parametrize("form", _FORMS)
def test_the_lines_that_the_page_shows_are_of_the_form_the_host_reads(form: str) -> None:
    shown = [line for line in _LINES if line["t"] == form]
    assert shown or form in ("package", "unreadable")  # those stand within a sentence
    for line in shown:
        msgspec.convert(line, _FORMS[form])
