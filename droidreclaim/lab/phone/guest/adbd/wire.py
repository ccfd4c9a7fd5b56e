"""
The ADB transport: messages, and the streams multiplexed over one connection.

Facts from AOSP's protocol.txt: a header of six little-endian words (command, two arguments,
length, checksum, command inverted); a stream may send its next WRTE only after the OKAY to the
last.
"""

import asyncio
import struct
from collections.abc import Awaitable, Callable

_HEADER = struct.Struct("<4s5I")
VERSION_WITHOUT_CHECKSUMS = 0x01000001
PAYLOAD_BYTES = 256 * 1024  # ours; adb offers 1 MiB, which would only cost the phone memory

Service = Callable[["Stream"], Awaitable[None]]


class StreamClosed(Exception):
    """The host closed the stream, or the whole connection."""


class Stream:
    """
    One stream of a connection, device side.

    What the host sends is either pulled with `read`, or handed on as it comes after `feed_to`; then
    whoever takes it calls `ask_for_more`.

    Attributes:
        gone: Set once the host hung up.
        on_writable: Called when the host took the last message.
    """

    def __init__(self, connection: "Connection", local_id: int, remote_id: int) -> None:
        self._connection = connection
        self.local_id = local_id
        self.remote_id = remote_id
        self.gone = asyncio.Event()
        self.on_writable: Callable[[], None] | None = None
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._received: asyncio.Queue[bytes] = asyncio.Queue()
        self._take: Callable[[bytes], None] | None = None
        self._rest = bytearray()

    @property
    def payload_bytes(self) -> int:
        """Return the most bytes that one message may hold."""
        return self._connection.payload_bytes

    @property
    def writable(self) -> bool:
        """Whether `write_now` may be called."""
        return self._may_write.is_set() and not self.gone.is_set()

    def write_now(self, data: bytes) -> None:
        """Send *data* as one message; only while `writable`."""
        self._may_write.clear()
        self._connection.send(b"WRTE", self.local_id, self.remote_id, data)

    async def write(self, data: bytes) -> None:
        """
        Send *data*; returns when its last part is on the way.

        Raises:
            StreamClosed: the host hung up.
        """
        step = self.payload_bytes
        for start in range(0, len(data), step):
            await self._may_write.wait()
            if self.gone.is_set():
                raise StreamClosed
            self.write_now(data[start : start + step])

    def feed_to(self, take: Callable[[bytes], None]) -> None:
        """Call *take* with the data that has arrived, and with all that arrives later."""
        self._take = take
        while not self._received.empty():
            if data := self._received.get_nowait():
                take(data)

    def ask_for_more(self) -> None:
        """Tell the host that what it sent is dealt with, and that it may send again."""
        self._connection.send(b"OKAY", self.local_id, self.remote_id)

    async def read(self) -> bytes:
        """
        Return what the host sent next; the host may then send more.

        Raises:
            StreamClosed: the host hung up.
        """
        if self._rest:
            data = bytes(self._rest)
            self._rest.clear()
            return data
        data = await self._received.get()
        if not data:
            raise StreamClosed
        self.ask_for_more()
        return data

    async def read_exactly(self, count: int) -> bytes:
        """
        Return the next *count* bytes, however the host cut them into messages.

        Raises:
            StreamClosed: the host hung up before.
        """
        rest = bytearray()
        while len(rest) < count:
            rest += await self.read()
        self._rest += rest[count:]
        return bytes(rest[:count])

    def acknowledge(self) -> None:
        self._may_write.set()
        if self.on_writable is not None:
            self.on_writable()

    def receive(self, data: bytes) -> None:
        if self._take is not None:
            self._take(data)
        else:
            self._received.put_nowait(data)

    def hang_up(self) -> None:
        """Wake whoever reads or writes: the host closed the stream."""
        self.gone.set()
        self._may_write.set()
        self._received.put_nowait(b"")


class Connection(asyncio.Protocol):
    """
    One adb server that talks to us.

    Messages are acted on where they arrive: under emulation each task that has to be woken costs
    over a millisecond, and a request on an open shell is three messages.

    Args:
        banner: What CNXN answers: properties and features.
        find_service: Maps a service string (``shell:id``) to what runs it, None for unknown ones.
    """

    def __init__(self, banner: bytes, find_service: Callable[[str], Service | None]) -> None:
        self._banner = banner
        self._find_service = find_service
        self._transport: asyncio.Transport | None = None
        self._pending = bytearray()
        self._streams: dict[int, Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_id = 1
        self._checksums = True
        self.payload_bytes = 4096

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        """Hang up on every stream: the link is cut."""
        for stream in self._streams.values():
            stream.hang_up()

    def data_received(self, data: bytes) -> None:
        """Act on every whole message; what is not adb ends the connection."""
        self._pending += data
        try:
            while (message := self._next_message()) is not None:
                self._handle(*message)
        except ValueError:
            self._pending.clear()
            if self._transport is not None:
                self._transport.close()

    def send(self, command: bytes, arg0: int, arg1: int, data: bytes = b"") -> None:
        """Send one message; a broken link is noticed by `connection_lost`."""
        if self._transport is None or self._transport.is_closing():
            return
        checksum = sum(data) & 0xFFFFFFFF if self._checksums else 0
        inverted = int.from_bytes(command, "little") ^ 0xFFFFFFFF
        header = _HEADER.pack(command, arg0, arg1, len(data), checksum, inverted)
        self._transport.write(header + data)

    def _next_message(self) -> tuple[bytes, int, int, bytes] | None:
        """
        Take the first message from the bytes received; None while it is incomplete.

        Raises:
            ValueError: the bytes are not a message of adb.
        """
        if len(self._pending) < _HEADER.size:
            return None
        command, arg0, arg1, length, _, inverted = _HEADER.unpack_from(self._pending)
        if int.from_bytes(command, "little") ^ 0xFFFFFFFF != inverted or length > 1024 * 1024:
            raise ValueError("not an ADB message")
        end = _HEADER.size + length
        if len(self._pending) < end:
            return None
        data = bytes(self._pending[_HEADER.size : end])
        del self._pending[:end]
        return command, arg0, arg1, data

    def _handle(self, command: bytes, arg0: int, arg1: int, data: bytes) -> None:
        stream = self._streams.get(arg1)
        if command == b"CNXN":
            self.payload_bytes = min(arg1, PAYLOAD_BYTES)
            self.send(b"CNXN", VERSION_WITHOUT_CHECKSUMS, PAYLOAD_BYTES, self._banner)
            self._checksums = arg0 < VERSION_WITHOUT_CHECKSUMS
        elif command == b"OPEN":
            self._open(arg0, data.rstrip(b"\0").decode("utf-8", "surrogateescape"))
        elif stream is None:
            if command == b"WRTE":
                self.send(b"CLSE", 0, arg0)
        elif command == b"OKAY":
            stream.acknowledge()
        elif command == b"WRTE" and data:
            stream.receive(data)
        elif command == b"CLSE":
            del self._streams[arg1]
            stream.hang_up()

    def _open(self, remote_id: int, name: str) -> None:
        service = self._find_service(name)
        if service is None:
            self.send(b"CLSE", 0, remote_id)
            return
        stream = Stream(self, self._next_id, remote_id)
        self._next_id += 1
        self._streams[stream.local_id] = stream
        self.send(b"OKAY", stream.local_id, remote_id)
        task = asyncio.create_task(self._run(service, stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, service: Service, stream: Stream) -> None:
        try:
            await service(stream)
        except StreamClosed:
            pass
        finally:
            if self._streams.pop(stream.local_id, None) is not None:
                self.send(b"CLSE", stream.local_id, stream.remote_id)
