"""A helper that answers anything a test wants, behind our own adb server on a real connection."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from adb_server import STDOUT, AdbServer, Peer, packet
from droidreclaim.device.adb import AdbDevice
from droidreclaim.helper.session import HelperSession
from droidreclaim.model import Memory, Process, band_of

Body = dict[str, object]

HELLO: Body = {
    "t": "hello", "protocol": 1, "build": "b", "abi": "arm64-v8a", "page_bytes": 4096, "uid": 0,
    "cap_eff": "0", "selinux": None, "boot_id": None, "kernel": "6.1", "machine": "m", "pid": 9,
    "cpu_us": 1,
}  # fmt: skip
PROC: Body = {
    "t": "proc", "pid": 7, "start": 70, "ppid": 1, "uid": 10001, "adj": 900, "app_frozen": False,
    "state": "S",
    "name": "com.example.game", "comm": "m.example.game", "kthread": False, "rss_anon_bytes": 1,
    "rss_file_bytes": 2, "rss_shmem_bytes": 0, "swap_bytes": 0,
}  # fmt: skip
TARGET: Body = {
    "t": "target", "pid": 7, "start": 70, "outcome": "advised", "reason": None,
    "advised_bytes": 1, "exclusive_bytes": 1, "shared_bytes": 1, "swapped_bytes": 1,
    "mapped_bytes": 1, "refused": [], "adj": 900, "frozen": False, "steps": 1, "longest_us": 1,
    "duration_us": 1, "before": None, "after": None, "major_faults": 1, "swap_room_bytes": 1,
    "approximate": False,
}  # fmt: skip
DEVICE: Body = {
    "t": "device", "swap_total_bytes": 1, "swap_free_before_bytes": 1,
    "swap_free_after_bytes": 1, "zram_used_before_bytes": 1, "zram_used_after_bytes": 1,
    "swap_cached_before_bytes": 1, "swap_cached_after_bytes": 1, "failed_writes": None,
}  # fmt: skip
UNKNOWN = Memory(None, None, None, None)
ASKED_FOR = Process(
    7, 70, 1, 10001, "com.example.game", "m.example.game", (), 900, band_of(900), UNKNOWN
)


def line(value: Body) -> bytes:
    """One line of a reply."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def answer(request_id: str, *bodies: Body) -> bytes:
    """Return a reply with the right count and CRC, whatever its lines say."""
    return answer_raw(request_id, b"".join(line({"id": request_id, **body}) for body in bodies))


def answer_raw(request_id: str, lines: bytes) -> bytes:
    """Return *lines* followed by the end line with their count and CRC."""
    end = {"id": request_id, "t": "end", "ok": True, "lines": lines.count(b"\n")}
    return lines + line(end | {"crc": f"{zlib.crc32(lines):08x}"})


def says(data: bytes, *, endlessly: bool = False) -> Callable[[Peer, str], None]:
    """Return a service that prints *data* whatever it is asked, once or without an end."""

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
    """Open a session with a helper that prints *data*."""
    adb.handlers["shell,v2"] = says(data, endlessly=endlessly)
    channel = device.open(["helper"], timeout_s=5)
    with HelperSession(channel, serial=device.serial, timeout_s=timeout_s) as session:
        yield session
