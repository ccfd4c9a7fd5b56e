"""A run as a table for the terminal. Pure."""

from __future__ import annotations

from rich.table import Table

from droidreclaim.qa.figures import Figures, Result
from droidreclaim.units import format_size

_WHEN = ("before", "arm", "resume")


def result_table(found: Result) -> Table:
    """One row an arm."""
    table = Table(box=None, pad_edge=False)
    for name in (
        "ARM",
        "KEPT",
        "95 %",
        "RESTORED",
        "LOST",
        "UNKNOWN",
        "BACK p50/p95",
        "PSS",
        "KILLS",
    ):
        table.add_column(name, no_wrap=True)
    for one in found.arms:
        table.add_row(*row(one))
    return table


def row(one: Figures) -> list[str]:
    """The cells of an arm."""
    sure = one.survival
    away = f" (+{one.discarded} discarded)" if one.discarded else ""
    return [
        one.arm,
        f"{one.kept} of {one.rounds}{away}",
        f"{sure.low * 100:.0f}-{sure.high * 100:.0f} %" if sure else "?",
        str(one.restored),
        str(one.lost),
        str(one.unknown),
        f"{seconds(one.back_p50_s)}/{seconds(one.back_p95_s)}",
        f"{size(one.pss_before_bytes)} > {size(one.pss_after_bytes)}",
        ", ".join(f"{count} {by}" for by, count in one.kills.items()) or "none",
    ]


def seconds(value: float | None) -> str:
    """A time with three digits behind the point, or ``?``."""
    return "?" if value is None else f"{value:.3f} s"


def size(value: int | None) -> str:
    """A size as people read it, or ``?``."""
    return "?" if value is None else format_size(value)


COSTS = (
    "PSS before, after the arm, back",
    "RSS",
    "In swap",
    "Came back in 1 s, 10 s",
    "Major faults",
    "Pages from swap",
    "Janky frames, of those in 2 s",
    "Waited for memory (some, full)",
)


def costs(one: Figures) -> list[str]:
    """The cells of an arm under `COSTS`: medians over its rounds."""
    known = one.medians
    sizes = [
        " > ".join(size(_whole(known[f"{name}_{when}_bytes"])) for when in _WHEN)
        for name in ("pss", "rss", "swap")
    ]
    back = ", ".join(size(_whole(known[f"came_back_{after_s}s_bytes"])) for after_s in (1, 10))
    counts = [_count(known[name]) for name in ("resume_major_faults", "resume_paged_in")]
    waits = ", ".join(seconds(known[f"round_{name}"]) for name in ("psi_some_s", "psi_full_s"))
    drawn = ", ".join(_count(known[f"resume_{name}"]) for name in ("janky_frames", "frames"))
    return [*sizes, back, *counts, drawn, waits]


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _count(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}"
