"""The table of apps as a widget: only the lines that are seen are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from droidreclaim.top.frame import Row
from droidreclaim.top.table import View, part_lines, row_line

_Line = tuple[str, Callable[[int], Text]]


class Apps(ScrollView, can_focus=True):
    """Rows of apps with a cursor on one of them, which follows its app from tick to tick."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "move(-1000000)", show=False),
        Binding("end", "move(1000000)", show=False),
        Binding("right,space,enter", "open", show=False),
        Binding("left", "close", show=False),
    ]
    DEFAULT_CSS = """
    Apps { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    """

    class Scrolled(Message):
        """Other rows are on the screen than before."""

    class Resized(Message):
        """Lines have another width or number: titles above them must be drawn anew."""

    def __init__(self) -> None:
        super().__init__(id="apps")
        self.rows: tuple[Row, ...] = ()
        self.key: str | None = None
        self._view: View | None = None
        self._open: set[str] = set()
        self._lines: list[_Line] = []
        self._at: dict[str, int] = {}

    # What it shows

    def show(self, rows: Sequence[Row], view: View) -> None:
        """Show *rows* in their order; the cursor stays on its app, or where that was."""
        at = self.index
        self.rows, self._view = tuple(rows), view
        if self.key not in {row.key for row in rows}:
            self.key = rows[min(at, len(rows) - 1)].key if rows else None
        self._lay_out()

    @property
    def index(self) -> int:
        """Which row the cursor is on."""
        return next((at for at, row in enumerate(self.rows) if row.key == self.key), 0)

    @property
    def row(self) -> Row | None:
        """The row under the cursor; None without rows."""
        return self.rows[self.index] if self.rows else None

    @property
    def visible_keys(self) -> list[str]:
        """Keys of the rows on the screen."""
        top, bottom = self.scroll_offset.y, self.scroll_offset.y + self.size.height
        return list(dict.fromkeys(key for key, _ in self._lines[top:bottom]))

    @property
    def columns(self) -> int:
        """Cells of a line, beside the scrollbar."""
        return self.scrollable_content_region.width

    def _lay_out(self) -> None:
        view = self._view
        if view is None:
            return
        self._lines, self._at = [], {}
        for row in self.rows:
            self._at[row.key] = len(self._lines)
            is_open = row.key in self._open
            self._lines.append((row.key, _drawn(row, view, is_open=is_open)))
            if is_open:
                parts = part_lines(row, self.columns, view)
                self._lines += [(row.key, _fixed(line)) for line in parts]
        self.virtual_size = Size(self.columns, len(self._lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.columns
        at = self.scroll_offset.y + y
        if at >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        key, draw = self._lines[at]
        line = draw(width)
        if key == self.key and self._at[key] == at and self._view is not None:
            line = _chosen(line, self._view.colours.cursor)
        strip = Strip(line.render(self.app.console)).adjust_cell_length(width)
        return strip.apply_style(self.rich_style)

    def on_resize(self) -> None:
        self._lay_out()
        self.post_message(self.Resized())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Scrolled())

    # Keys

    def action_move(self, rows: int) -> None:
        """Move the cursor."""
        if not self.rows:
            return
        at = max(0, min(len(self.rows) - 1, self.index + rows))
        self.key = self.rows[at].key
        self._into_sight()

    def action_page(self, pages: int) -> None:
        """Move the cursor by what the screen holds."""
        self.action_move(pages * max(1, self.size.height - 1))

    def action_open(self) -> None:
        """Show the processes of the app, or hide them again."""
        if self.key is not None:
            self._open ^= {self.key}
            self._lay_out()

    def action_close(self) -> None:
        """Hide the processes of the app."""
        if self.key is not None:
            self._open.discard(self.key)
            self._lay_out()

    def _into_sight(self) -> None:
        line = self._at.get(self.key or "", 0)
        self.scroll_to_region(Region(0, line, 1, 1), animate=False, force=True)
        self.refresh()


def _drawn(row: Row, view: View, *, is_open: bool) -> Callable[[int], Text]:
    return lambda width: row_line(row, width, view, is_open=is_open)


def _chosen(line: Text, cursor: str) -> Text:
    """*line* under the cursor: on another ground, or reversed as a whole."""
    if cursor == "reverse":
        return Text(line.plain, cursor, no_wrap=True, end="")
    line = line.copy()
    line.stylize(cursor)
    return line


def _fixed(line: Text) -> Callable[[int], Text]:
    return lambda _: line
