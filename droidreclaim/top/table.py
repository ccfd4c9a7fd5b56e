"""The table of apps as lines of text: which columns a width has room for, and each row. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from droidreclaim.escape import safe
from droidreclaim.model import KindUse
from droidreclaim.report.table import shortened
from droidreclaim.top.draw import Palette, ago, short, stacked
from droidreclaim.top.frame import Action, Death, Part, Row

_GAP = 2
_LEAST_NAME, _MOST_NAME = 18, 44
_LEAST_WORDS = 16
_LEAST_BAR, _MOST_BAR = 8, 26
_SILENT_S = 8.0  # a log tells about three seconds later who killed
GUTTER = 2
_NARROW = 90

_ACTIONS = {
    "pageout": "paged out",
    "prefetch": "prefetched",
    "cold": "marked cold",
    "trim": "asked to trim",
}


@dataclass(frozen=True)
class View:
    """
    What is needed to draw the rows.

    Attributes:
        now_s: By the host's clock.
        floor: Lowest adj the next kill may take; None where it is not known.
        highest: The highest adj of any app: apps that have it are killed first.
        most_bytes: RSS and swap of the largest app, which fills the bar.
        longest: Cells that the longest name takes.
        rooted: Whether the helper there is root: without, nothing is paged out or estimated.
        with_pss: Whether PSS was asked for.
    """

    now_s: float
    floor: int | None
    highest: int | None
    most_bytes: int
    longest: int
    rooted: bool
    with_pss: bool
    colours: Palette

    def is_next(self, row: Row) -> bool:
        """Whether the next kill takes it first."""
        if row.adj is None or self.floor is None or row.death is not None:
            return False
        return row.adj == self.highest and row.adj >= self.floor


@dataclass(frozen=True)
class Column:
    """
    One column.

    Attributes:
        sort: The order that it stands for; None for none.
        least: Terminals narrower than this do not show it.
        cell: Its text for a row.
    """

    title: str
    width: int
    sort: str | None
    least: int
    cell: Callable[[Row, View], Text]
    right: bool = True


def columns_for(width: int, view: View) -> tuple[list[Column], int, int, int]:
    """
    Choose the columns for *width* cells; returns them and the widths of name, bar and last words.

    A bar, or the words, of 0 cells is left out.
    """
    columns = [
        one for one in _COLUMNS if one.least <= width and (one.title != "PSS" or view.with_pss)
    ]
    left = width - GUTTER - sum(one.width + _GAP for one in columns)
    name = max(_LEAST_NAME, min(_MOST_NAME, view.longest, width // 4, left))
    rest = left - name
    bar = min(_MOST_BAR, rest // 3) - _GAP
    if bar < _LEAST_BAR:
        bar = 0
    words = rest - (bar + _GAP if bar else 0) - _GAP
    if words < _LEAST_WORDS:
        bar = min(_MOST_BAR, rest - _GAP) if rest - _GAP >= _LEAST_BAR else 0
        name, words = min(_MOST_NAME, left - (bar + _GAP if bar else 0)), 0
    return columns, max(_LEAST_NAME, name), bar, words


def header_line(width: int, view: View, sort: str) -> Text:
    """The titles, with that of the sort order marked."""
    colours = view.colours
    columns, name, bar, words = columns_for(width, view)
    line = Text(" " * GUTTER, no_wrap=True, end="")
    line.append(_title("APP", sort == "name").ljust(name), _title_style(sort == "name", colours))
    for column in columns:
        title = _title(column.title, column.sort == sort)
        text = title.rjust(column.width) if column.right else title.ljust(column.width)
        line.append(" " * _GAP + text[-column.width :], _title_style(column.sort == sort, colours))
    if bar:
        line.append("  " + "RSS".ljust(3), colours.rss)
        line.append("+SWAP".ljust(bar - 3), colours.swap)
    if words:
        line.append("  " + "LAST, OR WHY NOT".ljust(words), _title_style(False, colours))
    line.append(" " * max(0, width - line.cell_len))
    return line


def _title(title: str, is_sort: bool) -> str:
    return f"{title}▾" if is_sort else title


def _title_style(is_sort: bool, colours: Palette) -> str:
    return f"bold {colours.accent}" if is_sort else f"bold {colours.dim}"


def row_line(row: Row, width: int, view: View, *, is_open: bool = False) -> Text:
    """Draw an app as one line."""
    if row.death is not None:
        return _dead_line(row, row.death, width, view)
    colours = view.colours
    columns, name, bar, words = columns_for(width, view)
    line = Text(no_wrap=True, end="")
    line.append_text(_gutter(row, view, is_open=is_open))
    line.append(_fit(label_of(row), name), colours.bands[row.band])
    for column in columns:
        cell = column.cell(row, view)
        blank = " " * max(0, column.width - cell.cell_len)
        line.append(" " * _GAP + (blank if column.right else ""))
        line.append_text(cell)
        line.append("" if column.right else blank)
    if bar:
        line.append(" " * _GAP)
        parts = (((row.rss_bytes or 0), colours.rss), ((row.swap_bytes or 0), colours.swap))
        shares = [(size / view.most_bytes, style) for size, style in parts if view.most_bytes]
        line.append_text(stacked(shares, bar, ""))
    if words:
        said = _words(row, view)
        said.truncate(words, overflow="ellipsis")
        line.append(" " * _GAP)
        line.append_text(said)
    line.append(" " * max(0, width - line.cell_len))
    return line


def _dead_line(row: Row, death: Death, width: int, view: View) -> Text:
    """An app that was killed: who did it and why, across all columns."""
    _, name, _, _ = columns_for(width, view)
    line = Text("✗ ", no_wrap=True, end="")
    line.append(f"{_fit(label_of(row), name)}  {'?' if row.adj is None else row.adj:>4}  ")
    line.append(_death(death, view.now_s))
    line = _filled(line, width)
    line.stylize(view.colours.dead)
    return line


def part_lines(row: Row, width: int, view: View) -> list[Text]:
    """The processes of an app, and of each the kinds of its memory."""
    lines = []
    for number, part in enumerate(row.parts):
        is_last = number == len(row.parts) - 1
        lines.append(_part_line(part, width, view, is_last=is_last))
        lines += _kind_lines(part.kinds, width, view, is_last=is_last)
    return lines


def _part_line(part: Part, width: int, view: View, *, is_last: bool) -> Text:
    colours = view.colours
    line = Text("  ", no_wrap=True, end="")
    line.append("└─ " if is_last else "├─ ", colours.faint)
    facts = f"pid {part.id.pid}  adj {'?' if part.adj is None else part.adj}"
    memory = part.memory
    narrow = width < _NARROW
    sizes = (
        f"rss {short(memory.rss_bytes)}  swap {short(memory.swap_bytes)}"
        if narrow
        else (
            f"rss {short(memory.rss_bytes)}  anon {short(memory.rss_anon_bytes)}  "
            f"file {short(memory.rss_file_bytes)}  swap {short(memory.swap_bytes)}"
        )
    )
    if part.frozen:
        sizes += "  frozen"
    name = max(_LEAST_NAME, min(_MOST_NAME, width - (45 if narrow else 75)))
    line.append(_fit(part.name, name), colours.text)
    line.append(f"  {facts}", colours.dim)
    line.append(f"  {sizes}", colours.text)
    if part.refusal is not None:
        line.append(f"  {safe(str(part.refusal.reason))}", colours.dim)
    return _filled(line, width)


def _kind_lines(kinds: Sequence[KindUse], width: int, view: View, *, is_last: bool) -> list[Text]:
    """What a process holds by kind: what would move, what is shared, what is in swap already."""
    colours = view.colours
    lines = []
    most = max((_held(kind) for kind in kinds), default=0)
    for kind in sorted(kinds, key=_held, reverse=True):
        if not _held(kind):
            continue
        line = Text("  ", no_wrap=True, end="")
        line.append("     " if is_last else "│    ", colours.faint)
        line.append(_fit(kind.kind, 9), colours.dim)
        own, shared = kind.exclusive_bytes or 0, kind.shared_bytes or 0
        swapped = kind.swapped_bytes or 0
        shares = [
            (own / most, colours.rss),
            (shared / most, colours.dim),
            (swapped / most, colours.swap),
        ]
        line.append_text(stacked(shares, 24, ""))
        line.append(f"  own {short(own)}", colours.rss)
        line.append(f"  shared {short(shared)}", colours.dim)
        line.append(f"  swapped {short(swapped)}", colours.swap)
        if kind.locked_bytes:
            line.append(f"  locked {short(kind.locked_bytes)}", colours.warn)
        lines.append(_filled(line, width))
    return lines


def _held(kind: KindUse) -> int:
    return (kind.exclusive_bytes or 0) + (kind.shared_bytes or 0) + (kind.swapped_bytes or 0)


def _filled(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    line.append(" " * max(0, width - line.cell_len))
    return line


def _gutter(row: Row, view: View, *, is_open: bool) -> Text:
    colours = view.colours
    if view.is_next(row):
        return Text("▸ " if not is_open else "▾ ", f"bold {colours.bad}")
    return Text("▾ " if is_open else "  ", colours.dim)


def label_of(row: Row) -> str:
    """What a row is called, as the device has it."""
    several = f" ({len(row.parts)})" if len(row.parts) > 1 else ""
    user = f" u{row.user}" if row.user else ""
    return f"{row.package}{user}{several}"


def _fit(text: str, width: int) -> str:
    """*text* of a device in exactly *width* cells, its middle left out where it is longer."""
    harmless = safe(text)
    if cell_len(harmless) > width:
        harmless = shortened(harmless, width)
    return set_cell_size(harmless, width)


def _words(row: Row, view: View) -> Text:
    """Say what was done to an app last, or else why it may not be touched."""
    colours = view.colours
    if row.action is not None:
        return Text(_action(row.action, view.now_s), colours.good, no_wrap=True)
    refusal = row.refusal
    if refusal is None:
        return Text("" if view.rooted else "no root", colours.dim, no_wrap=True)
    # "in the foreground (adj 0): press Home, or --force"
    return Text(safe(refusal.detail.partition(":")[0]), colours.dim, no_wrap=True)


def _death(death: Death, now_s: float) -> str:
    since = ago(now_s - death.at_s)
    record = death.record
    if record is not None:
        why = f": {safe(record.reason)}" if record.reason else ""
        return f"killed {since} ago by {record.by.value}{why}"
    if now_s - death.at_s < _SILENT_S:
        return f"gone {since} ago, by whom is not told yet"
    return f"gone {since} ago: no log says by whom"


def _action(action: Action, now_s: float) -> str:
    said = _ACTIONS.get(action.what, action.what)
    if action.by_guard:
        return f"guard {said} {ago(now_s - action.at_s)} ago"
    moved = f" {short(action.moved_bytes)}" if action.moved_bytes is not None else ""
    gained = f" (+{short(action.gained_bytes)})" if action.gained_bytes is not None else ""
    done = (
        f"{said}{moved}{gained}" if action.outcome in _DONE else f"{action.what}: {action.outcome}"
    )
    return f"{done} {ago(now_s - action.at_s)} ago"


_DONE = ("reclaimed", "prefetched")


# Cells


def _plain(row: Row, view: View, *, of: Callable[[Row], str], style: str) -> Text:
    return Text(of(row), getattr(view.colours, style))


def _adj(row: Row, view: View) -> Text:
    colour = view.colours.text
    if view.floor is not None and row.adj is not None and row.adj >= view.floor:
        colour = view.colours.warn
    return Text("?" if row.adj is None else str(row.adj), colour)


def _band(row: Row, view: View) -> Text:
    return Text(row.band.value, view.colours.bands[row.band])


def _gain(row: Row, view: View) -> Text:
    if row.gain_bytes is None and (row.refusal is not None or not view.rooted):
        return Text("")
    if row.gain_bytes is None:
        return Text("·", view.colours.faint)
    if row.gain_bytes <= 0:
        return Text("-", view.colours.dim)
    return Text(f"~{short(row.gain_bytes)}", view.colours.good)


def _size(row: Row, view: View, *, of: Callable[[Row], int | None], style: str) -> Text:
    size = of(row)
    return Text(short(size), getattr(view.colours, style) if size else view.colours.dim)


def _frozen(row: Row, view: View) -> Text:
    return Text("❄" if row.frozen else "", view.colours.accent)


_COLUMNS = (
    Column("ADJ", 4, "adj", 0, _adj),
    Column("BAND", 11, None, 130, _band, right=False),
    Column("RSS", 6, "rss", 0, partial(_size, of=lambda row: row.rss_bytes, style="rss")),
    Column("SWAP", 6, "swap", 0, partial(_size, of=lambda row: row.swap_bytes, style="swap")),
    Column("PSS", 6, None, 70, partial(_size, of=lambda row: row.pss_bytes, style="text")),
    Column("GAIN", 6, "gain", 0, _gain),
    Column("BACK", 6, "back", 72, partial(_size, of=lambda row: row.back_bytes, style="warn")),
    Column("AWAY", 6, "away", 80, partial(
        _plain, of=lambda row: ago(row.away_s, at_least=row.away_at_least), style="dim")),
    Column("FRZ", 3, None, 100, _frozen),
)  # fmt: skip
