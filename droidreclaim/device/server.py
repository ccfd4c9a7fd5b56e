"""Which adb server to talk to, and how to start one where none runs."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

from droidreclaim.device.link import Deadline
from droidreclaim.errors import DeviceError, DeviceTimeout, UsageError

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 5037
_SERVER_VARIABLES = ("ADB_SERVER_SOCKET", "ANDROID_ADB_SERVER_ADDRESS", "ANDROID_ADB_SERVER_PORT")


@dataclass(frozen=True, slots=True)
class Server:
    """
    Address of an adb server.

    Attributes:
        host: Name or address, an IPv6 address without brackets.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"adb server {host}:{self.port}"

    @property
    def may_be_started(self) -> bool:
        """Whether ``adb start-server`` would start this one: it listens on the loopback address."""
        return self.host in ("localhost", "127.0.0.1", "::1")


def find_server(host: str | None, port: int | None, environment: Mapping[str, str]) -> Server:
    """
    The server that ``-H``, ``-P`` or the environment name, read as adb reads them.

    Raises:
        UsageError: a variable holds no address of the kind adb documents.
    """
    socket_spec = environment.get("ADB_SERVER_SOCKET")
    if host is None and port is None and socket_spec:
        return _read_socket_spec(socket_spec)
    named_port = environment.get("ANDROID_ADB_SERVER_PORT")
    if port is None and named_port:
        port = _read_port(named_port, "ANDROID_ADB_SERVER_PORT")
    source = "-H" if host is not None else "ANDROID_ADB_SERVER_ADDRESS"
    named_host = host if host is not None else environment.get("ANDROID_ADB_SERVER_ADDRESS")
    return Server(
        _read_host(named_host, source) if named_host else DEFAULT_HOST, port or DEFAULT_PORT
    )


def start_server(server: Server, adb_path: str, deadline: Deadline) -> None:
    """
    Start an adb server in its own session, so that a Ctrl-C meant for us does not end it.

    Raises:
        DeviceTimeout: it did not report within the deadline.
        DeviceError: it could not be started, in adb's own words.
    """
    environment = {k: v for k, v in os.environ.items() if k not in _SERVER_VARIABLES}
    with tempfile.TemporaryFile() as words:  # a pipe would stay open in the server for ever
        try:
            done = subprocess.run(
                [adb_path, "-P", str(server.port), "start-server"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=words,
                timeout=deadline.left_s(),
                env=environment,
                start_new_session=True,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DeviceTimeout(
                f"{adb_path} start-server did not end within {deadline.timeout_s:g} s"
            ) from error
        except OSError as error:
            raise DeviceError(f"cannot run {adb_path}: {error.strerror}") from error
        if done.returncode != 0:
            words.seek(0)
            last = words.read(4096).decode("utf-8", "replace").strip().splitlines()[-1:]
            raise DeviceError(f"{adb_path} start-server failed: {last[0] if last else 'no reason'}")


def _read_socket_spec(spec: str) -> Server:
    kind, _, address = spec.partition(":")
    if kind != "tcp" or not address:
        raise UsageError(f"ADB_SERVER_SOCKET={spec!r} is not supported", hint="write tcp:HOST:PORT")
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if ":" in host:
        _check_ipv6(host, spec)
    elif host:
        host = _read_host(host, "ADB_SERVER_SOCKET")
    return Server(host or DEFAULT_HOST, _read_port(port, "ADB_SERVER_SOCKET"))


def _check_ipv6(host: str, spec: str) -> None:
    try:
        ipaddress.IPv6Address(host)
    except ValueError as error:
        raise UsageError(f"ADB_SERVER_SOCKET={spec!r}: {host!r} is no address") from error


def _read_host(text: str, source: str) -> str:
    """A name that a resolver can be asked for, or an address."""
    try:
        fits = bool(text.encode("idna")) and text.isprintable() and " " not in text
    except UnicodeError:
        fits = False
    if not fits:
        raise UsageError(f"{source}: {text!r} is no name of a host", hint="a name or an address")
    return text


def _read_port(text: str, source: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise UsageError(f"{source}: {text!r} is not a port", hint="a number from 1 to 65535")
