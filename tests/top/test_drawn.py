"""What frames look like in cells: never wider than the terminal, never a byte that it obeys."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from rich.cells import cell_len

from droidreclaim.helper.guard_wire import AppLine
from droidreclaim.model import ProcessId
from droidreclaim.top import plain
from droidreclaim.top.draw import ANSI, DARK, LIGHT, ago, graph, short
from droidreclaim.top.frame import GuardState
from droidreclaim.top.live import Picture, guards_actions
from droidreclaim.top.rows import matching, ordered
from droidreclaim.top.sentences import sentences
from droidreclaim.top.table import part_lines, row_line
from droidreclaim.units import GIB, KIB, MIB
from frames import acted, dead, frame, part, row

WIDTHS = (60, 75, 76, 80, 100, 109, 110, 120, 160, 200, 240)
NAMES = st.text(st.characters(exclude_categories=()), min_size=1, max_size=80)


def drawn(*rows: object, width: int = 120, **more: object) -> str:
    one = frame(*rows, **more)  # type: ignore[arg-type]
    lines = plain.frame_lines(one, ordered(one.rows, "adj"), "adj", width)
    return plain.to_text(lines, width, colour=False)


@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal_and_numbers_are_whole(width: int) -> None:
    text = drawn(row("com.example.game", 940), row("com.android.launcher3", 0), width=width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    [game] = [line for line in text.splitlines() if "game" in line]
    assert "40.0M" in game
    assert "10.0M" in game
    assert "940" in game


@given(NAMES, NAMES, st.sampled_from(WIDTHS))
def test_a_name_is_never_obeyed_and_never_breaks_a_line(name: str, why: str, width: int) -> None:
    rows = (row(name, 940, part(5, name, 940), part(6, why, 950)), dead(name, reason=why))
    one = frame(*rows, guard=GuardState(9, name))
    view = plain.view_of(one, DARK)
    lines = plain.frame_lines(one, one.rows, "adj", width)
    lines += [row_line(each, width, view, is_open=True) for each in rows]
    lines += part_lines(rows[0], width, view)
    for line in lines:
        assert line.cell_len <= width
        assert not any(
            unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") for char in line.plain
        )


def test_a_killed_app_is_red_and_says_who_and_why() -> None:
    one = frame(dead("com.example.game"))
    for width in WIDTHS:
        [line] = [row_line(each, width, plain.view_of(one, DARK)) for each in one.rows]
        assert "killed 10s ago by lmkd" in line.plain
    assert any("f38ba8" in str(span.style) for span in line.spans)
    unsaid = drawn(dead("com.example.game", by=None), width=200)
    assert "no log says by whom" in unsaid


def test_who_is_next_stands_first_and_is_marked() -> None:
    rows = (row("com.example.mail", 910), row("com.example.game", 940), row("com.a.home", 600))
    text = drawn(*rows, width=160)
    order = re.findall(r"com\.\w+\.\w+", text)
    assert order == ["com.example.game", "com.example.mail", "com.a.home"]
    assert "▸ com.example.game" in text
    assert "▸ com.example.mail" not in text


def test_the_head_names_the_rule_the_guard_and_the_kills() -> None:
    text = drawn(guard=GuardState(9, "keep-games", 3, 600), kills={"lmkd": 2}, width=160)
    for words in ("Pixel 6", "API 33", "root adbd", "guard keep-games, 10m00 left", "2 lmkd"):
        assert words in text
    assert "next low_mem_and_swap: takes adj 900 and above" in text
    assert "2.9:1" in text
    assert "flash 8.0M" in text


def test_a_row_says_why_it_may_not_be_touched_or_what_was_done() -> None:
    text = drawn(row("com.android.launcher3", 0), acted(row("com.example.game", 940)), width=200)
    assert "in the foreground (adj 0)" in text
    assert "paged out 22.0M (+14.0M) 20s ago" in text


def test_a_row_says_what_the_guard_did_last() -> None:
    line = AppLine(
        pid=310, start=99, name="com.example.game", uid=10123, adj=940, importance=940, match="*",
        background_s=30, rss_anon_bytes=0, swap_bytes=0, last_action="pageout", last_action_s=12,
        refaulted_bytes=0, holdoff_s=0, resumes=None, hot_bytes=None, spared=None,
    )  # fmt: skip
    idle = structs.replace(line, pid=311, last_action=None, last_action_s=None)
    [(process, action)] = guards_actions([line, idle], 1000.0).items()
    assert (process, action.at_s) == (ProcessId(310, 99), 988.0)
    text = drawn(replace(row("com.example.game", 940), action=action), width=160)
    assert "guard paged out 12s ago" in text


def test_without_colour_there_is_no_escape_and_with_it_only_the_sixteen() -> None:
    one = frame(row("com.example.game", 940))
    lines = plain.frame_lines(one, one.rows, "adj", 120)
    assert "\x1b" not in plain.to_text(lines, 120, colour=False)
    styled = plain.to_text(lines, 120, colour=True)
    assert "\x1b[" in styled
    assert "38;" not in styled  # no 256 colours, no true ones


def test_a_filter_finds_apps_by_a_part_of_the_name_of_any_process() -> None:
    rows = (row("com.example.mail", 910, part(1, "com.example.mail:Sync", 910)),
            row("com.example.game", 940))  # fmt: skip
    assert [one.package for one in matching(rows, "sync")] == ["com.example.mail"]
    assert [one.package for one in matching(rows, "GAME")] == ["com.example.game"]
    assert len(matching(rows, "")) == 2


def test_a_graph_has_the_newest_at_its_right_edge() -> None:
    lines = graph([1.0, 1.0, 0.0, 0.0], 2, 1, most=1.0, colour=lambda _: "red")
    assert [line.plain for line in lines] == ["⣿⣀"]
    [line] = graph([None, None, 1.0, 1.0], 2, 1, most=1.0, colour=lambda _: "red")
    assert line.plain == " ⣿"


@pytest.mark.parametrize(
    ("size", "said"),
    [(None, "?"), (0, "-"), (3 * KIB, "3K"), (MIB, "1.0M"), (973 * KIB, "1.0M"),
     (99 * MIB + 970 * KIB, "99.9M"), (100 * MIB, "100M"), (972 * MIB, "972M"), (GIB, "1.0G"),
     (-5 * MIB, "-5.0M")],
)  # fmt: skip
def test_a_size_has_five_cells(size: int | None, said: str) -> None:
    assert short(size) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, ""), (0.0, "0s"), (59.9, "59s"), (61, "1m01"), (3599, "59m59"), (3660, "1h01"),
     (86_400, "24h")],
)  # fmt: skip
def test_a_time_has_five_cells(seconds: float | None, said: str) -> None:
    assert ago(seconds) == said


def test_palettes_have_a_colour_for_each_band() -> None:
    assert set(ANSI.bands) == set(DARK.bands) == set(LIGHT.bands)


def test_the_age_of_a_picture_is_said_once_it_is_late_and_at_once_when_the_device_is_lost() -> None:
    taken = Picture(frame())
    assert plain.status_of(taken, 1002.0) == ""
    assert plain.status_of(taken, 1004.5) == "4s old"
    assert plain.status_of(replace(taken, lost="gone"), 1000.5) == "0s old: lost, waiting"
    assert plain.status_of(Picture(lost="gone"), 1000.5) == "no picture: lost, waiting"


@pytest.mark.parametrize("width", WIDTHS)
def test_without_root_that_is_said_instead_of_an_estimate_to_come(width: int) -> None:
    one = replace(row("com.example.game", 940), gain_bytes=None)
    text = drawn(one, root=None, width=width)
    assert "no root" in text.splitlines()[0]
    [game] = [line for line in text.splitlines() if "game" in line]
    assert "·" not in game
    assert ("no root" in game) == ("WHY NOT" in text)
    [about] = [line for line in sentences(one, frame(one, root=None)) if "paged out" in line]
    assert "needs root" in about
    [about] = [line for line in sentences(one, frame(one)) if "paged out" in line]
    assert "not been counted yet" in about


def test_swap_that_is_there_and_empty_is_0() -> None:
    assert "swap 0/512M" in drawn(used_mib=0)
