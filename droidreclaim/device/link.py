"""A socket on which every wait ends at a deadline, whatever the other end does."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable

from droidreclaim.errors import DeviceLost, DeviceTimeout

CHUNK_BYTES = 64 * 1024


class Deadline:
    """A moment of the monotonic clock, *timeout_s* from now."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._end_s = time.monotonic() + timeout_s

    def left_s(self) -> float:
        """Seconds left, 0.0 when it has passed."""
        return max(0.0, self._end_s - time.monotonic())


class Link:
    """
    A connected stream socket; `recv` and `send` wait until `deadline` and not a moment longer.

    A timeout of the socket itself would start again with every byte that trickles in. One thread
    may `send` while another waits in `recv`: each waits for itself.

    Attributes:
        who: Names the other end in errors.
        deadline: Bounds every call; set it anew before each operation.
    """

    def __init__(self, connected: socket.socket, who: str, deadline: Deadline) -> None:
        self.who = who
        self.deadline = deadline
        self._socket = connected
        self._socket.setblocking(False)

    def recv(self, limit_bytes: int) -> bytes:
        """
        Whatever came, at least one byte; empty once the other end has closed.

        Raises:
            DeviceTimeout: nothing came before the deadline.
            DeviceLost: the connection broke.
        """
        while True:
            self._wait(selectors.EVENT_READ, self.deadline)
            came = self._receive(limit_bytes)
            if came is not None:
                return came

    def send(self, data: bytes, deadline: Deadline | None = None) -> int:
        """
        Send all of *data*, by *deadline* if one is given; what comes meanwhile stays unread.

        Raises:
            DeviceTimeout: it was not taken before the deadline.
            DeviceLost: the connection broke.
        """
        rest = memoryview(data)
        while rest:
            self._wait(selectors.EVENT_WRITE, deadline or self.deadline)
            rest = rest[self._transmit(rest) :]
        return len(data)

    def send_while(self, data: bytes, received: Callable[[bytes], None]) -> bool:
        """
        Send *data* and hand on what comes meanwhile, so that neither end waits for the other.

        Returns False when the other end closed before it took everything.

        Raises:
            DeviceTimeout, DeviceLost: as `send`.
        """
        rest = memoryview(data)
        while rest:
            events = self._wait(selectors.EVENT_READ | selectors.EVENT_WRITE, self.deadline)
            if events & selectors.EVENT_READ:
                came = self._receive(CHUNK_BYTES)
                if came == b"":
                    return False
                received(came or b"")
            if events & selectors.EVENT_WRITE:
                rest = rest[self._transmit(rest) :]
        return True

    def read_exactly(self, count: int) -> bytes:
        """
        The next *count* bytes.

        Raises:
            DeviceTimeout: as `recv`.
            DeviceLost: the connection broke or ended before them.
        """
        data = bytearray()
        while len(data) < count:
            came = self.recv(count - len(data))
            if not came:
                raise DeviceLost(f"{self.who}: the connection ended in the middle of an answer")
            data += came
        return bytes(data)

    def close(self) -> None:
        """Close the socket. Never raises, may be called twice."""
        self._socket.close()

    def _wait(self, events: int, deadline: Deadline) -> int:
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._socket, events)
                # No time, no look: else an end that never falls silent would never time out.
                left_s = deadline.left_s()
                ready = selector.select(left_s) if left_s else []
        except ValueError as error:  # closed, by this thread or another
            raise DeviceLost(f"{self.who}: the connection is closed") from error
        if not ready:
            raise DeviceTimeout(f"{self.who}: no answer within {deadline.timeout_s:.3g} s")
        return ready[0][1]

    def _receive(self, limit_bytes: int) -> bytes | None:
        """What the other end sent; None when the socket was woken for nothing."""
        try:
            return self._socket.recv(min(limit_bytes, CHUNK_BYTES))
        except BlockingIOError:
            return None
        except OSError as error:
            raise self._lost(error) from error

    def _transmit(self, data: memoryview) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._lost(error) from error

    def _lost(self, error: OSError) -> DeviceLost:
        return DeviceLost(f"{self.who}: the connection broke: {error.strerror or error}")
