"""How far a device is from lmkd's next kill: samples of the kernel's counters, one trip each."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from droidreclaim.device import Device
from droidreclaim.device.root import RootWay
from droidreclaim.errors import DroidReclaimError, ParseError
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.inspect.ask import ask_device
from droidreclaim.inspect.capture import read_capture
from droidreclaim.inspect.killers import (
    COMMANDS,
    facts_of,
    facts_of_capture,
    properties_of_capture,
)
from droidreclaim.model import DeviceInfo
from droidreclaim.parse.proc.kernel import parse_meminfo, parse_pressure, parse_vmstat
from droidreclaim.parse.proc.zoneinfo import parse_zoneinfo
from droidreclaim.parse.shell.props import parse_getprop
from droidreclaim.parse.text.bugreport import Kind
from droidreclaim.policy.killer import Found, killer_of
from droidreclaim.policy.lmkd import Headroom, Sample, headroom, sample_of

_log = logging.getLogger("droidreclaim")
WINDOW_S = 1.0  # lmkd judges thrashing and stalls over one second
FOLLOW_S = 0.1  # as lmkd looks while memory is short
AGAIN_S = 5.0  # who kills is looked at anew
_FILES = ("meminfo", "vmstat", "zoneinfo", "pressure/memory", "uptime")
_CLOCK = "date +%s.%N; cat /proc/uptime"
_PAGE_BYTES = 4096  # where neither helper nor capture says: all but some of Android 15 and later


@dataclass(frozen=True)
class Basis:
    """
    What changes seldom while headroom is watched.

    Attributes:
        levels: Of the kernel's driver, where that is the killer.
        booted_at: When the device booted, by its own wall clock; None where it does not say.
        left_out: What of a capture could not be read, each with the reason.
    """

    properties: Mapping[str, str]
    killer: Found
    levels: tuple[tuple[int, int], ...] = ()
    booted_at: datetime | None = None
    left_out: tuple[str, ...] = ()

    def at(self, boot_s: float | None) -> str | None:
        """The device's wall clock at a sample, in ISO 8601."""
        if self.booted_at is None or boot_s is None:
            return None
        moment = self.booted_at + timedelta(seconds=boot_s)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def basis_of(device: Device, way: RootWay | None, *, timeout_s: float) -> Basis:
    """
    Who kills on the device, by which settings, and what its clock says.

    Raises:
        DeviceError, ParseError: it was lost, or the answer cannot be read.
    """
    answers = ask_device(device, {"props": "getprop", **COMMANDS, "clock": _CLOCK}, way,
                  timeout_s=timeout_s)  # fmt: skip
    properties = answers["props"].read(parse_getprop)
    facts = facts_of(answers, properties)
    killer = killer_of(facts, properties)
    return Basis(properties, killer, facts.driver_levels, booted_at(answers["clock"].text))


class LiveBasis:
    """
    The basis as of a few seconds ago, asked for again beside the samples: lmkd dies, or comes back.

    An answer may take seconds on a device short of memory, and the samples must not wait then.

    Raises:
        DeviceError, ParseError: the first answer did not come, or cannot be read.
    """

    def __init__(self, read_basis: Callable[[], Basis], every_s: float = AGAIN_S) -> None:
        self._read_basis = read_basis
        self._every_s = every_s
        self._known = read_basis()
        self._asked_s = time.monotonic()
        self._asking = False

    def now(self) -> Basis:
        """What is known; never waits."""
        if not self._asking and time.monotonic() - self._asked_s >= self._every_s:
            self._asking = True
            threading.Thread(target=self._ask_again, name="headroom-basis", daemon=True).start()
        return self._known

    def _ask_again(self) -> None:
        try:
            self._known = self._read_basis()
        except DroidReclaimError as error:
            _log.info("who kills there is not known anew: %s", error)
        finally:
            self._asked_s = time.monotonic()
            self._asking = False


# "1795833600.123456789" and "3621.42 12345.67"; whole seconds where a date has no more.
_NOW = re.compile(
    r"(?P<now>[0-9]{9,11}(?:\.[0-9]{1,9})?)[^\n]{0,3}\n(?P<up>[0-9]{1,12}\.[0-9]{1,9}) "
)


def booted_at(text: str) -> datetime | None:
    """When a device booted, by its own wall clock; None where its answer does not say."""
    found = _NOW.match(text)
    if found is None:
        return None
    return datetime.fromtimestamp(float(found["now"]) - float(found["up"]), UTC)


def with_helper(helper: RunningHelper) -> tuple[DeviceInfo, Callable[[], Sample]]:
    """The device, and what takes a sample: one round trip each."""
    device = helper.device_info(verbs.hello_of(helper.session.call_all([verbs.HELLO])[0]))

    def take() -> Sample:
        [reply] = helper.session.call_all([verbs.read_files(*_FILES)])
        return sample_of(verbs.files_of(reply), time.monotonic())

    return device, take


def without_helper(
    device: Device, way: RootWay | None, *, timeout_s: float
) -> Callable[[], Sample]:
    """What takes a sample through the shell; files that it may not read are unknown."""
    commands = {name.replace("/", "-"): f"cat /proc/{name}" for name in _FILES}

    def take() -> Sample:
        answers = ask_device(device, commands, way, timeout_s=timeout_s)
        texts = {
            f"/proc/{name}": answers[key].text if answers[key].exit_code == 0 else None
            for name, key in zip(_FILES, commands, strict=True)
        }
        return sample_of(texts, time.monotonic())

    return take


def watch(
    take: Callable[[], Sample],
    basis: LiveBasis,
    page_bytes: int | None,
    *,
    every_s: float = WINDOW_S,
) -> Iterator[Headroom]:
    """
    Headroom each *every_s* seconds, over the last second; the first after one.
    """
    samples = [take()]
    while True:
        pause_s = every_s if len(samples) > 1 else WINDOW_S
        time.sleep(max(0.0, samples[-1].at_s + pause_s - time.monotonic()))
        now = take()
        while len(samples) > 1 and now.at_s - samples[1].at_s >= WINDOW_S:
            del samples[0]
        yield _judged(now, samples, basis.now(), page_bytes or _PAGE_BYTES)
        samples.append(now)


def _judged(now: Sample, window: Sequence[Sample], basis: Basis, page_bytes: int) -> Headroom:
    return headroom(now, window, basis.properties, page_bytes, basis.killer, basis.levels)


def of_capture(path: Path) -> tuple[Headroom, Basis]:
    """
    Headroom at the moment a capture was taken; one sample does not show thrashing.

    Raises:
        UsageError, ParseError: the file cannot be read, or holds none of the kernel's counters.
    """
    wanted = frozenset({*_READERS, Kind.PROPERTIES, Kind.PS})
    capture = read_capture(path, wanted, Kind.MEMINFO)
    texts: dict[str, str | None] = {
        kind: capture.readable(kind, parse) for kind, parse in _READERS.items()
    }
    properties = properties_of_capture(capture)
    if not any(texts.values()):
        hint = "looked for meminfo, vmstat, zoneinfo and pressure: none of them is in it"
        raise ParseError(str(path), 1, "", hint="; ".join([hint, *capture.left_out[:3]]))
    killer = killer_of(facts_of_capture(capture, properties), properties)
    basis = Basis(properties, killer, left_out=tuple(capture.left_out))
    return _judged(sample_of(texts, time.monotonic()), (), basis, _PAGE_BYTES), basis


_READERS: Mapping[Kind, Callable[[str], object]] = {
    Kind.MEMINFO: parse_meminfo,
    Kind.VMSTAT: parse_vmstat,
    Kind.ZONEINFO: parse_zoneinfo,
    Kind.PRESSURE: parse_pressure,
}
