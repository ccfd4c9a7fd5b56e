"""Listens for clients and answers each in a thread of its own."""

import contextlib
import os
import socket
import threading

from .commands import Services, run
from .links import AppGone
from .reply import Reply

SOCKET = "/dev/socket/framework"
REQUEST_BYTES = 1 << 20
BACKLOG = 32


def listen(path: str = SOCKET) -> socket.socket:
    """Open the socket that every user of the phone may connect to."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    os.chmod(path, 0o666)
    server.listen(BACKLOG)
    return server


def serve(server: socket.socket, services: Services) -> None:
    """Answer clients for ever."""
    while True:
        client, _ = server.accept()
        threading.Thread(target=_answer, args=(client, services), daemon=True).start()


def _answer(client: socket.socket, services: Services) -> None:
    with client:
        reply = Reply(client)
        words = _read(client)
        try:
            status = run(services, words, reply)
        except AppGone as error:
            reply.err(f"{words[0]}: the app died: {error}\n")
            status = 1
        except (ValueError, IndexError, LookupError) as error:
            reply.err(
                f"\nException occurred while executing '{' '.join(words)}':\n"
                f"{type(error).__name__}: {error}\n"
            )
            status = 255
        reply.exit(status)


def _read(client: socket.socket) -> list[str]:
    data = b""
    while part := client.recv(65536):
        data += part
        if len(data) > REQUEST_BYTES:
            return []
    return [word.decode("utf-8", "surrogateescape") for word in data.split(b"\0")[:-1]]
