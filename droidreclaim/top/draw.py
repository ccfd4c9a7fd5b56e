"""Small pictures of numbers in cells of a terminal: graphs, bars, sizes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.text import Text

from droidreclaim.escape import safe
from droidreclaim.model import Band
from droidreclaim.units import GIB, KIB, MIB

# Dots of a braille cell by column, from the lowest up.
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
_BRAILLE = 0x2800
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_PLENTY = 9_999


@dataclass(frozen=True)
class Palette:
    """
    Colours, by what they are for; words that `rich.style.Style.parse` reads.

    Attributes:
        heat: From calm to alarm, three or more.
        calm: The same for values that are no alarm when they are high.
    """

    text: str
    dim: str
    faint: str
    title: str
    accent: str
    good: str
    warn: str
    bad: str
    rss: str
    swap: str
    cursor: str
    dead: str
    heat: tuple[str, ...]
    calm: tuple[str, ...]
    bands: dict[Band, str]

    def heat_of(self, share: float) -> str:
        """The colour of a share from 0 to 1."""
        return _step(self.heat, share)

    def calm_of(self, share: float) -> str:
        """The colour of a share that is no alarm."""
        return _step(self.calm, share)


def _step(colours: Sequence[str], share: float) -> str:
    return colours[min(len(colours) - 1, max(0, int(share * len(colours))))]


def _bands(
    front: str, visible: str, perceptible: str, previous: str, cached: str, system: str
) -> dict[Band, str]:
    return {
        Band.FOREGROUND: front, Band.VISIBLE: visible, Band.PERCEPTIBLE: perceptible,
        Band.BACKUP: perceptible, Band.HEAVY: perceptible, Band.SERVICE: perceptible,
        Band.HOME: previous, Band.PREVIOUS: previous, Band.SERVICE_B: cached, Band.CACHED: cached,
        Band.PERSISTENT: system, Band.SYSTEM: system, Band.NATIVE: system, Band.UNKNOWN: system,
    }  # fmt: skip


# The terminal's own sixteen colours: right on a dark ground and on a light one.
ANSI = Palette(
    text="default", dim="bright_black", faint="bright_black", title="bold", accent="cyan",
    good="green", warn="yellow", bad="red", rss="blue", swap="magenta", cursor="reverse",
    dead="bold red", heat=("green", "yellow", "red"), calm=("blue", "cyan", "cyan"),
    bands=_bands("bold green", "cyan", "yellow", "blue", "default", "bright_black"),
)  # fmt: skip
DARK = Palette(
    text="#cdd6f4", dim="#7f849c", faint="#45475a", title="bold #f5e0dc", accent="#89dceb",
    good="#a6e3a1", warn="#f9e2af", bad="#f38ba8", rss="#74a8fc", swap="#cba6f7",
    cursor="on #313244", dead="bold #f38ba8",
    heat=("#a6e3a1", "#c5e39c", "#e6e396", "#f9e2af", "#fab387", "#f58f97", "#f38ba8"),
    calm=("#5b7fc7", "#6690d8", "#74a8fc", "#74c7ec", "#89dceb", "#94e2d5", "#a6e3a1"),
    bands=_bands("bold #a6e3a1", "#94e2d5", "#f9e2af", "#89b4fa", "#a6adc8", "#6c7086"),
)  # fmt: skip
LIGHT = Palette(
    text="#3c3f58", dim="#7c7f93", faint="#c4c8d4", title="bold #303446", accent="#04829a",
    good="#2f8f1d", warn="#b3700a", bad="#c8103a", rss="#1e66f5", swap="#8839ef",
    cursor="on #d5d9e6", dead="bold #c8103a",
    heat=("#2f8f1d", "#5f8f1d", "#8f8a14", "#b3700a", "#cf5a0a", "#cc3322", "#c8103a"),
    calm=("#8aa8f0", "#6a92f2", "#1e66f5", "#1f84c8", "#04829a", "#17866f", "#2f8f1d"),
    bands=_bands("bold #2f8f1d", "#17866f", "#b3700a", "#1e66f5", "#5c5f77", "#9ca0b0"),
)  # fmt: skip


def graph(
    values: Sequence[float | None],
    width: int,
    height: int,
    *,
    most: float,
    colour: Callable[[float], str],
) -> list[Text]:
    """
    Draw *values*, the newest at the right edge, as *height* lines of braille: two to a cell.

    Args:
        most: The value that fills the height.
        colour: Gives the colour for a share of *most*.
    """
    newest = values[-2 * width :]
    shown: list[float | None] = [*[None] * (2 * width - len(newest)), *newest]
    dots = [
        0 if value is None else max(1, round(min(1.0, value / most) * height * 4)) if most else 1
        for value in shown
    ]
    lines = []
    for row in range(height - 1, -1, -1):
        cells = (dots[at : at + 2] for at in range(0, 2 * width, 2))
        text = "".join(_cell(pair, row * 4) for pair in cells)
        lines.append(Text(text, colour((row + 0.5) / height), no_wrap=True, end=""))
    return lines


def _cell(pair: Sequence[int], below: int) -> str:
    """Two columns of dots in a cell whose lower edge is *below* dots up."""
    bits = sum(
        _DOTS[side][dot]
        for side, filled in enumerate(pair)
        for dot in range(4)
        if filled > below + dot
    )
    return chr(_BRAILLE + bits) if bits else " "


def bar(share: float | None, width: int, colour: Callable[[float], str], rest: str) -> Text:
    """A share from 0 to 1 as a bar of *width* cells, in eighths; the rest of it in *rest*."""
    line = Text(no_wrap=True, end="")
    eighths = 0 if share is None else round(max(0.0, min(1.0, share)) * width * 8)
    full, part = divmod(eighths, 8)
    for colour_of, cells in groupby(range(full), key=lambda at: colour((at + 1) / width)):
        line.append("█" * len(list(cells)), colour_of)
    if part:
        line.append(_EIGHTHS[part], colour((full + 1) / width))
    line.append("─" * (width - full - (part > 0)), rest)
    return line


def stacked(parts: Sequence[tuple[float, str]], width: int, rest: str) -> Text:
    """Shares of a whole, one after the other, as a bar of *width* cells."""
    line = Text(no_wrap=True)
    reached, cells = 0.0, 0
    for share, style in parts:
        reached += max(0.0, share)
        until = min(width, round(reached * width))
        if not until and share > 0:
            until = 1  # a share above 0 has a cell
        line.append("━" * max(0, until - cells), style)
        cells = max(cells, until)
    line.append(" " * (width - cells), rest)
    return line


def short(size_bytes: float | None) -> str:
    """A size in five cells or fewer: ``31.5M``, ``1.2G``; ``?`` when unknown, ``-`` for none."""
    if size_bytes is None:
        return "?"
    magnitude = abs(size_bytes)
    if magnitude < KIB / 2:
        return "-"
    for unit, factor in (("G", GIB), ("M", MIB)):
        if magnitude >= 0.95 * factor:
            value = size_bytes / factor
            return f"{value:.0f}{unit}" if magnitude >= 99.95 * factor else f"{value:.1f}{unit}"
    return f"{size_bytes / KIB:.0f}K"


def rate(bytes_per_s: float | None) -> str:
    """A flow as ``4.2M/s``, ``0/s``; ``?`` when unknown."""
    if bytes_per_s is None:
        return "?"
    size = short(bytes_per_s)
    return f"{'0' if size == '-' else size}/s"


def ago(seconds: float | None, *, at_least: bool = False) -> str:
    """A time in five cells or fewer: ``42s``, ``3m05``, ``2h10``, ``>42s``; blank for None."""
    if seconds is None:
        return ""
    whole = min(int(seconds), _PLENTY * 3600)
    if whole < 60:
        text = f"{whole}s"
    elif whole < 3600:
        text = f"{whole // 60}m{whole % 60:02}" if not at_least else f"{whole // 60}m"
    else:
        hours = whole // 3600
        text = f"{hours}h{whole % 3600 // 60:02}" if hours < 10 and not at_least else f"{hours}h"
    return f">{text}" if at_least else text


def percent(share: float | None) -> str:
    """A share as ``12%``; ``?`` when unknown."""
    return "?" if share is None else f"{share:.0%}"


def number(value: float | None) -> str:
    """A number a second as ``0``, ``840``, ``1.2k``; ``?`` when unknown."""
    if value is None:
        return "?"
    if value >= 10_000:
        return f"{value / 1000:.0f}k"
    return f"{value / 1000:.1f}k" if value >= 1000 else f"{value:.0f}"


def words(text: str, style: str = "") -> Text:
    """*text* of a device, harmless, on one line."""
    return Text(safe(text), style, no_wrap=True, end="")
