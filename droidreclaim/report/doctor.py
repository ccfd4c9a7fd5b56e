"""The doctor's lines, and the one text that is fit to be shown to others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from droidreclaim.escape import safe
from droidreclaim.model.check import Check, CheckState
from droidreclaim.report import new_table
from droidreclaim.report.redact import carried, without
from droidreclaim.report.redact_facts import carried_check

_COLOURS = {
    CheckState.OK: "green",
    CheckState.WARN: "yellow",
    CheckState.FAIL: "red",
    CheckState.UNKNOWN: "dim",
}


def doctor_json(checks: Iterable[Check]) -> dict[str, Any]:
    """The document of ``doctor --json``, without device and source."""
    return {"checks": [asdict(check) for check in checks]}


def doctor_table(checks: Sequence[Check]) -> Table:
    """One line a check; settings of lmkd's that are AOSP's own are only counted."""
    shown = [one for one in checks if not _is_plain_setting(one)]
    table = new_table("STATE", "CHECK", "FACT", "WHAT TO DO")
    for check in shown:
        table.add_row(
            Text(check.state.value, style=_COLOURS[check.state]),
            Text(safe(check.name)),
            Text(safe(check.fact)),
            Text(safe(check.todo or "")),
        )
    if len(shown) < len(checks):
        table.caption = (
            f"settings of lmkd that are AOSP's defaults: {len(checks) - len(shown)}, see --json"
        )
    return table


def report_text(
    checks: Iterable[Check], raw: Mapping[str, str], version: str, secrets: Sequence[str]
) -> str:
    """Everything in one text, of which only what is known to name nobody is let through."""
    parts = [f"droidreclaim {version} doctor", "", *map(carried_check, checks)]
    for name, text in raw.items():
        parts += ["", f"------ {name} ------", carried(name, text)]
    lines = without(secrets, "\n".join(parts)).split("\n")
    return "\n".join(map(safe, lines)) + "\n"


def _is_plain_setting(check: Check) -> bool:
    return check.name.startswith("lmkd ") and check.fact.endswith("(default)")
