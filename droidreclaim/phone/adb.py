"""
The two things the phone needs of adb while it boots, spoken directly: a command on the phone's own
adbd, and connect and disconnect at the adb server.

Neither goes through a client library: at this point the server may not know the phone yet.
"""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
from importlib.util import find_spec
from pathlib import Path

from droidreclaim.errors import DeviceError, NotPossible

SERVER_TIMEOUT_S = 15.0
_HEADER = struct.Struct("<4s5I")
_VERSION = 0x01000000  # with checksums, which every adbd accepts


def run_on_phone(port: int, command: str, timeout_s: float) -> bytes | None:
    """Output of a shell command, asked of the adbd on *port* itself; None while none answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout_s) as link:
            _send(link, b"CNXN", _VERSION, 4096, b"host::\0")
            _receive(link, b"CNXN")
            _send(link, b"OPEN", 1, 0, f"exec:{command}\0".encode())
            return _read_to_end(link)
    except (OSError, EOFError):
        return None


def _read_to_end(link: socket.socket) -> bytes:
    output = b""
    while True:
        command, remote_id, data = _receive(link)
        if command == b"CLSE":
            return output
        if command == b"WRTE":
            output += data
            _send(link, b"OKAY", 1, remote_id)


def _send(link: socket.socket, command: bytes, arg0: int, arg1: int, data: bytes = b"") -> None:
    inverted = int.from_bytes(command, "little") ^ 0xFFFFFFFF
    link.sendall(_HEADER.pack(command, arg0, arg1, len(data), sum(data), inverted) + data)


def _receive(link: socket.socket, wanted: bytes | None = None) -> tuple[bytes, int, bytes]:
    command, arg0, _, length, _, _ = _HEADER.unpack(_read_exactly(link, _HEADER.size))
    if wanted not in (None, command):
        raise EOFError
    return command, arg0, _read_exactly(link, length)


def _read_exactly(link: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = link.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def connect(serial: str) -> None:
    """
    Tell the adb server of the phone; one is started when none runs.

    Raises:
        NotPossible: no server runs and there is no adb to start one.
        DeviceError: the server refused.
    """
    if (answer := _ask_server(f"host:connect:{serial}")) is None:
        _start_server()
        answer = _ask_server(f"host:connect:{serial}")
    if answer is None or "connected to" not in answer:
        raise DeviceError(f"the adb server did not connect to {serial}: {answer or 'no answer'}")


def disconnect(serial: str) -> None:
    """Have the adb server forget the phone; nothing to do where no server runs."""
    _ask_server(f"host:disconnect:{serial}")


def find_adb() -> str | None:
    """An adb program: the user's, else that of adbutils (looked for, not imported)."""
    if found := shutil.which("adb"):
        return found
    spec = find_spec("adbutils")
    if spec is None or spec.origin is None:
        return None
    bundled = Path(spec.origin).with_name("binaries") / "adb"
    return str(bundled) if bundled.exists() else None


def _ask_server(request: str) -> str | None:
    """One request to the running server, whatever its version; None when none runs."""
    address = ("127.0.0.1", int(os.environ.get("ANDROID_ADB_SERVER_PORT", "5037")))
    try:
        with socket.create_connection(address, timeout=SERVER_TIMEOUT_S) as link:
            link.sendall(f"{len(request):04x}{request}".encode())
            status = _read_exactly(link, 4)
            length = int(_read_exactly(link, 4), 16)
            text = _read_exactly(link, length).decode("utf-8", "replace")
    except (OSError, EOFError, ValueError):
        return None
    return text if status == b"OKAY" else f"refused: {text}"


def _start_server() -> None:
    adb = find_adb()
    if adb is None:
        raise NotPossible(
            "no adb server runs and there is no adb", hint="pip install adbutils brings one"
        )
    try:
        subprocess.run(
            [adb, "start-server"], capture_output=True, timeout=SERVER_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotPossible(f"{adb} start-server: {error}") from error
