"""A pressure as text and JSON: what was taken, who was killed at which level, how short it was."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.table import Table

from droidreclaim.escape import safe
from droidreclaim.model import DeviceInfo
from droidreclaim.model.pressure import Death, PressureResult
from droidreclaim.report import device_json, new_table, or_unknown
from droidreclaim.units import format_size, plural


def pressure_json(
    device: DeviceInfo, source: str, result: PressureResult, compressible: str, seed: int
) -> dict[str, Any]:
    """The document of ``pressure --json``."""
    document = asdict(result)
    return {
        **device_json(device, source),
        "compressible": compressible,
        "seed": seed,
        "taken_bytes": result.now.taken_bytes,
        **document,
    }


def pressure_text(result: PressureResult) -> str:
    """What was taken and how short memory was, in a few lines."""
    wanted = result.until
    if result.until_bytes is not None:
        sign = ">=" if result.until == "taken" else "<="
        wanted += f" {sign} {format_size(result.until_bytes)}"
    elif result.until == "headroom":
        wanted += " <= 0"
    lines = [
        f"took {format_size(result.now.taken_bytes)} of at most {format_size(result.cap_bytes)} "
        f"in {result.lasted_s:.1f} s until {wanted}: {'reached' if result.reached else 'not so'}",
        f"available {format_size(result.available_before_bytes)} before, "
        f"{format_size(result.lowest.available_bytes)} at the lowest, "
        f"{format_size(result.now.available_bytes)} {'now' if result.held else 'afterwards'}",
        f"headroom {format_size(result.headroom_before_bytes)} before, "
        f"{format_size(result.lowest.headroom_bytes)} at the lowest; swap free "
        f"{format_size(result.lowest.swap_free_bytes)} at the lowest; all waited "
        f"{result.psi_full_s:.2f} s of the worst second",
    ]
    if result.deaths_count:
        lines.append(f"{plural(result.deaths_count, 'process', 'processes')} of apps ended:")
    elif not result.deaths:
        lines.append("no process of an app ended")
    return "\n".join(safe(line) for line in lines)


def deaths_table(result: PressureResult) -> Table:
    """Who ended, by whom, and how short memory was then."""
    table = new_table(
        "AFTER>", "PROCESS", "PID>", "ADJ>", "BY", "TAKEN>", "AVAILABLE>", "HEADROOM>", "REASON"
    )
    for one in result.deaths:
        level = one.level
        table.add_row(
            or_unknown(None if one.at_s is None else f"{one.at_s:.1f} s"),
            safe(_name(one, result)),
            str(one.pid),
            or_unknown(one.oom_score_adj),
            one.by,
            format_size(level.taken_bytes if level else None),
            format_size(level.available_bytes if level else None),
            format_size(level.headroom_bytes if level else None),
            safe(one.reason),
        )
    return table


def _name(one: Death, result: PressureResult) -> str:
    if one.pid == result.holder_pid:
        return "(the pressure itself)"
    return one.name or "?"
