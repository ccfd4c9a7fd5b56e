"""The demo's result as one page that needs nothing else: charts, and the same in plain tables."""

from __future__ import annotations

from droidreclaim.lab.demo.result import Arm, Demo
from droidreclaim.lab.storm.page import memory_lines
from droidreclaim.report.web import page
from droidreclaim.report.web.page import Chart, Mark


def render(demo: Demo) -> str:
    """Return the page as text; it loads nothing from elsewhere."""
    without, with_us = demo.arms
    return page.render(
        __package__,
        [_chart(arm) for arm in demo.arms],
        demo=demo,
        arms=demo.arms,
        steps=list(zip(demo.scenario.apps, without.steps, with_us.steps, strict=True)),
    )


def _chart(arm: Arm) -> Chart:
    samples = arm.samples
    kills = [Mark(death.at_s, death.name.rpartition(".")[2]) for death in arm.deaths]
    return Chart(
        [sample.at_s for sample in samples],
        memory_lines(samples),
        kills,
        marks="✗ an app is killed",
    )
