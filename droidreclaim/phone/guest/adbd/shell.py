"""
shell and exec: one child process and its three streams.

What the real daemon does, and tools depend on (AOSP daemon/shell_service.cpp): the child has its own session, default
SIGPIPE and oom_score_adj -950; the stream ends when nobody holds the child's stdout any more; when the host hangs up,
the direct child alone gets SIGHUP, and the pipes are closed.
"""

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import termios
import tty
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from adbd.wire import Stream, StreamClosed

_STDIN, _STDOUT, _STDERR, _EXIT, _CLOSE_STDIN = range(5)  # shell protocol 2; 5 is the window size
_PACKET = struct.Struct("<BI")
CHILD_ADJ = "-950"
READ_BYTES = 32 * 1024

Sink = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True)
class Request:
    """
    What to run and how.

    Attributes:
        command: Empty for an interactive shell.
        packets: Shell protocol 2: streams apart, and an exit code.
        terminal: Run on a pty, stderr in stdout.
    """

    command: str
    packets: bool
    terminal: bool
    term: str


def parse_request(name: str) -> Request:
    """Read ``shell:``, ``shell,v2,raw,TERM=xterm:ls`` or ``exec:ls``; of two kinds the last word wins."""
    words, _, command = name.partition(":")
    kind, *options = words.split(",")
    packets = "v2" in options
    terminal = kind == "shell" and "raw" not in options
    terms = [option[5:] for option in options if option.startswith("TERM=")]
    return Request(command, packets, terminal, (terms or ["dumb"])[0])


async def serve_shell(stream: Stream, request: Request) -> None:
    """Run the request to its end, or until the host hangs up."""
    child = await _spawn_on_terminal(request) if request.terminal else await _spawn_on_pipes(request)
    feeder = asyncio.create_task(_feed(stream, child, request.packets))
    output = asyncio.create_task(_drain(stream, child, request.packets))
    gone = asyncio.create_task(stream.gone.wait())
    await asyncio.wait({output, gone}, return_when=asyncio.FIRST_COMPLETED)
    for task in (feeder, gone):
        task.cancel()
    if not output.done():
        output.cancel()
        child.hang_up()
    child.close()
    with contextlib.suppress(asyncio.CancelledError, StreamClosed):
        await output


class _Child:
    """A started process with the ends of its streams that are ours."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        stdin: asyncio.StreamWriter | None,
        outputs: dict[int, asyncio.StreamReader],
        transports: list[asyncio.BaseTransport],
    ) -> None:
        self.process = process
        self.stdin = stdin
        self.outputs = outputs
        self._transports = transports

    def hang_up(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGHUP)

    def close(self) -> None:
        for transport in self._transports:
            transport.close()


async def _drain(stream: Stream, child: _Child, packets: bool) -> None:
    async def pump(number: int, reader: asyncio.StreamReader) -> None:
        while data := await _read(reader):
            await stream.write(_PACKET.pack(number, len(data)) + data if packets else data)

    await asyncio.gather(*(pump(number, reader) for number, reader in child.outputs.items()))
    code = await child.process.wait()
    if packets:
        status = code if code >= 0 else 128 - code
        await stream.write(_PACKET.pack(_EXIT, 1) + bytes([status]))


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(READ_BYTES)
    except OSError:
        return b""  # EIO: the last process left the pty


async def _feed(stream: Stream, child: _Child, packets: bool) -> None:
    """Pass the host's bytes on; a child that no longer reads is its own affair."""
    with contextlib.suppress(StreamClosed, OSError):
        while True:
            number, data = await _next_input(stream, packets)
            if number == _STDIN and child.stdin is not None:
                child.stdin.write(data)
                with contextlib.suppress(OSError):
                    await child.stdin.drain()
            elif number == _CLOSE_STDIN and child.stdin is not None:
                child.stdin.close()


async def _next_input(stream: Stream, packets: bool) -> tuple[int, bytes]:
    if not packets:
        return _STDIN, await stream.read()
    number, length = _PACKET.unpack(await stream.read_exactly(_PACKET.size))
    return number, await stream.read_exactly(length) if length else b""


def _environment(request: Request) -> dict[str, str]:
    user = "root" if os.getuid() == 0 else "shell"
    return {
        "PATH": "/system/bin:/system/xbin:/vendor/bin",
        "HOME": "/",
        "SHELL": "/system/bin/sh",
        "TMPDIR": "/data/local/tmp",
        "HOSTNAME": os.uname().nodename,
        "USER": user,
        "LOGNAME": user,
        "TERM": request.term,
    }


def _words(request: Request) -> list[str]:
    return ["sh", "-c", request.command] if request.command else ["sh", "-"]


def _set_adj() -> None:
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write(CHILD_ADJ)


async def _spawn_on_pipes(request: Request) -> _Child:
    process = await asyncio.create_subprocess_exec(
        *_words(request),
        executable="/system/bin/sh",
        cwd="/",
        env=_environment(request),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE if request.packets else asyncio.subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_set_adj,
        limit=READ_BYTES,
    )
    assert process.stdout is not None
    outputs = {_STDOUT: process.stdout}
    if process.stderr is not None:
        outputs[_STDERR] = process.stderr
    return _Child(process, process.stdin, outputs, [process._transport])


async def _spawn_on_terminal(request: Request) -> _Child:
    ours, theirs = pty.openpty()
    if request.command and not request.packets:
        tty.setraw(theirs)  # old clients take the output as it is, without CR before LF

    def take_terminal() -> None:
        _set_adj()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = await asyncio.create_subprocess_exec(
        *_words(request),
        executable="/system/bin/sh",
        cwd="/",
        env=_environment(request),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    os.close(theirs)
    reader, read_end = await _open_reader(ours)
    writer = await _open_writer(os.dup(ours))
    return _Child(process, writer, {_STDOUT: reader}, [read_end, writer.transport])


async def _open_reader(fd: int) -> tuple[asyncio.StreamReader, asyncio.BaseTransport]:
    reader = asyncio.StreamReader(limit=READ_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", 0)
    )
    return reader, transport


async def _open_writer(fd: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop), os.fdopen(fd, "wb", 0)
    )
    return asyncio.StreamWriter(transport, protocol, None, loop)
