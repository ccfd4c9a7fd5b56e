"""How short memory was when lmkd killed, and by which of its settings. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from droidreclaim.parse.kills.event_values import LmkdKilled
from droidreclaim.policy.lmkd_settings import Setting
from droidreclaim.units import format_size

# Words of lmkd's reasons (killinfo's and those of its sentence), and the settings of that rule.
_RULES = tuple(
    (re.compile(words, re.I), setting)
    for words, setting in (
        (r"swap_util|swap utili[sz]ation", "swap_util_max"),
        (r"low_swap|low_mem_and_swap\b|swap is low|low on swap", "swap_free_low_percentage"),
        (r"thrash", "thrashing_limit"),
        (r"filecache", "filecache_min_kb"),
        (r"not[_ ]responding", "psi_complete_stall_ms"),
        (r"pressure[_ ]after[_ ]kill|breached even after", "pressure_after_kill_min_score"),
        (r"\blow_mem\b|watermark is breached\s*$", "lowmem_min_oom_score"),
        (r"recl(?:aim)?[_ ](?:is )?stuck", "direct_reclaim_threshold_ms"),
    )
)
_LONGEST = 400  # of a reason that is looked at


def shortage(event: LmkdKilled) -> str:
    """What killinfo says of the device at that moment; empty where it was cut before."""
    sizes = event.sizes_bytes
    parts = [
        f"{format_size(sizes[name])} were {what}"
        for name, what in (("MemFree", "free"), ("Cached", "file cache"))
        if name in sizes
    ]
    total, free = sizes.get("SwapTotal"), sizes.get("SwapFree")
    if total is not None and free is not None:
        share = f" ({100 * free / total:.1f} %)" if total > 0 else ""
        parts.append(f"of {format_size(total)} of swap {format_size(free)}{share} were free")
    if not parts:
        return ""
    floor = f"lmkd took nothing below oom_score_adj {event.min_oom_score_adj} then"
    return f"At that moment {', '.join(parts)}; {floor}."


def limits(reason: str, settings: Mapping[str, Setting], whose: str) -> str:
    """
    The settings of the rule that *reason* names; empty where it names none that is known.

    Args:
        whose: Where they were read, and when.
    """
    named = list(_named(reason[:_LONGEST], settings))
    return f"The limits of this rule {whose}: {', '.join(named)}." if named else ""


def _named(reason: str, settings: Mapping[str, Setting]) -> Iterator[str]:
    for words, name in _RULES:
        setting = settings.get(name)
        if setting is not None and words.search(reason):
            source = "AOSP's default" if setting.source == "default" else setting.source
            yield f"{name} {setting.value[:40]} ({source})"
