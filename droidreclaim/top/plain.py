"""A frame as text, for a pipe or a terminal that is no more than one. Pure."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from droidreclaim.escape import safe
from droidreclaim.top.draw import ANSI, Palette, ago
from droidreclaim.top.frame import Frame, Row
from droidreclaim.top.live import Picture
from droidreclaim.top.panels import head_lines, title_line
from droidreclaim.top.table import View, header_line, label_of, row_line

_OLD_S = 3.0  # a slow link has a picture a second late
WIDE = 160  # of a pipe: every column has room


def view_of(frame: Frame, colours: Palette, *, now_s: float | None = None) -> View:
    """Return what is needed to draw the rows of *frame*."""
    living = [row for row in frame.rows if row.death is None]
    adjs = [row.adj for row in living if row.adj is not None]
    return View(
        now_s=frame.at_s if now_s is None else now_s,
        floor=frame.head.headroom.adj_floor,
        highest=max(adjs, default=None),
        most_bytes=max(((row.rss_bytes or 0) + (row.swap_bytes or 0) for row in living), default=0),
        longest=max((cell_len(safe(label_of(row))) for row in frame.rows), default=0),
        rooted=frame.head.root is not None,
        with_pss=any(row.pss_bytes is not None for row in living),
        colours=colours,
    )


def frame_lines(
    frame: Frame,
    rows: Sequence[Row],
    sort: str,
    width: int,
    *,
    status: str = "",
) -> list[Text]:
    """All of a frame in *width* cells: the head, then *rows*, which are in the order of *sort*."""
    view = view_of(frame, ANSI)
    status_text = Text(f" {status} " if status else "", ANSI.warn)
    lines = [title_line(frame, width, ANSI, status_text), *head_lines(frame, width, ANSI)]
    lines.append(header_line(width, view, sort))
    return [*lines, *(row_line(row, width, view) for row in rows)]


def to_text(lines: list[Text], width: int, *, colour: bool) -> str:
    """*lines* as what a terminal takes; without colour not one escape sequence."""
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=colour, no_color=not colour, markup=False,
        color_system="standard" if colour else None, highlight=False, emoji=False,
    )  # fmt: skip
    for line in lines:
        console.print(line, end="\n", no_wrap=True, overflow="crop", crop=False)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().split("\n")[:-1])


def status_of(picture: Picture, now_s: float) -> str:
    """How old a picture is, where that is worth a word, and why there is no newer one."""
    age_s = picture.age_s(now_s)
    if picture.lost is not None:
        return f"{'no picture' if age_s is None else f'{ago(age_s)} old'}: lost, waiting"
    return f"{ago(age_s)} old" if age_s is not None and age_s >= _OLD_S else ""
