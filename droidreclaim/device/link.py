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

    A timeout of the socket itself would start again with every byte that trickles in.

    Attributes:
        who: Names the other end in errors.
        deadline: Bounds every call; set it anew before each operation.
    """

    def __init__(self, connected: socket.socket, who: str, deadline: Deadline) -> None:
        self.who = who
        self.deadline = deadline
        self._socket = connected
        self._socket.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(connected, selectors.EVENT_READ)

    def recv(self, limit_bytes: int) -> bytes:
        """
        Whatever came, at least one byte; empty once the other end has closed.

        Raises:
            DeviceTimeout: nothing came before the deadline.
            DeviceLost: the connection broke.
        """
        self._wait(selectors.EVENT_READ)
        return self._receive(limit_bytes)

    def send(self, data: bytes) -> int:
        """
        Send all of *data*; what comes meanwhile stays unread.

        Raises:
            DeviceTimeout: it was not taken before the deadline.
            DeviceLost: the connection broke.
        """
        rest = memoryview(data)
        while rest:
            self._wait(selectors.EVENT_WRITE)
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
            events = self._wait(selectors.EVENT_READ | selectors.EVENT_WRITE)
            if events & selectors.EVENT_READ:
                came = self._receive(CHUNK_BYTES)
                if not came:
                    return False
                received(came)
            elif events & selectors.EVENT_WRITE:
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
        self._selector.close()
        self._socket.close()

    def _wait(self, events: int) -> int:
        self._selector.modify(self._socket, events)
        left_s = self.deadline.left_s()
        # No time, no look: else an end that never falls silent would never time out.
        ready = self._selector.select(left_s) if left_s else []
        if not ready:
            raise DeviceTimeout(f"{self.who}: no answer within {self.deadline.timeout_s:g} s")
        return ready[0][1]

    def _receive(self, limit_bytes: int) -> bytes:
        try:
            return self._socket.recv(min(limit_bytes, CHUNK_BYTES))
        except BlockingIOError:
            return self.recv(limit_bytes)
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
