"""The pocket phones of a fleet: held at each host by the tool there, for as long as the link."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty, Queue
from typing import IO

from droidreclaim.errors import DeviceError, DeviceTimeout
from droidreclaim.escape import safe
from droidreclaim.fleet import channel
from droidreclaim.fleet.form import DeviceForm, FleetForm, HostForm
from droidreclaim.fleet.look import SSH, adb_words
from droidreclaim.fleet.play import PROGRAM

BOOT_S = 300.0
_END_S = 60.0  # a job that still runs there has half a minute to undo what it did
_MOST_WORDS = 300
_MOST_LINE_BYTES = 256
_MOST_LINES = 100  # that wait to be read
# 127.0.0.1:6520
_SERIAL = re.compile(r"127\.0\.0\.1:[0-9]{1,5}")
# A connection of its own, which is lost when nothing came for half a minute.
_OWN = ("-o", "ControlPath=none", "-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3")


@dataclass(frozen=True)
class Booted:
    """
    The phones of a fleet.

    Attributes:
        serials: By host.
        missing: A line for each host whose phones did not come up.
    """

    serials: dict[str, list[str]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


@contextmanager
def booted(
    fleet: FleetForm, tell: Callable[[str], None], adb_port: int | None = None
) -> Iterator[Booted]:
    """
    Boot the phones that each host was asked for; they are ended behind the block.

    A host whose phones do not come up has none, as one that cannot be reached has no device.

    Args:
        adb_port: Of this host's adb server, where the file names none.

    Raises:
        DeviceError: they did not come up at the only host; those before it are ended.
    """
    found = Booted()
    with ExitStack() as stack:
        holders = []
        for host in fleet.hosts:
            if host.pocket_phones:
                holders.append(stack.enter_context(_held(host, tell, adb_port)))
        for one in holders:
            try:
                found.serials[one.host.name] = one.serials(tell)
            except DeviceError as error:
                if len(fleet.hosts) == 1:
                    raise
                found.missing.append(str(error))
        yield found


def with_phones(fleet: FleetForm, serials: Mapping[str, Sequence[str]]) -> FleetForm:
    """The fleet with its phones among the devices that a host's list names."""
    return fleet.model_copy(
        update={"hosts": tuple(_with(host, serials.get(host.name, ())) for host in fleet.hosts)}
    )


def _with(host: HostForm, serials: Sequence[str]) -> HostForm:
    if host.devices == "all" or not serials:
        return host
    own = tuple(DeviceForm(serial=one) for one in serials if one not in (host.serials or ()))
    return host.model_copy(update={"devices": (*host.devices, *own)})


class _Holder:
    """The process that holds the phones of a host: here, or behind ssh."""

    def __init__(self, host: HostForm, child: subprocess.Popen[bytes], said: IO[bytes]) -> None:
        assert child.stdin is not None
        self.host = host
        self.child = child
        self._said = said
        self._lines: Queue[bytes] = Queue(_MOST_LINES)
        self._ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        channel.keep_beating(child.stdin, self._ended)

    def serials(self, tell: Callable[[str], None]) -> list[str]:
        """
        Wait for all phones of the host.

        Raises:
            DeviceError: as `_next_serial`.
        """
        found = []
        for _ in range(self.host.pocket_phones):
            found.append(self._next_serial())
            tell(f"{self.host.name}: pocket phone {found[-1]} is up")
        return found

    def _next_serial(self) -> str:
        """
        Wait for the next phone; what else is printed there, as by a shell that greets, is passed.

        Raises:
            DeviceTimeout: it did not come in time.
            DeviceError: the holder ended.
        """
        name = self.host.name
        end_s = time.monotonic() + BOOT_S
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end_s - time.monotonic()))
            except Empty as error:
                raise DeviceTimeout(f"{name}: no pocket phone within {BOOT_S:g} s") from error
            if not line:
                with suppress(subprocess.TimeoutExpired):
                    self.child.wait(_END_S)
                raise DeviceError(f"{name}: no pocket phone: {self._last_words()}")
            word = line.decode("ascii", "replace").strip()
            if _SERIAL.fullmatch(word):
                return word

    def end(self, tell: Callable[[str], None]) -> None:
        """Have the phones ended; one that cannot be is told, and hides nothing of before."""
        assert self.child.stdin is not None
        self._ended.set()
        with suppress(OSError):
            self.child.stdin.close()
        try:
            code = self.child.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            code = self.child.wait()
        if code != 0:
            tell(f"{self.host.name}: its pocket phones may not be ended: {self._last_words()}")

    def _read(self) -> None:
        assert self.child.stdout is not None
        while line := self.child.stdout.readline(_MOST_LINE_BYTES):
            self._lines.put(line)
        self._lines.put(b"")

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", "replace").strip().splitlines()
        said = (lines or ["it said nothing"])[-1][:_MOST_WORDS]
        return safe(said.removeprefix("droidreclaim: "))


@contextmanager
def _held(host: HostForm, tell: Callable[[str], None], adb_port: int | None) -> Iterator[_Holder]:
    with tempfile.TemporaryFile() as said:
        try:
            child = subprocess.Popen(
                _argv(host, adb_port),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                process_group=0,
            )
        except OSError as error:
            raise DeviceError(f"{host.name}: {error.filename}: {error.strerror}") from error
        holder = _Holder(host, child, said)
        try:
            yield holder
        finally:
            holder.end(tell)


def _argv(host: HostForm, adb_port: int | None) -> list[str]:
    words = ["fleet", "phones", str(host.pocket_phones)]
    if host.ssh:
        there = [host.droidreclaim or "droidreclaim", *adb_words(host), *words]
        return [*SSH, *_OWN, "-T", host.ssh, "--", shlex.join(there)]
    port = ["-P", str(adb_port)] if adb_port and not host.adb_port else adb_words(host)
    return [*([host.droidreclaim] if host.droidreclaim else PROGRAM), *port, *words]
