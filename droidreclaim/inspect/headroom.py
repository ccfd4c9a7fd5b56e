"""How far a device is from lmkd's next kill: samples of the kernel's counters, one trip each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from droidreclaim.device import Device
from droidreclaim.device.root import RootWay
from droidreclaim.errors import ParseError
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.inspect.ask import ask
from droidreclaim.inspect.capture import read_capture
from droidreclaim.model import DeviceInfo
from droidreclaim.parse.shell.props import parse_getprop
from droidreclaim.parse.text.bugreport import Kind
from droidreclaim.policy.lmkd import Headroom, Sample, headroom, sample_of

WINDOW_S = 1.0  # lmkd judges thrashing and stalls over one second
FOLLOW_S = 0.1  # as lmkd looks while memory is short
_FILES = ("meminfo", "vmstat", "zoneinfo", "pressure/memory")
_PAGE_BYTES = 4096  # where neither helper nor capture says: all but some of Android 15 and later


def properties_of(device: Device, *, timeout_s: float) -> Mapping[str, str]:
    """
    The device's system properties.

    Raises:
        DeviceError, ParseError: it was lost, or the answer cannot be read.
    """
    return device.run(["getprop"], timeout_s=timeout_s).read(parse_getprop)


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
        answers = ask(device, commands, way, timeout_s=timeout_s)
        texts = {
            f"/proc/{name}": answers[key].text if answers[key].exit_code == 0 else None
            for name, key in zip(_FILES, commands, strict=True)
        }
        return sample_of(texts, time.monotonic())

    return take


def watch(
    take: Callable[[], Sample],
    properties: Mapping[str, str],
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
        yield headroom(now, samples, properties, page_bytes or _PAGE_BYTES)
        samples.append(now)


def of_capture(path: Path) -> tuple[Headroom, Mapping[str, str]]:
    """
    Headroom at the moment a capture was taken; one sample does not show thrashing.

    Raises:
        UsageError, ParseError: the file cannot be read, or holds none of the kernel's counters.
    """
    kinds = {Kind.MEMINFO, Kind.VMSTAT, Kind.ZONEINFO, Kind.PRESSURE}
    capture = read_capture(path, frozenset({*kinds, Kind.PROPERTIES}), Kind.MEMINFO)
    if not kinds & capture.texts.keys():
        raise ParseError(str(path), 1, "", hint="no meminfo, vmstat, zoneinfo or pressure in it")
    listed = capture.text(Kind.PROPERTIES)
    properties = parse_getprop(listed) if listed else {}
    sample = sample_of({kind: capture.text(kind) for kind in kinds}, time.monotonic())
    return headroom(sample, (), properties, _PAGE_BYTES), properties
