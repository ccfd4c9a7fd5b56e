"""A whole bug report of every release, read by each command that takes --from."""

from __future__ import annotations

import pytest

import bug_reports
from bug_reports import bug_report
from droidreclaim.errors import ParseError
from droidreclaim.inspect import captured, doctor, headroom, kills
from droidreclaim.model.check import CheckState

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
    seen, taken_at, left_out = captured.captured_processes(report)
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


_SECTIONS = ("meminfo", "vmstat", "zoneinfo", "pressure", "getprop", "dumpsys", "dmesg", "log_uid")


def _mangled(body: str) -> str:
    return "".join(one for one in reversed(body.strip()) if one not in "{}") + "\n~~\n"


@pytest.mark.parametrize("mangled", _SECTIONS)
@pytest.mark.parametrize("look", [headroom, doctor], ids=["headroom", "doctor"])
def test_one_mangled_section_is_named_and_the_others_are_answered(
    look, mangled: str, tmp_path, monkeypatch
) -> None:
    shape = bug_reports.BODIES[mangled]
    monkeypatch.setitem(bug_reports.BODIES, mangled, _mangled(shape))
    path = tmp_path / "bugreport.txt"
    path.write_text(bug_report(16))
    seen, told = look.of_capture(path)
    left_out = told.left_out if look is headroom else seen.left_out
    reads = {"headroom": _SECTIONS[:5], "doctor": ("meminfo", "pressure", "getprop")}
    if mangled in reads[look.__name__.rpartition(".")[2]]:
        assert len(left_out) == 1, left_out
    if look is headroom and mangled != "meminfo":
        assert seen.swap_free_share is not None
    if look is doctor and mangled != "meminfo":
        [ram] = [check for check in told if check.name == "ram"]
        assert ram.state is CheckState.OK


@pytest.mark.parametrize("look", [headroom, doctor], ids=["headroom", "doctor"])
def test_a_report_with_nothing_readable_is_refused_and_says_what_was_there(look, tmp_path) -> None:
    path = tmp_path / "bugreport.txt"
    path.write_text(
        "------ MEMORY INFO (/proc/meminfo) ------\nrubbish\n"
        "------ VIRTUAL MEMORY STATS (/proc/vmstat) ------\nrubbish\n"
    )
    with pytest.raises(ParseError, match="MEMORY INFO"):
        look.of_capture(path)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("zram: Error allocating memory for compressed page: 77, size=4096", "log zram no memory"),
        ("Write-error on swap-device (254:0:1234)", "log swap write error"),
        ("Read-error on swap-device (254:0:1234)", "log swap read error"),
        ("ActivityManager: freezing 77 com.example.a", "log frozen"),
        ("am_freeze: [77,com.example.a,1]", "log frozen"),
        ("ActivityManager: pid 77 a.b received sync transactions while frozen, killing",
         "log frozen transaction"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("whole", [True, False])
def test_doctor_tells_what_a_log_says_besides_kills(line, name, whole, tmp_path) -> None:
    entry = f"11-23 10:00:01.000    90    90 I {line if ': ' in line else f'kernel: {line}'}\n"
    title = "------ SYSTEM LOG (logcat -v threadtime -d *:v) ------\n"
    path = tmp_path / "log.txt"
    path.write_text((title if whole else "") + entry * 3)
    _, checks = doctor.of_capture(path)
    [check] = [check for check in checks if check.name == name]
    assert check.fact.endswith(": 3 lines")


def test_doctor_on_a_log_that_says_nothing_of_these_says_that(tmp_path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("11-23 10:00:01.000    90    90 I Example: hello\n" * 3)
    _, checks = doctor.of_capture(path)
    assert [check.fact for check in checks if check.name.startswith("log")] == [
        "nothing about zram, swap errors or the freezer"
    ]
