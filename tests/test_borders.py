"""A property for each place where text comes in: it becomes a value, or one error of ours."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from droidreclaim.cli.complete import cache
from droidreclaim.device import console
from droidreclaim.device.link import Deadline, Link
from droidreclaim.device.server import Server, find_server
from droidreclaim.device.shell import ShellChannel, ShellProtocol
from droidreclaim.errors import DeviceError, TooMuchOutput, UsageError
from droidreclaim.inspect.emulator_checks import emulator, entries_of
from droidreclaim.lab.phone import qemu, state
from droidreclaim.lab.phone.saved import Place

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
NAMES = st.sampled_from(
    ["memory", "disk", "commands", "key", "port", "pid", "kvm", "R58M12", "one"]
)
RECORDS = (
    st.binary(max_size=200)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(NAMES, JSON).map(lambda value: json.dumps(value).encode())
    | st.sampled_from([b"", b"[" * 100_000, b'{"kvm": ' + b"9" * 5000 + b"}", b"\xff\xfe{}"])
)


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


# What this program remembers for itself: each reader, and the file that it reads.
def kept_machine(at: Path) -> bool:
    return Place(at).open_memory() is None


def accelerator(at: Path) -> bool:
    return qemu.recall(at / "kvm.json", "kvm") in (None, True, False)


def phones(at: Path) -> bool:
    with mock.patch.dict(os.environ, {"DROIDRECLAIM_STATE_DIR": str(at)}):
        known, unreadable = state.load_all()
    return len(known) + len(unreadable) == 1


def completion(at: Path) -> bool:
    with mock.patch.dict(os.environ, {"DROIDRECLAIM_CACHE_DIR": str(at)}):
        return cache.table() is None and all(isinstance(one, str) for one in cache.packages(None))


REMEMBERED: dict[str, tuple[tuple[str, ...], Callable[[Path], bool]]] = {
    "saved machine": (("listing.json",), kept_machine),
    "accelerator": (("kvm.json",), accelerator),
    "phones": (("phone-1.json",), phones),
    "completion": (("completion.json", "packages.json"), completion),
}
every_record = pytest.mark.parametrize(
    ("names", "holds"), REMEMBERED.values(), ids=REMEMBERED.keys()
)


@every_record
@given(data=RECORDS)
def test_whatever_was_remembered_is_a_value_or_nothing(
    names: tuple[str, ...], holds: Callable[[Path], bool], data: bytes
) -> None:
    with folder() as at:
        for name in names:
            (at / name).write_bytes(data)
        assert holds(at)


@every_record
@pytest.mark.parametrize("kind", ["fifo", "/dev/zero", "folder"])
def test_what_is_no_file_is_remembered_as_nothing_at_once(
    names: tuple[str, ...], holds: Callable[[Path], bool], kind: str, tmp_path: Path
) -> None:
    for name in names:
        if kind == "fifo":
            os.mkfifo(tmp_path / name)
        elif kind == "folder":
            (tmp_path / name).mkdir()
        else:
            (tmp_path / name).symlink_to(kind)
    began = time.monotonic()
    assert holds(tmp_path)
    assert time.monotonic() - began < 20


ADDRESS = st.text() | st.from_regex(r"(tcp:)?[\w.\[\]:-]{0,40}(:\d{0,7})?", fullmatch=True)


@given(
    host=st.none() | ADDRESS,
    port=st.none() | st.integers(1, 65535),
    environment=st.dictionaries(
        st.sampled_from(
            ["ADB_SERVER_SOCKET", "ANDROID_ADB_SERVER_ADDRESS", "ANDROID_ADB_SERVER_PORT"]
        ),
        ADDRESS,
    ),
)
def test_any_settings_are_an_adb_server_or_one_error(
    host: str | None, port: int | None, environment: dict[str, str]
) -> None:
    try:
        server = find_server(host, port, environment)
    except UsageError:
        return
    assert isinstance(server, Server)
    assert server.host
    assert 1 <= server.port <= 65535


def packets(draw: Any) -> bytes:
    kind, size = draw(st.integers(0, 6)), draw(st.integers(0, 40) | st.just(1 << 31))
    return bytes([kind]) + size.to_bytes(4, "little") + draw(st.binary(max_size=40))


@st.composite
def streams(draw: Any) -> list[bytes]:
    data = b"".join(packets(draw) for _ in range(draw(st.integers(0, 6))))
    size = draw(st.integers(1, 60))
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(pieces=streams() | st.lists(st.binary(min_size=1, max_size=60), max_size=6))
def test_any_bytes_of_a_shell_are_its_output_or_one_error(pieces: list[bytes]) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        channel = ShellChannel(Link(ours, "R58M12", Deadline(5)), ShellProtocol())

        def send() -> None:
            for piece in pieces:
                theirs.sendall(piece)
            theirs.shutdown(socket.SHUT_WR)

        sender = Thread(target=send)
        sender.start()
        try:
            said = channel.finish(b"", Deadline(5))
        except (DeviceError, TooMuchOutput):
            pass
        else:
            assert channel.exit_code in range(256)
            assert len(said) <= sum(map(len, pieces))
        finally:
            sender.join()
            channel.close()


@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_of_an_emulators_console_are_a_name_or_none(data: bytes, size: int) -> None:
    def serve() -> None:
        with listener, listener.accept()[0] as peer:
            for at in range(0, len(data), size):
                peer.sendall(data[at : at + size])
            peer.shutdown(socket.SHUT_WR)
            peer.settimeout(5)
            while peer.recv(4096):
                pass

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = Thread(target=serve)
    server.start()
    try:
        name = console.avd_name(f"emulator-{port}")
    finally:
        server.join()
    assert name is None or "\n" not in name


@given(st.text() | st.from_regex(r"(hw\.\w{1,9}|image\.sysdir\.1) ?= ?.{0,30}"), st.text())
def test_any_settings_of_an_emulator_are_checks(text: str, value: str) -> None:
    entries = entries_of(text) | {"hw.ramSize": value, "hw.cpu.ncore": value}
    for check in emulator({"ro.kernel.qemu": "1"}, entries, 1 << 31):
        assert check.fact
