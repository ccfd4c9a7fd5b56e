"""Sends a command's output back to its client, in frames that client.c reads."""

import socket
import struct


class Reply:
    """The answer to one command, written as it comes."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def out(self, text: str) -> bool:
        """Print to stdout; False when nobody reads any more."""
        return self._frame(b"1", text)

    def err(self, text: str) -> bool:
        return self._frame(b"2", text)

    def exit(self, status: int) -> None:
        self._send(b"x" + struct.pack("<I", status))

    def _frame(self, stream: bytes, text: str) -> bool:
        data = text.encode("utf-8", "surrogateescape")
        return self._send(stream + struct.pack("<I", len(data)) + data)

    def _send(self, data: bytes) -> bool:
        try:
            self._sock.sendall(data)
        except OSError:
            return False
        return True
