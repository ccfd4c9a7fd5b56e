"""A whole dumpsys activity, cut into its parts."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.dump import parse_processes
from droidreclaim.parse.activity.exits import parse_exit_info, parse_lmk
from droidreclaim.parse.text.sections import split_activity_dump

PARTS = {
    "processes": "dumpsys_activity_processes/android13-mtk_tb8168-healer.txt",
    "exit-info": "dumpsys_activity_exit_info/android13-mtk_tb8168-healer.txt",
    "lmk": "dumpsys_activity_lmk/android13-mtk_tb8168-healer.txt",
}


def test_each_part_of_a_joined_dump_reads_as_alone(capture):
    rule = "\n" + "-" * 79 + "\n"
    parts = split_activity_dump(rule.join(capture(name) for name in PARTS.values()))
    assert list(parts) == list(PARTS)
    assert parse_processes(parts["processes"]) == parse_processes(capture(PARTS["processes"]))
    assert parse_exit_info(parts["exit-info"]) == parse_exit_info(capture(PARTS["exit-info"]))
    assert parse_lmk(parts["lmk"]) == parse_lmk(capture(PARTS["lmk"]))


def test_text_without_a_title_has_no_parts():
    with pytest.raises(ParseError, match="no title"):
        split_activity_dump("row\n")
