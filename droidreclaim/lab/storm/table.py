"""A storm for people at a terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from droidreclaim.lab.storm.figures import Figures
from droidreclaim.lab.storm.oracle import Reached
from droidreclaim.lab.storm.result import BASELINE, Row, Storm, rows
from droidreclaim.lab.storm.words import busy_hosts, headline
from droidreclaim.qa import stats
from droidreclaim.units import MIB, plural

_TITLES = (
    *(
        "ARM",
        "HOT",
        "COLD",
        "AVOIDABLE",
        "KILLS",
        "LOST",
        "BACK mean/p50/p95",
        "HOT p50/p95",
        "COLD p50/p95",
    ),
    *("STALL", "PSI some/full", "OUT", "CAME IN", "CPU", "BAD"),
)


def storm_table(storm: Storm) -> Table:
    """Return the table of a storm, a row for each arm."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for title in _TITLES:
        table.add_column(
            title, no_wrap=title != "KILLS", justify="left" if title == "ARM" else "right"
        )
    for row in rows(storm):
        table.add_row(*map(Text, _cells(row)))
    for reached in storm.oracle:
        table.add_row(*map(Text, _oracle_cells(reached)))
    return table


def remarks(storm: Storm) -> list[str]:
    """Explain the words of the table, and say how the arms compare."""
    against = [
        f"{row.arm} against {BASELINE}, hot resumes: {points(row.more_hot)}, "
        f"{row.more_hot.pairs} {'pair' if row.more_hot.pairs == 1 else 'pairs'}"
        for row in rows(storm)
        if row.more_hot is not None
    ]
    words = (
        "HOT: opened again, and still there; AVOIDABLE: cold, though opened before; LOST: scores; "
        "BACK: time to be back, of every re-opening, hot or cold; CPU: of page-outs and kswapd"
    )
    simulated = ["(in parentheses): simulated, for one who knows the future"]
    return [
        f"{headline(storm)}.", words, *(simulated if storm.oracle else []), *against,
        *warnings(storm),
    ]  # fmt: skip


def warnings(storm: Storm) -> list[str]:
    """Say what must be known to read the figures."""
    notes = (
        []
        if stats.AVAILABLE
        else ["no interval of a difference is shown: pip install 'droidreclaim[stats]'"]
    )
    shown = rows(storm)
    for row in shown:
        one = row.figures
        if not one.complete:
            notes.append(f"{row.arm} was cut short: {one.launches} of {one.planned} launches")
        if one.checksum_faults:
            notes.append(f"{row.arm}: {one.checksum_faults} pages or apps are not what was written")
        if one.failed_launches:
            notes.append(f"{row.arm}: {plural(one.failed_launches, 'launch', 'launches')} failed")
        if one.from_flash_bytes:
            notes.append(
                f"{row.arm}: {mib(one.from_flash_bytes)} came back from flash, not from zram: its "
                "resumes are not those of an arm without"
            )
        if one.unexplained:
            notes.append(
                f"{row.arm}: {plural(one.unexplained, 'app')} vanished that no log speaks of"
            )
    if len({row.seeds for row in shown}) > 1:
        notes.append(
            "the arms ran with different seeds, and so with other launches: "
            + "; ".join(f"{row.arm} {', '.join(map(str, row.seeds))}" for row in shown)
        )
    notes += busy_hosts(storm)
    return [*notes, str(storm.not_comparable)] if storm.not_comparable else notes


def points(difference: stats.Difference) -> str:
    """A difference of shares: ``+16.7 points (+12 to +20)``, or one by one where they are few."""
    interval = difference.interval
    if interval is None:
        each = ", ".join(f"{value * 100:+.1f}" for value in difference.by_seed.values())
        return f"{each} points{' by seed' if difference.pairs > 1 else ''}"
    low, high = interval.low * 100, interval.high * 100
    return f"{difference.mean * 100:+.1f} points ({low:+.0f} to {high:+.0f})"


def _cells(row: Row) -> list[str]:
    one = row.figures
    return [
        row.arm,
        _hot(row),
        str(one.cold_starts),
        str(one.avoidable_cold_starts),
        kills(one),
        known(one.lost_scores),
        "/".join(map(seconds, (one.back_mean_s, one.back_p50_s, one.back_p95_s))),
        f"{seconds(one.resume_p50_s)}/{seconds(one.resume_p95_s)}",
        f"{seconds(one.launch_p50_s)}/{seconds(one.launch_p95_s)}",
        seconds(one.longest_stall_s),
        f"{seconds(one.psi_some_s)}/{seconds(one.psi_full_s)}",
        mib(one.paged_out_bytes),
        mib(one.faulted_back_bytes),
        seconds(one.reclaim_cpu_s),
        known(one.checksum_faults),
    ]


def _oracle_cells(reached: Reached) -> list[str]:
    """Return the cells of a simulation, which knows of no time."""
    reopenings = reached.hot_resumes + reached.avoidable_cold_starts
    cells = dict.fromkeys(_TITLES, "")
    cells |= {
        "ARM": f"({reached.way.value})",
        "HOT": f"{reached.hot_resumes} of {reopenings}",
        "COLD": str(reached.cold_starts),
        "AVOIDABLE": str(reached.avoidable_cold_starts),
        "KILLS": str(reached.kills),
        "OUT": mib(reached.paged_out_bytes),
        "CAME IN": mib(sum(reached.came_in_bytes)),
    }
    return list(cells.values())


def _hot(row: Row) -> str:
    hot = f"{row.figures.hot_resumes} of {row.figures.reopenings}"
    if row.kept is None:
        return hot
    return f"{hot} ({row.kept.low * 100:.0f}-{row.kept.high * 100:.0f} %)"


def kills(one: Figures) -> str:
    """Say how many were killed by whom: ``7 lmkd, 1 kernel_oom``."""
    return ", ".join(f"{count} {by}" for by, count in one.kills.items()) or "0"


def seconds(value: float | None) -> str:
    """A time as people read it."""
    if value is None:
        return "?"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def mib(value: int | None) -> str:
    """A size in whole MiB."""
    return "?" if value is None else f"{value / MIB:.0f} MiB"


def known(value: object) -> str:
    """Return *value* as text, or a question mark for None."""
    return "?" if value is None else str(value)
