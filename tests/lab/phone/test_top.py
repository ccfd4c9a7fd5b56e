"""The live view with keys on the pocket phone: each key, by textual's pilot."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

import droidreclaim as dr
from commands import command, run, run_json
from droidreclaim.top.frame import Frame, Row
from droidreclaim.top.live import Live
from droidreclaim.top.tui.apps import Apps
from droidreclaim.top.tui.dialogs import Question, Reading
from droidreclaim.top.tui.view import TopView
from handset import Handset, until

pytestmark = pytest.mark.phone

GAME = "com.example.game"
PATIENCE_S = 60.0
Keys = Callable[["Pilot[None]", TopView], Awaitable[None]]


@pytest.fixture(scope="module")
def mine(boot_for_module: Callable[..., Handset]) -> Handset:
    started = boot_for_module()
    until(lambda: run(started, "ps", GAME).returncode == 0, timeout_s=60)
    return started


@pytest.fixture
def live(mine: Handset) -> Iterator[Live]:
    phone = dr.connect(mine.serial, root=False)
    with Live(phone, lambda: dr.connect(mine.serial, root=False), every_s=0.5) as watched:
        yield watched


def with_keys(live: Live, keys: Keys, size: tuple[int, int] = (120, 40)) -> TopView:
    """Run the view, have *keys* press its keys once there is a picture."""

    async def drive() -> TopView:
        view = TopView(live)
        async with view.run_test(size=size) as pilot:
            await wait(pilot, lambda: view.picture.frame is not None and view.query_one(Apps).rows)
            await keys(pilot, view)
        return view

    return asyncio.run(drive())


async def wait(pilot: Pilot[None], holds: Callable[[], object]) -> None:
    """Wait until *holds*."""
    ends_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < ends_s, "it did not come"
        await pilot.pause(0.1)


def frame_of(view: TopView) -> Frame:
    assert view.picture.frame is not None
    return view.picture.frame


def row_of(view: TopView, package: str) -> Row:
    [row] = [one for one in frame_of(view).rows if one.package == package and not one.death]
    return row


async def choose(pilot: Pilot[None], view: TopView, package: str) -> None:
    """Move the cursor to an app, as a hand does."""
    apps = view.query_one(Apps)
    await pilot.press("home")
    for _ in range(len(apps.rows)):
        if apps.row is not None and apps.row.package == package:
            return
        await pilot.press("down")
    raise AssertionError(f"no row of {package}")


def foot(view: TopView) -> str:
    return str(view.screen_stack[0].query_one("#foot", Static).visual)


def words_of(view: TopView) -> str:
    """What the dialog says."""
    assert isinstance(view.screen, Reading)
    return view.screen._text().plain


def test_reclaim_counts_first_and_only_enter_does_it_then_prefetch_brings_it_back(
    live: Live,
) -> None:
    async def keys(pilot: Pilot[None], view: TopView) -> None:
        await choose(pilot, view, GAME)
        before = row_of(view, GAME).swap_bytes or 0
        await pilot.press("r")
        await wait(pilot, lambda: "would leave memory" in words_of(view))
        assert "gains" in words_of(view)
        await pilot.press("escape")
        await pilot.pause(1.5)
        assert (row_of(view, GAME).swap_bytes or 0) - before < 1 << 20, "nothing without Enter"
        await pilot.press("r")
        await wait(pilot, lambda: isinstance(view.screen, Question) and view.screen._do)
        await pilot.press("enter")
        await wait(pilot, lambda: row_of(view, GAME).action)
        row = row_of(view, GAME)
        assert row.action is not None
        assert row.action.outcome == "reclaimed"
        assert (row.action.moved_bytes or 0) > 8 << 20
        await wait(pilot, lambda: (row_of(view, GAME).swap_bytes or 0) > before + (8 << 20))
        await choose(pilot, view, GAME)
        await pilot.press("f")
        await wait(pilot, lambda: isinstance(view.screen, Question) and view.screen._do)
        assert "would come back from swap" in words_of(view)
        await pilot.press("enter")
        await wait(pilot, lambda: (one := row_of(view, GAME).action) and one.what == "prefetch")
        assert row_of(view, GAME).action.outcome == "prefetched"  # type: ignore[union-attr]

    with_keys(live, keys)


def test_explain_kills_help_and_an_app_that_may_not_be_touched(mine: Handset, live: Live) -> None:
    async def keys(pilot: Pilot[None], view: TopView) -> None:
        await choose(pilot, view, "com.android.launcher3")
        await pilot.press("e")
        assert "It is not paged out: in the foreground" in words_of(view)
        assert "The next kill would spare it" in words_of(view)
        await pilot.press("escape", "r")
        await wait(pilot, lambda: "left alone" in words_of(view))
        await pilot.press("enter")
        assert isinstance(view.screen, Question), "nothing to do, so Enter does nothing"
        await pilot.press("escape")
        await asyncio.to_thread(mine.text, "am force-stop com.example.photos")
        await wait(pilot, lambda: frame_of(view).head.kills)
        [gone] = [row for row in frame_of(view).rows if row.death is not None]
        assert gone.death is not None
        assert gone.death.record is not None
        assert gone.death.record.by == "user"
        await choose(pilot, view, "com.example.photos")
        await pilot.press("e")
        assert "It was killed by user" in words_of(view)
        await pilot.press("escape", "k")
        await wait(pilot, lambda: "com.example.photos" in words_of(view))
        await pilot.press("escape", "question_mark")
        assert "prefetch" in words_of(view)
        await pilot.press("escape")

    with_keys(live, keys)


@pytest.mark.nightly
def test_the_guard_is_started_and_stopped_by_a_second_key(live: Live) -> None:
    async def keys(pilot: Pilot[None], view: TopView) -> None:
        await pilot.press("g", "escape")
        await pilot.pause(1.0)
        assert frame_of(view).head.guard is None
        await pilot.press("g", "down", "enter")
        await wait(pilot, lambda: (one := frame_of(view).head.guard) and one.profile == "gentle")
        await choose(pilot, view, GAME)
        await pilot.press("e")
        await wait(pilot, lambda: "The guard" in words_of(view))
        await pilot.press("escape", "g")
        assert "gentle" in words_of(view)
        await pilot.press("enter")
        await wait(pilot, lambda: frame_of(view).head.guard is None)

    with_keys(live, keys)


def test_sort_filter_open_freeze_pss_and_every_width(live: Live) -> None:
    async def keys(pilot: Pilot[None], view: TopView) -> None:
        apps = view.query_one(Apps)
        await pilot.press("s")
        sizes = [row.rss_bytes or 0 for row in apps.rows]
        assert sizes == sorted(sizes, reverse=True)
        await pilot.press("S")
        await pilot.press("slash", *"MAIL", "enter")
        assert {row.package for row in apps.rows} == {"com.example.mail"}
        before = apps.virtual_size.height
        await wait(pilot, lambda: row_of(view, "com.example.mail").parts[0].kinds)
        await pilot.press("space")
        assert apps.virtual_size.height > before + len(apps.rows[0].parts)
        await pilot.press("left")
        assert apps.virtual_size.height == before
        await pilot.press("p")
        await wait(pilot, lambda: row_of(view, "com.example.mail").pss_bytes)
        await pilot.press("slash", "escape")
        assert len(apps.rows) > 3
        await pilot.press("z")
        at_s = frame_of(view).at_s
        await pilot.pause(1.5)
        assert frame_of(view).at_s == at_s
        await pilot.press("z")
        await wait(pilot, lambda: frame_of(view).at_s > at_s)
        for width in (60, 80, 100, 120, 200, 240):
            await pilot.resize_terminal(width, 30)
            await pilot.pause()
            lines = [apps.render_line(y) for y in range(apps.size.height)]
            assert {line.cell_length for line in lines} == {apps.columns}
            assert any("com.example.game"[:9] in line.text for line in lines)
        for _ in range(3):
            await pilot.press("t")
        await pilot.press("q")

    view = with_keys(live, keys)
    assert view.ended is None


def test_a_pipe_gets_pictures_lines_and_one_document(mine: Handset) -> None:
    once = run(mine, "top", "--once")
    assert once.returncode == 0, once.stderr
    assert "\x1b" not in once.stdout
    assert re.search(r"com\.example\.game +9\d\d", once.stdout)
    document = run_json(mine, "top", "--once")
    assert document["source"] == "phone"
    assert document["headroom"]["next_rule"]
    mail = next(app for app in document["apps"] if app["package"] == "com.example.mail")
    assert mail["gain_bytes"] > 8 << 20
    with subprocess.Popen(
        command(mine, "top", "--json", "--every", "0.5s"), stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        lines = [json.loads(running.stdout.readline()) for _ in range(3)]
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 128 + signal.SIGTERM
    assert lines[2]["boot_s"] > lines[0]["boot_s"]
    assert lines[2]["psi"]["some_share"] is not None


@pytest.mark.nightly
def test_without_root_it_looks_says_so_and_does_nothing(boot: Callable[..., Handset]) -> None:
    mine = boot(root="none")
    until(lambda: run(mine, "ps", GAME).returncode == 0, timeout_s=60)

    async def keys(pilot: Pilot[None], view: TopView) -> None:
        assert "no root" in str(view.query_one("#title", Static).visual)
        await wait(pilot, lambda: len(frame_of(view).head.past) > 3)
        now = frame_of(view).head.now
        assert now.available_bytes
        assert now.some_share is not None
        assert row_of(view, GAME).rss_bytes
        await choose(pilot, view, GAME)
        await pilot.press("e")
        assert "needs root" in words_of(view)
        await pilot.press("escape", "p")
        await wait(pilot, lambda: row_of(view, GAME).pss_bytes)
        await pilot.press("r")
        await wait(pilot, lambda: "no root" in words_of(view))
        await pilot.press("enter")
        assert isinstance(view.screen, Question), "nothing to do, so Enter does nothing"
        await pilot.press("escape")

    phone = dr.connect(mine.serial, root=False)
    with Live(phone, lambda: dr.connect(mine.serial, root=False)) as watched:
        with_keys(watched, keys)
    document = run_json(mine, "top", "--once")
    assert document["root"] is None
    assert all(app["gain_bytes"] is None for app in document["apps"])
