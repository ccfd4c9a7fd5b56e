"""A helper that answers what it likes: behind the adb server of our own, on a real connection."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from adb_server import STDOUT, AdbServer, Peer, packet
from droidreclaim.device.adb import AdbDevice
from droidreclaim.helper.session import HelperSession

Body = dict[str, object]


def line(value: Body) -> bytes:
    """One line of a reply."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def answer(request_id: str, *bodies: Body) -> bytes:
    """A reply whose count and CRC add up, whatever it says."""
    return answer_raw(request_id, b"".join(line({"id": request_id, **body}) for body in bodies))


def answer_raw(request_id: str, lines: bytes) -> bytes:
    """*lines* and the end line that fits them."""
    end = {"id": request_id, "t": "end", "ok": True, "lines": lines.count(b"\n")}
    return lines + line(end | {"crc": f"{zlib.crc32(lines):08x}"})


def says(data: bytes, *, endlessly: bool = False) -> Callable[[Peer, str], None]:
    """A command that prints *data* whatever it is asked, once or without an end."""

    def serve(peer: Peer, _: str) -> None:
        peer.okay()
        whole = packet(STDOUT, data)
        with suppress(OSError):
            peer.send(whole)
            while endlessly:
                peer.send(whole)
            peer.read(1 << 30)  # until the client goes

    return serve


@contextmanager
def session_with(
    adb: AdbServer, device: AdbDevice, data: bytes, *, endlessly: bool = False, timeout_s: float = 1
) -> Iterator[HelperSession]:
    """A session with a helper that says *data*."""
    adb.handlers["shell,v2"] = says(data, endlessly=endlessly)
    channel = device.open(["helper"], timeout_s=5)
    with HelperSession(channel, serial=device.serial, timeout_s=timeout_s) as session:
        yield session
