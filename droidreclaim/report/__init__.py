"""Values to text: JSON documents that others script against, and tables for people. Pure."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from droidreclaim.escape import safe
from droidreclaim.model import (
    DeviceInfo,
    DeviceStatus,
    Estimate,
    Memory,
    Process,
    ReclaimResult,
    Skip,
    SwapDevice,
    TargetResult,
)
from droidreclaim.units import format_size

_NO_DEVICE = (
    "plug in a phone with USB debugging on, or try the pocket phone: droidreclaim phone start"
)
_MAY_WRAP = frozenset({"PROCESS", "REASON", "SERIAL", "MODEL", "READY"})
_WRAPPED_CELLS = 12  # the narrowest a column of words may become
_UNLIMITED = 10_000  # columns when nobody looks: a cut package name is worse than a long line


def document(value: Any) -> str:
    """One JSON document, readable; non-ASCII escaped so that no raw control byte gets out."""
    return json.dumps(value, indent=2)


def device_json(device: DeviceInfo | None, source: str) -> dict[str, Any]:
    """
    The ``device`` and ``source`` keys that every answer about a device begins with.

    None is a device that captured text does not name.
    """
    return {"device": asdict(device) if device else None, "source": source}


def memory_json(memory: Memory | None) -> dict[str, Any] | None:
    """Memory in bytes, None where unknown."""
    return None if memory is None else asdict(memory)


def process_json(process: Process) -> dict[str, Any]:
    """One process of ``ps --json``."""
    return {
        "pid": process.pid,
        "start_ticks": process.start_ticks,
        "ppid": process.ppid,
        "name": process.name,
        "packages": list(process.packages),
        "user": process.user,
        "uid": process.uid,
        "isolated": process.isolated,
        "oom_score_adj": process.oom_score_adj,
        "band": process.band.value,
        "kernel_thread": process.kernel_thread,
        **asdict(process.memory),
        **({"state": asdict(process.state)} if process.state else {}),
    }


def ps_json(
    device: DeviceInfo | None, source: str, taken_at: str | None, processes: Iterable[Process]
) -> dict[str, Any]:
    """The document of ``ps --json``; *taken_at* is ISO 8601 UTC, None for captured text."""
    return {
        **device_json(device, source),
        "taken_at": taken_at,
        "processes": [process_json(process) for process in processes],
    }


def ps_table(processes: Sequence[Process], *, hidden: int = 0) -> Table:
    """Processes for people, one a row; *hidden* system processes are only counted."""
    states = any(process.state for process in processes)
    extra = ("STATE", "WHY") if states else ()
    table = new_table("PROCESS", "PID>", "USER>", "ADJ>", "BAND", "RSS>", "ANON>", "SWAP>", *extra)
    for process in processes:
        memory = process.memory
        state = _state_cells(process) if states else ()
        table.add_row(
            Text(safe(process.name)),
            str(process.pid),
            _or_unknown(process.user),
            _or_unknown(process.oom_score_adj),
            process.band.value,
            format_size(memory.rss_bytes),
            format_size(memory.rss_anon_bytes),
            format_size(memory.swap_bytes),
            *state,
        )
    if hidden:
        table.caption = f"{hidden} system processes not shown: --all"
    return table


def _state_cells(process: Process) -> tuple[Text, Text]:
    state = process.state
    if state is None:
        return Text(""), Text("")
    frozen = " frozen" if state.frozen else ""
    return Text(safe((state.proc_state or "?") + frozen)), Text(safe(state.why or ""))


def devices_json(found: Iterable[DeviceStatus]) -> dict[str, Any]:
    """The document of ``devices --json``."""
    return {"devices": [{**asdict(one), "ready": one.ready} for one in found]}


def devices_table(found: Sequence[DeviceStatus]) -> Table:
    """Devices for people, with what to do about those that are not ready."""
    table = new_table("SERIAL", "STATE", "MODEL", "SDK>", "ABI", "ROOT", "READY")
    for one in found:
        table.add_row(
            Text(safe(one.serial)),
            safe(one.state),
            Text(safe(one.model or "?")),
            _or_unknown(one.sdk),
            safe(one.abi or "?"),
            one.root or "no",
            "yes" if one.reason is None else Text(safe(f"no: {one.reason}")),
        )
    if not found:
        table.caption = _NO_DEVICE
    return table


def status(server: str, found: Sequence[DeviceStatus]) -> str:
    """Bare ``droidreclaim``: adb, devices, root, and what to type next."""
    lines = [f"adb     {server} answers"]
    for one in found:
        what = f"{one.model or '?'}, SDK {_or_unknown(one.sdk)}, {one.abi or '?'}"
        lines.append(safe(f"device  {one.serial}: {one.state} ({what})"))
        lines.append(safe(f"root    {one.root or one.reason or 'no'}"))
    ready = [one for one in found if one.ready]
    if not found:
        return "\n".join([*lines, "device  none", f"next    {_NO_DEVICE}"])
    if not ready:
        return "\n".join([*lines, "next    'droidreclaim devices' says what each one lacks"])
    choice = f"-s {ready[0].serial} " if len(found) > 1 else ""
    return "\n".join([*lines, safe(f"next    droidreclaim {choice}ps")])


def status_without_server(error: str) -> str:
    """Bare ``droidreclaim`` where adb itself does not answer."""
    return f"adb     {safe(error)}\nnext    {_NO_DEVICE}"


def uninstall_text(serial: str, removed: Sequence[str], left: Sequence[str]) -> str:
    """What was removed, and what could not be."""
    lines = [f"removed {what}" for what in removed] + [f"still there: {what}" for what in left]
    lines = lines or ["nothing of droidreclaim was there"]
    return "\n".join(safe(f"{serial}: {line}") for line in lines)


def reclaim_json(device: DeviceInfo, source: str, result: ReclaimResult) -> dict[str, Any]:
    """The document of ``reclaim --json``."""
    return {
        **device_json(device, source),
        "backend": result.backend,
        "how": result.how,
        "dry_run": result.dry_run,
        "targets": [_target_json(target, result.dry_run) for target in result.targets],
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


def _target_json(target: TargetResult, dry_run: bool) -> dict[str, Any]:
    process, advice = target.process, target.advice
    estimate: dict[str, Any] = {}
    if dry_run:
        kinds = [{**asdict(kind), "movable_bytes": kind.movable_bytes} for kind in advice.kinds]
        estimate = {"reclaimable_bytes": advice.movable_bytes, "kinds": kinds}
    return {
        "pid": process.pid,
        "start_ticks": process.start_ticks,
        "name": process.name,
        "packages": list(process.packages),
        "oom_score_adj": advice.adj,
        "outcome": target.outcome,
        "reason": target.reason,
        **estimate,
        "advised_bytes": advice.advised_bytes,
        "refused": [
            {"errno": one.errno, "ranges": one.ranges, "bytes": one.size_bytes}
            for one in advice.refused
        ],
        "before": memory_json(advice.before),
        "after": memory_json(advice.after),
        "exclusive_bytes": advice.exclusive_bytes,
        "shared_bytes": advice.shared_bytes,
        "already_swapped_bytes": advice.swapped_bytes,
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
    left = "RECLAIMABLE>" if result.dry_run else "LEFT RSS>"
    table = new_table(
        "PROCESS", "PID>", "ADJ>", "OUTCOME", left, "TO SWAP>", "SHARED>", "TIME>", "REASON"
    )
    for target in result.targets:
        advice = target.advice
        moved = advice.movable_bytes if result.dry_run else advice.rss_fall_bytes
        table.add_row(
            Text(safe(target.process.name)),
            str(target.process.pid),
            _or_unknown(advice.adj),
            target.outcome,
            format_size(moved),
            "-" if result.dry_run else format_size(advice.swap_rise_bytes),
            format_size(advice.shared_bytes),
            f"{advice.duration_s:.2f} s",
            Text(safe(target.reason or "")),
        )
    for skip in result.skipped:
        process = skip.process
        adj = _or_unknown(process.oom_score_adj)
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
    if result.dry_run:
        return "dry run: nothing touched, and nothing to touch"
    if result.backend.startswith("am_"):
        left = format_size(totals.reclaimed_bytes)
        return f"{left} left memory by {result.backend}, which is Android's to decide: weaker tier"
    return (
        f"advised {format_size(totals.advised_bytes)}, "
        f"left memory {format_size(totals.reclaimed_bytes)}, "
        f"went to swap {format_size(totals.swapped_bytes)}, "
        f"zram took {format_size(totals.zram_used_delta_bytes)}: "
        f"gained {format_size(totals.gained_bytes)}"
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
                _or_unknown(one.major_faults),
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
        f"device after {one.at_s:g} s: {format_size(one.swapped_in_bytes)} read back from swap, "
        f"{_or_unknown(one.major_faults)} major faults, memory stalls some "
        f"{_seconds(one.psi_some_s)}, full {_seconds(one.psi_full_s)}"
        for one in result.device_refaults
    ]


def _seconds(value_s: float | None) -> str:
    return "?" if value_s is None else f"{value_s:.2f} s"


def _or_unknown(value: object) -> str:
    return "?" if value is None else str(value)


def new_table(*columns: str) -> Table:
    """A table without lines; a column whose title ends in ``>`` is right-aligned."""
    table = Table(box=None, pad_edge=False, caption_justify="left", header_style="bold")
    for column in columns:
        right = column.endswith(">")
        table.add_column(
            column.rstrip(">"),
            justify="right" if right else "left",
            no_wrap=column not in _MAY_WRAP,
            overflow="fold",
        )
    return table


def render(table: Table, *, width: int | None = None, colour: bool = False) -> str:
    """
    A table as text; *width* None means as wide as it needs, colour only when asked for.

    Names and reasons wrap where the terminal is narrow; a number is never cut, so that a very
    narrow one gets lines longer than itself.
    """
    out = io.StringIO()
    console = Console(
        file=out,
        width=max(width, _keep_numbers_whole(table)) if width else _UNLIMITED,
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _keep_numbers_whole(table: Table) -> int:
    """Forbid the columns that must not wrap to shrink; the least width that is left, in cells."""
    for column in table.columns:
        cells = [str(column.header), *(str(cell) for cell in column.cells)]
        widest = max(cell_len(cell) for cell in cells)
        column.min_width = widest if column.no_wrap else min(widest, _WRAPPED_CELLS)
    gaps = 2 * (len(table.columns) - 1)
    return gaps + sum(column.min_width or 0 for column in table.columns)
