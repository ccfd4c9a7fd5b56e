"""Ranges of memory and what they hold."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.proc.maps import parse_maps, parse_smaps, parse_smaps_rollup

MAPS = "proc_pid_maps/android_64bit-memorylab-gracker.txt"
SMAPS = "proc_pid_smaps/android_64bit-memorylab-gracker.txt"


def test_every_line_of_maps_is_a_range(capture):
    ranges = parse_maps(capture(MAPS))

    assert len(ranges) == 2400
    assert ranges[0].name == "[anon:dalvik-main space (region space)]"
    assert ranges[0].size_bytes == 0x40000000
    assert (ranges[-2].private, ranges[-2].inode) == (False, 49440)
    assert ranges[-2].name.endswith(" (deleted)")


def test_smaps_gives_each_range_its_bytes(capture):
    uses = parse_smaps(capture(SMAPS))

    assert uses[0].rss_bytes == 48404 * 1024
    assert (uses[1].swap_bytes, uses[1].sizes_bytes["SwapPss"]) == (316 * 1024, 3 * 1024)
    assert uses[1].vm_flags == ("rd", "wr", "mr", "mw", "me", "ac")
    assert all(use.sizes_bytes["Size"] == use.range.size_bytes for use in uses)


def test_the_first_lines_of_a_rollup(capture):
    rollup = parse_smaps_rollup(capture("proc_pid_smaps_rollup/android12-tv_xgimi_z6x-head4.txt"))

    assert (rollup.rss_bytes, rollup.pss_anon_bytes) == (3892 * 1024, 1256 * 1024)
    assert rollup.swap_bytes is None


def test_a_name_line_names_a_range_of_an_old_kernel():
    (use,) = parse_smaps("1000-2000 rw-p 00000000 00:00 0 \nName:   [anon:a b]\nRss:  4 kB\n")

    assert use.range.name == "[anon:a b]"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1000-2000 rw-p 00000000 00:00 0\n",
        "Rss: 4 kB\n",
        "1000-2000 rw-p 00000000 00:00 0\nRss: 4x kB\n",
        "1000-2000 rw-p 00000000 00:00 0\nSize: 4 kB\n2000-3000 rw-p 00000000 00:00 0\nRss: 1 kB",
    ],
)
def test_smaps_that_is_cut_or_mangled_is_refused(text):
    with pytest.raises(ParseError):
        parse_smaps(text)


def test_maps_and_rollup_are_not_taken_for_each_other(capture):
    with pytest.raises(ParseError):
        parse_smaps_rollup(capture(SMAPS))
    with pytest.raises(ParseError):
        parse_maps(capture(SMAPS))
