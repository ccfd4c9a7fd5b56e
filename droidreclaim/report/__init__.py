"""Values to text: JSON documents that others script against, and tables for people. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from droidreclaim.escape import safe
from droidreclaim.model import (
    DeviceInfo,
    DeviceStatus,
    Memory,
    Owner,
    Process,
)
from droidreclaim.model.profile import Fault
from droidreclaim.report.table import new_table as new_table
from droidreclaim.report.table import render as render
from droidreclaim.units import format_size, plural

_NO_DEVICE = (
    "plug in a phone with USB debugging on, or try the pocket phone: droidreclaim phone start"
)


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
        "owner": process.owner.value if process.owner else None,
        "user": process.user,
        "uid": process.uid,
        "isolated": process.isolated,
        "oom_score_adj": process.oom_score_adj,
        "band": process.band.value,
        "cached_anyway": process.cached_anyway,
        "kernel_thread": process.kernel_thread,
        **asdict(process.memory),
        **({"state": asdict(process.state)} if process.state else {}),
    }


def faults_json(name: str, faults: Iterable[Fault]) -> dict[str, Any]:
    """The document of ``profile check --json``."""
    return {"profile": name, "faults": [asdict(fault) for fault in faults]}


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
    nobodys = any(map(_is_nobodys, processes))
    extra = (*(("OWNER",) if nobodys else ()), *(("STATE", "WHY") if states else ()))
    table = new_table("PROCESS", "PID>", "USER>", "ADJ>", "BAND", "RSS>", "ANON>", "SWAP>", *extra)
    for process in processes:
        memory = process.memory
        state = _state_cells(process) if states else ()
        table.add_row(
            Text(safe(process.name)),
            str(process.pid),
            or_unknown(process.user),
            or_unknown(process.oom_score_adj),
            process.band.value,
            format_size(memory.rss_bytes),
            format_size(memory.rss_anon_bytes),
            format_size(memory.swap_bytes),
            *(("unproven" if _is_nobodys(process) else "",) if nobodys else ()),
            *state,
        )
    if hidden:
        table.caption = f"{plural(hidden, 'system process', 'system processes')} not shown: --all"
    return table


def _is_nobodys(process: Process) -> bool:
    """Whether only its name says whose a process is, as with most in captured text."""
    return process.owner is Owner.UNPROVEN and not process.packages


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
            or_unknown(one.sdk),
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
        what = f"{one.model or '?'}, SDK {or_unknown(one.sdk)}, {one.abi or '?'}"
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


def or_unknown(value: object) -> str:
    """*value* for people, ``?`` when it is None."""
    return "?" if value is None else str(value)
