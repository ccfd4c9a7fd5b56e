"""What is shown over the view: a question that Enter answers, or text to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from droidreclaim.escape import safe
from droidreclaim.top.draw import Palette

_WAITING = "asking the device ..."


class Reading(ModalScreen[None]):
    """Lines to read, which may come later; any of the usual keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,e,k,enter", "dismiss", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
        Binding("pagedown", "scroll(10)", show=False),
    ]

    def __init__(self, title: str, lines: Sequence[Text | str] | None, colours: Palette) -> None:
        super().__init__()
        self._title, self._lines, self._colours = title, lines, colours

    @property
    def hint(self) -> str:
        """What the lower edge says of the keys."""
        return "Esc closes"

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = safe(self._title).replace("[", "\\[")
            box.border_subtitle = self.hint
            with VerticalScroll(can_focus=False):
                yield Static(self._text(), classes="words")

    def show_lines(self, lines: Sequence[Text | str]) -> None:
        """Show *lines* instead of what is there."""
        self._lines = lines
        if self.query(".words"):
            self.query_one(".words", Static).update(self._text())
            self.query_one(".dialog", Vertical).border_subtitle = self.hint

    def action_scroll(self, lines: int) -> None:
        """Scroll by so many lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def _text(self) -> Text:
        if self._lines is None:
            return Text(_WAITING, self._colours.dim)
        parts = [
            line if isinstance(line, Text) else Text(safe(line), self._colours.text)
            for line in self._lines
        ]
        return Text("\n").join(parts)


class Question(Reading):
    """Lines to read, and what Enter does once they are there; no other key does it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss", show=False),
        Binding("enter", "do", show=False),
    ]

    def __init__(
        self,
        title: str,
        lines: Sequence[Text | str] | None,
        colours: Palette,
        *,
        deed: str,
        do: Callable[[], None] | None,
    ) -> None:
        """
        Args:
            deed: What Enter does, in a word or two.
            do: Does it; None until `offer` has brought it.
        """
        super().__init__(title, lines, colours)
        self._deed, self._do = deed, do

    @property
    def hint(self) -> str:
        """What Enter does, once there is something to do."""
        return f"Enter: {self._deed} · Esc leaves it" if self._do else "Esc leaves it"

    def offer(self, lines: Sequence[Text | str], do: Callable[[], None] | None) -> None:
        """Show *lines*, and have Enter do *do*; None where there is nothing to do."""
        self._do = do
        self.show_lines(lines)

    def action_do(self) -> None:
        """Do what Enter is for, when there is something to do."""
        if self._do is not None:
            do = self._do
            self.dismiss()
            do()


class Choice(Question):
    """One of several words, by arrows or its number; Enter takes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
    ]

    def __init__(
        self, title: str, words: Sequence[tuple[str, str]], colours: Palette, *, deed: str,
        take: Callable[[str], None],
    ) -> None:  # fmt: skip
        """
        Args:
            words: Each with a sentence about it.
            take: Takes the word that was chosen.
        """
        self._words, self._at = words, 0
        super().__init__(title, None, colours, deed=deed, do=lambda: take(self._words[self._at][0]))
        self._lines = self._listed()

    def action_move(self, by: int) -> None:
        """Choose another."""
        self._at = (self._at + by) % len(self._words)
        self.show_lines(self._listed())

    def _listed(self) -> list[Text]:
        lines = []
        for at, (word, about) in enumerate(self._words):
            is_chosen = at == self._at
            line = Text("▸ " if is_chosen else "  ", self._colours.accent)
            line.append(
                f"{word:<12}", f"bold {self._colours.accent if is_chosen else self._colours.text}"
            )
            line.append(about, self._colours.dim)
            lines.append(line)
        return lines


class Filter(ModalScreen[str]):
    """A line to type a part of names: only rows that have it are shown; Esc shows all again."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "clear", show=False)]

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        yield Input(self._words, placeholder="part of a name; Enter keeps it, Esc shows all")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)

    def action_clear(self) -> None:
        """Show all rows."""
        self.dismiss("")
