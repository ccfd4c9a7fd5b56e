"""Ticks of a real helper on real processes of this machine, over an adb server of our own."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from bench_phone import OWN, Bench
from droidreclaim.top import live
from droidreclaim.top.document import frame_json
from droidreclaim.top.frame import Frame, Row
from droidreclaim.top.live import Live, Picture
from droidreclaim.top.rows import ordered
from droidreclaim.units import MIB

GAME, MAIL, HOME = f"{OWN}.game", f"{OWN}.mail", f"{OWN}.home"
PATIENCE_S = 30.0


def row_of(frame: Frame, package: str) -> Row:
    [row] = [one for one in frame.rows if one.package == package and one.death is None]
    return row


def own(frame: Frame, sort: str) -> list[Row]:
    """The rows of this test's apps, in an order; other tests' apps run beside them."""
    return [row for row in ordered(frame.rows, sort) if row.package.startswith(OWN)]


def until(watched: Live, holds: Callable[[Picture], object]) -> Picture:
    """The first picture of which *holds* is true."""
    ends_s = time.monotonic() + PATIENCE_S
    while not holds(picture := watched.picture):
        assert picture.ended is None, picture.ended
        assert time.monotonic() < ends_s, picture
        time.sleep(0.05)
    return picture


def frame_with(watched: Live, holds: Callable[[Frame], object]) -> Frame:
    picture = until(watched, lambda one: one.frame is not None and holds(one.frame))
    assert picture.frame is not None
    return picture.frame


def watching(bench: Bench, every_s: float = 0.2) -> Live:
    return Live(bench.phone(), bench.phone, every_s=every_s)


def test_once_tells_each_app_with_its_memory_and_what_a_page_out_would_move(bench: Bench) -> None:
    front = bench.start(HOME, adj=0)
    bench.start(GAME, adj=940, mib=24)
    bench.start(f"{GAME}:sync", adj=920, mib=4)
    with bench.phone() as phone:
        frame = live.once(phone)
    game = row_of(frame, GAME)
    assert (game.adj, game.band.value, len(game.parts)) == (920, "cached", 2)
    assert game.refusal is None
    [part] = [one for one in game.parts if one.name == GAME]
    assert part.leaves_bytes is not None
    # Where this machine has swap on, a reclaimer of its own may have been here first.
    left_bytes = sum(kind.swapped_bytes or 0 for kind in part.kinds)
    assert 24 * MIB <= part.leaves_bytes + left_bytes < 60 * MIB
    assert {kind.kind for kind in part.kinds} >= {"native", "unnamed"}
    assert game.rss_bytes is not None
    assert game.rss_bytes + left_bytes > 28 * MIB
    launcher = row_of(frame, HOME)
    assert launcher.parts[0].id.pid == front.pid
    assert launcher.refusal is not None
    assert launcher.refusal.reason == "foreground"
    assert launcher.away_s is None
    assert frame.head.now.some_share is not None
    assert frame.head.headroom.headroom_bytes is not None
    assert [row.package for row in own(frame, "adj")] == [GAME, HOME]


def test_a_document_has_what_the_frame_has(bench: Bench) -> None:
    app = bench.start(GAME, adj=940)
    with bench.phone() as phone:
        frame = live.once(phone)
    document = frame_json(frame, own(frame, "adj"))
    [app_line] = document["apps"]
    assert (app_line["package"], app_line["oom_score_adj"], app_line["band"]) == (
        GAME,
        940,
        "cached",
    )
    assert app_line["processes"][0]["pid"] == app.pid
    leaves_bytes = row_of(frame, GAME).parts[0].leaves_bytes
    assert leaves_bytes
    assert app_line["processes"][0]["reclaimable_bytes"] == leaves_bytes
    assert document["memory"]["available_bytes"] > 0
    assert document["guard"] is None
    assert document["ended"] == []


def test_a_tick_is_one_write_to_the_helper_and_names_are_read_once(bench: Bench) -> None:
    bench.start(GAME, adj=940)
    with watching(bench) as watched:
        frame_with(watched, lambda frame: len(frame.head.past) >= 3)
        shells = [one for one in bench.adb.requests if one.startswith("shell,v2,raw:")]
        first = len(shells)
        frame_with(watched, lambda frame: len(frame.head.past) >= 12)
        shells = [one for one in bench.adb.requests if one.startswith("shell,v2,raw:")]
        assert len(shells) - first <= 2, shells[first:]  # nothing but the basis, anew
        assert row_of(watched.picture.frame, GAME).parts  # type: ignore[arg-type]


def test_an_app_that_starts_is_a_row_and_one_that_leaves_the_front_counts_from_there(
    bench: Bench,
) -> None:
    bench.start(MAIL, adj=900)
    with watching(bench) as watched:
        frame = frame_with(watched, lambda frame: own(frame, "adj"))
        assert row_of(frame, MAIL).away_at_least
        app = bench.start(GAME, adj=0)
        frame_with(watched, lambda frame: any(row.package == GAME for row in frame.rows))
        with open(f"/proc/{app.pid}/oom_score_adj", "w") as adj:
            adj.write("900")
        frame = frame_with(watched, lambda frame: row_of(frame, GAME).away_s)
        assert not row_of(frame, GAME).away_at_least
        assert (row_of(frame, GAME).away_s or 99) < 10


def test_a_killed_app_stays_with_who_did_it_and_why(bench: Bench) -> None:
    app = bench.start(GAME, adj=940)
    with watching(bench) as watched:
        frame_with(watched, lambda frame: own(frame, "adj"))
        time.sleep(1.0)  # the log is listened to by now
        app.kill()
        frame = frame_with(watched, lambda frame: any(row.death for row in own(frame, "adj")))
        [row] = [one for one in own(frame, "adj") if one.death]
        assert row.death is not None
        assert (row.package, row.adj, row.death.record) == (GAME, 940, None)
        stamp = time.strftime("%m-%d %H:%M:%S", time.localtime())
        bench.log(
            f"{stamp}.500   100   100 I lowmemorykiller: Kill '{GAME}' ({app.pid}), uid {app.uid}, "
            "oom_score_adj 940 to free 31744kB rss, 0kB swap; reason: low watermark is breached"
        )
        frame = frame_with(watched, lambda frame: frame.head.kills)
        [row] = [one for one in own(frame, "adj") if one.death]
        assert row.death is not None
        assert row.death.record is not None
        assert row.death.record.by == "lmkd"
        assert "low watermark" in row.death.record.reason
        assert frame.head.kills == {"lmkd": 1}


def test_a_lost_device_is_waited_for_and_the_old_picture_stays(bench: Bench) -> None:
    bench.start(GAME, adj=940)
    with watching(bench) as watched:
        before = frame_with(watched, lambda frame: own(frame, "adj"))
        bench.lose()
        picture = until(watched, lambda one: one.lost)
        assert picture.frame is not None
        assert row_of(picture.frame, GAME)
        time.sleep(0.5)
        age_s = watched.picture.age_s(time.monotonic())
        assert age_s is not None
        assert age_s > 0.4
        bench.lost = False
        after = until(watched, lambda one: one.lost is None)
        assert after.frame is not None
        assert after.frame.at_s > before.at_s
        assert after.frame.head.past[0].at_s <= before.at_s  # the graph goes on


def test_estimates_are_made_of_rows_that_are_seen_alone(bench: Bench) -> None:
    bench.start(GAME, adj=940)
    bench.start(MAIL, adj=920)
    with watching(bench) as watched:
        watched.visible_keys = [f"0 {GAME}"]
        frame = frame_with(
            watched,
            lambda frame: (
                own(frame, "adj") and row_of(frame, GAME).parts[0].leaves_bytes is not None
            ),
        )
        assert row_of(frame, MAIL).parts[0].leaves_bytes is None


@pytest.mark.parametrize("sort", ["rss", "gain", "swap", "name"])
def test_each_order_has_every_row(bench: Bench, sort: str) -> None:
    bench.start(GAME, adj=940, mib=16)
    bench.start(MAIL, adj=920)
    with bench.phone() as phone:
        rows = own(live.once(phone), sort)
    assert sorted(row.package for row in rows) == [GAME, MAIL]
    assert rows[0].package == GAME
