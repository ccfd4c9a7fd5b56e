"""procrank and showmap."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.shell.procrank import parse_procrank, parse_showmap

KIB = 1024


def test_android_13_has_swap_columns(capture):
    ranked = parse_procrank(capture("procrank/android13-mtk_tb8168-healer.txt"))
    assert len(ranked) == 113
    system = ranked[0]
    assert (system.pid, system.name, system.swap_bytes) == (832, "system_server", 0)
    assert (system.rss_bytes, system.uss_bytes) == (421_508 * KIB, 195_048 * KIB)
    assert ranked[-1].name == "/system/bin/watchdogd"
    rounding = len(ranked) * KIB
    assert sum(one.pss_bytes for one in ranked) == pytest.approx(1_260_493 * KIB, abs=rounding)


def test_android_5_has_none(capture):
    ranked = parse_procrank(capture("procrank/android5.1-meizu_duanqz.txt"))
    assert (ranked[0].pid, ranked[0].name, ranked[0].swap_bytes) == (752, "system_server", None)
    assert (ranked[-1].pid, ranked[-1].name) == (187, "/system/bin/installd")


def test_android_6_rows_stop_where_the_author_stopped(capture):
    ranked = parse_procrank(capture("procrank/android6-xiaomi_gityuan.txt"))
    assert [one.pid for one in ranked] == [4395, 1192, 29256, 501, 4239, 479, 391]
    assert ranked[1].pss_bytes == 89_883 * KIB


def test_rows_without_a_header_are_refused():
    with pytest.raises(ParseError, match="no process"):
        parse_procrank("  832  19072548K  421508K  228879K  195048K  system_server\n")


def test_a_kernel_thread_maps_nothing(capture):
    threads, nfc, fence = parse_showmap(capture("showmap/android13-mtk_tb8168-healer.txt"))
    assert (threads.pid, threads.name, threads.objects) == (114, "[kswapd0]", ())
    assert (nfc.pid, nfc.name) == (3151, "com.android.nfc")
    assert fence.total.cells["PSS"] == 11_764 * KIB
    assert fence.total.cells["#"] == 2273


@pytest.mark.parametrize(
    "name", ["android13-mtk_tb8168-healer.txt", "android_64bit-memorylab-gracker.txt"]
)
def test_mappings_add_up_to_the_total(name, capture):
    for one in parse_showmap(capture(f"showmap/{name}")):
        for column in ("size", "RSS", "swap", "#"):
            assert sum(row.cells[column] for row in one.objects) == one.total.cells[column]


def test_a_newer_showmap_has_a_column_for_locked_memory(capture):
    (one,) = parse_showmap(capture("showmap/android_64bit-memorylab-gracker.txt"))
    assert one.total.cells["Locked"] == 0
    assert (one.pid, len(one.objects)) == (None, 1109)


def test_mappings_without_a_total_are_cut_off(capture):
    text = capture("showmap/android_64bit-memorylab-gracker.txt")
    with pytest.raises(ParseError, match="cut off"):
        parse_showmap(text[: len(text) // 2])
