"""The pocket phones of a fleet: booted at each host by the tool there, and ended."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from droidreclaim.errors import DeviceError, DeviceTimeout
from droidreclaim.escape import safe
from droidreclaim.fleet.form import DeviceForm, FleetForm, HostForm
from droidreclaim.fleet.look import SSH, adb_words
from droidreclaim.fleet.play import PROGRAM

BOOT_S = 300.0
_END_S = 60.0
_MOST_WORDS = 300
# 127.0.0.1:5557 is up; next: droidreclaim -s 127.0.0.1:5557 ps
_UP = re.compile(r"^(127\.0\.0\.1:[0-9]{1,5}) is up;", re.MULTILINE)


@contextmanager
def booted(fleet: FleetForm, tell: Callable[[str], None]) -> Iterator[dict[str, list[str]]]:
    """
    The serials of the phones that each host was asked to boot; they are ended behind the block.

    Raises:
        DeviceError: one did not come up; those before it are ended.
    """
    serials: dict[str, list[str]] = {}
    try:
        for host in fleet.hosts:
            for _ in range(host.pocket_phones):
                serial = _boot(host)
                serials.setdefault(host.name, []).append(serial)
                tell(f"{host.name}: pocket phone {serial} is up")
        yield serials
    finally:
        for host in fleet.hosts:
            for serial in serials.get(host.name, ()):
                _end(host, serial, tell)


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


def _boot(host: HostForm) -> str:
    done = _tool(host, ["phone", "start"], BOOT_S)
    found = _UP.search(done.stdout)
    if done.returncode != 0 or found is None:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1][:_MOST_WORDS]
        said = said.removeprefix("droidreclaim: ")
        raise DeviceError(f"{host.name}: no pocket phone: {safe(said)}")
    return found[1]


def _end(host: HostForm, serial: str, tell: Callable[[str], None]) -> None:
    """End a phone; one that cannot be ended is told, and hides nothing that went before."""
    try:
        done = _tool(host, ["-s", serial, "phone", "stop"], _END_S)
        if done.returncode != 0:
            tell(f"{host.name}: pocket phone {serial} is not ended: {safe(done.stderr.strip())}")
    except DeviceError as error:
        tell(f"{host.name}: pocket phone {serial} is not ended: {error}")


def _tool(host: HostForm, words: list[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Run the tool at a host."""
    own = [host.droidreclaim] if host.droidreclaim else []
    words = [*(own or (PROGRAM if host.this else ["droidreclaim"])), *adb_words(host), *words]
    argv = [*SSH, host.ssh, "--", shlex.join(words)] if host.ssh else words
    try:
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=timeout_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise DeviceTimeout(f"{host.name}: no answer within {timeout_s:g} s") from error
    except OSError as error:
        raise DeviceError(f"{host.name}: {error.filename}: {error.strerror}") from error
