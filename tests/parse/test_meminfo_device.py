"""Memory of the whole device."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.meminfo_device import parse_meminfo_device

KIB = 1024
DEVICE = "dumpsys_meminfo_device/"


def sizes(rows):
    return {row.name: row.size_bytes // KIB for row in rows}


def test_android_13_keeps_rss_and_pss_apart(capture):
    memory = parse_meminfo_device(capture(DEVICE + "android13-mtk_tb8168-healer.txt"))
    assert len(memory.pss_by_process) == len(memory.rss_by_process) == 113
    assert sizes(memory.pss_by_process)["system"] == 223_926
    assert sizes(memory.rss_by_process)["system"] == 417_500
    assert (memory.uptime_s, memory.realtime_s) == (2717.503, 4283.691)
    assert len(memory.apps) == 15


def test_android_13_groups_hold_their_members(capture):
    memory = parse_meminfo_device(capture(DEVICE + "android13-mtk_tb8168-healer.txt"))
    groups = {group.name: group for group in memory.pss_by_adj}
    assert list(groups)[-1] == "Cached"
    (spooler,) = groups["Cached"].members
    assert (spooler.pid, spooler.size_bytes, spooler.has_activities) == (7261, 10_096 * KIB, False)
    assert [member.pid for member in groups["Perceptible"].members] == [4006, 3064, 3169]
    for group in groups.values():
        assert sum(member.size_bytes for member in group.members) == group.size_bytes
    dalvik = next(row for row in memory.pss_by_category if row.name == "Dalvik")
    assert sizes(dalvik.members)[".LOS"] == 3_988


def test_android_13_totals(capture):
    totals = parse_meminfo_device(capture(DEVICE + "android13-mtk_tb8168-healer.txt")).totals
    assert totals is not None
    assert (totals.total_bytes, totals.status) == (3_889_512 * KIB, "normal")
    assert (totals.cached_pss_bytes, totals.cached_kernel_bytes) == (10_096 * KIB, 1_633_128 * KIB)
    assert (totals.lost_bytes, totals.swap_total_bytes) == (164_805 * KIB, 2_139_224 * KIB)
    assert totals.low_ram is False


def test_android_5_numbers_have_no_separators_and_no_status(capture):
    memory = parse_meminfo_device(capture(DEVICE + "android5.1-meizu_duanqz-elided.txt"))
    groups = {group.name: group for group in memory.pss_by_adj}
    assert [member.pid for member in groups["Native"].members] == [242, 240, 239, 274, 270]
    assert groups["Home"].members[0].has_activities
    assert len(memory.pss_by_process) == 9
    assert memory.rss_by_process == ()
    assert memory.totals is not None
    assert memory.totals.status is None


def test_android_6_totals_without_separators(capture):
    totals = parse_meminfo_device(capture(DEVICE + "android6-xiaomi_gityuan-tail.txt")).totals
    assert totals is not None
    assert (totals.total_bytes, totals.status) == (2_857_032 * KIB, "moderate")
    assert (totals.cached_pss_bytes, totals.cached_kernel_bytes) == (94_888 * KIB, 344_620 * KIB)
    assert totals.swap_total_bytes == 524_284 * KIB


def test_android_go_says_low_ram_and_how_much_zram_takes(capture):
    totals = parse_meminfo_device(capture(DEVICE + "android9_go-lowram-tail.txt")).totals
    assert totals is not None
    assert (totals.zram_used_bytes, totals.swap_used_bytes) == (16_628 * KIB, 74_012 * KIB)
    assert (totals.used_bytes, totals.low_ram, totals.total_bytes) == (433_189 * KIB, True, None)


def test_swap_on_a_row_and_negative_lost_ram_are_read():
    memory = parse_meminfo_device(
        "Total PSS by process:\n"
        "    123,456K: com.example (pid 12 / activities)            (   12,345K in swap)\n"
        "     23,456K: a.b:c (pid 13)                         (user 10)\n\n"
        "Total RAM: 1.889.512K (status low)\n Lost RAM:   -64,805K\n"
    )
    row, other = memory.pss_by_process
    assert (other.name, other.pid, other.swap_bytes) == ("a.b:c", 13, None)
    assert (row.name, row.pid, row.swap_bytes) == ("com.example", 12, 12_345 * KIB)
    assert memory.totals is not None
    assert (memory.totals.total_bytes, memory.totals.lost_bytes) == (
        1_889_512 * KIB, -64_805 * KIB,
    )  # fmt: skip


def test_a_header_alone_is_not_an_empty_device():
    with pytest.raises(ParseError, match="no process and no total"):
        parse_meminfo_device("Applications Memory Usage (in Kilobytes):\nUptime: 1 Realtime: 1\n")


def test_a_row_that_cannot_be_read_is_named():
    with pytest.raises(ParseError, match="line 2"):
        parse_meminfo_device("Total PSS by process:\n    12x3K: com.example (pid 1)\n")
