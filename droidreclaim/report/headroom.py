"""Headroom as text: JSON and a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from droidreclaim.policy.killer import Killer
from droidreclaim.policy.lmkd import Headroom
from droidreclaim.policy.lmkd_settings import Setting
from droidreclaim.units import format_size


def headroom_json(
    seen: Headroom, settings: Mapping[str, Setting], at: str | None = None
) -> dict[str, Any]:
    """
    The document of ``headroom --json``, without device and source.

    Args:
        at: The device's wall clock then, in ISO 8601.
    """
    return {
        "at": at,
        "boot_s": seen.boot_s,
        "free_bytes": seen.free_bytes,
        "low_watermark_bytes": seen.low_watermark_bytes,
        "min_watermark_bytes": seen.min_watermark_bytes,
        "headroom_bytes": seen.headroom_bytes,
        "swap_free_share": seen.swap_free_share,
        "kernel_swap_free_share": seen.kernel_swap_free_share,
        "swap_is_low": seen.swap_is_low,
        "thrashing_share": seen.thrashing_share,
        "direct_reclaim": seen.direct_reclaim,
        "psi": {
            **(asdict(seen.pressure) if seen.pressure else {"some": None, "full": None}),
            "full_stall_share": seen.full_stall_share,
            "some_stall_share": seen.some_stall_share,
        },
        "killer": seen.killer.killer.value,
        "killer_detail": seen.killer.why,
        "next_rule": seen.next_rule,
        "next_rule_detail": seen.no_rule,
        "firing": seen.firing,
        "adj_floor": seen.adj_floor,
        "waits_for": _waits_json(seen),
        "settings": {name: asdict(setting) for name, setting in settings.items()},
    }


def _waits_json(seen: Headroom) -> dict[str, Any] | None:
    if seen.waits is None:
        return None
    event = "reclaim" if seen.waits.some_s is None else "stall"
    return {
        "event": event,
        "some_stall_s": seen.waits.some_s,
        "full_stall_s": seen.waits.full_s,
        "seen": seen.is_woken,
    }


def headroom_line(seen: Headroom) -> str:
    """One sample in one line."""
    return (
        f"headroom {format_size(seen.headroom_bytes)}"
        f"  free {format_size(seen.free_bytes)} low mark {format_size(seen.low_watermark_bytes)}"
        f"  swap free {_percent(seen.swap_free_share)}"
        f"  thrashing {_percent(seen.thrashing_share)}"
        f"  full stall {_percent(seen.full_stall_share)}"
        f"  {_rule_in_short(seen)}"
    )


def _rule_in_short(seen: Headroom) -> str:
    if seen.next_rule is None:
        return {Killer.NONE: "nobody kills", Killer.NOT_KNOWN: "killer not known"}.get(
            seen.killer.killer, "no rule"
        )
    rule = f"{seen.next_rule} (adj >= {seen.adj_floor})"
    if not seen.firing:
        return f"next: {rule}"
    return f"{'KILLS NOW' if seen.is_woken else 'AT THE NEXT STALL'}: {rule}"


def headroom_text(seen: Headroom, settings: Mapping[str, Setting]) -> str:
    """One sample for people, with the settings that are not AOSP's."""
    own = [f"{one.source}={one.value}" for one in settings.values() if one.source != "default"]
    lines = [
        f"free            {format_size(seen.free_bytes)} (without CMA)",
        f"low watermark   {format_size(seen.low_watermark_bytes)}",
        f"headroom        {format_size(seen.headroom_bytes)}",
        f"swap free       {_swap(seen)}",
        f"thrashing       {_percent(seen.thrashing_share)} of file pages came back in a second",
        f"full stall      {_percent(seen.full_stall_share)} of a second",
        f"killer          {KILLERS[seen.killer.killer]}: {seen.killer.why}",
        f"next rule       {_rule(seen)}",
        f"adj floor       {'?' if seen.adj_floor is None else seen.adj_floor}",
        f"settings        {', '.join(own) or 'AOSP defaults'}",
    ]
    return "\n".join(lines)


KILLERS = {
    Killer.KERNEL_DRIVER: "the kernel's lowmemorykiller",
    Killer.PSI_NEW: "lmkd, new strategy",
    Killer.PSI_OLD: "lmkd, old strategy",
    Killer.NONE: "none",
    Killer.NOT_KNOWN: "not known for this device",
}


def _swap(seen: Headroom) -> str:
    """The share of free swap, with lmkd's own number where it differs from the kernel's."""
    text = _percent(seen.swap_free_share) + (" (low)" if seen.swap_is_low else "")
    theirs = _percent(seen.kernel_swap_free_share)
    if theirs == _percent(seen.swap_free_share):
        return text
    return (
        f"{text} as lmkd counts: since Android 13 no more than what is easily available to hold it;"
        f" swap itself is {theirs} free"
    )


def _rule(seen: Headroom) -> str:
    """The next rule, and what the killer waits for before it kills by that rule."""
    if seen.next_rule is None:
        return f"none: {seen.no_rule}" if seen.no_rule else "none"
    if not seen.firing:
        return seen.next_rule
    return f"{seen.next_rule} (its conditions hold; {_wake(seen)})"


def _wake(seen: Headroom) -> str:
    if seen.waits is None or seen.waits.some_s is None:
        return "it kills as soon as the kernel reclaims"
    stall = f"{seen.waits.some_s * 1000:.0f} ms in a second"
    if seen.some_stall_share is None:
        return f"lmkd kills when a stall of {stall} wakes it"
    now = f"{seen.some_stall_share * 1000:.0f} ms in the last one"
    if seen.is_woken:
        return f"tasks wait long enough to wake lmkd: {now}"
    return f"lmkd kills when a stall of {stall} wakes it: {now}"


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{share:.0%}"
