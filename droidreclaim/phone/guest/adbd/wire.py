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

    Attributes:
        gone: Set once the host hung up.
    """

    def __init__(self, connection: "Connection", local_id: int, remote_id: int) -> None:
        self._connection = connection
        self.local_id = local_id
        self.remote_id = remote_id
        self.gone = asyncio.Event()
        self._may_write = asyncio.Event()
        self._may_write.set()
        self._received: asyncio.Queue[bytes] = asyncio.Queue()
        self._rest = bytearray()

    async def write(self, data: bytes) -> None:
        """
        Send *data*; returns when its last part is on the way.

        Raises:
            StreamClosed: the host hung up.
        """
        step = self._connection.payload_bytes
        for start in range(0, len(data), step):
            await self._may_write.wait()
            if self.gone.is_set():
                raise StreamClosed
            self._may_write.clear()
            await self._connection.send(
                b"WRTE", self.local_id, self.remote_id, data[start : start + step]
            )

    async def read(self) -> bytes:
        """
        What the host sent next; the host may send more once this returned.

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
        await self._connection.send(b"OKAY", self.local_id, self.remote_id)
        return data

    async def read_exactly(self, count: int) -> bytes:
        """
        The next *count* bytes, however the host cut them.

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

    def receive(self, data: bytes) -> None:
        self._received.put_nowait(data)

    def hang_up(self) -> None:
        """The host closed: wake whoever reads or writes."""
        self.gone.set()
        self._may_write.set()
        self._received.put_nowait(b"")


class Connection:
    """
    One adb server that talks to us.

    Args:
        banner: What CNXN answers: properties and features.
        find_service: Maps a service string (``shell:id``) to what runs it, None for unknown ones.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        banner: bytes,
        find_service: Callable[[str], Service | None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._banner = banner
        self._find_service = find_service
        self._streams: dict[int, Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_id = 1
        self._checksums = True
        self.payload_bytes = 4096

    async def serve(self) -> None:
        """Answer until the link breaks, then hang up on every stream."""
        try:
            while True:
                await self._handle(*await self._receive())
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass  # cut, or not adb: the same end
        finally:
            for stream in self._streams.values():
                stream.hang_up()
            self._writer.close()

    async def send(self, command: bytes, arg0: int, arg1: int, data: bytes = b"") -> None:
        """Send one message; a broken link is noticed by `serve`."""
        checksum = sum(data) & 0xFFFFFFFF if self._checksums else 0
        inverted = int.from_bytes(command, "little") ^ 0xFFFFFFFF
        self._writer.write(_HEADER.pack(command, arg0, arg1, len(data), checksum, inverted) + data)
        try:
            await self._writer.drain()
        except OSError as error:
            raise StreamClosed from error

    async def _receive(self) -> tuple[bytes, int, int, bytes]:
        header = await self._reader.readexactly(_HEADER.size)
        command, arg0, arg1, length, _, inverted = _HEADER.unpack(header)
        if int.from_bytes(command, "little") ^ 0xFFFFFFFF != inverted or length > 1024 * 1024:
            raise ValueError("not an ADB message")
        return command, arg0, arg1, await self._reader.readexactly(length)

    async def _handle(self, command: bytes, arg0: int, arg1: int, data: bytes) -> None:
        stream = self._streams.get(arg1)
        if command == b"CNXN":
            self.payload_bytes = min(arg1, PAYLOAD_BYTES)
            await self.send(b"CNXN", VERSION_WITHOUT_CHECKSUMS, PAYLOAD_BYTES, self._banner)
            self._checksums = arg0 < VERSION_WITHOUT_CHECKSUMS
        elif command == b"OPEN":
            await self._open(arg0, data.rstrip(b"\0").decode("utf-8", "surrogateescape"))
        elif stream is None:
            if command == b"WRTE":
                await self.send(b"CLSE", 0, arg0)
        elif command == b"OKAY":
            stream.acknowledge()
        elif command == b"WRTE" and data:
            stream.receive(data)
        elif command == b"CLSE":
            del self._streams[arg1]
            stream.hang_up()

    async def _open(self, remote_id: int, name: str) -> None:
        service = self._find_service(name)
        if service is None:
            await self.send(b"CLSE", 0, remote_id)
            return
        stream = Stream(self, self._next_id, remote_id)
        self._next_id += 1
        self._streams[stream.local_id] = stream
        await self.send(b"OKAY", stream.local_id, remote_id)
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
                await self.send(b"CLSE", stream.local_id, stream.remote_id)
