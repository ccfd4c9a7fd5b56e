"""The demo's result as one page that needs nothing else: charts, and the same in plain tables."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from droidreclaim.demo.result import WITH, Arm, Demo, to_json
from droidreclaim.units import MIB, format_size

_UPLOT = files("droidreclaim") / "web" / "uplot"


def render(demo: Demo) -> str:
    """
    The page as text.

    Nothing in it is fetched: chart library, styles and data are inside, and its own content
    security policy forbids every request.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["size"] = format_size
    source = (files(__package__) / "page.html.j2").read_text(encoding="utf-8")
    without, with_us = demo.arms
    return environment.from_string(source).render(
        demo=demo,
        arms=demo.arms,
        steps=list(zip(demo.scenario.apps, without.steps, with_us.steps, strict=True)),
        figures=to_json(demo),
        charts=[_chart(arm) for arm in demo.arms],
        most_mib=_most_mib(demo),
        WITH=WITH,
        # Both files are ours (vendored and pinned by hash), never text of a device.
        uplot_js=Markup((_UPLOT / "uPlot.iife.min.js").read_text(encoding="utf-8")),
        uplot_css=Markup((_UPLOT / "uPlot.min.css").read_text(encoding="utf-8")),
    )


def _chart(arm: Arm) -> dict[str, Any]:
    """What the chart of one arm draws, in seconds and MiB."""
    samples = arm.samples
    return {
        "at_s": [sample.at_s for sample in samples],
        "available": [sample.available_bytes / MIB for sample in samples],
        "swapped": [sample.swap_used_bytes / MIB for sample in samples],
        "zram": [(sample.zram_used_bytes or 0) / MIB for sample in samples],
        "kills": [
            {"at_s": death.at_s, "name": death.name.rpartition(".")[2]}
            for death in arm.deaths
            if death.at_s is not None
        ],
    }


def _most_mib(demo: Demo) -> float:
    """The top of both charts, so that they can be compared."""
    samples = [sample for arm in demo.arms for sample in arm.samples]
    return max(max(one.available_bytes, one.swap_used_bytes) for one in samples) / MIB * 1.05
