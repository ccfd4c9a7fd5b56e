"""The demo's result for people at a terminal: the verdict, and memory over time as bars."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from droidreclaim.demo.result import WITH, WITHOUT, Arm, Demo, Step
from droidreclaim.report import safe
from droidreclaim.units import MIB

_BAR_CELLS = 20
_EIGHTHS = " ▏▎▍▌▋▊▉"


def of(demo: Demo) -> Table:
    """One launch a row, both arms side by side: memory available, and who was killed or moved."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("OPENED, THEN LEFT", no_wrap=True)
    for name in (WITHOUT, WITH):
        table.add_column(f"{name.upper()}: AVAILABLE MiB", no_wrap=True)
        table.add_column("KILLED" if name == WITHOUT else "PAGED OUT", no_wrap=True)
    most = max(step.sample.available_bytes for arm in demo.arms for step in arm.steps)
    for rows in zip(*(arm.steps for arm in demo.arms), strict=True):
        cells = [cell for step in rows for cell in _cells(step, most)]
        table.add_row(Text(safe(rows[0].package)), *cells)
    table.add_section()
    return table


def verdict(demo: Demo) -> str:
    """What became of the score, one line an arm, and what it cost."""
    return "\n".join(_sentence(arm) for arm in demo.arms)


def _cells(step: Step, most_bytes: int) -> tuple[Text, Text]:
    available = step.sample.available_bytes
    picture = Text(f"{available // MIB:>4} ")
    picture.append(bar(available / most_bytes), style="red" if step.killed else "green")
    moved = step.paged_out.reclaimed_bytes if step.paged_out else None
    what = [Text(f"{moved // MIB} MiB")] if moved is not None else []
    what += [Text(f"✗ {safe(_short(name))}", style="bold red") for name in step.killed]
    return picture, Text(", ").join(what)


def bar(share: float) -> str:
    """A bar of eighths of a cell; *share* of a full one, 0.0 to 1.0."""
    eighths = round(min(1.0, max(0.0, share)) * _BAR_CELLS * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(_BAR_CELLS)


def _short(package: str) -> str:
    return package.rpartition(".")[2]


def _sentence(arm: Arm) -> str:
    game = arm.game
    death = arm.killer_of_game
    took = "?" if game.reopened_s is None else f"{game.reopened_s:.2f} s"
    again = f"{game.reopened_state or 'opened'} in {took}"
    if death is not None:
        fate = (
            f"score {game.score_before} lost, it shows {game.reopened_score} ({again}): "
            f"{death.by} took pid {death.pid} at oom_score_adj {death.oom_score_adj}, "
            f'"{death.reason}"'
        )
    else:
        fate = f"score {game.score_before} kept, the same pid {game.reopened_pid} ({again})"
    return safe(
        f"{arm.name}: {fate}; {arm.survived} of {arm.launched} apps alive, "
        f"{arm.verified.pages} pages checked, {arm.verified.bad} bad"
    )
