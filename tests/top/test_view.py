"""The view with keys, over a real helper on this machine, by textual's pilot."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from bench_phone import OWN, Bench
from droidreclaim.errors import ParseError
from droidreclaim.top.live import Live, Picture
from droidreclaim.top.tui.apps import Apps
from droidreclaim.top.tui.dialogs import Question, Reading
from droidreclaim.top.tui.view import TopView, theme_for

GAME, MAIL, HOME = f"{OWN}.game", f"{OWN}.mail", f"{OWN}.home"
PATIENCE_S = 30.0
Keys = Callable[["Pilot[None]", TopView], Awaitable[None]]


def with_keys(live: Live, keys: Keys, size: tuple[int, int] = (120, 36)) -> TopView:
    """Run the view, have *keys* press its keys once there is a picture."""

    async def drive() -> TopView:
        view = TopView(live, words=OWN)  # other tests' apps run beside ours
        async with view.run_test(size=size) as pilot:
            await until(pilot, lambda: view.query_one(Apps).rows)
            await keys(pilot, view)
        return view

    with live:
        return asyncio.run(drive())


async def until(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    """Wait until *holds*."""
    ends_s = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > ends_s:
            view = pilot.app
            assert isinstance(view, TopView)
            pytest.fail(f"it did not come: {said(view, '#title')} {view.picture}")
        await pilot.pause(0.05)


def watching(bench: Bench) -> Live:
    return Live(bench.phone(), bench.phone, every_s=0.3)


def said(view: TopView, where: str) -> str:
    """What a line of the view says."""
    return str(view.screen_stack[0].query_one(where, Static).visual)


def words_of(view: TopView) -> str:
    """What the dialog says."""
    assert isinstance(view.screen, Reading)
    return view.screen._text().plain


@pytest.fixture
def apps(bench: Bench) -> Bench:
    bench.start(HOME, adj=0, mib=4)
    bench.start(GAME, adj=940, mib=24)
    bench.start(MAIL, adj=910, mib=40)
    return bench


def test_the_cursor_stays_on_its_app_whatever_the_order(apps: Bench) -> None:
    async def keys(pilot: Pilot[None], view: TopView) -> None:
        table = view.query_one(Apps)
        await pilot.press("home", "down")
        assert table.row is not None
        assert table.row.package == MAIL
        await pilot.press("s")  # by RSS: the mail is the largest
        assert table.row.package == MAIL
        assert table.index == 0
        await pilot.press("S", "slash", "end", *".GAME", "enter")
        assert [row.package for row in table.rows] == [GAME]
        assert table.row.package == GAME
        assert f"/{OWN}.GAME" in said(view, "#foot")
        await pilot.press("slash", "escape")
        assert {row.package for row in table.rows} >= {GAME, MAIL, HOME}

    with_keys(watching(apps), keys)


def test_what_cannot_be_done_is_said_and_enter_does_nothing(apps: Bench) -> None:
    async def keys(pilot: Pilot[None], view: TopView) -> None:
        await pilot.press("end")
        await pilot.press("e")
        assert f"{HOME} is in front" in words_of(view)
        assert "It is not paged out: in the foreground" in words_of(view)
        await pilot.press("escape", "r")
        await until(pilot, lambda: "asking" not in words_of(view))
        await pilot.press("enter")
        assert isinstance(view.screen, Question)
        await pilot.press("escape")
        assert view.screen is view.screen_stack[0]

    with_keys(watching(apps), keys)


def test_an_app_is_opened_into_its_processes_and_kinds_of_memory(apps: Bench) -> None:
    async def keys(pilot: Pilot[None], view: TopView) -> None:
        table = view.query_one(Apps)
        await pilot.press("home")
        await until(pilot, lambda: table.row and table.row.parts[0].kinds)
        await pilot.press("space")
        lines = [table.render_line(y).text for y in range(table.size.height)]
        assert any("pid" in line and "anon" in line for line in lines)
        assert any("unnamed" in line and "own" in line for line in lines)
        assert any(MAIL in line for line in lines), "the other rows go on below"
        await pilot.press("left")
        lines = [table.render_line(y).text for y in range(table.size.height)]
        assert not any("unnamed" in line for line in lines)

    with_keys(watching(apps), keys)


def test_a_frozen_view_says_so_and_goes_on(apps: Bench) -> None:
    async def keys(pilot: Pilot[None], view: TopView) -> None:
        await pilot.press("z")
        held = view.picture
        await until(pilot, lambda: live.picture is not held)
        assert view.picture is held
        assert "FROZEN" in said(view, "#title")
        await pilot.press("z")
        await until(pilot, lambda: view.picture is not held and "live" in said(view, "#title"))

    with_keys(live := watching(apps), keys)


def test_a_lost_device_leaves_the_picture_says_how_old_it_is_and_keys_work(apps: Bench) -> None:
    async def keys(pilot: Pilot[None], view: TopView) -> None:
        apps.lose()
        ages: set[str] = set()

        def grows_older() -> bool:
            ages.update(re.findall(r"\d+s old: lost, waiting", said(view, "#title")))
            return len(ages) > 1

        await until(pilot, grows_older)
        await pilot.press("s", "down", "question_mark")
        assert "prefetch" in words_of(view)
        await pilot.press("escape")
        apps.lost = False
        await until(pilot, lambda: "live" in said(view, "#title"))

    with_keys(watching(apps), keys)


def test_a_helper_that_is_silent_holds_nothing_up_and_the_picture_says_its_age(
    apps: Bench,
) -> None:
    async def keys(pilot: Pilot[None], view: TopView) -> None:
        helpers = apps.programs("helper")
        assert helpers
        for pid in helpers:
            os.kill(pid, signal.SIGSTOP)
        await until(pilot, lambda: "s old" in said(view, "#title"))
        assert "lost" not in said(view, "#title")
        await pilot.press("down", "s", "e", "escape")  # would wait for good: it is still stopped
        for pid in helpers:
            os.kill(pid, signal.SIGCONT)
        await until(pilot, lambda: "live" in said(view, "#title"))

    with_keys(watching(apps), keys)


def test_columns_stand_below_their_titles_at_every_width(apps: Bench) -> None:
    async def keys(pilot: Pilot[None], view: TopView) -> None:
        table = view.query_one(Apps)
        for width in (60, 80, 120, 200, 240):
            await pilot.resize_terminal(width, 30)
            await until(pilot, partial(has_width, table, width))
            stand_below_their_titles(view, width)
        await pilot.resize_terminal(60, 11)
        await until(pilot, lambda: table.show_vertical_scrollbar)
        stand_below_their_titles(view, 60)

    def has_width(table: Apps, width: int) -> bool:
        return table.size.width == width

    def stand_below_their_titles(view: TopView, width: int) -> None:
        table = view.query_one(Apps)
        titles = said(view, "#columns")
        lines = [table.render_line(y).text for y in range(table.size.height)]
        line = next(text for text in lines if GAME[:9] in text)
        at = titles.index("RSS") + len("RSS")
        assert line[:at].endswith("M"), (titles, line)
        for name in ("#title", "#foot"):
            assert len(said(view, name)) <= width

    with_keys(watching(apps), keys)


def test_a_name_full_of_escapes_is_shown_and_not_obeyed(bench: Bench) -> None:
    bench.start(MAIL, adj=900)
    nasty = bench.start(f"{OWN}\x1b[2J\x07\u202e", adj=910)

    async def keys(pilot: Pilot[None], view: TopView) -> None:
        table = view.query_one(Apps)
        await until(pilot, lambda: len(table.rows) == 2)
        lines = [table.render_line(y).text for y in range(5)]
        assert not any("\x1b" in line or "\x07" in line or "\u202e" in line for line in lines)
        assert any("\\u202e" in line for line in lines), lines
        await pilot.press("home", "e")
        assert "\x1b" not in words_of(view)
        await pilot.press("escape")
        nasty.kill()
        await until(pilot, lambda: any(row.death for row in table.rows))

    with_keys(watching(bench), keys)


def test_the_end_of_a_process_that_only_calls_itself_an_app_is_told_too(bench: Bench) -> None:
    unproven = bench.start(MAIL, adj=900)
    (bench.home / "records").write_text("")  # ActivityManager knows of none

    async def keys(pilot: Pilot[None], view: TopView) -> None:
        table = view.query_one(Apps)
        await until(pilot, lambda: len(table.rows) == 1)
        unproven.kill()
        await until(pilot, lambda: any(row.death for row in table.rows))

    with_keys(watching(bench), keys)


def test_what_ends_the_watching_ends_the_view_with_its_error(apps: Bench) -> None:
    class Broken(Live):
        @property
        def picture(self) -> Picture:
            picture = super().picture
            if picture.frame is None or len(picture.frame.head.past) < 3:
                return picture
            return Picture(picture.frame, ended=ParseError("helper", 1, "?", hint="nonsense"))

    live = Broken(apps.phone(), apps.phone, every_s=0.3)

    async def keys(pilot: Pilot[None], view: TopView) -> None:
        await until(pilot, lambda: view.ended)

    assert isinstance(with_keys(live, keys).ended, ParseError)


@pytest.mark.parametrize(
    ("environ", "system", "theme"),
    [
        ({}, "truecolor", "night"),
        ({"COLORFGBG": "15;0"}, "256", "night"),
        ({"COLORFGBG": "0;15"}, "256", "day"),
        ({}, "standard", "ansi-dark"),
        ({}, None, "ansi-dark"),
        ({"NO_COLOR": "1"}, "truecolor", "ansi-dark"),
    ],
)
def test_a_terminal_gets_the_colours_that_it_has(
    environ: dict[str, str], system: str | None, theme: str
) -> None:
    assert theme_for(environ, system) == theme
