"""
Sending a file over adb's sync service.

Each frame begins with four letters and a little-endian number (packages/modules/adb, SYNC.TXT).
adbutils has a client too: it waits without a limit, and of a refusal it keeps the word FAIL only.
"""

from __future__ import annotations

import stat
import struct
import time

from droidreclaim.device.link import Link
from droidreclaim.errors import DeviceLost, NotPossible

DATA_BYTES = 64 * 1024  # SYNC_DATA_MAX of adbd; more is refused
_MAX_REASON_BYTES = 4096
_FRAME = struct.Struct("<4sI")


def send_file(link: Link, data: bytes, path: str, mode: int) -> None:
    """
    Write *data* to *path* through *link*, which talks to the sync service.

    Raises:
        NotPossible: the device refused, with its own reason.
        DeviceTimeout: it was not done before the link's deadline.
        DeviceLost: the link broke; what is on the device is then of unknown length.
    """
    answer = bytearray()
    refused_early = False
    for frame in _frames(data, path, mode):
        if answer or not link.send_while(frame, answer.extend):
            refused_early = True  # the device speaks before the end only to refuse
            break
    while len(answer) < _FRAME.size:
        came = link.recv(_FRAME.size - len(answer))
        if not came:
            raise DeviceLost(f"{link.who}: the link broke while {path} was sent")
        answer += came
    word, size = _FRAME.unpack_from(answer)
    if word == b"FAIL":
        raise NotPossible(f"{link.who}: cannot write {path}: {_reason(link, answer, size)}")
    if word != b"OKAY" or refused_early:
        raise DeviceLost(f"{link.who}: no sync protocol in the answer to sending {path}")


def _frames(data: bytes, path: str, mode: int) -> list[bytes]:
    target = f"{path},{stat.S_IFREG | mode}".encode()
    pieces = [data[at : at + DATA_BYTES] for at in range(0, len(data), DATA_BYTES)]
    return [
        _FRAME.pack(b"SEND", len(target)) + target,
        *(_FRAME.pack(b"DATA", len(piece)) + piece for piece in pieces),
        _FRAME.pack(b"DONE", int(time.time())),
    ]


def _reason(link: Link, answer: bytearray, size: int) -> str:
    text = bytes(answer[_FRAME.size :])
    wanted = min(size, _MAX_REASON_BYTES)
    if len(text) < wanted:
        text += link.read_exactly(wanted - len(text))
    return text[:wanted].decode("utf-8", "replace").strip()
