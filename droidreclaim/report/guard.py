"""The guard as text: what it would do, what it does, what it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict as line_values
from rich.table import Table
from rich.text import Text

from droidreclaim.escape import safe
from droidreclaim.model import DeviceInfo, band_of
from droidreclaim.report import device_json, new_table, or_unknown
from droidreclaim.units import format_size, plural

if TYPE_CHECKING:
    from droidreclaim.helper.guard_wire import (
        AppLine,
        ConditionLine,
        EventLine,
        Explanation,
        GuardLine,
        TurnLine,
    )


def explain_json(device: DeviceInfo, source: str, plan: Explanation) -> dict[str, Any]:
    """The document of ``profile explain --json``."""
    return {
        **device_json(device, source),
        "profile": asdict(plan.profile),
        "now": line_values(plan.now),
        "signals": [line_values(condition) for condition in plan.conditions],
        "turns": [_turn_json(plan, app) for app in plan.turns],
        "skipped": [_skip_json(plan, app) for app in plan.skipped],
    }


def _explained_json(app: TurnLine) -> dict[str, Any]:
    return {
        "pid": app.pid,
        "start_ticks": app.start,
        "name": app.name,
        "oom_score_adj": app.adj,
        "importance": app.importance,
        "rss_anon_bytes": app.rss_anon_bytes,
        "swap_bytes": app.swap_bytes,
        "match": app.match,
    }


def _turn_json(plan: Explanation, app: TurnLine) -> dict[str, Any]:
    rule = plan.rule_of(app)
    if rule is None:
        return _explained_json(app)
    return _explained_json(app) | {
        "how": rule.rung,
        "what": rule.what,
        "only": list(rule.only),
        "after_background_s": rule.background_ms / 1e3,
        "last": rule.last,
    }


def _skip_json(plan: Explanation, app: TurnLine) -> dict[str, Any]:
    reason = app.spared or plan.now.forbidden
    return _explained_json(app) | {"reason": reason, "detail": _detail(plan, app)}


def _detail(plan: Explanation, app: TurnLine) -> str:
    """Why an app is left alone, as a sentence beside the guard's word."""
    rule, adj = plan.rule_of(app), app.importance
    if app.spared is None:
        return "nobody is paged out now"
    sentences = {
        "no_rule": "the profile does not speak of it",
        "leave": f"the profile says so of {app.match}",
        "foreground": f"in use (adj {adj})",
        "perceptible": f"the user would notice (adj {adj})",
        "adj": f"{adj} is not within {rule.adj_low}..{rule.adj_high}" if rule else "",
        "small": f"holds only {format_size(app.rss_anon_bytes)}",
    }
    return sentences.get(app.spared, "")


def explain_text(plan: Explanation) -> str:
    """When the guard would act, and whether that is now."""
    now = plan.now
    head = (
        f"available {format_size(now.available_bytes)}, largest app "
        f"{format_size(now.launch_bytes)}, lmkd's low mark {format_size(now.low_watermark_bytes)}"
    )
    lines = [head, *map(_condition_line, plan.conditions)]
    if now.forbidden:
        lines.append(f"nobody is paged out now: {now.forbidden}")
    if now.apps_left_out:
        lines.append(f"the guard has no room for {now.apps_left_out} more processes")
    return "\n".join(safe(line) for line in lines)


def _condition_line(condition: ConditionLine) -> str:
    if condition.missing_bytes is None:
        return f"when {condition.name}: seen only by watching"
    if condition.missing_bytes == 0:
        return f"when {condition.name}: not now"
    return f"when {condition.name}: acts now, {format_size(condition.missing_bytes)} are missing"


def explain_table(plan: Explanation) -> Table:
    """Which apps the guard would touch, in order, and which it leaves alone and why."""
    table = new_table("TURN>", "PROCESS", "PID>", "ADJ>", "RESIDENT>", "IN SWAP>", "HOW", "REASON")
    for app in (*plan.turns, *plan.skipped):
        rule = plan.rule_of(app)
        why, how = (
            ": ".join(filter(None, (app.spared or plan.now.forbidden, _detail(plan, app)))),
            "",
        )
        if app.turn is not None and rule is not None:
            how = rule.rung
            why = f"{rule.match}, after {rule.background_ms / 1e3:g} s away{', last' * rule.last}"
        table.add_row(
            "-" if app.turn is None else str(app.turn),
            Text(safe(app.name)),
            str(app.pid),
            or_unknown(app.adj),
            format_size(app.rss_anon_bytes),
            format_size(app.swap_bytes),
            how,
            Text(safe(why)),
        )
    return table


def guard_json(
    device: DeviceInfo, source: str, guard: GuardLine, apps: Sequence[AppLine] | None = None
) -> dict[str, Any]:
    """The documents of ``guard start``, ``status`` and ``stop``."""
    head = {**device_json(device, source), "guard": line_values(guard)}
    return head if apps is None else {**head, "apps": [_app_json(app) for app in apps]}


def _app_json(app: AppLine) -> dict[str, Any]:
    values = line_values(app)
    return {
        "pid": values.pop("pid"),
        "start_ticks": values.pop("start"),
        "oom_score_adj": values.pop("adj"),
        "band": band_of(app.adj).value,
        **values,
    }


def log_json(device: DeviceInfo, source: str, events: Sequence[EventLine]) -> dict[str, Any]:
    """The document of ``guard log --json``."""
    return {**device_json(device, source), "events": [event_json(event) for event in events]}


def event_json(event: EventLine) -> dict[str, Any]:
    """One decision; its time also in ISO 8601, None for a clock that no date can have."""
    values = line_values(event)
    return {**values, "at": _iso(event.at_s), "boot_s": values.pop("boot_us") / 1e6}


def event_line(event: EventLine) -> str:
    """One decision in one line."""
    who = f" {event.name or '?'} ({event.pid})" if event.pid is not None else ""
    sizes = [
        f"{word} {format_size(size)}"
        for word, size in (
            ("advised", event.advised_bytes),
            ("left memory", event.reclaimed_bytes),
            ("came back", event.refaulted_bytes),
            ("available", event.available_bytes),
        )
        if size is not None
    ]
    at = _iso(event.at_s) or f"boot+{event.boot_us // 1_000_000} s"
    parts = [f"{at} {event.what}{who}", *([event.reason] if event.reason else []), *sizes]
    return safe(", ".join(parts))


def guard_text(guard: GuardLine) -> str:
    """Whether a guard runs, and what it sees and has done."""
    if not guard.running:
        ended = f"; the last one ended: {guard.last_end}" if guard.last_end else ""
        return safe(f"no guard runs{ended}")
    lines = [f"guard runs with {guard.profile}, pid {guard.pid}"]
    if guard.bound_to is not None:
        lines.append(f"WARNING: it ends when adbd restarts, in {guard.bound_to}")
    if guard.signal is not None:
        lines += _status_lines(guard)
    return "\n".join(safe(line) for line in lines)


def stopped_text(guard: GuardLine) -> str:
    """What ``guard stop`` did."""
    why = guard.last_end
    return safe("the guard is stopped" + (f": {why}" if why not in (None, "stopped") else ""))


def _status_lines(guard: GuardLine) -> list[str]:
    size = format_size
    why = guard.paused or guard.forbidden or guard.missing
    state = f", {'waits' if guard.paused or guard.forbidden else 'acts'}: {why}" if why else ""
    return [
        f"time      {_lasting(guard.left_s)} left{state}",
        f"memory    {size(guard.available_bytes)} available, {size(guard.headroom_bytes)} above "
        f"lmkd's low mark, next launch {size(guard.launch_bytes)}",
        f"swap      {size(guard.swap_free_bytes)} of {size(guard.swap_total_bytes)} free",
        f"done      {size(guard.advised_bytes)} advised in {_counted(guard.actions, 'page-out')}, "
        f"{size(guard.reclaimed_bytes)} left memory, {size(guard.refaulted_bytes)} came back",
        f"gone      {_counted(guard.gone, 'background app')}, "
        f"{or_unknown(guard.oom_kills)} killed by the kernel",
        f"itself    {size(guard.rss_bytes)} resident, {or_unknown(guard.wakeups)} wake-ups, "
        f"woken by {guard.signal}",
    ]


def apps_table(apps: Sequence[AppLine]) -> Table:
    """What the guard knows of each app."""
    table = new_table(
        "PROCESS",
        "PID>",
        "ADJ>",
        "AWAY>",
        "RESIDENT>",
        "IN SWAP>",
        "LAST",
        "AGO>",
        "BACK>",
        "REASON",
    )
    for app in apps:
        ago = "" if app.last_action_s is None else f"{app.last_action_s} s"
        back = "" if app.last_action_s is None else format_size(app.refaulted_bytes)
        table.add_row(
            Text(safe(app.name)),
            str(app.pid),
            or_unknown(app.adj),
            "" if app.background_s is None else f"{app.background_s} s",
            format_size(app.rss_anon_bytes),
            format_size(app.swap_bytes),
            safe(app.last_action or ""),
            ago,
            back,
            Text(safe(app.spared or "")),
        )
    return table


def _counted(number: int | None, one: str) -> str:
    """``1 page-out``, ``2 page-outs``, ``? page-outs``."""
    return f"? {one}s" if number is None else plural(number, one)


def _lasting(seconds: int | None) -> str:
    if seconds is None:
        return "?"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _iso(at_s: int) -> str | None:
    try:
        return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None
