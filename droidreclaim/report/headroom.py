"""Headroom as text: JSON and a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from droidreclaim.policy.lmkd import Headroom, Setting
from droidreclaim.units import format_size


def headroom_json(seen: Headroom, settings: Mapping[str, Setting]) -> dict[str, Any]:
    """The document of ``headroom --json``, without device and source."""
    return {
        "free_bytes": seen.free_bytes,
        "low_watermark_bytes": seen.low_watermark_bytes,
        "min_watermark_bytes": seen.min_watermark_bytes,
        "headroom_bytes": seen.headroom_bytes,
        "swap_free_share": seen.swap_free_share,
        "swap_is_low": seen.swap_is_low,
        "thrashing_share": seen.thrashing_share,
        "direct_reclaim": seen.direct_reclaim,
        "psi": {
            **(asdict(seen.pressure) if seen.pressure else {"some": None, "full": None}),
            "full_stall_share": seen.full_stall_share,
        },
        "next_rule": seen.next_rule,
        "firing": seen.firing,
        "adj_floor": seen.adj_floor,
        "settings": {name: asdict(setting) for name, setting in settings.items()},
    }


def headroom_line(seen: Headroom) -> str:
    """One sample in one line."""
    rule = "unknown" if seen.next_rule is None else f"{seen.next_rule} (adj >= {seen.adj_floor})"
    return (
        f"headroom {format_size(seen.headroom_bytes)}"
        f"  free {format_size(seen.free_bytes)} low mark {format_size(seen.low_watermark_bytes)}"
        f"  swap free {_percent(seen.swap_free_share)}"
        f"  thrashing {_percent(seen.thrashing_share)}"
        f"  full stall {_percent(seen.full_stall_share)}"
        f"  {'FIRES NOW' if seen.firing else 'next'}: {rule}"
    )


def headroom_text(seen: Headroom, settings: Mapping[str, Setting]) -> str:
    """One sample for people, with the settings that are not AOSP's."""
    own = [f"{one.source}={one.value}" for one in settings.values() if one.source != "default"]
    lines = [
        f"free            {format_size(seen.free_bytes)} (without CMA)",
        f"low watermark   {format_size(seen.low_watermark_bytes)}",
        f"headroom        {format_size(seen.headroom_bytes)}",
        f"swap free       {_percent(seen.swap_free_share)}{' (low)' if seen.swap_is_low else ''}",
        f"thrashing       {_percent(seen.thrashing_share)} of file pages came back in a second",
        f"full stall      {_percent(seen.full_stall_share)} of a second",
        f"next rule       {seen.next_rule or '?'}{' (its conditions hold now)' * seen.firing}",
        f"adj floor       {'?' if seen.adj_floor is None else seen.adj_floor}",
        f"settings        {', '.join(own) or 'AOSP defaults'}",
    ]
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{share:.0%}"
