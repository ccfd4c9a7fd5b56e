"""
A command of the device on a connected link: shell protocol 2, and what stands in for it before it.

Shell protocol 2 (Android 7) frames stdin, stdout, stderr and the exit code: one byte of kind, four
of length, little endian, then the payload (packages/modules/adb, shell_protocol.h). `exec:`
(Android 5) is a bare stream that ends in the same way for an ordinary end and for a cut cable;
there the command line itself prints a random mark with the exit code and stderr behind it, and an
end without it is a loss.
"""

from __future__ import annotations

import re
import secrets
import shlex
import struct
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Protocol

from droidreclaim.device.link import CHUNK_BYTES, Deadline, Link
from droidreclaim.errors import DeviceLost, TooMuchOutput

MAX_OUTPUT_BYTES = 16 * 1024 * 1024
MAX_STDERR_BYTES = 64 * 1024
WRITE_TIMEOUT_S = 10.0  # requests are under 64 KiB: a command that does not take that is stuck

_PACKET = struct.Struct("<BI")
_STDIN, _STDOUT, _STDERR, _EXIT, _CLOSE_STDIN = range(5)


class Stream(Enum):
    """Where a piece of a command's output belongs."""

    STDOUT = _STDOUT
    STDERR = _STDERR
    EXIT = _EXIT


class Framing(Protocol):
    """How a command's streams share one connection."""

    def service(self, argv: Sequence[str]) -> str:
        """The service of the device that runs *argv*."""

    def stdin(self, data: bytes) -> bytes:
        """*data* as it travels to the command."""

    def end_of_stdin(self) -> bytes:
        """What closes the command's stdin; empty where nothing can."""

    def feed(self, data: bytes) -> Iterator[tuple[Stream, bytes]]:
        """
        Take received bytes apart; no more than a frame's header is held back.

        Raises:
            ValueError: this is no such framing.
        """


class ShellProtocol:
    """Shell protocol 2: ``shell,v2`` without a terminal."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._stream = Stream.STDOUT
        self._left_bytes = 0

    def service(self, argv: Sequence[str]) -> str:
        """The service of the device that runs *argv*."""
        return "shell,v2,raw:" + shlex.join(argv)

    def stdin(self, data: bytes) -> bytes:
        """*data* in packets, as small as adb's own."""
        pieces = (data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES))
        return b"".join(_PACKET.pack(_STDIN, len(piece)) + piece for piece in pieces)

    def end_of_stdin(self) -> bytes:
        """The packet that closes stdin."""
        return _PACKET.pack(_CLOSE_STDIN, 0)

    def feed(self, data: bytes) -> Iterator[tuple[Stream, bytes]]:
        """Pieces of packets as they come: a length of 4 GiB is believed, and never waited for."""
        self._pending += data
        while self._pending:
            if self._left_bytes == 0:
                if len(self._pending) < _PACKET.size:
                    return
                kind, self._left_bytes = _PACKET.unpack_from(self._pending)
                self._stream = Stream(kind)
                del self._pending[: _PACKET.size]
            piece = bytes(self._pending[: self._left_bytes])
            del self._pending[: len(piece)]
            self._left_bytes -= len(piece)
            if piece:
                yield self._stream, piece


class ExecStream:
    """
    ``exec:`` with marks around what the command prints; stdin never ends.

    The device's shell keeps the command's stderr apart and tells it after the exit code. What comes
    before the first mark are words of the linker about that shell.
    """

    def __init__(self, stdin_bytes: int | None = None) -> None:
        """*stdin_bytes*: the command sees exactly so many, then an end; None leaves stdin open."""
        self._mark = b"\x1e" + secrets.token_hex(16).encode()
        mark = re.escape(self._mark)
        self._parts = deque([
            (Stream.STDERR, re.compile(mark + rb":\r?\n")),
            (Stream.STDOUT, re.compile(mark + rb":(\d{1,3})\r?\n")),
            (Stream.STDERR, re.compile(mark + rb"\.\r?\n")),
        ])  # fmt: skip
        self._stdin_bytes = stdin_bytes
        self._pending = b""
        self._exit_code = 0

    def service(self, argv: Sequence[str]) -> str:
        """The service of the device that runs *argv*."""
        command = f"({shlex.join(argv)}) 2>&1 >&3 3>&-"
        if self._stdin_bytes == 0:
            command += " </dev/null"
        elif self._stdin_bytes is not None:
            # toolbox has no head -c; dd reads single bytes because a pipe gives short reads.
            command = f"dd bs=1 count={self._stdin_bytes} 2>/dev/null 3>&- | {command}"
        mark = self._mark.decode()
        return (
            f"exec:echo '{mark}:'; {{ said=$( {command} ); code=$?; }} 3>&1; "
            f"echo '{mark}:'$code; [ \"$said\" ] && echo \"$said\"; echo '{mark}.'"
        )

    def stdin(self, data: bytes) -> bytes:
        """*data* unchanged: the stream has no frames."""
        return data

    def end_of_stdin(self) -> bytes:
        """Nothing: half a connection cannot be closed through adb."""
        return b""

    def feed(self, data: bytes) -> Iterator[tuple[Stream, bytes]]:
        """The received bytes, up to what may be the beginning of a mark."""
        self._pending += data
        while self._parts:
            stream, mark = self._parts[0]
            end = mark.search(self._pending)
            cut = self._uncertain() if end is None else end.start()
            if cut:
                yield stream, self._pending[:cut]
            self._pending = self._pending[cut if end is None else end.end() :]
            if end is None:
                return
            if end.re.groups:
                self._exit_code = int(end[1]) & 0xFF
            self._parts.popleft()
        yield Stream.EXIT, bytes([self._exit_code])

    def _uncertain(self) -> int:
        """Where a mark may begin that has not come whole."""
        keep = self._pending.rfind(b"\x1e", -len(self._mark) - len(":255\r\n"))
        return len(self._pending) if keep < 0 else keep


ATTACHED = "is it still attached? see 'adb devices'"


class ShellChannel:
    """
    A command running on the device; `droidreclaim.device.Channel` over a link.

    One thread may write while another waits in `read`.
    """

    def __init__(self, link: Link, framing: Framing) -> None:
        self._link = link
        self._framing = framing
        self._stdout = bytearray()
        self._stderr = bytearray()
        self._exit_code: int | None = None
        self._at_end = False
        self._reading = threading.Lock()

    @property
    def stderr(self) -> bytes:
        """The last 64 KiB of the command's stderr so far."""
        return bytes(self._stderr)

    @property
    def exit_code(self) -> int | None:
        """Exit status once the device has sent it."""
        return self._exit_code

    def write(self, data: bytes) -> None:
        """Write to the command's stdin; output that comes meanwhile is kept for `read`."""
        if self._at_end or not self._write(self._framing.stdin(data), Deadline(WRITE_TIMEOUT_S)):
            raise DeviceLost(f"{self._link.who}: the link to the device broke", hint=ATTACHED)

    def read(self, timeout_s: float) -> bytes:
        """Whatever stdout has next; empty at its end."""
        with self._reading:
            return self._read(Deadline(timeout_s))

    def finish(self, stdin: bytes, deadline: Deadline) -> bytes:
        """
        Give the command all its input and collect its output to the end.

        Raises:
            TooMuchOutput: more than 16 MiB of it.
            DeviceTimeout, DeviceLost: as `read`; partial output is never returned.
        """
        output = bytearray()
        self._send(self._framing.stdin(stdin) + self._framing.end_of_stdin(), deadline)
        while piece := self._read(deadline):
            output += piece
            self._bound(len(output))
        return bytes(output)

    def close(self) -> None:
        """Close the link; the device hangs up on the command."""
        self._at_end = True
        self._link.close()

    def _read(self, deadline: Deadline) -> bytes:
        self._link.deadline = deadline
        while not self._stdout and not self._at_end:
            came = self._link.recv(CHUNK_BYTES)
            if not came:
                raise DeviceLost(f"{self._link.who}: the link to the device broke", hint=ATTACHED)
            self._take(came)
        taken = bytes(self._stdout[:CHUNK_BYTES])  # so that the reader looks at its deadline
        del self._stdout[:CHUNK_BYTES]
        return taken

    def _write(self, data: bytes, deadline: Deadline) -> bool:
        """Write, and read as well unless somebody does: else both ends might wait for ever."""
        if not self._reading.acquire(blocking=False):
            self._link.send(data, deadline)
            return True
        try:
            return self._send(data, deadline)
        finally:
            self._reading.release()

    def _send(self, data: bytes, deadline: Deadline) -> bool:
        self._link.deadline = deadline
        return self._link.send_while(data, self._take)

    def _take(self, data: bytes) -> None:
        try:
            for stream, piece in self._framing.feed(data):
                if stream is Stream.STDOUT:
                    self._stdout += piece
                elif stream is Stream.STDERR:
                    self._stderr += piece
                    del self._stderr[:-MAX_STDERR_BYTES]
                else:
                    self._exit_code, self._at_end = piece[0], True
        except ValueError as error:
            raise DeviceLost(f"{self._link.who}: the answer is no shell protocol") from error
        self._bound(len(self._stdout))

    def _bound(self, size_bytes: int) -> None:
        if size_bytes > MAX_OUTPUT_BYTES:
            raise TooMuchOutput(
                f"{self._link.who}: more than {MAX_OUTPUT_BYTES >> 20} MiB of output"
            )
