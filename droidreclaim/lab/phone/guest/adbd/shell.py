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
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from .wire import Stream

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
    child = (_start_on_terminal if request.terminal else _start_on_pipes)(stream, request)
    stream.feed_to(child.stdin.take)
    stream.on_writable = child.pump
    ended = asyncio.create_task(child.wait())
    gone = asyncio.create_task(stream.gone.wait())
    await asyncio.wait({ended, gone}, return_when=asyncio.FIRST_COMPLETED)
    if not child.exited.done():
        with contextlib.suppress(PermissionError):  # the child is root, and we are not
            child.process.send_signal(signal.SIGHUP)
    for task in (gone, ended):
        task.cancel()
    child.close()
    if request.packets and child.exited.done():
        code = child.exited.result()
        status = code if code >= 0 else 128 - code
        await stream.write(_PACKET.pack(_EXIT, 1) + bytes([status]))


class _Input:
    """The child's stdin: passes on what the host sends as soon as the child reads it."""

    def __init__(self, stream: Stream, end: IO[bytes], packets: bool) -> None:
        self._stream = stream
        self._end = end
        self._packets = packets
        self._framed = bytearray()
        self._kind = self._left = 0  # of the packet that is being read
        self._pending = bytearray()
        self._ends = False
        os.set_blocking(end.fileno(), False)

    def take(self, data: bytes) -> None:
        """Pass *data* on to the child; the host may send more once the child has read it."""
        if self._packets:
            self._unpack(data)
        else:
            self._pending += data
        self._write()

    def close(self) -> None:
        """Close the child's stdin; what the child did not read is lost."""
        self._pending.clear()
        if not self._end.closed:
            asyncio.get_running_loop().remove_writer(self._end.fileno())
            self._end.close()

    def _unpack(self, data: bytes) -> None:
        self._framed += data
        while self._framed:
            if self._left == 0:
                if len(self._framed) < _PACKET.size:
                    return
                self._kind, self._left = _PACKET.unpack_from(self._framed)
                del self._framed[: _PACKET.size]
            if self._kind == _STDIN:
                self._pending += self._framed[: self._left]
            elif self._kind == _CLOSE_STDIN:
                self._ends = True
            taken = min(self._left, len(self._framed))
            del self._framed[:taken]
            self._left -= taken

    def _write(self) -> None:
        """Write what is pending; drop it when the child has closed its stdin."""
        if not self._end.closed:
            try:
                while self._pending:
                    del self._pending[: os.write(self._end.fileno(), self._pending)]
            except BlockingIOError:
                asyncio.get_running_loop().add_writer(self._end.fileno(), self._go_on)
                return
            except OSError:
                self.close()
        self._pending.clear()
        if self._ends:
            self.close()
        self._stream.ask_for_more()

    def _go_on(self) -> None:
        asyncio.get_running_loop().remove_writer(self._end.fileno())
        self._write()


class _Output:
    """
    One of the child's outputs.

    Attributes:
        ended: Done when nobody holds the other end any more.
    """

    def __init__(
        self, stream: Stream, waiting: "deque[_Output]", end: IO[bytes], number: int | None
    ) -> None:
        """*number*: the kind of packet that carries this output; None sends it without packets."""
        self._stream = stream
        self._waiting = waiting
        self._end = end
        self._number = number
        self._limit = min(READ_BYTES, stream.payload_bytes - _PACKET.size)
        self._watched = False
        self.ended = asyncio.get_running_loop().create_future()
        os.set_blocking(end.fileno(), False)
        self._watch(True)

    def pump(self) -> None:
        """Send what the child has written, or queue up until the host took the last message."""
        if not self._stream.writable:
            self._watch(False)
            self._waiting.append(self)
            return
        try:
            data = os.read(self._end.fileno(), self._limit)
        except BlockingIOError:
            self._watch(True)
            return
        except OSError:
            data = b""  # EIO: the last process left the pty
        if not data:
            self.close()
            return
        packet = b"" if self._number is None else _PACKET.pack(self._number, len(data))
        self._stream.write_now(packet + data)
        if not self._watched:
            self._waiting.append(self)

    def close(self) -> None:
        """Close our end: a process that still writes gets SIGPIPE."""
        if not self._end.closed:
            self._watch(False)
            self._end.close()
        if not self.ended.done():
            self.ended.set_result(None)

    def _watch(self, wanted: bool) -> None:
        loop = asyncio.get_running_loop()
        if wanted and not self._watched:
            loop.add_reader(self._end.fileno(), self.pump)
        elif self._watched and not wanted:
            loop.remove_reader(self._end.fileno())
        self._watched = wanted


class _Child:
    """
    A started process, with our ends of its streams.

    Attributes:
        exited: Its exit status, negative for a signal, once it was reaped.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        stream: Stream,
        request: Request,
        stdin: IO[bytes],
        outputs: dict[int, IO[bytes]],
    ) -> None:
        self.process = process
        self.stdin = _Input(stream, stdin, request.packets)
        self._stream = stream
        self._waiting: deque[_Output] = deque()
        self._outputs = [
            _Output(stream, self._waiting, end, number if request.packets else None)
            for number, end in outputs.items()
        ]
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = loop.create_future()
        self._pidfd = os.pidfd_open(process.pid)
        loop.add_reader(self._pidfd, self._reap)

    async def wait(self) -> None:
        """Wait until the child's outputs have ended, and then until the child has."""
        await asyncio.gather(*(output.ended for output in self._outputs))
        await asyncio.shield(self.exited)

    def pump(self) -> None:
        """Send from the output that has waited longest: the host took a message."""
        while self._waiting and self._stream.writable:
            self._waiting.popleft().pump()

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self.exited.set_result(self.process.wait())

    def close(self) -> None:
        """Close the streams: a writer then gets SIGPIPE. The child is reaped when it ends."""
        self._stream.on_writable = None
        self.stdin.close()
        for output in self._outputs:
            output.close()


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


@contextlib.contextmanager
def _adj_of_children() -> Iterator[None]:
    """
    Take the adj that a child is to inherit, for the length of the block.

    A child that sets its own adj cannot be started by vfork. With fork, copying our page tables
    took a third of a command's processor time.
    """
    with open("/proc/self/oom_score_adj", "r+") as own:
        before = own.read()
        own.write(CHILD_ADJ)
        own.flush()
        try:
            yield
        finally:
            own.write(before)


def _start(
    request: Request,
    stdin: int,
    stdout: int,
    stderr: int,
    prepare: Callable[[], None] | None = None,
) -> subprocess.Popen[bytes]:
    with _adj_of_children():
        return subprocess.Popen(
            _words(request),
            executable="/system/bin/sh",
            cwd="/",
            env=_environment(request),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            bufsize=0,
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509 (no threads here)
        )


def _start_on_pipes(stream: Stream, request: Request) -> _Child:
    stderr = subprocess.PIPE if request.packets else subprocess.STDOUT
    process = _start(request, subprocess.PIPE, subprocess.PIPE, stderr)
    assert process.stdin is not None
    ends = {_STDOUT: process.stdout, _STDERR: process.stderr}
    outputs = {number: end for number, end in ends.items() if end is not None}
    return _Child(process, stream, request, process.stdin, outputs)


def _start_on_terminal(stream: Stream, request: Request) -> _Child:
    ours, theirs = pty.openpty()
    if request.command and not request.packets:
        tty.setraw(theirs)  # old clients take the output as it is, without CR before LF

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = _start(request, theirs, theirs, theirs, take_terminal)
    os.close(theirs)
    output = os.fdopen(os.dup(ours), "rb", 0)
    return _Child(process, stream, request, os.fdopen(ours, "wb", 0), {_STDOUT: output})
