"""Whether runs of a storm were played on equal devices: else they are not compared. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from droidreclaim.errors import NotAchieved
from droidreclaim.lab.storm.events import Run


def _compared(run: Run) -> dict[str, str | None]:
    """State and device of a run, without the serial of a booted phone, which is only its port."""
    device = run.begin.device
    names = ["model", "abi", "kernel", "page_bytes", "accelerator"]
    if device.get("accelerator") is None:
        names.append("serial")
    return run.begin.state | {f"device {name}": _word(device.get(name)) for name in names}


def _word(value: object) -> str | None:
    return None if value is None else str(value)


def difference(runs: Iterable[Run]) -> NotAchieved | None:
    """Return why *runs* must not be compared: each difference of their devices; None without."""
    known = list(runs)
    states = {run.key: _compared(run) for run in known}
    differing = []
    for name in sorted({name for state in states.values() for name in state}):
        values = {state.get(name): key for key, state in states.items()}
        if len(values) > 1:
            listed = ", ".join(
                f"{value or 'unknown'} ({arm}, seed {seed})"
                for value, (arm, seed) in values.items()
            )
            differing.append(f"{name}: {listed}")
    if not differing:
        return None
    return NotAchieved(
        f"the arms are not comparable: {'; '.join(differing)}",
        hint="run them again on one device, with the same settings",
    )
