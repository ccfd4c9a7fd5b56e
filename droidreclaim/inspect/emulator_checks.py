"""The doctor's judgement on an emulator: its image, and the memory that was asked for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from droidreclaim.model.check import Check, CheckState
from droidreclaim.units import MIB, format_size

OK, WARN = CheckState.OK, CheckState.WARN

_ENOUGH_BYTES = 3 * 1024 * MIB
_KERNEL_SHARE = 0.12  # what kernel, firmware and video keep from MemTotal, at most
_ENTRY = re.compile(r"\s*([\w.]{1,80})\s*=\s*(.{0,200}?)\s*")
_RAM = re.compile(r"([0-9]{1,7})\s*([MG]?)B?", re.IGNORECASE)


def entries_of(text: str) -> dict[str, str]:
    """
    Entries of an AVD's config.ini; other lines are passed over.

        hw.ramSize=2048
        image.sysdir.1=system-images/android-34/google_apis/x86_64/
    """
    matches = (_ENTRY.fullmatch(line) for line in text.splitlines())
    return {one[1]: one[2] for one in matches if one}


def emulator(
    properties: Mapping[str, str], avd: Mapping[str, str] | None, ram_bytes: int | None
) -> Iterator[Check]:
    """
    Judge an emulator; a device that is none gets no check.

    Args:
        avd: Entries of its config.ini; None where they are not on this machine.
        ram_bytes: MemTotal; None where it is not known.
    """
    if "1" not in (properties.get("ro.kernel.qemu"), properties.get("ro.boot.qemu")):
        return
    yield _image(properties, avd or {})
    yield from _ram(_asked_bytes(avd or {}), ram_bytes)
    if properties.get("ro.config.low_ram") == "true":
        todo = "it behaves as no ordinary phone does: hw.ramSize=4096 in the AVD's config.ini"
        yield Check("low-RAM device", WARN, "ro.config.low_ram is true (2 GB and less)", todo)


def _image(properties: Mapping[str, str], avd: Mapping[str, str]) -> Check:
    build = properties.get("ro.build.type") or "unknown"
    place = avd.get("image.sysdir.1", "").rstrip("/")
    fact = f"{build} build" + (f", {place}" if place else "")
    if build == "user" or "google_apis_playstore" in place:
        todo = "never root (Google Play): make the AVD of a google_apis or default image"
        return Check("emulator image", WARN, fact, todo)
    return Check("emulator image", OK, f"{fact}: may be root")


def _ram(asked_bytes: int | None, ram_bytes: int | None) -> Iterator[Check]:
    if ram_bytes is None:
        return
    has = format_size(ram_bytes)
    if asked_bytes is None:
        yield Check("emulator RAM", OK, f"has {has}; what was asked for is not known here")
    elif ram_bytes < asked_bytes * (1 - _KERNEL_SHARE):
        todo = "it ignores what was asked: a newer image, or start it with 'emulator -memory MB'"
        fact = f"hw.ramSize asks for {format_size(asked_bytes)}, it has {has}"
        yield Check("emulator RAM", WARN, fact, todo)
    elif asked_bytes < _ENOUGH_BYTES:
        fact = f"hw.ramSize asks for {format_size(asked_bytes)}, it has {has}"
        todo = "few apps fit beside Android: hw.ramSize=4096 in the AVD's config.ini"
        yield Check("emulator RAM", WARN, fact, todo)
    else:
        yield Check("emulator RAM", OK, f"has {has} of {format_size(asked_bytes)} asked for")


def _asked_bytes(avd: Mapping[str, str]) -> int | None:
    """``2048``, ``2048M`` or ``2G``: without a letter MiB."""
    matched = _RAM.fullmatch(avd.get("hw.ramSize", ""))
    if matched is None:
        return None
    return int(matched[1]) * MIB * (1024 if matched[2].upper() == "G" else 1)
