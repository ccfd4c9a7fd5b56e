"""The pocket phones of a fleet: held at each host by the tool there, for as long as the link."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from queue import Empty, SimpleQueue
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
# 127.0.0.1:6520
_SERIAL = re.compile(r"127\.0\.0\.1:[0-9]{1,5}")
_ALIVE = ("-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3")


@contextmanager
def booted(
    fleet: FleetForm, tell: Callable[[str], None], adb_port: int | None = None
) -> Iterator[dict[str, list[str]]]:
    """
    The serials of the phones that each host was asked to boot; they are ended behind the block.

    Args:
        adb_port: Of this host's adb server, where the file names none.

    Raises:
        DeviceError: one did not come up; those before it are ended.
    """
    serials: dict[str, list[str]] = {}
    with ExitStack() as stack:
        holders = [
            stack.enter_context(_held(host, tell, adb_port))
            for host in fleet.hosts
            if host.pocket_phones
        ]
        for one in holders:
            for _ in range(one.host.pocket_phones):
                serial = one.next_serial()
                serials.setdefault(one.host.name, []).append(serial)
                tell(f"{one.host.name}: pocket phone {serial} is up")
        yield serials


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
        self._lines: SimpleQueue[bytes] = SimpleQueue()
        self._ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        channel.keep_beating(child.stdin, self._ended)

    def next_serial(self) -> str:
        """
        Wait for the next phone.

        Raises:
            DeviceTimeout: it did not come in time.
            DeviceError: the holder ended, or said something else.
        """
        name = self.host.name
        try:
            line = self._lines.get(timeout=BOOT_S).decode("ascii", "replace").strip()
        except Empty as error:
            raise DeviceTimeout(f"{name}: no pocket phone within {BOOT_S:g} s") from error
        if not _SERIAL.fullmatch(line):
            self.child.wait(_END_S)
            raise DeviceError(f"{name}: no pocket phone: {self._last_words()}")
        return line

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
        with child:
            holder = _Holder(host, child, said)
            try:
                yield holder
            finally:
                holder.end(tell)


def _argv(host: HostForm, adb_port: int | None) -> list[str]:
    words = ["fleet", "phones", str(host.pocket_phones)]
    if host.ssh:
        there = [host.droidreclaim or "droidreclaim", *adb_words(host), *words]
        return [*SSH, *_ALIVE, "-T", host.ssh, "--", shlex.join(there)]
    port = ["-P", str(adb_port)] if adb_port and not host.adb_port else adb_words(host)
    return [*([host.droidreclaim] if host.droidreclaim else PROGRAM), *port, *words]
