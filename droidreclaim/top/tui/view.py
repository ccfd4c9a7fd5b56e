"""The view itself: the picture redrawn when there is a new one, and what each key does."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import ClassVar, TypeVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.theme import Theme
from textual.widgets import Static

from droidreclaim.errors import DroidReclaimError
from droidreclaim.escape import safe
from droidreclaim.model import ReclaimResult
from droidreclaim.top import deeds
from droidreclaim.top.draw import ANSI, DARK, LIGHT, Palette, ago
from droidreclaim.top.frame import Row
from droidreclaim.top.live import Live, Picture
from droidreclaim.top.panels import head_lines, title_line
from droidreclaim.top.plain import status_of, view_of
from droidreclaim.top.rows import SORTS, matching, ordered
from droidreclaim.top.sentences import sentences
from droidreclaim.top.side import Side
from droidreclaim.top.table import header_line
from droidreclaim.top.tui.apps import Apps
from droidreclaim.top.tui.dialogs import Choice, Filter, Question, Reading
from droidreclaim.top.tui.words import HELP, KEYS, kill_lines

_T = TypeVar("_T")
_LOOK_S = 0.1  # how often a new picture is looked for; drawing is done when there is one
_SOON_S = 1.0  # how often the age of an old picture is drawn again
_ABOUT = {
    "keep-games": "games go last",
    "gentle": "little at a time",
    "favourites": "as a list says",
}


def _theme(name: str, colours: Palette, background: str, surface: str, *, dark: bool) -> Theme:
    return Theme(
        name=name, primary=colours.accent, secondary=colours.swap, accent=colours.accent,
        foreground=colours.text, background=background, surface=surface, panel=surface,
        success=colours.good, warning=colours.warn, error=colours.bad, dark=dark,
    )  # fmt: skip


_THEMES = (
    _theme("night", DARK, "#11111b", "#1e1e2e", dark=True),
    _theme("day", LIGHT, "#f4f5f9", "#e4e7ee", dark=False),
)
_PALETTES: Mapping[str, Palette] = {"night": DARK, "day": LIGHT, "ansi-dark": ANSI}


def theme_for(environ: Mapping[str, str], color_system: str | None) -> str:
    """
    ``night``, ``day``, or the terminal's own colours where it has no more than sixteen.

    COLORFGBG is how some terminals say that their ground is light: ``0;15``.
    """
    if color_system not in ("256", "truecolor") or "NO_COLOR" in environ:
        return "ansi-dark"
    ground = environ.get("COLORFGBG", "").rpartition(";")[2]
    return "day" if ground in ("7", "15") else "night"


class TopView(App[None]):
    """
    `Live` with keys.

    Attributes:
        ended: What ended the watching, or the view itself.
        ended_by: The signal that ended it; None for a key.
    """

    CSS_PATH = "view.tcss"
    TITLE = "droidreclaim top"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "reclaim('pageout')"),
        Binding("f", "reclaim('prefetch')"),
        Binding("e", "explain"),
        Binding("k", "kills"),
        Binding("g", "guard"),
        Binding("p", "pss"),
        Binding("s", "sort(1)"),
        Binding("S,shift+s", "sort(-1)"),
        Binding("slash", "filter"),
        Binding("z", "freeze"),
        Binding("t", "theme"),
        Binding("question_mark,h", "help"),
        Binding("q", "quit"),
        Binding("ctrl+z", "suspend_process"),
        Binding("ctrl+c", "interrupt", priority=True),
    ]

    def __init__(self, live: Live, *, sort: str = "adj", words: str = "") -> None:
        super().__init__(ansi_color="NO_COLOR" in os.environ or None)  # or it would be greys
        self.ended: BaseException | None = None
        self.ended_by: signal.Signals | None = None
        self._live, self._order, self._words = live, sort, words
        self._frozen: Picture | None = None
        self._shown: Picture | None = None
        self._note: tuple[float, str] | None = None
        self._drawn_s = 0.0
        for theme in _THEMES:
            self.register_theme(theme)
        self.theme = theme_for(os.environ if not self.no_color else {"NO_COLOR": ""},
                               self.console.color_system)  # fmt: skip

    def compose(self) -> ComposeResult:
        yield Static(id="title")
        yield Static(id="head")
        yield Static(id="columns")
        yield Apps()
        yield Static(id="foot")

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        # Windows has no such handlers, and a view of a test may run in another thread.
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            with suppress(NotImplementedError, ValueError, RuntimeError):
                loop.add_signal_handler(number, self._end_by, number)
        self.query_one(Apps).focus()
        self.set_interval(_LOOK_S, self._draw_if_new)

    # The picture

    @property
    def colours(self) -> Palette:
        """The colours of the theme."""
        return _PALETTES.get(self.theme, ANSI)

    @property
    def picture(self) -> Picture:
        """The picture that is shown: the last one, or the one at which the view was frozen."""
        return self._frozen or self._live.picture

    def _draw_if_new(self) -> None:
        """Draw when there is something new to see."""
        picture = self.picture
        if picture.ended is not None:
            self.ended = picture.ended
            self.exit()
        elif picture is not self._shown or time.monotonic() - self._drawn_s >= _SOON_S:
            self.draw()

    def on_resize(self) -> None:
        self.draw()

    def draw(self) -> None:
        """Draw the picture as it is now."""
        self._shown, self._drawn_s = self.picture, time.monotonic()
        screen = self.screen_stack[0]
        if not screen.is_mounted or not screen.query("#head"):
            return
        width = self.size.width
        frame = self._shown.frame
        foot = screen.query_one("#foot", Static)
        foot.update(self._foot(width))
        if frame is None:
            words = self._shown.lost or "waiting for the first look at the device ..."
            screen.query_one("#title", Static).update(Text(f" {safe(words)}", self.colours.warn))
            return
        view = view_of(frame, self.colours, now_s=time.monotonic())
        rows = ordered(matching(frame.rows, self._words), self._order)
        screen.query_one("#title", Static).update(
            title_line(frame, width, self.colours, self._status())
        )
        screen.query_one("#head", Static).update(
            Text("\n").join(head_lines(frame, width, self.colours))
        )
        apps = screen.query_one(Apps)
        columns = header_line(apps.columns or width, view, self._order)
        screen.query_one("#columns", Static).update(columns)
        apps.show(rows, view)
        self._live.visible_keys = apps.visible_keys

    def on_apps_resized(self) -> None:
        self.draw()  # at the view's own resize the table still has its old width

    def on_apps_scrolled(self) -> None:
        self._live.visible_keys = self.screen_stack[0].query_one(Apps).visible_keys

    def _status(self) -> Text:
        colours, now_s = self.colours, time.monotonic()
        if self._frozen is not None:
            age = ago(self._frozen.age_s(now_s))
            return Text(f" FROZEN {age}, z goes on ", f"bold {colours.accent}")
        status = status_of(self.picture, now_s)
        if status:
            colour = colours.bad if self.picture.lost else colours.warn
            return Text(f" ● {status} ", f"bold {colour}")
        return Text(" ● live ", colours.good)

    def _foot(self, width: int) -> Text:
        """The keys, or what was done last."""
        if self._note is not None and time.monotonic() < self._note[0]:
            line = Text(f" {safe(self._note[1])}", f"bold {self.colours.accent}", no_wrap=True)
            line.truncate(width, overflow="ellipsis")
            return line
        line = Text(" ", no_wrap=True)
        if self._words:
            line.append(f"/{safe(self._words)}  ", f"bold {self.colours.warn}")
        for key, word in KEYS:
            if line.cell_len + len(key) + len(word) + 3 > width:
                break
            line.append(key, f"bold {self.colours.accent}")
            line.append(f" {word}  ", self.colours.dim)
        return line

    def note(self, words: str, lasting_s: float = 6.0) -> None:
        """Say *words* in the last line for some seconds."""
        self._note = time.monotonic() + lasting_s, words
        self.draw()

    # What is asked of the device, in a thread of its own

    def _do_beside(
        self, job: Callable[[Side], _T], then: Callable[[_T | DroidReclaimError], None]
    ) -> None:
        def hand_over(done: _T | DroidReclaimError) -> None:
            with suppress(RuntimeError):  # the view has ended meanwhile
                self.call_from_thread(then, done)

        self._live.side.enqueue(deeds.attempt(job, hand_over))

    def action_reclaim(self, how: str) -> None:
        """Count what a page-out of the app would do, and do it at Enter."""
        row = self._chosen()
        if row is None:
            return
        verb = "page out" if how == "pageout" else "bring back"
        question = Question(f"{verb} {row.package}", None, self.colours, deed=verb, do=None)
        self.push_screen(question)

        def counted(done: ReclaimResult | DroidReclaimError) -> None:
            if isinstance(done, DroidReclaimError):
                question.offer([str(done)], None)
                return
            do = (lambda: self._do_reclaim(row, how)) if done.achieved else None
            question.offer(deeds.plan_lines(done) or ["nothing would move"], do)

        self._do_beside(deeds.reclaim(row, how, dry_run=True), counted)

    def _do_reclaim(self, row: Row, how: str) -> None:
        self.note(f"{row.package}: working ...", 60.0)

        def done(result: ReclaimResult | DroidReclaimError) -> None:
            if isinstance(result, DroidReclaimError):
                self.note(f"{row.package}: {result}")
                return
            self._live.note_action(row.key, deeds.action_of(result))
            self.note(f"{row.package}: {deeds.done_line(result)}")

        self._do_beside(deeds.reclaim(row, how, dry_run=False), done)

    def _chosen(self) -> Row | None:
        """The living app under the cursor; says so where there is none."""
        row = self.query_one(Apps).row
        if row is None or row.death is not None:
            self.note("no app that lives is chosen")
            return None
        return row

    def action_explain(self) -> None:
        """Every reason about the app in a sentence."""
        row, frame = self.query_one(Apps).row, self.picture.frame
        if row is None or frame is None:
            return
        page = Reading(row.package, sentences(row, frame), self.colours)
        self.push_screen(page)
        if frame.head.guard is not None:
            self._do_beside(
                deeds.guards_apps,
                lambda apps: None if isinstance(apps, DroidReclaimError)
                else page.show_lines(sentences(row, frame, apps)),
            )  # fmt: skip

    def action_kills(self) -> None:
        """The kills that the device remembers."""
        page = Reading("kills, the newest first", None, self.colours)
        self.push_screen(page)
        self._do_beside(
            deeds.kills,
            lambda kills: page.show_lines(
                [str(kills)] if isinstance(kills, DroidReclaimError)
                else kill_lines(kills, self.colours)
            ),
        )  # fmt: skip

    def action_guard(self) -> None:
        """Start the guard with one of its profiles, or stop the one that runs; at Enter."""
        frame = self.picture.frame
        if frame is None:
            return
        if (guard := frame.head.guard) is not None:
            words = [f"The guard runs (profile {guard.profile or '?'}, pid {guard.pid})."]
            words += ["What it has paged out comes back as it is used."]
            stop = lambda: self._do_guard(deeds.guard_stop)  # noqa: E731
            self.push_screen(Question("stop the guard", words, self.colours, deed="stop", do=stop))
            return
        profiles = [(name, _ABOUT[name]) for name in deeds.PROFILES]
        self.push_screen(
            Choice(
                "start the guard", profiles, self.colours, deed="start",
                take=lambda name: self._do_guard(deeds.guard_start(name)),
            )
        )  # fmt: skip

    def _do_guard(self, job: Callable[[Side], str]) -> None:
        self.note("asking the guard ...", 30.0)
        self._do_beside(job, lambda outcome: self.note(str(outcome)))
        self._live.side.enqueue(self._live.read_guard)

    def action_pss(self) -> None:
        """Ask PSS of the app: dumpsys, which stalls it for a moment."""
        if (row := self._chosen()) is None:
            return
        self.note(f"{row.package}: asking its PSS ...", 30.0)

        def show_pss(pss_bytes: int | DroidReclaimError) -> None:
            if isinstance(pss_bytes, DroidReclaimError):
                self.note(f"{row.package}: {pss_bytes}")
                return
            self._live.note(lambda history: history.pss_bytes.update({row.key: pss_bytes}))
            self.note(f"{row.package}: PSS {pss_bytes / (1 << 20):.1f} MiB")

        self._do_beside(deeds.pss(row.package), show_pss)

    # What the screen shows

    def action_sort(self, by: int) -> None:
        """Take the next order."""
        self._order = SORTS[(SORTS.index(self._order) + by) % len(SORTS)]
        self.draw()

    def action_filter(self) -> None:
        """Ask for a part of names, to show only rows that have it."""

        def chosen(words: str | None) -> None:
            self._words = words or ""
            self.draw()

        self.push_screen(Filter(self._words), chosen)

    def action_freeze(self) -> None:
        """Hold the picture, or let it go on."""
        self._frozen = None if self._frozen else self._live.picture
        self.draw()

    def action_theme(self) -> None:
        """Take the next theme: night, day, the terminal's own colours."""
        names = list(_PALETTES)
        self.theme = names[(names.index(self.theme) + 1) % len(names)]
        self.draw()

    def action_help(self) -> None:
        """Show all keys."""
        self.push_screen(Reading("keys", HELP, self.colours))

    # Its end

    def action_interrupt(self) -> None:
        """End as Ctrl-C ends every command."""
        self._end_by(signal.SIGINT)

    def _end_by(self, number: signal.Signals) -> None:
        self.ended_by = signal.Signals(number)
        self.exit()

    def _handle_exception(self, error: Exception) -> None:
        """Keep what went wrong for the command line to tell, once the terminal is as it was."""
        self.ended = error
        super()._handle_exception(error)

    def _print_error_renderables(self) -> None:
        """Print nothing: the command line says it in one line."""
