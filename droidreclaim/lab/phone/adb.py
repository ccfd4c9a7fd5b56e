"""
A command on the phone's own adbd, asked without an adb server.

While the phone boots, a server may not know it yet.
"""

from __future__ import annotations

import socket
import struct

_HEADER = struct.Struct("<4s5I")
_VERSION = 0x01000000  # with checksums, which every adbd accepts


def run_on_phone(port: int, command: str, timeout_s: float) -> bytes | None:
    """Output of a shell command, asked of the adbd on *port* itself; None while none answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as link:
            _send(link, b"CNXN", _VERSION, 4096, b"host::\0")
            _receive(link, b"CNXN")
            _send(link, b"OPEN", 1, 0, f"exec:{command}\0".encode())
            return _read_to_end(link)
    except (OSError, EOFError):
        return None


def _read_to_end(link: socket.socket) -> bytes:
    output = b""
    while True:
        command, remote_id, data = _receive(link)
        if command == b"CLSE":
            return output
        if command == b"WRTE":
            output += data
            _send(link, b"OKAY", 1, remote_id)


def _send(link: socket.socket, command: bytes, arg0: int, arg1: int, data: bytes = b"") -> None:
    inverted = int.from_bytes(command, "little") ^ 0xFFFFFFFF
    link.sendall(_HEADER.pack(command, arg0, arg1, len(data), sum(data), inverted) + data)


def _receive(link: socket.socket, wanted: bytes | None = None) -> tuple[bytes, int, bytes]:
    command, arg0, _, length, _, _ = _HEADER.unpack(_read_exactly(link, _HEADER.size))
    if wanted not in (None, command):
        raise EOFError
    return command, arg0, _read_exactly(link, length)


def _read_exactly(link: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = link.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data
