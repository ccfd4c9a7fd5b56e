"""procrank and showmap."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.procrank import parse_procrank, parse_showmap


@pytest.mark.parametrize(
    ("name", "count", "first", "swap_columns"),
    [
        ("android13-mtk_tb8168-healer", 113, (832, 228879), 4),
        ("android5.1-meizu_duanqz", 42, (752, 97986), 0),
        ("android6-xiaomi_gityuan", 7, (4395, 136099), 0),
    ],
)
def test_procrank_of_three_releases(capture, name, count, first, swap_columns):
    rows = parse_procrank(capture(f"procrank/{name}.txt"))

    assert len(rows) == count
    assert (rows[0].pid, rows[0].pss_bytes // 1024) == first
    assert len(rows[0].swap_bytes) == swap_columns


def test_rows_of_procrank_add_up_to_its_total(capture):
    rows = parse_procrank(capture("procrank/android5.1-meizu_duanqz.txt"))

    assert rows[-1].name == "/system/bin/installd"
    assert sum(row.pss_bytes for row in rows) <= 924832 * 1024


def test_showmap_of_a_bug_report_has_titles_and_a_kernel_thread(capture):
    kernel, nfc, fence = parse_showmap(capture("showmap/android13-mtk_tb8168-healer.txt"))

    assert (kernel.pid, kernel.rows, kernel.total.count) == (114, (), 0)
    assert nfc.process == "com.android.nfc"
    assert fence.total.sizes_bytes["pss"] == 11764 * 1024
    assert sum(row.sizes_bytes["rss"] for row in fence.rows) == fence.total.sizes_bytes["rss"]


def test_showmap_rows_add_up_with_a_locked_column(capture):
    (table,) = parse_showmap(capture("showmap/android_64bit-memorylab-gracker.txt"))

    assert table.pid is None
    assert sum(row.sizes_bytes["swap"] for row in table.rows) == 24660 * 1024
    assert table.total.count == 1109


@pytest.mark.parametrize("text", ["", "  PID Vss Rss Pss Uss cmdline\n", "12 1K 1K 1K 1K init\n"])
def test_procrank_without_rows_is_refused(text):
    with pytest.raises(ParseError):
        parse_procrank(text)


def test_a_showmap_without_its_total_was_cut():
    table = " virtual\n    size RSS\n---- ----\n 1 2 3 4 5 6 7 1 /a b\n"
    with pytest.raises(ParseError):
        parse_showmap(table)
