"""A storm for people at a terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from droidreclaim.storm import stats
from droidreclaim.storm.figures import Figures
from droidreclaim.storm.result import BASELINE, Row, Storm, rows
from droidreclaim.units import MIB

_TITLES = (
    *("ARM", "HOT", "COLD", "AVOIDABLE", "KILLS", "LOST", "RESUME p50/p95", "LAUNCH p50/p95"),
    *("STALL", "PSI some/full", "OUT", "BACK", "CPU", "BAD"),
)


def of(storm: Storm) -> Table:
    """One arm a row."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for title in _TITLES:
        table.add_column(
            title, no_wrap=title != "KILLS", justify="left" if title == "ARM" else "right"
        )
    for row in rows(storm):
        table.add_row(*map(Text, _cells(row)))
    return table


def remarks(storm: Storm) -> list[str]:
    """What the table does not show: how sure it is, and what must be known to read it."""
    told = [
        "AVOIDABLE: cold, though opened before; LOST: scores; CPU: of the helper and kswapd",
        *(_against(row) for row in rows(storm) if row.more_hot is not None),
    ]
    if not stats.AVAILABLE:
        told.append("no interval is shown: pip install 'droidreclaim[stats]'")
    for row in rows(storm):
        if not row.figures.complete:
            cut = f"{row.figures.launches} of {row.figures.planned} launches"
            told.append(f"{row.arm} was cut short: {cut}")
        if row.figures.unexplained:
            told.append(f"{row.arm}: {row.figures.unexplained} apps vanished that no log speaks of")
    if storm.not_comparable:
        told.append(str(storm.not_comparable))
    return told


def _against(row: Row) -> str:
    assert row.more_hot is not None
    mean, interval = row.more_hot.mean * 100, row.more_hot.interval
    sure = f", 95 % {interval.low * 100:+.0f} to {interval.high * 100:+.0f}" if interval else ""
    return (
        f"{row.arm}: {mean:+.1f} points of hot resumes against {BASELINE} "
        f"over {row.more_hot.pairs} seeds{sure}"
    )


def _cells(row: Row) -> list[str]:
    one = row.figures
    return [
        row.arm,
        _hot(row),
        str(one.cold_starts),
        str(one.avoidable_cold_starts),
        kills(one),
        _plain(one.lost_scores),
        f"{seconds(one.resume_p50_s)}/{seconds(one.resume_p95_s)}",
        f"{seconds(one.launch_p50_s)}/{seconds(one.launch_p95_s)}",
        seconds(one.longest_stall_s),
        f"{seconds(one.psi_some_s)}/{seconds(one.psi_full_s)}",
        mib(one.paged_out_bytes),
        mib(one.faulted_back_bytes),
        seconds(one.reclaim_cpu_s),
        _plain(one.checksum_faults),
    ]


def _hot(row: Row) -> str:
    hot = str(row.figures.hot_resumes)
    if row.share is None:
        return hot
    return f"{hot} ({row.share.low * 100:.0f}-{row.share.high * 100:.0f} %)"


def kills(one: Figures) -> str:
    """How many by whom: ``7 lmkd, 1 kernel_oom``."""
    return ", ".join(f"{count} {by}" for by, count in one.kills.items()) or "0"


def seconds(value: float | None) -> str:
    """A time as people read it."""
    if value is None:
        return "?"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def mib(value: int | None) -> str:
    """A size in whole MiB."""
    return "?" if value is None else f"{value / MIB:.0f} MiB"


def _plain(value: int | None) -> str:
    return "?" if value is None else str(value)
