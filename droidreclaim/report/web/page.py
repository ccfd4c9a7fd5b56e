"""
The frame of every page: styles, and the chart library with what it draws.

Nothing in a page is fetched: everything is inside, and its own content security policy forbids
every request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from droidreclaim.escape import safe
from droidreclaim.units import format_size

_WEB = files(__package__)
_UPLOT = _WEB / "uplot"
_ROOM = 1.05  # above the highest line


@dataclass(frozen=True, slots=True)
class Line:
    """
    A line of a chart.

    Attributes:
        colour: Name of one in the frame's styles.
        unit: ``%``, or a size (``MiB``, ``MB``) with one scale for all charts of a page.
    """

    label: str
    colour: str
    values: Sequence[float | None]
    unit: str = "MiB"
    fill: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that is marked: a kill, or what *sign* stands for."""

    at_s: float
    name: str
    sign: str = "✗"


@dataclass(frozen=True, slots=True)
class Chart:
    """
    Lines over time, in seconds.

    Attributes:
        marks: What its marks are, for the legend; left out where it is empty.
    """

    at_s: Sequence[float]
    lines: Sequence[Line]
    kills: Sequence[Mark]
    marks: str = ""


def render(
    package: str | None,
    charts: Sequence[Chart],
    *,
    filters: Mapping[str, Callable[..., str]] = MappingProxyType({}),
    **values: Any,
) -> str:
    """
    A page as text.

    Args:
        package: Where its ``page.html.j2`` is; it fills the blocks of the frame, and has a place of
            the class ``chart`` for each of *charts*, in their order.
    """
    assert package is not None
    sources = {"frame.html.j2": _WEB / "frame.html.j2", "page": files(package) / "page.html.j2"}
    environment = Environment(
        autoescape=True,
        finalize=_harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=DictLoader({name: one.read_text(encoding="utf-8") for name, one in sources.items()}),
    )
    environment.filters |= {"size": format_size, **filters}
    return environment.get_template("page").render(
        **values,
        charts={
            "charts": [_chart(chart) for chart in charts],
            "tops": _tops(charts),
            "lastS": _last_s(charts),
        },
        # Both files are ours (vendored and pinned by hash), never text of a device.
        uplot_js=Markup((_UPLOT / "uPlot.iife.min.js").read_text(encoding="utf-8")),
        uplot_css=Markup((_UPLOT / "uPlot.min.css").read_text(encoding="utf-8")),
    )


def _last_s(charts: Sequence[Chart]) -> float:
    """The end of every chart, so that they can be compared."""
    return max((chart.at_s[-1] for chart in charts if chart.at_s), default=1.0)


def _harmless(value: object) -> object:
    """What a device said, without control characters; markup is ours, and stays."""
    return safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _chart(chart: Chart) -> dict[str, Any]:
    marks = [{**asdict(one), "name": safe(one.name)} for one in chart.kills]
    return {**asdict(chart), "kills": marks}


def _tops(charts: Sequence[Chart]) -> dict[str, float]:
    """The top of every chart by unit, so that they can be compared."""
    tops: dict[str, float] = {}
    for line in (line for chart in charts for line in chart.lines):
        known = (value for value in line.values if value is not None)
        most = max(known, default=1.0 / _ROOM) * _ROOM
        tops[line.unit] = max(tops.get(line.unit, 0.0), most)
    return {**tops, "%": 100.0}
