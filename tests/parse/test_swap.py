"""Swap areas and zram's own numbers."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.proc.swap import parse_swaps, parse_zram_mm_stat


def test_four_zram_devices(capture):
    areas = parse_swaps(capture("proc_swaps/android8_9-rpi3_aosp-four_zram.txt"))

    assert [area.name for area in areas] == ["zram0", "zram1", "zram2", "zram3"]
    assert {(area.size_bytes, area.used_bytes, area.priority) for area in areas} == {
        (47656 * 1024, 0, 5)
    }


@pytest.mark.parametrize(
    ("name", "path", "used_kib"),
    [
        ("android_oneplus8-dev_prefix_lost", "/block/zram0", 8864),
        ("android_oneplus8-dev_prefix_normal", "/dev/block/zram0", 0),
        ("aosp_mmd_unittest-row", "/dev/block/zram0", 87040),
    ],
)
def test_zram_is_known_by_its_name_wherever_the_path_starts(capture, name, path, used_kib):
    (area,) = parse_swaps(capture(f"proc_swaps/{name}.txt"))

    assert area.is_zram
    assert (area.path, area.used_bytes, area.priority) == (path, used_kib * 1024, -2)


def test_a_swap_file_is_no_zram():
    (area,) = parse_swaps("Filename Type Size Used Priority\n/data/swap file 1024 0 -3\n")

    assert not area.is_zram


def test_a_header_alone_is_no_swap_and_nothing_is_an_error():
    assert parse_swaps("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n") == ()
    with pytest.raises(ParseError):
        parse_swaps("")


def test_mm_stat_wrapped_by_a_mail(capture):
    memory = parse_zram_mm_stat(capture("zram_mm_stat/android_phone-lkml_kasong_wrapped.txt"))

    assert (memory.original_bytes, memory.used_bytes) == (4283899904, 1370259456)
    assert (memory.limit_bytes, memory.same_pages) == (0, 116457)
    assert (memory.huge_pages, memory.huge_pages_since) == (87273, 1793760)


def test_an_old_mm_stat_has_no_huge_pages():
    assert parse_zram_mm_stat("1 2 3 4 5 6 7\n").huge_pages is None


@pytest.mark.parametrize("text", ["1 2 3 4 5 6", "1 2 3 4 5 6 x", "1 " * 13, "-1 2 3 4 5 6 7"])
def test_other_numbers_are_no_mm_stat(text):
    with pytest.raises(ParseError):
        parse_zram_mm_stat(text)
