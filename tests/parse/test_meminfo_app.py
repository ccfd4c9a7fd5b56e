"""Memory of single processes."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.meminfo_app import parse_meminfo_app

KIB = 1024


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
