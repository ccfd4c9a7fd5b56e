"""What a hostile helper may cost: one clear error, by the deadline, in bounded memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adb_server import AdbServer
from droidreclaim.device.adb import AdbDevice
from droidreclaim.errors import DeviceTimeout, DroidReclaimError, ParseError, TooMuchOutput
from droidreclaim.helper import verbs, wire
from droidreclaim.helper.guard_wire import AppLine, EventLine, GuardLine
from droidreclaim.helper.launch import split_preamble
from droidreclaim.helper.protocol import MAX_LINE_BYTES, Reply, ReplyReader
from droidreclaim.inspect.kills import _batches
from droidreclaim.model import Advice, SwapChange
from droidreclaim.session.app import watched
from hostile_helper import (
    ASKED_FOR,
    DEVICE,
    HELLO,
    PROC,
    TARGET,
    Body,
    answer,
    answer_raw,
    says,
    session_with,
)


@pytest.fixture
def held_bytes() -> Iterator[Callable[[], int]]:
    """The most memory that Python held since the test began."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


@pytest.mark.parametrize(
    "noise",
    [
        b"\n" * 32768,
        b"linker: warning\n" * 2048,
        b"x" * 32768,
        b'{"id":"nobody","t":"proc","pid":1}\n' * 900,
        b"".join(b'{"id":"n%d","t":"proc","pid":1}\n' % number for number in range(900)),
        b'{"id":"1","t":"proc"}\n' * 1400,
        b"\x00\xff\n" * 10000,
    ],
    ids=["newlines", "words", "no line end", "another id", "many ids", "no end line", "bytes"],
)
def test_a_stream_without_an_answer_ends_by_the_deadline_in_bounded_memory(
    adb: AdbServer, device: AdbDevice, noise: bytes, held_bytes: Callable[[], int]
) -> None:
    with session_with(adb, device, noise, endlessly=True, timeout_s=1) as session:
        begun = time.monotonic()
        with pytest.raises((DeviceTimeout, ParseError, TooMuchOutput)):
            session.call("scan")
        assert time.monotonic() - begun < 12
    assert held_bytes() < 100 << 20


def test_noise_that_trickles_does_not_move_the_deadline(adb: AdbServer, device: AdbDevice) -> None:
    with session_with(adb, device, b"\n", endlessly=True, timeout_s=0.5) as session:
        begun = time.monotonic()
        with pytest.raises(DroidReclaimError):
            session.call("scan")
        assert time.monotonic() - begun < 10


def test_a_preamble_of_newlines_is_read_in_no_time() -> None:
    begun = time.process_time()
    for size in range(0, 65536, 1024):
        assert split_preamble(b"\n" * size) is None
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "value",
    [b"9" * 400, b"-" + b"9" * 400, b"1e400", b"NaN", b'"\\ud800"', b"[" * 200_000, b"{}" * 9,
     b"[[]]", b'"' + b"x" * MAX_LINE_BYTES + b'"', b"18446744073709551616", b"[1]", b"0.5",
     b"[" + b",".join([b"{}"] * 65) + b"]"],
)  # fmt: skip
def test_a_value_that_no_helper_sends_is_a_parse_error(value: bytes) -> None:
    with pytest.raises(ParseError):
        list(ReplyReader().feed(answer_raw("1", b'{"id":"1","t":"proc","pid":' + value + b"}\n")))


def test_a_line_that_was_not_asked_for_is_dropped_and_the_answer_read() -> None:
    reader = ReplyReader({"2"})
    strange, own = answer("1", {"t": "x"}), answer("2", {"t": "y"})
    assert [reply.id for reply in reader.feed(strange + own + strange)] == ["2"]


def test_an_answer_that_came_before_its_question_is_dropped(
    adb: AdbServer, device: AdbDevice
) -> None:
    early = answer("1", HELLO) + answer("1", HELLO) + answer("2", HELLO)
    with session_with(adb, device, early, timeout_s=0.5) as session:
        assert session.call("hello").id == "1"
        with pytest.raises(DeviceTimeout):
            session.call("hello")


@pytest.mark.parametrize(
    "targets",
    [[TARGET, TARGET], [TARGET | {"pid": 8}], [TARGET | {"start": 71}]],
    ids=["twice", "another pid", "another start"],
)
def test_a_target_that_was_not_asked_for_is_no_answer(
    adb: AdbServer, device: AdbDevice, targets: list[Body]
) -> None:
    lie = answer("1", *targets, DEVICE)
    with session_with(adb, device, lie) as session:
        advised = verbs.advise(session, "pageout", [ASKED_FOR], verbs.Orders(floor=700))
    assert (advised.advices, advised.swap) == ((), None)
    assert isinstance(advised.ended_by, ParseError)
    assert "not asked for" in str(advised.ended_by)


@pytest.mark.parametrize(
    ("line_type", "body", "changes"),
    [
        (wire.Hello, HELLO, {"page_bytes": 0}),
        (wire.Hello, HELLO, {"page_bytes": 1 << 40}),
        (wire.Hello, HELLO, {"uid": -1}),
        (wire.Hello, HELLO, {"kernel": "x" * 5000}),
        (wire.Proc, PROC, {"adj": 5000}),
        (wire.Proc, PROC, {"uid": 1 << 33}),
        (wire.Proc, PROC, {"pid": 1 << 31}),
        (wire.Proc, PROC, {"rss_anon_bytes": 1 << 63}),
        (Advice, TARGET, {"outcome": "x" * 201}),
        (wire.Unreadable, {"t": "unreadable"}, {"count": -1}),
        (wire.Unreadable, {"t": "unreadable"}, {}),
        (wire.Package, {"t": "package"}, {"line": {"a": 1}}),
    ],
)
def test_a_field_out_of_its_bounds_is_refused(line_type: type, body: Body, changes: Body) -> None:
    name = str(body["t"])
    reply = Reply("1", (body | changes,), ok=True, error=None, why=None)
    with pytest.raises(ParseError):
        wire.lines_of(reply, name, line_type)


@pytest.mark.parametrize(
    ("line_type", "body"),
    [(wire.Hello, HELLO), (wire.Proc, PROC), (Advice, TARGET), (SwapChange, DEVICE)],
)
def test_what_is_made_hostile_here_is_read_as_it_is(line_type: type, body: Body) -> None:
    reply = Reply("1", (body,), ok=True, error=None, why=None)
    assert len(wire.lines_of(reply, str(body["t"]), line_type)) == 1


ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from([
        (wire.Hello, HELLO), (wire.Proc, PROC), (Advice, TARGET), (SwapChange, DEVICE),
        (GuardLine, {"t": "guard", "running": True}), (AppLine, PROC | {"t": "app"}),
        (EventLine, {"t": "event"}),
    ]),
    st.data(),
)  # fmt: skip
def test_any_value_in_any_field_is_a_value_of_the_form_or_a_parse_error(
    form: tuple[type, Body], data: st.DataObject
) -> None:
    line_type, body = form
    field = data.draw(
        st.sampled_from(sorted(one.name for one in msgspec.inspect.type_info(line_type).fields))
    )
    changed = body | {field: data.draw(ANY_VALUE)}
    try:
        [reply] = ReplyReader().feed(answer("1", changed))
        wire.lines_of(reply, str(body["t"]), line_type)
    except ParseError:
        return


@given(
    st.lists(st.binary(max_size=200) | st.sampled_from([b"\n", b'{"id":"1"', answer("1", HELLO)]))
)
def test_any_bytes_in_any_pieces_are_replies_or_one_error(pieces: list[bytes]) -> None:
    reader = ReplyReader({"1"})
    try:
        for piece in pieces:
            assert all(reply.id == "1" for reply in reader.feed(piece))
    except ParseError:
        return


def test_a_log_without_a_line_end_does_not_fill_the_memory(
    adb: AdbServer, device: AdbDevice, held_bytes: Callable[[], int]
) -> None:
    adb.handlers["shell,v2"] = says(b"x" * 65_000, endlessly=True)
    channel = device.open(["logcat"], timeout_s=5)
    followed = _batches(channel)
    assert [next(followed) for _ in range(500)] == [[]] * 500
    channel.close()
    assert held_bytes() < 20 << 20


def test_a_command_that_goes_on_talking_while_the_phone_is_watched_is_ended(
    adb: AdbServer, device: AdbDevice
) -> None:
    adb.handlers["shell,v2"] = says(b"Status: ok" * 1000, endlessly=True)
    with pytest.raises(DeviceTimeout, match="am went on talking"):
        watched(device, ["am", "start"], lambda: None)
