"""
Devices through the adb server: the one module that knows adbutils.

Of adbutils 2.12 this uses the adb program in its wheel, and imports it only to find that, or for a
library written against it (`AdbDevice.of_adbutils`): the import takes 0.1 s of CPU, for screenshots
and downloads. Its `shell`, `shell2` and `sync` return partial text of a broken link as success,
count their timeout anew with every byte, fall back to shell protocol 1 in silence and drop the
device's reason for a refusal.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from droidreclaim.device import CommandResult
from droidreclaim.device.attached import Attached, parse_attached
from droidreclaim.device.link import CHUNK_BYTES, Deadline, Link
from droidreclaim.device.server import Server, start_server
from droidreclaim.device.shell import ExecStream, Framing, ShellChannel, ShellProtocol
from droidreclaim.errors import (
    DeviceError,
    DeviceLost,
    DeviceTimeout,
    DroidReclaimError,
    NoDevice,
    NotPossible,
    UsageError,
)

_MAX_REQUEST_BYTES = 0xFFFF  # its length is four hex digits
_MAX_ROOT_ANSWER_BYTES = 4096
_HEX = re.compile(r"[0-9A-Fa-f]{4}")  # adb's lengths and its version: "001f", "0029"
_ROOT = re.compile(r"\s*uid=0(?![0-9])")  # "uid=0(root) gid=0(root) groups=0(root) context=..."


class NoServer(DeviceError):
    """Nothing listens at the adb server's address."""


class Refused(DeviceError):
    """
    The adb server or the device said FAIL.

    Attributes:
        reason: In its own words.
    """

    def __init__(self, who: str, reason: str) -> None:
        super().__init__(f"{who}: {reason}")
        self.reason = reason


def list_devices(server: Server, timeout_s: float) -> tuple[Attached, ...]:
    """
    Every device the server knows; a local server is started when none runs.

    Raises:
        NoServer: none runs and none can be started.
        DeviceError, DeviceTimeout, DeviceLost: what answers there is no healthy adb server.
    """
    return parse_attached(_query_started(server, "host:devices-l", Deadline(timeout_s)))


def connect(server: Server, serial: str, timeout_s: float) -> bool:
    """
    Have the server connect to *serial*, a HOST:PORT; a local server is started when none runs.

    Returns False when it was connected already.

    Raises:
        NoServer: none runs and none can be started.
        DeviceError, DeviceTimeout, DeviceLost: it did not connect.
    """
    answer = _query_started(server, f"host:connect:{serial}", Deadline(timeout_s)).strip()
    # "failed to connect to ..." comes as an OKAY, too (packages/modules/adb: connect_device).
    if not answer.startswith(("connected to", "already connected to")):
        raise DeviceError(f"{server}: {answer or f'no word about {serial}'}")
    return answer.startswith("connected")


def disconnect(server: Server, serial: str, timeout_s: float) -> None:
    """
    Have the server forget *serial*; nothing to do where it does not know it, or none runs.

    Raises:
        DeviceError, DeviceTimeout, DeviceLost: what answers there is no healthy adb server.
    """
    with suppress(NoServer, Refused):
        _query(server, f"host:disconnect:{serial}", Deadline(timeout_s))


def server_version(server: Server, timeout_s: float) -> int:
    """
    Version of the server's protocol (41 in platform-tools since 2019).

    Raises:
        DeviceError: none runs there, or what answers is no adb server.
    """
    answer = _query(server, "host:version", Deadline(timeout_s))
    if not _HEX.fullmatch(answer):
        raise DeviceError(f"{server}: {answer[:20]!r} is no version")
    return int(answer, 16)


def find_adb() -> str:
    """
    The adb program: ``$ADB``, the one in PATH, or the one in adbutils' wheel.

    Raises:
        NoServer: there is none (adbutils' wheel has it for x86-64 only).
    """
    named = os.environ.get("ADB") or shutil.which("adb")
    if named:
        return named
    try:  # here, because most commands do not need it
        from adbutils import AdbError, adb_path  # noqa: PLC0415
    except ValueError as error:  # adbutils 2.12 makes a client of its own while it is imported
        port = os.environ.get("ANDROID_ADB_SERVER_PORT")
        raise UsageError(
            f"ANDROID_ADB_SERVER_PORT: {port!r} is not a port", hint="a number from 1 to 65535"
        ) from error
    try:
        return str(adb_path())
    except AdbError as error:
        raise NoServer(
            "no adb server runs and no adb program was found",
            hint="install Android's platform-tools, or name it in $ADB",
        ) from error


class AdbDevice:
    """One device of an adb server; `droidreclaim.device.Device`."""

    def __init__(self, server: Server, attached: Attached) -> None:
        self.server = server
        self._attached = attached
        self._has_shell_protocol: bool | None = None  # not asked yet

    @property
    def serial(self) -> str:
        """Serial as adb prints it."""
        return self._attached.serial

    @property
    def model(self) -> str | None:
        """Model from the adb server's list."""
        return self._attached.model

    def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        """Run a command to its end."""
        deadline = Deadline(timeout_s)
        channel = self._start(argv, len(stdin), deadline)
        try:
            stdout = channel.finish(stdin, deadline)
            return CommandResult(stdout, channel.stderr, channel.exit_code)
        finally:
            channel.close()

    def open(self, argv: Sequence[str], *, timeout_s: float) -> ShellChannel:
        """Start a command and hold its stdin and stdout."""
        return self._start(argv, None, Deadline(timeout_s))

    def ping(self, *, timeout_s: float) -> None:
        """Have adbd answer, by opening a service that starts no program."""
        self._service("sync:", self.serial, Deadline(timeout_s)).close()

    @contextmanager
    def of_adbutils(self) -> Iterator[Any]:
        """
        Give the same device as adbutils has it, to a library that is written against adbutils.

        Raises:
            DeviceError: the block's talk with the device broke. It has no deadline.
        """
        from adbutils import AdbClient, AdbError  # noqa: PLC0415

        try:
            yield AdbClient(self.server.host, self.server.port).device(self.serial)
        except (AdbError, OSError) as error:
            raise DeviceError(f"{self.serial}: {error or type(error).__name__}") from error

    def restart_as_root(self, timeout_s: float) -> None:
        """
        ``adb root``: ask the device's adbd to restart as root, and wait for it to come back.

        Raises:
            NotPossible: it will not, in its own words ("cannot run as root in production builds").
            DeviceTimeout: it was not back, as root, within *timeout_s*.
        """
        deadline = Deadline(timeout_s)
        link = self._service("root:", f"{self.serial}: adb root", deadline)
        try:
            answer = _read_to_end(link, _MAX_ROOT_ANSWER_BYTES).decode("utf-8", "replace").strip()
        finally:
            link.close()
        if "already running as root" in answer:
            return
        if "restarting adbd as root" not in answer:
            raise NotPossible(f"{self.serial}: adb root: {answer or 'no answer'}")
        self._await_root(deadline)

    def _await_root(self, deadline: Deadline) -> None:
        # The old adbd may still answer, as uid 2000, before it goes: only the new one's uid counts.
        while deadline.left_s():
            try:
                answer = self.run(["id"], timeout_s=min(2.0, deadline.left_s()))
                if _ROOT.match(answer.text):
                    return
            except DeviceError:
                pass  # gone for 1 to 5 s: that is the restart
            time.sleep(min(0.2, deadline.left_s()))
        raise DeviceTimeout(
            f"{self.serial}: adbd did not come back as root within {deadline.timeout_s:g} s"
        )

    def _start(
        self, argv: Sequence[str], stdin_bytes: int | None, deadline: Deadline
    ) -> ShellChannel:
        """
        Start a command by shell protocol 2, or by what the device has instead.

        Asking for the features first would cost every command of a current phone a round trip to
        learn what its refusal tells the others.
        """
        if self._has_shell_protocol is not False:
            try:
                channel = self._open(ShellProtocol(), argv, deadline)
                self._has_shell_protocol = True
                return channel
            except Refused as refusal:
                if self._has_shell_protocol or "shell_v2" in self._features(deadline):
                    raise DeviceLost(f"{self.serial}: the shell: {refusal.reason}") from refusal
                self._has_shell_protocol = False
        try:
            return self._open(ExecStream(stdin_bytes), argv, deadline)
        except Refused as refusal:
            raise NotPossible(
                f"{self.serial}: this device has neither shell protocol 2 nor exec:",
                hint="Android 5 or later is needed",
            ) from refusal

    def _open(self, framing: Framing, argv: Sequence[str], deadline: Deadline) -> ShellChannel:
        link = self._service(framing.service(argv), self.serial, deadline)
        return ShellChannel(link, framing)

    def _features(self, deadline: Deadline) -> set[str]:
        transport_id = self._attached.transport_id
        target = f"host-serial:{self.serial}"
        if transport_id is not None:
            target = f"host-transport-id:{transport_id}"
        return set(_query(self.server, f"{target}:features", deadline).strip().split(","))

    def _service(self, service: str, who: str, deadline: Deadline) -> Link:
        """A link to *service* of the device, also when it has reconnected since it was listed."""
        try:
            link = self._transport(who, deadline)
        except Refused as refusal:
            self._find_again(refusal, deadline)
            link = self._transport(who, deadline)
        try:
            _request(link, service)
        except DroidReclaimError:
            link.close()
            raise
        return link

    def _transport(self, who: str, deadline: Deadline) -> Link:
        transport_id = self._attached.transport_id
        link = _dial(self.server, deadline)
        link.who = who
        try:
            if transport_id is not None:
                _request(link, f"host:transport-id:{transport_id}")
            else:
                _request(link, f"host:transport:{self.serial}")
        except DroidReclaimError:
            link.close()
            raise
        return link

    def _find_again(self, refusal: Refused, deadline: Deadline) -> None:
        """Look the serial up again: the transport id of the list ends with the connection."""
        rows = _query(self.server, "host:devices-l", deadline).split("\n")
        own = "\n".join(row for row in rows if row.startswith(self.serial))
        same = [row for row in parse_attached(own) if row.serial == self.serial]
        if not same:
            raise NoDevice(f"{self.serial}: no longer attached") from refusal
        if not same[0].online or same[0].transport_id == self._attached.transport_id:
            raise DeviceLost(f"{self.serial}: {same[0].state}: {refusal.reason}") from refusal
        self._attached = same[0]


def _dial(server: Server, deadline: Deadline) -> Link:
    try:
        connected = socket.create_connection(
            (server.host, server.port), timeout=max(deadline.left_s(), 0.001)
        )
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # requests are one write
    except ConnectionRefusedError as error:
        raise NoServer(
            f"no {server} runs", hint="start it there with 'adb start-server'"
        ) from error
    except TimeoutError as error:
        raise DeviceTimeout(f"{server}: no connection within {deadline.timeout_s:g} s") from error
    except OSError as error:
        raise NoServer(f"{server}: {error.strerror or error}") from error
    return Link(connected, str(server), deadline)


def _request(link: Link, service: str) -> None:
    """
    Ask for a service.

    Raises:
        Refused: the answer is FAIL.
        DeviceError: whatever answers speaks another protocol.
    """
    words = service.encode()
    if len(words) > _MAX_REQUEST_BYTES:
        raise NotPossible(f"{link.who}: the command is longer than {_MAX_REQUEST_BYTES} bytes")
    link.send(b"%04x%b" % (len(words), words))
    status = link.read_exactly(4)
    if status == b"FAIL":
        raise Refused(link.who, _read_block(link))
    if status != b"OKAY":
        raise _no_adb_server(link)


def _query_started(server: Server, service: str, deadline: Deadline) -> str:
    """`_query`, of a local server that is started when none runs."""
    try:
        return _query(server, service, deadline)
    except NoServer:
        if not server.may_be_started:
            raise
        start_server(server, find_adb(), deadline)
        return _query(server, service, deadline)


def _query(server: Server, service: str, deadline: Deadline) -> str:
    """A question to the server itself, answered by one block of text."""
    link = _dial(server, deadline)
    try:
        _request(link, service)
        return _read_block(link)
    finally:
        link.close()


def _read_block(link: Link) -> str:
    """The text that follows, behind its length: "0004", "host"."""
    size = link.read_exactly(4).decode("ascii", "replace")
    if not _HEX.fullmatch(size):
        raise _no_adb_server(link)
    return link.read_exactly(int(size, 16)).decode("utf-8", "replace")


def _no_adb_server(link: Link) -> DeviceError:
    return DeviceError(
        f"{link.who}: what answers is no adb server", hint="is another program on that port?"
    )


def _read_to_end(link: Link, limit_bytes: int) -> bytes:
    data = bytearray()
    while len(data) < limit_bytes:
        came = link.recv(CHUNK_BYTES)
        if not came:
            break
        data += came
    return bytes(data)
