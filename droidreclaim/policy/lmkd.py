"""What the killer of a device would do next: its rules over what the kernel counts. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from droidreclaim.parse.proc.kernel import (
    MemInfo,
    Pressure,
    Stall,
    VmStat,
    parse_meminfo,
    parse_pressure,
    parse_vmstat,
)
from droidreclaim.parse.proc.zoneinfo import Watermark, ZoneInfo, parse_zoneinfo
from droidreclaim.policy.killer import Found, Killer
from droidreclaim.policy.lmkd_levels import (
    OLD_CRITICAL_MS,
    OLD_LOW_MS,
    Verdict,
    by_minfree,
    by_stalls,
    file_pages,
    minfree_levels,
)
from droidreclaim.policy.lmkd_new import View, decide
from droidreclaim.policy.lmkd_settings import (
    Setting,
    is_on,
    number_of,
    sdk_of,
    settings_in_force,
)

_T = TypeVar("_T")


@dataclass(frozen=True)
class Sample:
    """
    What the kernel counts at one moment; None for a file that could not be read.

    Attributes:
        at_s: On any clock that runs evenly.
        boot_s: The device's BOOTTIME then; None where it was not read.
    """

    at_s: float
    meminfo: MemInfo | None
    vmstat: VmStat | None
    zoneinfo: ZoneInfo | None
    pressure: Pressure | None
    boot_s: float | None = None


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
        boot_s=_read(_uptime, texts, "/proc/uptime"),
    )


# "3621.42 12345.67": seconds since boot, asleep ones included, and idle ones of all CPUs.
def _uptime(text: str) -> float | None:
    found = re.match(r"\s*([0-9]{1,12}\.[0-9]{1,9})\s", text)
    return float(found[1]) if found else None


def _read(parse: Callable[[str], _T], texts: Mapping[str, str | None], name: str) -> _T | None:
    text = texts.get(name)
    return None if text is None else parse(text)


@dataclass(frozen=True)
class Headroom:
    """
    How far a device is from the next kill; None for what could not be read or is not known.

    Attributes:
        free_bytes: Free pages less those of CMA, as lmkd counts.
        headroom_bytes: Free less the low watermark: lmkd kills below 0.
        swap_free_share: Swap that is free by the killer's count, as a share of all; None without
            swap. lmkd counts no more than it thinks can really be filled.
        kernel_swap_free_share: The same by the kernel's count.
        thrashing_share: File pages that came back in the window, as a share of all file pages then.
        direct_reclaim: Whether allocations had to make room themselves in the window.
        full_stall_share: Share of the window in which everything waited for memory.
        some_stall_share: The same, of some task.
        killer: Whose rules these are.
        next_rule: The rule that fires now, or the one that would when memory goes on falling.
        firing: Whether its conditions hold now. lmkd looks when a stall wakes it, not before.
        adj_floor: Lowest oom_score_adj that rule may kill.
        no_rule: Why none is named.
        waits: What the killer looks at all for; None where nobody does.
    """

    free_bytes: int | None
    low_watermark_bytes: int | None
    min_watermark_bytes: int | None
    headroom_bytes: int | None
    swap_free_share: float | None
    kernel_swap_free_share: float | None
    swap_is_low: bool | None
    thrashing_share: float | None
    direct_reclaim: bool | None
    full_stall_share: float | None
    some_stall_share: float | None
    pressure: Pressure | None
    killer: Found
    next_rule: str | None
    firing: bool
    adj_floor: int | None
    no_rule: str | None
    waits: Waits | None
    boot_s: float | None = None

    @property
    def is_woken(self) -> bool | None:
        """Whether stalls of the last window were long enough to have the killer look."""
        if self.waits is None or self.some_stall_share is None or self.waits.some_s is None:
            return None
        full = self.full_stall_share or 0.0
        return self.some_stall_share >= self.waits.some_s or full >= (self.waits.full_s or 1.0)


@dataclass(frozen=True, slots=True)
class Waits:
    """
    What has a killer look: a PSI event, or for the kernel's driver any reclaim (both None).

    Attributes:
        some_s: Of one second, in which some task waited for memory.
        full_s: Of one second, in which everything did.
    """

    some_s: float | None = None
    full_s: float | None = None


def headroom(
    now: Sample,
    window: Sequence[Sample],
    properties: Mapping[str, str],
    page_bytes: int,
    killer: Found,
    levels: Sequence[tuple[int, int]] = (),
) -> Headroom:
    """
    Judge one sample; thrashing and stalls need those of the last second before it.

    Args:
        window: Oldest first. lmkd's own window begins anew with each kill, so thrashing counts from
            whichever of these shows the most.
        levels: Of the kernel's driver, where that is the killer.
    """
    before = window[0] if window else None
    settings = settings_in_force(properties)
    free, low, least, high = _free_pages(now), *(_mark(now, mark) for mark in _MARKS)
    swap_share = _swap_free_share(now.meminfo, settings if _counts_swap(killer) else None)
    view = View(
        below_low=_is_under(free, low),
        below_min=_is_under(free, least),
        below_high=_is_under(free, high),
        swap_low=bool(_below_percent(swap_share, settings["swap_free_low_percentage"])),
        swap_low_at_mark=_is_low_at(now.meminfo, settings, low, page_bytes),
        has_swap=swap_share is not None,
        thrashing=_thrashing_share(now, window) or 0.0,
        direct=bool(_direct_reclaim(now, before)),
        stall=_stall_share(now, before, "full") or 0.0,
        swap_used=_swap_utilisation(now.meminfo),
        sdk=sdk_of(properties),
    )
    if free is None or low is None or high is None:
        verdict = Verdict(None, why="free memory or its marks are unknown")
    elif killer.killer is Killer.PSI_NEW:
        verdict = decide(view, settings)
        if _is_stalled(now, settings):
            verdict = replace(verdict, floor=0)
    else:
        spare = free - high
        verdict = _by_level(now, before, killer, properties, spare, page_bytes, levels)
    return Headroom(
        free_bytes=_in_bytes(free, page_bytes),
        low_watermark_bytes=_in_bytes(low, page_bytes),
        min_watermark_bytes=_in_bytes(least, page_bytes),
        headroom_bytes=None if free is None or low is None else (free - low) * page_bytes,
        swap_free_share=swap_share,
        kernel_swap_free_share=_swap_free_share(now.meminfo, None),
        swap_is_low=view.swap_low if swap_share is not None and _counts_swap(killer) else None,
        thrashing_share=_thrashing_share(now, window),
        direct_reclaim=_direct_reclaim(now, before),
        full_stall_share=_stall_share(now, before, "full"),
        some_stall_share=_stall_share(now, before, "some"),
        pressure=now.pressure,
        killer=killer,
        next_rule=verdict.rule,
        firing=verdict.firing,
        adj_floor=verdict.floor,
        no_rule=verdict.why,
        waits=_waits(killer, settings),
        boot_s=now.boot_s,
    )


_MARKS = (Watermark.LOW, Watermark.MIN, Watermark.HIGH)


def _mark(now: Sample, mark: Watermark) -> int | None:
    return now.zoneinfo.watermark_pages(mark) if now.zoneinfo else None


def _is_under(pages: int | None, mark: int | None) -> bool:
    return pages is not None and mark is not None and pages < mark


def _in_bytes(pages: int | None, page_bytes: int) -> int | None:
    return None if pages is None else pages * page_bytes


def _counts_swap(killer: Found) -> bool:
    """Whether the killer has a rule about free swap."""
    return killer.killer is Killer.PSI_NEW


def _by_level(
    now: Sample,
    before: Sample | None,
    killer: Found,
    properties: Mapping[str, str],
    spare: int,
    page_bytes: int,
    levels: Sequence[tuple[int, int]],
) -> Verdict:
    """The verdict of a killer that goes by levels, or why there is none."""
    settings = settings_in_force(properties)
    if killer.killer is Killer.KERNEL_DRIVER:
        if not levels:
            return Verdict(None, why="the driver's levels could not be read")
        return by_minfree(levels, spare, file_pages(now.meminfo, page_bytes))
    if killer.killer is not Killer.PSI_OLD:
        return Verdict(None, why=killer.why)
    if settings["use_minfree_levels"].is_on:
        own = minfree_levels(properties.get("sys.lmk.minfree_levels", ""))
        return by_minfree(own, spare, file_pages(now.meminfo, page_bytes))
    some, full = _stall_share(now, before, "some") or 0.0, _stall_share(now, before, "full") or 0.0
    return by_stalls(some * 1000, full * 1000, settings)


def _waits(killer: Found, settings: Mapping[str, Setting]) -> Waits | None:
    if killer.killer is Killer.KERNEL_DRIVER:
        return Waits()
    if killer.killer is Killer.PSI_OLD:
        return Waits(OLD_LOW_MS / 1000, OLD_CRITICAL_MS / 1000)
    if killer.killer is Killer.PSI_NEW:
        partial, complete = (
            settings[f"psi_{kind}_stall_ms"].number / 1000 for kind in ("partial", "complete")
        )
        return Waits(partial, complete)
    return None


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
    settings: Mapping[str, Setting] | None,
    free_at_most: int | None = None,
) -> float | None:
    """
    Free swap as lmkd sees it: no more than what is easily available to hold it, if compressed.

    So swap can be low with zram half empty. *free_at_most* bytes of free memory are counted.
    Without *settings* the kernel's count.
    """
    if meminfo is None or not meminfo.swap_total_bytes or meminfo.swap_free_bytes is None:
        return None
    free = meminfo.swap_free_bytes
    ratio = settings["swap_compression_ratio"].number if settings else 0
    if settings and ratio and meminfo.free_bytes is not None:
        memory_free = meminfo.free_bytes
        if free_at_most is not None:
            memory_free = min(memory_free, free_at_most)
        divisor = max(number_of(settings, "swap_compression_ratio_div", 1), 1)
        easy = _easily_freed(meminfo, settings, ratio, divisor)
        if easy is not None:
            free = max(min(free, (memory_free + easy) * ratio // divisor), 0)
    return free / meminfo.swap_total_bytes


def _easily_freed(
    meminfo: MemInfo, settings: Mapping[str, Setting], ratio: int, divisor: int
) -> int | None:
    """What lmkd thinks can be had at once beside free memory: inactive files, or with
    ``relaxed_available_memory`` clean files and what compressing the rest would free."""
    inactive = meminfo.inactive_file_bytes
    if inactive is None or not is_on(settings, "relaxed_available_memory", default=False):
        return inactive
    sizes = meminfo.sizes_bytes
    files = inactive + sizes.get("Active(file)", 0) - sizes.get("Dirty", 0)
    anon = sizes.get("Active(anon)", 0) + sizes.get("Inactive(anon)", 0)
    return files + anon * (ratio - divisor) // ratio


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


def _stall_share(now: Sample, before: Sample | None, kind: Literal["some", "full"]) -> float | None:
    if before is None or now.at_s <= before.at_s:
        return None
    last, first = _stall(now, kind), _stall(before, kind)
    if last is None or first is None:
        return None
    return (last.total_us - first.total_us) / 1e6 / (now.at_s - before.at_s)


def _stall(sample: Sample, kind: Literal["some", "full"]) -> Stall | None:
    if sample.pressure is None:
        return None
    return sample.pressure.some if kind == "some" else sample.pressure.full
