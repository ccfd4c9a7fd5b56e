"""
What lmkd would do next: its settings on this device, and its rules over what the kernel counts.

Written from reference descriptions of lmkd's decisions (lmkd.cpp, December 2023): watermarks, swap,
thrashing and stalls decide, not free memory as a share of RAM. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from droidreclaim.parse.proc.kernel import (
    MemInfo,
    Pressure,
    VmStat,
    parse_meminfo,
    parse_pressure,
    parse_vmstat,
)
from droidreclaim.parse.proc.zoneinfo import Watermark, ZoneInfo, parse_zoneinfo

_FLAGS = "persist.device_config.lmkd_native."  # beats the next since Android 12
_PROPERTIES = "ro.lmk."
_PERCEPTIBLE_FLOOR = 201  # above PERCEPTIBLE_APP_ADJ
_EASY_SWAP_SDK = 33  # until then lmkd believed SwapFree
_LOW_MEM_SDK = 34  # ActivityManager ceased to kill cached apps by number; lmkd took that over
_FLAGS_SDK = 31
_KIB = 1024
_EVERYTHING = 100  # per cent: a limit that is never exceeded
_T = TypeVar("_T")

# AOSP's defaults; on a device with ro.config.low_ram the second one.
_DEFAULTS = {
    "use_minfree_levels": ("false", "false"),
    "psi_partial_stall_ms": ("70", "200"),
    "psi_complete_stall_ms": ("700", "700"),
    "swap_free_low_percentage": ("10", "10"),
    "swap_compression_ratio": ("1", "1"),
    "swap_util_max": ("100", "100"),
    "thrashing_limit": ("100", "30"),
    "thrashing_limit_decay": ("10", "50"),
    "thrashing_limit_critical": ("300", "90"),
    "filecache_min_kb": ("0", "0"),
    "stall_limit_critical": ("100", "100"),
    "pressure_after_kill_min_score": ("0", "0"),
    "lowmem_min_oom_score": ("701", "701"),
    "kill_heaviest_task": ("false", "false"),
    "kill_timeout_ms": ("100", "100"),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of lmkd; *source* is the property it came from, or ``default``."""

    value: str
    source: str

    @property
    def number(self) -> int:
        """The value as a number; 0 for one that is none, as lmkd reads it."""
        return int(self.value) if self.value.lstrip("-").isdecimal() else 0

    @property
    def on(self) -> bool:
        """The value as a switch."""
        return self.value in ("true", "1", "y", "yes", "on")


def settings_in_force(properties: Mapping[str, str]) -> dict[str, Setting]:
    """
    lmkd's settings: a server flag over a property of the build over AOSP's default.

    Vendors' own settings (``ro.lmk.*`` names that AOSP has not) are listed as well.
    """
    low_ram = properties.get("ro.config.low_ram") == "true"
    found = {name: Setting(pair[low_ram], "default") for name, pair in sorted(_DEFAULTS.items())}
    if 0 < sdk_of(properties) < _EASY_SWAP_SDK:
        found["swap_compression_ratio"] = Setting("0", "default")
    prefixes = [_PROPERTIES, _FLAGS] if sdk_of(properties) >= _FLAGS_SDK else [_PROPERTIES]
    for prefix in prefixes:
        for key, value in properties.items():
            if key.startswith(prefix) and value:
                found[key.removeprefix(prefix)] = Setting(value, key)
    return found


def sdk_of(properties: Mapping[str, str]) -> int:
    """Release of the device as a number; 0 where it does not say."""
    sdk = properties.get("ro.build.version.sdk", "")
    return int(sdk) if sdk.isdecimal() else 0


@dataclass(frozen=True)
class Sample:
    """
    What the kernel counts at one moment; None for a file that could not be read.

    Attributes:
        at_s: On any clock that runs evenly.
    """

    at_s: float
    meminfo: MemInfo | None
    vmstat: VmStat | None
    zoneinfo: ZoneInfo | None
    pressure: Pressure | None


def sample_of(texts: Mapping[str, str | None], at_s: float) -> Sample:
    """
    A sample from the texts of ``/proc/meminfo`` and its like, by path.

    Raises:
        ParseError: one of them cannot be read.
    """
    return Sample(
        at_s=at_s,
        meminfo=_read(parse_meminfo, texts, "/proc/meminfo"),
        vmstat=_read(parse_vmstat, texts, "/proc/vmstat"),
        zoneinfo=_read(parse_zoneinfo, texts, "/proc/zoneinfo"),
        pressure=_read(parse_pressure, texts, "/proc/pressure/memory"),
    )


def _read(parse: Callable[[str], _T], texts: Mapping[str, str | None], name: str) -> _T | None:
    text = texts.get(name)
    return None if text is None else parse(text)


@dataclass(frozen=True)
class Headroom:
    """
    How far a device is from lmkd's next kill; None for what could not be read.

    Attributes:
        free_bytes: Free pages less those of CMA, as lmkd counts.
        headroom_bytes: Free less the low watermark: lmkd kills below 0.
        swap_free_share: Swap that can really be filled, as a share of all; None without swap.
        thrashing_share: File pages that came back in the window, as a share of all file pages then.
        direct_reclaim: Whether allocations had to make room themselves in the window.
        full_stall_share: Share of the window in which everything waited for memory.
        next_rule: The rule that fires now, or the one that would when memory goes on falling.
        firing: Whether its conditions hold now.
        adj_floor: Lowest oom_score_adj that rule may kill.
    """

    free_bytes: int | None
    low_watermark_bytes: int | None
    min_watermark_bytes: int | None
    headroom_bytes: int | None
    swap_free_share: float | None
    swap_is_low: bool | None
    thrashing_share: float | None
    direct_reclaim: bool | None
    full_stall_share: float | None
    pressure: Pressure | None
    next_rule: str | None
    firing: bool
    adj_floor: int | None


def headroom(
    now: Sample,
    window: Sequence[Sample],
    properties: Mapping[str, str],
    page_bytes: int,
) -> Headroom:
    """
    Judge one sample; thrashing and stalls need those of the last second before it.

    Args:
        window: Oldest first. lmkd's own window begins anew with each kill, so thrashing counts from
            whichever of these shows the most.
    """
    before = window[0] if window else None
    thrashing = _thrashing_share(now, window)
    settings = settings_in_force(properties)
    free = _free_pages(now)
    zones = now.zoneinfo
    low = zones.watermark_pages(Watermark.LOW) if zones else None
    least = zones.watermark_pages(Watermark.MIN) if zones else None
    high = zones.watermark_pages(Watermark.HIGH) if zones else None
    swap_share = _swap_free_share(now.meminfo, settings)
    swap_low = _below_percent(swap_share, settings["swap_free_low_percentage"])
    view = _View(
        below_low=free is not None and low is not None and free < low,
        below_min=free is not None and least is not None and free < least,
        below_high=free is not None and high is not None and free < high,
        swap_low=bool(swap_low),
        swap_low_at_mark=_is_low_at(now.meminfo, settings, low, page_bytes),
        has_swap=swap_share is not None,
        thrashing=thrashing or 0.0,
        direct=bool(_direct_reclaim(now, before)),
        stall=_stall_share(now, before) or 0.0,
        swap_used=_swap_utilisation(now.meminfo),
        sdk=sdk_of(properties),
    )
    rule, firing, floor = _minfree(now, properties, settings, page_bytes) or _decide(view, settings)
    known = free is not None and low is not None
    return Headroom(
        free_bytes=None if free is None else free * page_bytes,
        low_watermark_bytes=None if low is None else low * page_bytes,
        min_watermark_bytes=None if least is None else least * page_bytes,
        headroom_bytes=(free - low) * page_bytes if free is not None and low is not None else None,
        swap_free_share=swap_share,
        swap_is_low=swap_low,
        thrashing_share=thrashing,
        direct_reclaim=_direct_reclaim(now, before),
        full_stall_share=_stall_share(now, before),
        pressure=now.pressure,
        next_rule=rule if known else None,
        firing=firing and known,
        adj_floor=(0 if _is_stalled(now, settings) else floor) if known else None,
    )


@dataclass(frozen=True, slots=True)
class _View:
    below_low: bool
    below_min: bool
    below_high: bool
    swap_low: bool
    swap_low_at_mark: bool
    has_swap: bool
    thrashing: float
    direct: bool
    stall: float
    swap_used: float
    sdk: int


def _decide(view: _View, settings: Mapping[str, Setting]) -> tuple[str, bool, int]:
    """The first rule, in lmkd's order, whose conditions hold; else the one next in line."""
    thrashing = view.thrashing > settings["thrashing_limit"].number / 100
    util_high = view.swap_used * 100 > settings["swap_util_max"].number
    if view.stall * 1000 >= settings["psi_complete_stall_ms"].number:
        return "not_responding", True, 0
    if view.swap_low and thrashing:
        return "low_swap_and_thrashing", True, _swap_floor(view, settings)
    if view.swap_low and view.below_low:
        return "low_mem_and_swap", True, _swap_floor(view, settings)
    if view.below_low and util_high:
        return "low_mem_and_swap_util", True, 0
    if view.below_low and thrashing:
        return "low_mem_and_thrashing", True, _thrashing_floor(view, settings)
    if view.direct and thrashing:
        # Direct reclaim is of who found less than the min mark: up to the high one memory is just
        # back from there, and will be again by lmkd's own look.
        rule = "low_mem" if view.below_high else "direct_recl"
        return f"{rule}_and_thrashing", True, _thrashing_floor(view, settings)
    if view.below_low and view.sdk >= _LOW_MEM_SDK:
        return "low_mem", True, settings["lowmem_min_oom_score"].number
    rule, floor = _next_in_line(view, settings, thrashing=thrashing, util_high=util_high)
    return rule, False, floor


def _next_in_line(
    view: _View, settings: Mapping[str, Setting], *, thrashing: bool, util_high: bool
) -> tuple[str, int]:
    """What holds first when memory goes on falling: its conditions at the low mark, then below."""
    if view.swap_low_at_mark and thrashing:
        return "low_swap_and_thrashing", _thrashing_floor(view, settings)
    if view.swap_low_at_mark:
        return "low_mem_and_swap", _PERCEPTIBLE_FLOOR
    if util_high:
        return "low_mem_and_swap_util", 0
    if thrashing:
        return "low_mem_and_thrashing", _thrashing_floor(view, settings)
    if view.sdk >= _LOW_MEM_SDK:
        return "low_mem", settings["lowmem_min_oom_score"].number
    return _last_in_line(view, settings)


def _last_in_line(view: _View, settings: Mapping[str, Setting]) -> tuple[str, int]:
    """
    What comes where nothing fires at the mark.

    Swap fills, until too much of what could be there is, or until little of it is left; without
    that a stall or thrashing, whichever is nearer.
    """
    if view.has_swap and settings["swap_util_max"].number < _EVERYTHING:
        return "low_mem_and_swap_util", 0
    if view.has_swap and settings["swap_free_low_percentage"].number > 0:
        return "low_mem_and_swap", _PERCEPTIBLE_FLOOR
    stall = view.stall * 1000 / max(settings["psi_complete_stall_ms"].number, 1)
    if stall > view.thrashing * 100 / max(settings["thrashing_limit"].number, 1):
        return "not_responding", 0
    return "low_mem_and_thrashing", _PERCEPTIBLE_FLOOR


def _swap_floor(view: _View, settings: Mapping[str, Setting]) -> int:
    return 0 if view.below_min else _thrashing_floor(view, settings)


def _thrashing_floor(view: _View, settings: Mapping[str, Setting]) -> int:
    critical = view.thrashing >= settings["thrashing_limit_critical"].number / 100
    return 0 if critical else _PERCEPTIBLE_FLOOR


def _minfree(
    now: Sample, properties: Mapping[str, str], settings: Mapping[str, Setting], page_bytes: int
) -> tuple[str, bool, int] | None:
    """
    The older strategy (``use_minfree_levels``): free and file pages both under a level.

    Low-RAM devices have the newer one whatever they set.
    """
    levels = _minfree_levels(properties.get("sys.lmk.minfree_levels", ""))
    low_ram = properties.get("ro.config.low_ram") == "true"
    if low_ram or not settings["use_minfree_levels"].on or not levels:
        return None
    if now.meminfo is None or now.zoneinfo is None:
        return None
    free = _free_pages(now) or 0
    spare = free - now.zoneinfo.watermark_pages(Watermark.HIGH)
    sizes = now.meminfo.sizes_bytes
    cached = sizes.get("Cached", 0) + sizes.get("Buffers", 0) + sizes.get("SwapCached", 0)
    file = cached - sum(sizes.get(key, 0) for key in ("Shmem", "Unevictable", "SwapCached"))
    for pages, adj in levels:
        if spare < pages and file // page_bytes < pages:
            return "minfree", True, adj
    return "minfree", False, levels[-1][1]


def _minfree_levels(text: str) -> list[tuple[int, int]]:
    """``18432:0,23040:100``: pages and the adj they protect down to, the least first."""
    pairs = [part.split(":") for part in text.split(",")]
    return [
        (int(pair[0]), int(pair[1]))
        for pair in pairs
        if len(pair) == 2 and all(number.isdecimal() for number in pair)
    ]


def _free_pages(now: Sample) -> int | None:
    if now.vmstat is not None and now.vmstat.free_pages is not None:
        return now.vmstat.free_pages - (now.vmstat.free_cma_pages or 0)
    if now.zoneinfo is not None:
        return now.zoneinfo.free_pages - now.zoneinfo.free_cma_pages
    return None


def _is_low_at(
    meminfo: MemInfo | None, settings: Mapping[str, Setting], mark: int | None, page_bytes: int
) -> bool:
    """
    Whether swap will be low by the time free memory has fallen to *mark* pages.

    What is easily available falls with it: on a phone of 594 MiB with 512 MiB of zram all 33 kills
    of a run were for swap, while swap was not low in half of the samples just before.
    """
    at_mark = None if mark is None else mark * page_bytes
    share = _swap_free_share(meminfo, settings, free_at_most=at_mark)
    return bool(_below_percent(share, settings["swap_free_low_percentage"]))


def _swap_free_share(
    meminfo: MemInfo | None,
    settings: Mapping[str, Setting],
    free_at_most: int | None = None,
) -> float | None:
    """
    Free swap as lmkd sees it: no more than what is easily available to hold it, if compressed.

    So swap can be low with zram half empty. *free_at_most* bytes of free memory are counted.
    """
    if meminfo is None or not meminfo.swap_total_bytes or meminfo.swap_free_bytes is None:
        return None
    free = meminfo.swap_free_bytes
    ratio = settings["swap_compression_ratio"].number
    if ratio and meminfo.free_bytes is not None and meminfo.inactive_file_bytes is not None:
        memory_free = meminfo.free_bytes
        if free_at_most is not None:
            memory_free = min(memory_free, free_at_most)
        free = min(free, (memory_free + meminfo.inactive_file_bytes) * ratio)
    return free / meminfo.swap_total_bytes


def _below_percent(share: float | None, setting: Setting) -> bool | None:
    return None if share is None else share * 100 < setting.number


def _swap_utilisation(meminfo: MemInfo | None) -> float:
    """Swapped pages as a share of all that could be swapped (lmkd's calc_swap_utilization)."""
    if meminfo is None or meminfo.swap_total_bytes is None or meminfo.swap_free_bytes is None:
        return 0.0
    sizes = meminfo.sizes_bytes
    swapped = meminfo.swap_total_bytes - meminfo.swap_free_bytes
    anon = sum(sizes.get(key, 0) for key in ("Active(anon)", "Inactive(anon)", "Shmem"))
    return swapped / (anon + swapped) if anon + swapped else 0.0


def _is_stalled(now: Sample, settings: Mapping[str, Setting]) -> bool:
    """Whether everything waited for so long that no adj is spared any more."""
    full = now.pressure.full if now.pressure else None
    return full is not None and full.avg10_percent > settings["stall_limit_critical"].number


def _thrashing_share(now: Sample, window: Sequence[Sample]) -> float | None:
    shares = [_thrashing_since(before, now) for before in window]
    return max((share for share in shares if share is not None), default=None)


def _thrashing_since(before: Sample, now: Sample) -> float | None:
    if now.vmstat is None or before.vmstat is None:
        return None
    came, went = now.vmstat.refault_file_pages, before.vmstat.refault_file_pages
    file = [before.vmstat.total(f"nr_{name}_file") for name in ("active", "inactive")]
    if came is None or went is None or None in file:
        return None
    return (came - went) / (sum(pages or 0 for pages in file) + 1)


def _direct_reclaim(now: Sample, before: Sample | None) -> bool | None:
    if before is None or now.vmstat is None or before.vmstat is None:
        return None
    scanned = [sample.vmstat.total("pgscan_direct") for sample in (now, before) if sample.vmstat]
    return None if None in scanned else scanned[0] != scanned[1]


def _stall_share(now: Sample, before: Sample | None) -> float | None:
    if before is None or now.pressure is None or before.pressure is None:
        return None
    if now.pressure.full is None or before.pressure.full is None or now.at_s <= before.at_s:
        return None
    stalled_us = now.pressure.full.total_us - before.pressure.full.total_us
    return stalled_us / 1e6 / (now.at_s - before.at_s)
