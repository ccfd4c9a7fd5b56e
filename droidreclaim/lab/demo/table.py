"""The demo's result for people at a terminal: the verdict, and memory over time as bars."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from droidreclaim.escape import safe
from droidreclaim.lab.demo.result import WITH, WITHOUT, Arm, Demo, Step
from droidreclaim.units import MIB

_BAR_CELLS = 12
_EIGHTHS = " ▏▎▍▌▋▊▉"


def demo_table(demo: Demo) -> Table:
    """One launch a row, both arms side by side: memory available, and who was killed or moved."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("OPENED", WITHOUT.upper(), "KILLED", WITH.upper(), "PAGED OUT"):
        table.add_column(title, no_wrap=title != "KILLED")
    most = max(step.sample.available_bytes or 0 for arm in demo.arms for step in arm.steps)
    for app, without, with_us in zip(
        demo.scenario.apps, *(arm.steps for arm in demo.arms), strict=True
    ):
        name = Text(safe(short_name(app.package)))
        table.add_row(name, *_cells(without, most), *_cells(with_us, most))
    table.caption = "bars: MiB of memory available once the app has left the screen"
    table.caption_justify = "left"
    return table


def verdict(demo: Demo) -> str:
    """Say what became of the score, one line an arm, and what it cost."""
    remark = [demo.why_swap_is_low] if demo.why_swap_is_low else []
    return "\n".join([*map(_sentence, demo.arms), *remark])


def _cells(step: Step, most_bytes: int) -> tuple[Text, Text]:
    available = step.sample.available_bytes or 0
    picture = Text(f"{available // MIB:>4} ")
    picture.append(bar(available / max(1, most_bytes)), style="red" if step.killed else "green")
    moved = step.paged_out.reclaimed_bytes if step.paged_out else None
    what = [Text(f"{moved // MIB} MiB")] if moved is not None else []
    what += [Text(f"✗ {safe(short_name(name))}", style="bold red") for name in step.killed]
    return picture, Text(", ").join(what)


def bar(share: float) -> str:
    """Draw *share* (0.0 to 1.0) of a full bar, in eighths of a cell."""
    eighths = round(min(1.0, max(0.0, share)) * _BAR_CELLS * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(_BAR_CELLS)


def short_name(package: str) -> str:
    """The last word of a package name: what the demo's apps are called."""
    return package.rpartition(".")[2]


def _sentence(arm: Arm) -> str:
    game = arm.game
    death = arm.killer_of_game
    took = "?" if game.reopened_s is None else f"{game.reopened_s:.2f} s"
    again = f"{game.reopened_state} in {took}"
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
