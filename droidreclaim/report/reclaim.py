"""Page-outs as text: the four numbers, each target with its reason, what came back, swap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from droidreclaim.escape import safe
from droidreclaim.model import (
    DeviceInfo,
    Estimate,
    ReclaimResult,
    Skip,
    SwapDevice,
    TargetResult,
)
from droidreclaim.report import device_json, memory_json, new_table, or_unknown
from droidreclaim.units import format_size, plural


def reclaim_json(device: DeviceInfo, source: str, result: ReclaimResult) -> dict[str, Any]:
    """The document of ``reclaim --json``."""
    return {
        **device_json(device, source),
        "backend": result.backend,
        "how": result.how,
        "dry_run": result.dry_run,
        "targets": [_target_json(target, result) for target in result.targets],
        "skipped": [_skip_json(skip) for skip in result.skipped],
        "totals": asdict(result.totals),
        "device_refaults": [asdict(one) for one in result.device_refaults],
        "swap_algorithms": dict(result.swap_algorithms),
        **_estimate_json(result),
    }


def _estimate_json(result: ReclaimResult) -> dict[str, Any]:
    if result.estimate is None:
        return {}
    gained = {"gained_bytes": result.estimate.gained_bytes}
    return {"estimate": {**asdict(result.estimate), **gained}}


def _target_json(target: TargetResult, result: ReclaimResult) -> dict[str, Any]:
    process, advice = target.process, target.advice
    dry_run, prefetch = result.dry_run, result.how == "prefetch"
    estimate: dict[str, Any] = {}
    if dry_run:
        kinds = [{**asdict(kind), "movable_bytes": kind.movable_bytes} for kind in advice.kinds]
        estimate = {"reclaimable_bytes": advice.movable_bytes, "kinds": kinds}
        if prefetch:
            estimate["reclaimable_bytes"] = None
    return {
        "pid": process.pid,
        "start_ticks": process.start_ticks,
        "name": process.name,
        "packages": list(process.packages),
        "oom_score_adj": advice.adj,
        "outcome": target.outcome,
        "reason": target.reason,
        "detail": target.detail,
        **estimate,
        "advised_bytes": advice.advised_bytes,
        "refused": [asdict(one) for one in advice.refused],
        "before": memory_json(advice.before),
        "after": memory_json(advice.after),
        "exclusive_bytes": advice.exclusive_bytes,
        "shared_bytes": advice.shared_bytes,
        "already_swapped_bytes": advice.swapped_bytes,
        "resumes_known": advice.resumes,
        "left_out_bytes": advice.left_out_bytes,
        "approximate": advice.approximate,
        "frozen": advice.frozen,
        "steps": advice.steps,
        "longest_call_s": advice.longest_s,
        "refaults": [asdict(one) for one in target.refaults],
        "came_back_share": target.came_back_share,
        "worth_it": target.worth_it,
        "duration_s": advice.duration_s,
    }


def _skip_json(skip: Skip) -> dict[str, Any]:
    return {
        "pid": skip.process.pid,
        "name": skip.process.name,
        "oom_score_adj": skip.process.oom_score_adj,
        "reason": skip.reason,
        "detail": skip.detail,
    }


def reclaim_table(result: ReclaimResult) -> Table:
    """Targets and everyone left alone, one a row, with the reason in words."""
    prefetch = result.how == "prefetch"
    left = "ASKED FOR>" if prefetch else "RECLAIMABLE>" if result.dry_run else "LEFT RSS>"
    table = new_table(
        "PROCESS", "PID>", "ADJ>", "OUTCOME", left, "TO SWAP>", "SHARED>", "TIME>", "REASON"
    )
    for target in result.targets:
        advice = target.advice
        moved = advice.movable_bytes if result.dry_run else advice.rss_fall_bytes
        if prefetch:
            moved = advice.swapped_bytes if result.dry_run else advice.advised_bytes
        table.add_row(
            Text(safe(target.process.name)),
            str(target.process.pid),
            or_unknown(advice.adj),
            target.outcome,
            format_size(moved),
            "-" if result.dry_run or prefetch else format_size(advice.swap_rise_bytes),
            format_size(advice.shared_bytes),
            f"{advice.duration_s:.2f} s",
            Text(safe(target.why)),
        )
    for skip in result.skipped:
        process = skip.process
        adj = or_unknown(process.oom_score_adj)
        reason = Text(safe(f"{skip.reason}: {skip.detail}"))
        table.add_row(
            Text(safe(process.name)), str(process.pid), adj, "skipped", "", "", "", "", reason
        )
    return table


def reclaim_summary(result: ReclaimResult) -> str:
    """The four numbers in one line."""
    totals = result.totals
    if result.estimate is not None:
        return _estimate_summary(result.estimate)
    if result.how == "prefetch":
        return _prefetch_summary(result)
    if result.dry_run:
        return "dry run: nothing touched, and nothing to touch"
    if result.backend.startswith("am_"):
        left = format_size(totals.reclaimed_bytes)
        return f"{left} left memory by {result.backend}, which is Android's to decide: weaker tier"
    return (
        f"advised {format_size(totals.advised_bytes)}; meanwhile "
        f"{format_size(totals.reclaimed_bytes)} left memory, "
        f"{format_size(totals.swapped_bytes)} went to swap, "
        f"zram took {format_size(totals.zram_used_delta_bytes)}: "
        f"gained {format_size(totals.gained_bytes)}"
    )


def hot_line(result: ReclaimResult) -> str | None:
    """What was left in memory for the next resume, and of how many nothing is known."""
    advices = [one.advice for one in result.targets if one.advice.resumes is not None]
    if not advices or result.how != "pageout":
        return None
    left = format_size(sum(advice.left_out_bytes or 0 for advice in advices))
    unknown = sum(advice.resumes == 0 for advice in advices)
    line = f"left in memory for the next resume: {left}"
    if unknown:
        line += f"; of {plural(unknown, 'process', 'processes')} nothing is known yet"
    return line


def _prefetch_summary(result: ReclaimResult) -> str:
    totals = result.totals
    if result.dry_run:
        swapped = sum(target.advice.swapped_bytes or 0 for target in result.targets)
        return f"dry run: nothing touched; {format_size(swapped)} is in swap"
    waits = format_size(totals.swap_cached_delta_bytes)
    return (
        f"asked for {format_size(totals.advised_bytes)}, "
        f"{format_size(totals.came_in_bytes)} read from swap: "
        f"{waits} more wait in memory to be touched"
    )


def swap_json(
    device: DeviceInfo, source: str, devices: Sequence[SwapDevice], *, on: bool
) -> dict[str, Any]:
    """The document of ``swap on`` and ``swap off``."""
    return {**device_json(device, source), "on": on, "swap": [asdict(one) for one in devices]}


def swap_text(devices: Sequence[SwapDevice], *, on: bool) -> str:
    """What was made swap, or undone."""
    if on:
        undo = "until the next reboot or 'droidreclaim swap off'"
        lines = [f"{one.path} is swap of {format_size(one.size_bytes)}, {undo}" for one in devices]
    else:
        lines = [
            f"{one.path} is no swap any more, {format_size(one.used_bytes)} came back into memory"
            for one in devices
        ]
    return "\n".join(safe(line) for line in lines)


def _estimate_summary(estimate: Estimate) -> str:
    limit = f" (limited by {estimate.limited_by})" if estimate.limited_by else ""
    leaves = f"dry run: nothing touched; {format_size(estimate.leaves_bytes)} would leave{limit}"
    if estimate.zram_bytes is None:
        return f"{leaves}; zram holds too little to say what it would take"
    return (
        f"{leaves}, zram would take {format_size(estimate.zram_bytes)}: "
        f"gained {format_size(estimate.gained_bytes)}"
    )


def swap_line(result: ReclaimResult) -> str | None:
    """What compressed, and how well, what was paged out; None where nothing was."""
    totals = result.totals
    taken, moved = totals.zram_used_delta_bytes, totals.swapped_bytes
    if not result.swap_algorithms or not taken or not moved or taken < 0:
        return None
    names = ", ".join(f"{device} with {name}" for device, name in result.swap_algorithms)
    return safe(f"compressed by {names}, {moved / taken:.1f}:1")


def kinds_table(result: ReclaimResult) -> Table:
    """After a dry run: what each process holds in mappings of each kind that is meant."""
    table = new_table(
        "PROCESS", "KIND", "MAPPED>", "OWN>", "SHARED>", "SWAPPED>", "LOCKED>", "MOVES>"
    )
    for target in result.targets:
        for kind in target.advice.kinds:
            table.add_row(
                Text(safe(target.process.name)),
                safe(kind.kind),
                format_size(kind.mapped_bytes),
                format_size(kind.exclusive_bytes),
                format_size(kind.shared_bytes),
                format_size(kind.swapped_bytes),
                format_size(kind.locked_bytes),
                format_size(kind.movable_bytes),
            )
    return table


def refault_table(result: ReclaimResult) -> Table:
    """What came back of each target, one row a process and time; the device comes last."""
    table = new_table("PROCESS", "PID>", "AT>", "RSS>", "SWAP>", "CAME BACK>", "FAULTS>", "VERDICT")
    for target in result.targets:
        for number, one in enumerate(target.refaults, start=1):
            last = number == len(target.refaults)
            table.add_row(
                Text(safe(target.process.name)),
                str(target.process.pid),
                f"{one.at_s:g} s",
                format_size(one.rss_bytes),
                format_size(one.swap_bytes),
                format_size(one.came_back_bytes),
                or_unknown(one.major_faults),
                _refault_verdict(target) if last else "",
            )
    return table


def _refault_verdict(target: TargetResult) -> str:
    share = target.came_back_share
    if share is None:
        return "gone" if target.refaults[-1].rss_bytes is None else "?"
    return f"{share:.0%} back: " + ("stays out" if target.worth_it else "not worth it")


def device_refault_lines(result: ReclaimResult) -> list[str]:
    """What the device read back from swap and waited for, a line for each time."""
    return [
        f"device after {one.at_s:g} s: {format_size(one.swapped_in_bytes)} read back from swap"
        f"{_of_flash(one.from_flash_bytes)}, "
        f"{or_unknown(one.major_faults)} major faults, memory stalls some "
        f"{_seconds(one.psi_some_s)}, full {_seconds(one.psi_full_s)}"
        for one in result.device_refaults
    ]


def _of_flash(size_bytes: int | None) -> str:
    return f" ({format_size(size_bytes)} of it from flash)" if size_bytes else ""


def _seconds(value_s: float | None) -> str:
    return "?" if value_s is None else f"{value_s:.2f} s"
