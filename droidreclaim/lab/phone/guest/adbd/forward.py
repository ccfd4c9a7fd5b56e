"""
tcp: a connection to a port of the phone, as ``adb forward`` makes them.

AOSP's daemon refuses the stream where nobody listens; this one closes it at once.
"""

import asyncio
import contextlib

from .wire import Stream

CHUNK_BYTES = 32 * 1024


def port_of(name: str) -> int | None:
    """Read ``tcp:9008``; None for what names no port of this phone."""
    word = name.partition(":")[2]
    return int(word) if word.isdecimal() and len(word) <= 5 and 0 < int(word) < 65536 else None


async def serve_port(stream: Stream, port: int) -> None:
    """Pass bytes on both ways, until one side hangs up."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return  # the stream closes
    tasks = [asyncio.create_task(one) for one in (_up(stream, writer), _down(stream, reader))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _up(stream: Stream, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(await stream.read())
        await writer.drain()


async def _down(stream: Stream, reader: asyncio.StreamReader) -> None:
    while data := await reader.read(CHUNK_BYTES):
        await stream.write(data)
