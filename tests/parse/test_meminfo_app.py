"""Memory of single processes."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.meminfo_app import parse_meminfo_app, parse_meminfo_checkin

KIB = 1024
CHECKIN = "dumpsys_meminfo_checkin/android13-mtk_tb8168-healer.txt"


def test_columns_are_read_by_their_header(capture):
    (app,) = parse_meminfo_app(capture("dumpsys_meminfo_app/android_64bit-memorylab-gracker.txt"))
    assert (app.pid, app.pss_bytes, app.rss_bytes) == (20602, 337790 * KIB, 421296 * KIB)
    assert (app.swap_bytes, app.swap_is_pss) == (162 * KIB, True)
    rows = {row.name: row.cells for row in app.rows}
    assert rows["Native Heap"]["Heap Alloc"] == 129931 * KIB
    assert rows[".so mmap"]["SwapPss Dirty"] == 1 * KIB
    assert "Heap Size" not in rows[".so mmap"]
    assert rows[".Zygote"]["Rss Total"] == 1156 * KIB
    assert app.summary_pss["Graphics"] == 57172 * KIB
    assert "Unknown" not in app.summary_pss  # has an RSS alone


def test_an_emulator_swaps_more_than_it_keeps_dirty(capture):
    (app,) = parse_meminfo_app(capture("dumpsys_meminfo_app/android_emulator-funnyenglish.txt"))
    assert (app.pid, app.name, app.pss_bytes) == (13418, "com.funnyenglish.app", 112178 * KIB)
    assert (app.swap_bytes, app.private_dirty_bytes) == (72684 * KIB, 12588 * KIB)
    assert len(app.rows) == 15


def test_a_table_of_android_5_has_no_rss():
    (app,) = parse_meminfo_app(
        "** MEMINFO in pid 7 [a.b] **\n"
        "                   Pss  Private  Private  Swapped     Heap     Heap     Heap\n"
        "                 Total    Dirty    Clean    Dirty     Size    Alloc     Free\n"
        "                ------   ------   ------   ------   ------   ------   ------\n"
        "  Native Heap     1000      900        0        8     2048     1024     1024\n"
        "    Other dev        5        0        4        0\n"
        "        TOTAL     1005      900        4        8     2048     1024     1024\n"
    )
    assert (app.pss_bytes, app.rss_bytes, app.swap_bytes) == (1005 * KIB, None, 8 * KIB)
    assert not app.swap_is_pss


def test_a_table_without_a_total_is_cut_off(capture):
    text = capture("dumpsys_meminfo_app/android_emulator-funnyenglish.txt")
    with pytest.raises(ParseError, match="no total"):
        parse_meminfo_app(text[: text.index("        TOTAL")])


def test_checkin_rows_hold_the_totals_of_15_processes(capture):
    rows = {row.pid: row for row in parse_meminfo_checkin(capture(CHECKIN))}
    assert len(rows) == 15
    camera, system = rows[3784], rows[832]
    assert (camera.pss_bytes, camera.native_pss_bytes) == (35511 * KIB, 12001 * KIB)
    assert (camera.private_dirty_bytes, camera.private_clean_bytes) == (18672 * KIB, 3320 * KIB)
    assert (camera.swap_bytes, camera.swap_pss_bytes) == (0, None)
    assert (system.name, system.pss_bytes) == ("unknown", 228486 * KIB)


def test_a_checkin_row_of_another_version_is_refused():
    with pytest.raises(ParseError, match="line 2"):
        parse_meminfo_checkin("time,1,2\n3,7,a.b,1,2\n")
