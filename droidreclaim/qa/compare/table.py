"""A comparison as a table, for the terminal and the page. Pure."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from droidreclaim.qa import stats
from droidreclaim.qa.compare import Cell, Comparison, memory
from droidreclaim.qa.table import seconds

TITLES = ("ARM", "RUN", "KEPT", "95 %", "BACK p50/p95", "TIMES AS LONG", "WOULD HAVE BEEN SEEN", "")


def titles(found: Comparison) -> list[str]:
    """Heads of the columns: a storm counts hot resumes."""
    return [found.subjects[0].hit.upper() if one == "KEPT" else one for one in TITLES]


def comparison_table(found: Comparison) -> Table:
    """One row an arm and run."""
    table = Table(box=None, pad_edge=False)
    for title in titles(found):
        table.add_column(title, no_wrap=title != "RUN", overflow="fold")
    for cell in found.cells:
        table.add_row(*map(Text, row(cell)))
    return table


def memory_table(found: Comparison) -> Table | None:
    """What was held by state, one row an arm, run and state; None where nothing was sampled."""
    growths = memory.p90_growths(found.growths)
    if not growths:
        return None
    table = Table(box=None, pad_edge=False)
    for title in memory.TITLES:
        table.add_column(title, no_wrap=title != "RUN", overflow="fold")
    for one in growths:
        table.add_row(*map(Text, memory.row(one)))
    return table


def row(cell: Cell) -> list[str]:
    """The cells of an arm and run."""
    one, ratio = cell.measured, cell.ratio
    back = [seconds(stats.quantile(one.back_s, share)) for share in (0.5, 0.95)]
    sure = one.share
    return [
        cell.arm,
        cell.run,
        f"{one.hits} of {one.total}",
        f"{sure.low * 100:.0f}-{sure.high * 100:.0f} %" if sure else "?",
        "/".join(back),
        _times(ratio),
        f"{ratio.detectable:.2f}" if ratio and ratio.detectable else "",
        {None: "", True: "differs", False: "no difference shown"}[cell.differs],
    ]


def _times(ratio: stats.Ratio | None) -> str:
    if ratio is None:
        return ""
    sure = f" ({ratio.interval.low:.2f}-{ratio.interval.high:.2f})" if ratio.interval else ""
    return f"{ratio.ratio:.2f}{sure}"
