"""The guard as text: what it would do, what it does, what it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from droidreclaim.escape import safe
from droidreclaim.model import DeviceInfo, Skip
from droidreclaim.model.profile import Profile
from droidreclaim.policy.guard import GuardPlan, Signal, Turn
from droidreclaim.report import device_json, new_table, or_unknown
from droidreclaim.units import format_size

_ONLY_WATCHING = "seen only by watching"


def explain_json(
    device: DeviceInfo, source: str, profile: Profile, plan: GuardPlan
) -> dict[str, Any]:
    """The document of ``profile explain --json``."""
    return {
        **device_json(device, source),
        "profile": asdict(profile),
        "signals": [asdict(signal) for signal in plan.signals],
        "turns": [_turn_json(turn) for turn in plan.turns],
        "skipped": [_skip_json(skip) for skip in plan.skipped],
    }


def _turn_json(turn: Turn) -> dict[str, Any]:
    process, rule = turn.process, turn.rule
    return {
        "pid": process.pid,
        "start_ticks": process.start_ticks,
        "name": process.name,
        "packages": list(process.packages),
        "oom_score_adj": process.oom_score_adj,
        "rss_anon_bytes": process.memory.rss_anon_bytes,
        "swap_bytes": process.memory.swap_bytes,
        "match": rule.match,
        "how": rule.how,
        "what": rule.what,
        "only": list(rule.only),
        "after_background_s": rule.background_ms / 1e3,
        "last": rule.last,
    }


def _skip_json(skip: Skip) -> dict[str, Any]:
    process = skip.process
    return {
        "pid": process.pid,
        "name": process.name,
        "packages": list(process.packages),
        "oom_score_adj": process.oom_score_adj,
        "reason": skip.reason,
        "detail": skip.detail,
    }


def signals_text(signals: Sequence[Signal]) -> str:
    """When it would act, and whether that is now."""
    return "\n".join(_signal_line(signal) for signal in signals)


def _signal_line(signal: Signal) -> str:
    if signal.limit_bytes is None:
        return f"when {signal.name}: {_ONLY_WATCHING}"
    now = format_size(signal.now_bytes)
    acts = {True: "acts now", False: "not now", None: "unknown"}[signal.acts]
    return f"when {signal.name}: {now} of {format_size(signal.limit_bytes)}: {acts}"


def explain_table(plan: GuardPlan) -> Table:
    """Who would be touched, in order, and who is left alone and why."""
    table = new_table("TURN>", "PROCESS", "PID>", "ADJ>", "RESIDENT>", "IN SWAP>", "HOW", "REASON")
    for number, turn in enumerate(plan.turns, start=1):
        process, rule = turn.process, turn.rule
        table.add_row(
            str(number),
            Text(safe(process.name)),
            str(process.pid),
            or_unknown(process.oom_score_adj),
            format_size(process.memory.rss_anon_bytes),
            format_size(process.memory.swap_bytes),
            rule.how,
            f"{rule.match}, after {rule.background_ms / 1e3:g} s away{', last' * rule.last}",
        )
    for skip in plan.skipped:
        process = skip.process
        table.add_row(
            "-",
            Text(safe(process.name)),
            str(process.pid),
            or_unknown(process.oom_score_adj),
            format_size(process.memory.rss_anon_bytes),
            format_size(process.memory.swap_bytes),
            "",
            Text(safe(f"{skip.reason}: {skip.detail}")),
        )
    return table
