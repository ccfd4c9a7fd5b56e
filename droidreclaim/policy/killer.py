"""Who kills on a device when memory is short, from what is there and what is set. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from droidreclaim.policy.lmkd_settings import (
    NEW_STRATEGY_SDK,
    PSI_SDK,
    is_on,
    sdk_of,
    settings_in_force,
)

_KERNEL = re.compile(r"(?P<major>[0-9]{1,3})\.(?P<minor>[0-9]{1,4})")
_NO_DRIVER_KERNEL = (4, 19)  # Android's kernels had the driver up to 4.14
_PSI_KERNEL = (5, 4)  # from there on Android asks for CONFIG_PSI
_VMPRESSURE_GONE_SDK = 37
_OLDEST_OOM_ADJ = 16  # above the scale of oom_adj, which drivers before oom_score_adj print


class Killer(StrEnum):
    """Who decides, in the words of ``headroom --json``."""

    KERNEL_DRIVER = "kernel_driver"
    PSI_NEW = "lmkd_psi_new"
    PSI_OLD = "lmkd_psi_old"
    NONE = "none"
    NOT_KNOWN = "not_known"


@dataclass(frozen=True, slots=True)
class KillerFacts:
    """
    What a device shows of its killers; None for what could not be seen.

    Attributes:
        lmkd: It runs.
        driver: The kernel's lowmemorykiller is there and lmkd may write its levels.
        driver_levels: Pages and the adj they protect down to, the least first; empty when they
            could not be read.
        psi: The kernel counts stalls of memory.
        kernel: Release of the kernel.
        properties: Whether the device's properties are known, so that what is not set has its
            default.
    """

    lmkd: bool | None = None
    driver: bool | None = None
    driver_levels: tuple[tuple[int, int], ...] = ()
    psi: bool | None = None
    kernel: str | None = None
    properties: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """The killer, and in a few words why it is that one (or why none is known)."""

    killer: Killer
    why: str


def killer_of(facts: KillerFacts, properties: Mapping[str, str]) -> Found:
    """
    Return who kills: the kernel's driver where there is one, else lmkd with its strategy.

    Where nothing tells, nobody: to go by any killer's rules would be a guess.
    """
    sdk = sdk_of(properties)
    driver = facts.driver
    if driver is None and _kernel(facts.kernel) >= _NO_DRIVER_KERNEL:
        driver = False
    if driver:
        return Found(Killer.KERNEL_DRIVER, "the kernel's driver is there, and lmkd leaves it to it")
    if facts.lmkd is False:
        return _dead(driver)
    if facts.lmkd is None:
        return _unknown("nothing says whether lmkd runs")
    if driver is None:
        return _unknown("nothing says whether the kernel has its own driver")
    if not facts.properties:
        return _unknown("lmkd's settings are not in the capture (no getprop)")
    if sdk == 0:
        return _unknown("nothing says which release this is")
    return _lmkd(sdk, facts, properties)


def _dead(driver: bool | None) -> Found:
    if driver is None:
        return _unknown("lmkd does not run; the kernel may have a driver of its own")
    return Found(Killer.NONE, "lmkd does not run: only the kernel's own OOM killer is left")


def _lmkd(sdk: int, facts: KillerFacts, properties: Mapping[str, str]) -> Found:
    """Which strategy a running lmkd has, where no driver is."""
    settings = settings_in_force(properties)
    if sdk < PSI_SDK:
        return _unknown("before Android 10 lmkd goes by vmpressure")
    psi = facts.psi
    if psi is None and _kernel(facts.kernel) >= _PSI_KERNEL:
        psi = True
    if psi is None:
        return _unknown("nothing says whether the kernel has PSI")
    if not psi or (sdk < _VMPRESSURE_GONE_SDK and not is_on(settings, "use_psi", default=True)):
        why = "this lmkd cannot work without" if sdk >= _VMPRESSURE_GONE_SDK else "vmpressure then"
        return _unknown(f"no PSI to go by: {why}")
    if sdk < NEW_STRATEGY_SDK:
        return Found(Killer.PSI_OLD, "Android 10 has the old strategy")
    chosen = settings["use_new_strategy"]
    if chosen.is_on:
        return Found(Killer.PSI_NEW, f"use_new_strategy={chosen.value} ({chosen.source})")
    return Found(Killer.PSI_OLD, f"use_new_strategy={chosen.value} ({chosen.source})")


def _unknown(why: str) -> Found:
    return Found(Killer.NOT_KNOWN, why)


def _kernel(release: str | None) -> tuple[int, int]:
    """``4.14.117-perf`` and ``Linux version 4.14.117`` as (4, 14); (0, 0) when it is unknown."""
    found = _KERNEL.search(release[:200]) if release else None
    return (int(found["major"]), int(found["minor"])) if found else (0, 0)


def driver_levels(minfree: str, adj: str) -> tuple[tuple[int, int], ...]:
    """
    The driver's levels, from its two parameters: ``18432,23040`` (pages) and ``0,100``.

    Old drivers print oom_adj (0 to 15), which becomes oom_score_adj as the kernel does it.
    """
    pages, adjs = _numbers(minfree), _numbers(adj)
    if len(pages) != len(adjs):
        return ()
    if adjs and max(adjs) < _OLDEST_OOM_ADJ and any(adjs):
        adjs = [1000 if one == 15 else one * 1000 // 17 for one in adjs]
    return tuple(zip(pages, adjs, strict=True))


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.lstrip("-").isdecimal() and len(part) < 12 for part in parts):
        return []
    return [int(part) for part in parts]
