"""An adb server of our own: the real protocol, commands run on this machine, faults on demand."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)
PACKET = struct.Struct("<BI")
ONE_DEVICE = "R58M12 device usb:1-4 product:oriole model:Pixel_6 device:oriole transport_id:7\n"


def packet(kind: int, data: bytes) -> bytes:
    """One packet of shell protocol 2."""
    return PACKET.pack(kind, len(data)) + data


class Peer:
    """One accepted connection."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected

    def read(self, count: int) -> bytes:
        """Exactly *count* bytes; EOFError when the client closes first."""
        data = b""
        while len(data) < count:
            came = self.socket.recv(count - len(data))
            if not came:
                raise EOFError
            data += came
        return data

    def request(self) -> str:
        """The next request line."""
        return self.read(int(self.read(4), 16)).decode()

    def send(self, data: bytes) -> None:
        """Send *data* as it is."""
        self.socket.sendall(data)

    def okay(self) -> None:
        """Grant the request."""
        self.send(b"OKAY")

    def fail(self, reason: str) -> None:
        """Refuse the request."""
        self.send(b"FAIL" + f"{len(reason.encode()):04x}".encode() + reason.encode())

    def block(self, text: str) -> None:
        """A block of text behind a granted request."""
        self.send(b"OKAY" + f"{len(text.encode()):04x}".encode() + text.encode())


Handler = Callable[[Peer, str], None]


class AdbServer:
    """
    Listens on a port of its own until `close`.

    Attributes:
        devices: The answer to ``host:devices-l``.
        features: What the devices announce; without ``shell_v2`` they refuse ``shell,v2``.
        requests: Every request that came, in order.
        connections: How many clients have connected.
        handlers: Services that behave otherwise, by the beginning of their request.
        environment: Environment of the device's commands.
        warning: What the device's linker says to stderr as each shell starts.
        shell: The shell that runs the commands.
        uid: Whom adbd runs as, when these tests run as root; a ``su`` is run as root.
    """

    def __init__(self) -> None:
        self.devices = ONE_DEVICE
        self.features = "shell_v2,cmd,stat_v2"
        self.requests: list[str] = []
        self.connections = 0
        self.handlers: dict[str, Handler] = {}
        self.environment = dict(os.environ)
        self.warning: str | None = None
        self.shell = "/bin/sh"
        self.uid: int | None = None
        self._children: list[subprocess.Popen[bytes]] = []
        self._peers: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every connection and every command."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for child in self._children:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def hang_up(self) -> None:
        """Break every connection there is; others may come."""
        for peer in self._peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        self._peers.clear()

    def _accept(self) -> None:
        while True:
            try:
                connected, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._peers.append(connected)
            threading.Thread(target=self._serve, args=(connected,), daemon=True).start()

    def _serve(self, connected: socket.socket) -> None:
        with connected, suppress(EOFError, OSError, ValueError):
            peer = Peer(connected)
            going_on = True
            while going_on:
                request = peer.request()
                self.requests.append(request)
                going_on = self._answer(peer, request)
            # As adb's deferred_close: a close with bytes unread resets the connection, and the
            # client may lose what it had not read yet.
            connected.shutdown(socket.SHUT_WR)
            while connected.recv(65536):
                pass

    def _answer(self, peer: Peer, request: str) -> bool:
        """Answer one request; True when another may follow on the same connection."""
        for beginning, handler in self.handlers.items():
            if request.startswith(beginning):
                handler(peer, request)
                return request.startswith("host:transport")
        if request == "host:devices-l":
            peer.block(self.devices)
        elif request.endswith(":features"):
            peer.block(self.features)
        elif request.startswith("host:transport"):
            return self._choose(peer, request)
        elif request.startswith("shell,v2,raw:") and "shell_v2" in self.features:
            self._shell(peer, request.removeprefix("shell,v2,raw:"))
        elif request.startswith("exec:"):
            self._exec(peer, request.removeprefix("exec:"))
        elif request == "sync:":
            peer.okay()
        else:
            peer.fail("closed")
        return False

    def _choose(self, peer: Peer, request: str) -> bool:
        _, _, wanted = request.partition(":")[2].partition(":")
        for row in self.devices.splitlines():
            if f"transport_id:{wanted}" in row.split() or row.split()[0] == wanted:
                if row.split()[1] == "device":
                    peer.okay()
                    return True
                peer.fail(f"device {row.split()[1]}")
                return False
        peer.fail(f"no device with transport id '{wanted}'")
        return False

    def start(self, line: str, stderr: int) -> subprocess.Popen[bytes]:
        """Run a command line of the device here."""
        if self.warning is not None:
            line = f"echo '{self.warning}' >&2; {line}"
        child = subprocess.Popen(
            [self.shell, "-c", line],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=self.environment,
            user=None if line.startswith("exec su ") else self.uid,
            start_new_session=True,
        )
        self._children.append(child)
        return child

    def _shell(self, peer: Peer, line: str) -> None:
        peer.okay()
        child = self.start(f"exec {line}", subprocess.PIPE)  # as mksh does with a last command
        lock = threading.Lock()

        def pump(kind: int, descriptor: int) -> None:
            while data := os.read(descriptor, 65536):
                with lock, suppress(OSError):
                    peer.send(packet(kind, data))

        assert child.stdout is not None
        assert child.stderr is not None
        pumps = [
            threading.Thread(target=pump, args=(kind, pipe.fileno()), daemon=True)
            for kind, pipe in ((STDOUT, child.stdout), (STDERR, child.stderr))
        ]
        for thread in pumps:
            thread.start()
        threading.Thread(target=feed, args=(peer, child), daemon=True).start()
        for thread in pumps:
            thread.join()
        code = child.wait()
        child.stdout.close()
        child.stderr.close()
        with lock:
            peer.send(packet(EXIT, bytes([code if code >= 0 else 128 - code])))

    def _exec(self, peer: Peer, line: str) -> None:
        peer.okay()
        child = self.start(line, subprocess.STDOUT)
        assert child.stdin is not None
        assert child.stdout is not None

        def take() -> None:
            with suppress(OSError), child.stdin:
                while data := peer.socket.recv(65536):
                    child.stdin.write(data)
                    child.stdin.flush()

        threading.Thread(target=take, daemon=True).start()
        while data := os.read(child.stdout.fileno(), 65536):
            peer.send(data)


def feed(peer: Peer, child: subprocess.Popen[bytes]) -> None:
    """Pass the client's packets to the command; when the client leaves, send SIGHUP to it."""
    assert child.stdin is not None
    try:
        while True:
            kind, size = PACKET.unpack(peer.read(PACKET.size))
            data = peer.read(size)
            if kind == CLOSE_STDIN:
                child.stdin.close()
            elif kind == STDIN and not child.stdin.closed:
                with suppress(BrokenPipeError):
                    child.stdin.write(data)
                    child.stdin.flush()
    except (EOFError, OSError):
        with suppress(OSError):
            child.stdin.close()
        child.send_signal(signal.SIGHUP)
