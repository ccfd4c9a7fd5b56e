"""Play's thresholds of memory, from the data file beside this module."""

from __future__ import annotations

from importlib.resources import files

import yaml

from droidreclaim.model.footprint import PlayState
from droidreclaim.policy.footprint import RamClass, Thresholds

_MB = 10**6


def load(*, game: bool = False) -> Thresholds:
    """Return the table of apps or of games, smallest class first."""
    text = (files("droidreclaim") / "inspect" / "play-memory.yaml").read_text("utf-8")
    written = yaml.safe_load(text)
    kind = "game" if game else "app"
    classes = tuple(RamClass(**row) for row in written[kind])
    return Thresholds(
        kind, classes, written["source"], str(written["read"]), written["second_hand"][kind],
        written["unit"],
        {PlayState(name): size * _MB for name, size in written["bitmaps_mb"].items()},
    )  # fmt: skip
