"""Frames that an app drew: as a device prints them, and as a run tells of them."""

from __future__ import annotations

from dataclasses import replace

from droidreclaim.lab.phone.guest.framework.dump_graphics import gfxinfo
from droidreclaim.parse.activity.gfxinfo import Frames, parse_gfxinfo
from droidreclaim.qa import costs, rows
from droidreclaim.qa.record import Drawn
from qa_rounds import kept

APP = "com.example.game"
OLDER = """Applications Graphics Acceleration Info:
Uptime: 7200000 Realtime: 7200000

** Graphics info for pid 812 [com.example.game:web] **

Stats since: 5000000000ns
Total frames rendered: 5
Janky frames: 1 (20.00%)
50th percentile: 5ms

** Graphics info for pid 800 [com.example.game] **

Stats since: 4000000000ns
Total frames rendered: 120
Janky frames: 7 (5.83%)
HISTOGRAM: 5ms=100 16ms=20

com.example.game/com.example.game.Main/android.view.ViewRootImpl@1a2b (visibility=0)
Window: com.example.game/com.example.game.Main
Stats since: 4000000000ns
Total frames rendered: 119
Janky frames: 6 (5.04%)
"""


def test_frames_are_the_process_s_and_not_those_of_a_window() -> None:
    assert parse_gfxinfo(OLDER) == (Frames(812, 5, 1), Frames(800, 120, 7))


def test_what_the_pocket_phone_prints_is_read_and_a_frozen_app_tells_nothing() -> None:
    counts = [3, 4, *[0] * 14, 2, 1, 5]  # 16 ms are in time, 17 are not
    for sdk in (30, 34):
        text = gfxinfo(1, sdk, [(5, APP, None), (6, APP, counts)])
        assert parse_gfxinfo(text) == (Frames(6, 15, 6),)


def test_text_without_frames_is_none_drawn_that_is_known() -> None:
    for text in ("", "No process found for: x\n", "Can't find service: gfxinfo\n", OLDER[:150]):
        assert parse_gfxinfo(text) == ()


def test_a_run_tells_the_frames_of_its_resumes() -> None:
    rounds = [replace(kept(number), drawn=Drawn(20, number)) for number in (1, 2, 3)]
    known = costs.medians([*rounds, kept(4)])
    assert (known["resume_frames"], known["resume_janky_frames"]) == (20, 2)
    assert costs.medians([kept(1)])["resume_frames"] is None
    head, *lines = rows.to_csv([rounds[2], kept(4)]).splitlines()
    cells = [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines]
    assert [one["resume_janky_frames"] for one in cells] == ["3", ""]
