"""An app's own limits as text: JSON and a few lines below the device's headroom."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from droidreclaim.escape import safe
from droidreclaim.parse.activity.limiter import MemoryLimiter
from droidreclaim.policy.limits import AppLimits, Limits
from droidreclaim.units import format_size


def limits_json(seen: AppLimits) -> dict[str, Any]:
    """What ``headroom PACKAGE --json`` has besides the device's."""
    limiter = asdict(seen.limiter) if seen.limiter else None
    return {
        "limits": [_process_json(one) for one in seen.processes],
        "memory_limiter": limiter,
        "memory_limiter_detail": seen.no_limiter,
    }


def _process_json(one: Limits) -> dict[str, Any]:
    return {
        "pid": one.process.pid,
        "name": one.process.name,
        "oom_score_adj": one.process.oom_score_adj,
        "group": one.group,
        "current_bytes": one.current_bytes,
        "high_bytes": one.high_bytes,
        "memory_left_bytes": one.memory_left_bytes,
        "swap_current_bytes": one.swap_current_bytes,
        "swap_max_bytes": one.swap_max_bytes,
        "swap_left_bytes": one.swap_left_bytes,
        "kill_left_bytes": one.kill_left_bytes,
    }


def limits_text(seen: AppLimits) -> str:
    """A line of the limiter, then one a process."""
    words = limiter_words(seen.limiter) if seen.limiter else f"none told: {seen.no_limiter}"
    lines = [f"memory limiter  {words}"]
    lines += [f"own limits      {_process_line(one)}" for one in seen.processes]
    return "\n".join(safe(line) for line in lines)


def limiter_words(limiter: MemoryLimiter) -> str:
    """What Android's limiter says of itself."""
    state = {True: "on", False: "off", None: "not known"}[limiter.enabled]
    if limiter.hidden_bytes is None and limiter.visible_bytes is None:
        return state
    front = f"{format_size(limiter.visible_bytes)} and {format_size(limiter.visible_swap_bytes)}"
    behind = f"{format_size(limiter.hidden_bytes)} and {format_size(limiter.hidden_swap_bytes)}"
    return f"{state}: {front} of swap for an app in front, {behind} for one behind"


def _process_line(one: Limits) -> str:
    who = f"{one.process.name} (pid {one.process.pid}): "
    if one.group is None:
        return who + "no memory cgroup that can be read"
    memory = f"{format_size(one.current_bytes)} of {_limit(one.high_bytes)}"
    swap = f"swap {format_size(one.swap_current_bytes)} of {_limit(one.swap_max_bytes)}"
    if one.swap_left_bytes == 0:
        swap += ", full: a page-out moves nothing"
    if one.kill_left_bytes is None:
        return f"{who}{memory}, {swap}"
    if one.kill_left_bytes < 0:
        return f"{who}{memory}, {swap}; OVER both: killed within 30 s"
    return f"{who}{memory}, {swap}; killed after {format_size(one.kill_left_bytes)} more"


def _limit(size_bytes: int | None) -> str:
    return "no limit" if size_bytes is None else format_size(size_bytes)
