"""
shell and exec: one child process and its three streams.

What the real daemon does, and tools depend on (AOSP daemon/shell_service.cpp): the child has its
own session, default SIGPIPE and oom_score_adj -950; the stream ends when nobody holds the child's
stdout any more; when the host hangs up, the direct child alone gets SIGHUP, and the pipes are
closed.
"""

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import tty
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from .wire import Stream, StreamClosed

_STDIN, _STDOUT, _STDERR, _EXIT, _CLOSE_STDIN = range(5)  # shell protocol 2; 5 is the window size
_PACKET = struct.Struct("<BI")
CHILD_ADJ = "-950"
READ_BYTES = 32 * 1024


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
    """Read ``shell:``, ``shell,v2,raw,TERM=xterm:ls`` or ``exec:ls``."""
    words, _, command = name.partition(":")
    kind, *options = words.split(",")
    packets = "v2" in options
    terminal = kind == "shell" and "raw" not in options
    terms = [option[5:] for option in options if option.startswith("TERM=")]
    return Request(command, packets, terminal, (terms or ["dumb"])[0])


async def serve_shell(stream: Stream, request: Request) -> None:
    """Run the request to its end, or until the host hangs up."""
    child = await (_start_on_terminal(request) if request.terminal else _start_on_pipes(request))
    feeder = asyncio.create_task(_feed(stream, child, request.packets))
    output = asyncio.create_task(_drain(stream, child, request.packets))
    gone = asyncio.create_task(stream.gone.wait())
    await asyncio.wait({output, gone}, return_when=asyncio.FIRST_COMPLETED)
    if not child.exited.done():
        with contextlib.suppress(PermissionError):  # it became root, and we are not
            child.process.send_signal(signal.SIGHUP)
    for task in (feeder, gone, output):
        if task is not output or stream.gone.is_set():
            task.cancel()
    child.close()
    with contextlib.suppress(asyncio.CancelledError, StreamClosed):
        await output


class _Child:
    """
    A started process with the ends of its streams that are ours.

    Attributes:
        exited: Its exit status, negative for a signal, once it was reaped.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        stdin: asyncio.StreamWriter,
        outputs: dict[int, "_Output"],
    ) -> None:
        self.process = process
        self.stdin = stdin
        self.outputs = outputs
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = loop.create_future()
        self._pidfd = os.pidfd_open(process.pid)
        loop.add_reader(self._pidfd, self._reap)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self.exited.set_result(self.process.wait())

    def close(self) -> None:
        """Close the streams: who still writes gets SIGPIPE. The process is reaped when it ends."""
        if not self.stdin.transport.is_closing():  # a closed one cannot be aborted (asyncio)
            self.stdin.transport.abort()
        for output in self.outputs.values():
            output.transport.close()


@dataclass(frozen=True)
class _Output:
    reader: asyncio.StreamReader
    transport: asyncio.BaseTransport


async def _drain(stream: Stream, child: _Child, packets: bool) -> None:
    async def pump(number: int, reader: asyncio.StreamReader) -> None:
        while data := await _read(reader):
            await stream.write(_PACKET.pack(number, len(data)) + data if packets else data)

    await asyncio.gather(*(pump(number, output.reader) for number, output in child.outputs.items()))
    code = await asyncio.shield(child.exited)
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
            if number == _STDIN:
                child.stdin.write(data)
                with contextlib.suppress(OSError):
                    await child.stdin.drain()
            elif number == _CLOSE_STDIN:
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


def _start(
    request: Request, stdin: int, stdout: int, stderr: int, prepare: Callable[[], None]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        _words(request),
        executable="/system/bin/sh",
        cwd="/",
        env=_environment(request),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        preexec_fn=prepare,  # noqa: PLW1509 (no threads here)
    )


async def _start_on_pipes(request: Request) -> _Child:
    stderr = subprocess.PIPE if request.packets else subprocess.STDOUT
    process = _start(request, subprocess.PIPE, subprocess.PIPE, stderr, _set_adj)
    assert process.stdin is not None
    ends = {_STDOUT: process.stdout, _STDERR: process.stderr}
    outputs = {number: await _open_output(end) for number, end in ends.items() if end is not None}
    return _Child(process, await _open_input(process.stdin), outputs)


async def _start_on_terminal(request: Request) -> _Child:
    ours, theirs = pty.openpty()
    if request.command and not request.packets:
        tty.setraw(theirs)  # old clients take the output as it is, without CR before LF

    def take_terminal() -> None:
        _set_adj()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = _start(request, theirs, theirs, theirs, take_terminal)
    os.close(theirs)
    output = await _open_output(os.fdopen(os.dup(ours), "rb", 0))
    return _Child(process, await _open_input(os.fdopen(ours, "wb", 0)), {_STDOUT: output})


async def _open_output(end: IO[bytes]) -> _Output:
    reader = asyncio.StreamReader(limit=READ_BYTES)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, end)
    return _Output(reader, transport)


async def _open_input(end: IO[bytes]) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    protocol = asyncio.streams.FlowControlMixin(loop)
    transport, _ = await loop.connect_write_pipe(lambda: protocol, end)
    return asyncio.StreamWriter(transport, protocol, None, loop)
