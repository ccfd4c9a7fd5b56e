"""How processes were started, in Android 15's own words; and that this is no lru dump."""

from __future__ import annotations

from pathlib import Path

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.inspect import captured
from droidreclaim.parse.activity.dump import parse_lru
from droidreclaim.parse.activity.starts import parse_start_info
from droidreclaim.parse.text.sections import split_activity_dump

CAPTURES = Path(__file__).parent.parent / "captures"
TEXT = (CAPTURES / "written/start-info.txt").read_text()


def test_each_start_says_what_kind_it_was_and_how_long_it_took() -> None:
    hot, cold, job = parse_start_info(TEXT)
    assert (hot.pid, hot.start_type, len(hot.timestamps_ns)) == (812, "HOT", 2)
    assert (cold.start_type, cold.reason, cold.was_force_stopped) == (
        "COLD",
        "START ACTIVITY",
        True,
    )
    assert (job.process, job.reason) == ("com.example.mail:sync", "JOB")


def test_a_cold_start_without_a_pid_has_none_and_not_pid_0() -> None:
    assert [one.pid for one in parse_start_info(TEXT)] == [812, None, None]


def test_an_intent_s_words_are_not_the_record_s() -> None:
    [one] = parse_start_info(
        TEXT.split("ApplicationStartInfo #1")[0].replace("pid=9 }", "startType=COLD reason=x }")
    )
    assert (one.start_type, one.reason) == ("HOT", "LAUNCHER")


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.split("  package")[0],
        TEXT.replace("startType=HOT ", ""),
        TEXT.replace("=812", "=x"),
    ],
)
def test_text_without_a_whole_record_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_start_info(text)


def test_start_info_is_not_taken_for_an_lru_dump_for_all_its_title() -> None:
    with pytest.raises(ParseError) as refused:
        parse_lru(TEXT)
    assert refused.value.hint == "this is another dump"
    lru = (CAPTURES / "pocket-33/dumpsys-activity-lru.txt").read_text()
    parts = split_activity_dump(f"{lru}\n{'-' * 79}\n{TEXT}")
    assert len(parse_lru(parts["lru"])) == 11
    assert len(parse_start_info(parts["start-info"])) == 3


def test_a_bug_report_s_processes_are_those_of_its_lru_dump_alone(tmp_path: Path) -> None:
    lru = (CAPTURES / "pocket-33/dumpsys-activity-lru.txt").read_text()
    report = tmp_path / "report.txt"
    rule = "-" * 79
    report.write_text(
        f"== dumpstate: 2026-11-28 04:00:00\nDUMP OF SERVICE activity:\n{TEXT}{rule}\n{lru}{rule}\n"
    )
    seen, _, _ = captured.captured_processes(report)
    assert len(seen.processes) == 11
