"""meminfo, vmstat and pressure: units, absent lines, and text that is none of them."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.proc.kernel import (
    parse_meminfo,
    parse_pressure,
    parse_vmstat,
)


def test_meminfo_is_in_bytes(capture):
    info = parse_meminfo(capture("proc_meminfo/android13-mtk_tb8168-healer.txt"))

    assert info.total_bytes == 3889512 * 1024
    assert info.available_bytes == 2279120 * 1024
    assert info.swap_free_bytes == info.swap_total_bytes == 2139224 * 1024
    assert info.inactive_file_bytes == 1653744 * 1024
    assert info.sizes_bytes["ShadowCallStack"] == 5288 * 1024


def test_meminfo_of_an_emulator_that_swaps(capture):
    info = parse_meminfo(capture("proc_meminfo/android_emulator-funnyenglish.txt"))

    assert info.swap_free_bytes == 910140 * 1024
    assert len(info.sizes_bytes) == 47


def test_picked_lines_of_meminfo_leave_the_rest_unknown(capture):
    info = parse_meminfo(capture("proc_meminfo/android12-tv_xgimi_z6x-grep3.txt"))

    assert info.free_bytes == 296564 * 1024
    assert info.swap_total_bytes is None


def test_meminfo_keeps_counts_apart_from_sizes():
    info = parse_meminfo("MemTotal: 10 kB\r\nHugePages_Total:       3\r\nION_heap:  4 kB\r\n")

    assert info.counts == {"HugePages_Total": 3}
    assert info.sizes_bytes["ION_heap"] == 4096


@pytest.mark.parametrize("text", ["", "\n", "MemTotal: lots kB\n", "Buffers: 1 kB\n", "MemTotal:"])
def test_what_is_no_meminfo_is_refused(text):
    with pytest.raises(ParseError):
        parse_meminfo(text)


def test_a_refusal_names_source_line_and_number():
    with pytest.raises(ParseError) as refusal:
        parse_meminfo("MemTotal: 10 kB\nMemFree ten\n", "bugreport: meminfo")

    assert (refusal.value.source, refusal.value.line_number) == ("bugreport: meminfo", 2)
    assert refusal.value.line == "MemFree ten"


def test_vmstat_of_a_split_refault_kernel(capture):
    stat = parse_vmstat(capture("proc_vmstat/android13-mtk_tb8168-healer.txt"))

    assert stat.free_pages == 143126
    assert stat.free_cma_pages == 0
    assert stat.refault_file_pages == 0
    assert stat.get("pgfault") == 2125899
    assert stat.total("pgalloc") == 10568802 + 1200648


def test_vmstat_of_an_old_kernel_sums_zones_and_knows_no_anon_refaults():
    stat = parse_vmstat(
        "nr_free_pages 5\nworkingset_refault 7\npgscan_direct_dma 1\n"
        "pgscan_direct_normal 2\npgscan_direct_movable 3\npgscan_direct_throttle 100\n"
    )

    assert stat.total("pgscan_direct") == 6
    assert stat.refault_file_pages == 7
    assert stat.total("pgsteal_kswapd") is None


@pytest.mark.parametrize(
    ("resource", "avg300", "total_us", "full_us"),
    [("cpu", 12.58, 488257870, None), ("io", 0.17, 10192892, 4833590), ("memory", 0.0, 0, 0)],
)
def test_pressure_of_each_resource(capture, resource, avg300, total_us, full_us):
    pressure = parse_pressure(
        capture(f"proc_pressure/android13-mtk_tb8168-healer-{resource}.txt"),
    )

    assert pressure.some is not None
    assert (pressure.some.avg300_percent, pressure.some.total_us) == (avg300, total_us)
    assert (pressure.full.total_us if pressure.full else None) == full_us


def test_pressure_of_irq_has_only_full():
    pressure = parse_pressure("full avg10=1.50 avg60=0.00 avg300=0.00 total=9\n")

    assert pressure.some is None
    assert pressure.full is not None
    assert pressure.full.avg10_percent == 1.5


def test_pressure_cut_in_a_line_is_refused():
    with pytest.raises(ParseError):
        parse_pressure("some avg10=0.00 avg60=0.00 avg30")
