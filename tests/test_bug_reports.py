"""A whole bug report of every release answers all four commands."""

from __future__ import annotations

import pytest
from bug_reports import bug_report

from droidreclaim.inspect import apps, doctor, headroom, kills

EVERY = pytest.mark.parametrize("release", range(5, 17))


@pytest.fixture
def report(tmp_path, release: int):
    path = tmp_path / "bugreport.txt"
    path.write_text(bug_report(release))
    return path


@EVERY
def test_kills_come_from_its_logs_and_from_no_other_section(report) -> None:
    found = kills.of_capture(report, since_s=None)
    assert [one.pid for one in found.records] == [41, 42]
    assert {one.name for one in found.read} == {"KERNEL LOG", "SYSTEM LOG", "EVENT LOG"}
    assert found.records[0].at == "2026-11-23T10:00:01.000"


@EVERY
def test_processes_have_the_adj_that_the_kernel_has(report) -> None:
    seen, taken_at, left_out = apps.captured_processes(report)
    [process] = [one for one in seen.processes if one.name == "com.example.a"]
    assert (process.pid, process.oom_score_adj) == (40, 900)
    threads = {43} & {one.pid for one in seen.processes}
    assert threads == set()
    assert (taken_at, left_out) == ("2026-11-23 10:00:05", ())


@EVERY
def test_headroom_and_doctor_read_its_counters(report) -> None:
    seen = headroom.of_capture(report)[0]
    assert seen.some_stall_share in (None, 0)  # 99 % are of cpu and io
    _, checks = doctor.of_capture(report)
    assert checks
