"""The command line against a phone, and a proxy that counts what it asks of the adb server."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from zygote import run_warm

from handset import Handset

COMMAND_TIMEOUT_S = 120.0


def command(handset: Handset, *words: str) -> list[str]:
    return [sys.executable, "-m", "droidreclaim", "-s", handset.serial, *words]


def run(handset: Handset, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``droidreclaim -s SERIAL words...``."""
    return run_warm(
        ["-s", handset.serial, *words], os.environ | environment, timeout_s=COMMAND_TIMEOUT_S
    )


def run_json(handset: Handset, *words: str) -> Any:
    """Run a command that must succeed, and return the document that it printed."""
    done = run(handset, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class CountingProxy:
    """
    Passes connections on to the adb server and keeps what the client says on each.

    Args:
        on_request: Called with what the client says, before it is passed on.
    """

    def __init__(
        self, server_port: int, on_request: Callable[[bytes], None] = lambda data: None
    ) -> None:
        self._on_request = on_request
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.sent: list[bytes] = []  # all that the client said on each connection
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            index = len(self.requests)
            self.requests.append(b"")
            self.sent.append(b"")
            for pair in ((client, server, index), (server, client, None)):
                threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, index: int | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if index is not None:
                    self._on_request(data)
                    self.sent[index] += data
                    if len(self.requests[index]) < 200:
                        self.requests[index] += data[:200]
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def counted(server_port: int) -> Iterator[CountingProxy]:
    proxy = CountingProxy(server_port)
    try:
        yield proxy
    finally:
        proxy.close()


@contextlib.contextmanager
def interrupted_in_page_out(
    server_port: int, words: Sequence[str], *, number: int = 1
) -> Iterator[subprocess.Popen[str]]:
    """
    Run ``droidreclaim words...``, and send it SIGINT when it asks for its *number*-th page-out.

    The request reaches the adb server only after the signal is sent, so there is no answer yet.
    """
    asked = 0

    def interrupt(data: bytes) -> None:
        nonlocal asked
        asked += data.count(b" pageout targets=")
        if b" pageout targets=" in data and asked == number:
            process.send_signal(signal.SIGINT)

    proxy = CountingProxy(server_port, interrupt)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "droidreclaim", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"ANDROID_ADB_SERVER_PORT": str(proxy.port)},
        )
        yield process
        assert asked == number, "it did not end in the page-out in which it was interrupted"
    finally:
        process.kill()
        proxy.close()


def helper_writes(sent: bytes) -> list[bytes]:
    """Return each write to the helper on a connection, heartbeats left out."""
    for _ in range(2):  # the transport and the service, each with its length before it
        length = int(sent[:4] or b"0", 16)
        sent = sent[4 + length :]
    writes = []
    while len(sent) >= 5:  # packets of the shell protocol: 0 is standard input
        kind, length = sent[0], int.from_bytes(sent[1:5], "little")
        payload, sent = sent[5 : 5 + length], sent[5 + length :]
        if kind == 0 and payload.strip():
            writes.append(payload)
    return writes
