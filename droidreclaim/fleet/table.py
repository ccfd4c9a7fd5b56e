"""A fleet for people: its devices in one table. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from droidreclaim.escape import safe
from droidreclaim.fleet.devices import FleetDevice, device_json
from droidreclaim.fleet.gather import Gathered
from droidreclaim.fleet.look import HostSeen
from droidreclaim.report.table import new_table


def status_table(seen: Sequence[HostSeen]) -> Table:
    """Every device everywhere, ready or why not."""
    table = new_table("HOST", "SERIAL", "MODEL", "SDK>", "RAM>", "KERNEL", "LABELS", "READY")
    for one in (device for host in seen for device in host.devices):
        table.add_row(
            safe(one.host),
            Text(safe(one.serial)),
            Text(safe(one.model or "?")),
            "?" if one.sdk is None else str(one.sdk),
            one.ram_label or "?",
            Text(safe(one.kernel or "?")),
            Text(safe(" ".join(f"{key}={value}" for key, value in sorted(one.own.items())))),
            _ready(one),
        )
    lines = [
        f"{one.host}: {one.error.removeprefix(f'{one.host}: ') if one.error else 'no device'}"
        for one in seen
        if one.error or not one.devices
    ]
    table.caption = Text("\n".join(map(safe, lines))) if lines else None
    return table


def _ready(one: FleetDevice) -> Text:
    if one.reason is not None:
        return Text(safe(f"no: {one.reason}"))
    return Text(safe(f"yes, but {one.no_root}" if one.no_root else "yes"))


def status_json(seen: Sequence[HostSeen]) -> dict[str, Any]:
    """The document of ``fleet status --json``."""
    return {
        "hosts": [{"host": one.host, "error": one.error} for one in seen],
        "devices": [device_json(one) for host in seen for one in host.devices],
    }


def result_table(found: Gathered) -> Table:
    """Each job: where it was played, and what it came to."""
    table = new_table("JOB", "DEVICE", "MODEL", "RELEASE", "VERDICT", "KEPT>", "ATTEMPTS>")
    for one in found.outcomes:
        arm = one.seen.get(one.subject or "")
        table.add_row(
            safe(one.job.name),
            Text(safe(one.device.name if one.device else "?")),
            Text(safe((one.device.model if one.device else None) or "?")),
            safe(one.device.version if one.device else "?"),
            one.verdict.replace("_", " "),
            f"{arm.kept} of {arm.rounds}" if arm else "",
            str(len(one.attempts)),
        )
    return table
