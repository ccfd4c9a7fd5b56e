"""What comes back after a page-out: each target and the device, measured at given times."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from droidreclaim.errors import DroidReclaimError
from droidreclaim.helper import verbs
from droidreclaim.helper.session import HelperSession
from droidreclaim.model import (
    DeviceRefault,
    ProcessId,
    ReclaimResult,
    Refault,
    TargetResult,
)
from droidreclaim.parse.proc.kernel import Pressure, VmStat, parse_pressure, parse_vmstat
from droidreclaim.parse.proc.swap import flash_read_bytes
from droidreclaim.units import format_size, plural

_FILES = ("vmstat", "pressure/memory", "zram_flash")


@dataclass(frozen=True, slots=True)
class Counters:
    """Counters of the device at one moment; None where it has none."""

    vmstat: VmStat | None
    pressure: Pressure | None
    flash_read_bytes: int | None = None


def follow(
    session: HelperSession,
    result: ReclaimResult,
    times_s: Sequence[float],
    *,
    page_bytes: int,
    progress: Callable[[str], None],
) -> tuple[ReclaimResult, BaseException | None]:
    """
    Measure every touched target of *result* at *times_s* (ascending) after now.

    Returns the result with what was measured, and what ended the measuring early: an interrupt or
    a lost device, which does not take away what was seen until then.
    """
    followed = {
        target.advice.id: target for target in result.targets if target.advice.advised_bytes
    }
    if not followed:
        return result, None
    began = time.monotonic()
    taken: list[tuple[Refault, ...]] = []
    device: list[DeviceRefault] = []
    ended_by: BaseException | None = None
    try:
        start = _counters(session)
        progress(f"measuring for {times_s[-1]:g} s what comes back; Ctrl-C keeps what is there")
        for at_s in times_s:
            time.sleep(max(0.0, began + at_s - time.monotonic()))
            measured = verbs.measure(session, list(followed))
            device.append(device_refault(at_s, start, _counters(session), page_bytes))
            taken.append(
                tuple(
                    refault(at_s, target, measured.get(target_id))
                    for target_id, target in followed.items()
                )
            )
            progress(_summary(at_s, taken[-1]))
    except (KeyboardInterrupt, DroidReclaimError) as error:
        ended_by = error
    columns = {key: tuple(row[i] for row in taken) for i, key in enumerate(followed)}
    return _with_refaults(result, columns, device), ended_by


def refault(at_s: float, target: TargetResult, now: verbs.Measured | None) -> Refault:
    """One target at one moment, against what it was right after the page-out."""
    if now is None or now.errno is not None:
        return Refault(at_s, None, None, None, None)
    after = target.advice.after
    rise = _rise(after.rss_bytes if after else None, now.rss_bytes)
    swapped = target.advice.swap_rise_bytes or 0
    if rise is not None and swapped > 0 and after is not None:
        # New memory of an app at work is no refault: what comes back leaves swap.
        from_swap = _rise(now.swap_bytes, after.swap_bytes)
        rise = rise if from_swap is None else min(rise, from_swap)
    return Refault(
        at_s=at_s,
        rss_bytes=now.rss_bytes,
        swap_bytes=now.swap_bytes,
        major_faults=_rise(target.advice.major_faults, now.major_faults),
        came_back_bytes=None if rise is None else max(0, rise),
    )


def device_refault(at_s: float, start: Counters, now: Counters, page_bytes: int) -> DeviceRefault:
    """The device at one moment, against the counters of *start*."""
    pages = _counter_rise(start, now, "pswpin")
    return DeviceRefault(
        at_s=at_s,
        swapped_in_bytes=None if pages is None else pages * page_bytes,
        from_flash_bytes=_rise(start.flash_read_bytes, now.flash_read_bytes),
        major_faults=_counter_rise(start, now, "pgmajfault"),
        psi_some_s=_stall_rise(start, now, "some"),
        psi_full_s=_stall_rise(start, now, "full"),
    )


def _counters(session: HelperSession) -> Counters:
    files = verbs.files_of(session.call_all([verbs.read_files(*_FILES)])[0])
    vmstat, pressure = files.get("/proc/vmstat"), files.get("/proc/pressure/memory")
    return Counters(
        parse_vmstat(vmstat) if vmstat else None,
        parse_pressure(pressure) if pressure else None,
        flash_read_bytes(files),
    )


def _with_refaults(
    result: ReclaimResult,
    columns: Mapping[ProcessId, tuple[Refault, ...]],
    device: Sequence[DeviceRefault],
) -> ReclaimResult:
    targets = tuple(
        replace(target, refaults=columns.get(target.advice.id, ())) for target in result.targets
    )
    return replace(result, targets=targets, device_refaults=tuple(device))


def _summary(at_s: float, refaults: Sequence[Refault]) -> str:
    back = sum(one.came_back_bytes or 0 for one in refaults)
    gone = sum(one.rss_bytes is None for one in refaults)
    lost = f", {gone} gone" if gone else ""
    count = plural(len(refaults), "process", "processes")
    return f"after {at_s:g} s: {format_size(back)} of {count} came back{lost}"


def _rise(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _counter_rise(start: Counters, now: Counters, name: str) -> int | None:
    if start.vmstat is None or now.vmstat is None:
        return None
    return _rise(start.vmstat.get(name), now.vmstat.get(name))


def _stall_rise(start: Counters, now: Counters, kind: str) -> float | None:
    before = getattr(start.pressure, kind, None)
    after = getattr(now.pressure, kind, None)
    return None if before is None or after is None else (after.total_us - before.total_us) / 1e6
