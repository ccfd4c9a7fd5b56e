"""Captured text in files, folders and archives."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from droidreclaim.errors import ParseError, UsageError
from droidreclaim.inspect import capture as capture_module
from droidreclaim.inspect.capture import read_capture
from droidreclaim.inspect.captured import captured_processes
from droidreclaim.parse.text.bugreport import Captured, Kind, kind_of_command

_ALL = frozenset(Kind)
_PS = "USER PID PPID VSZ RSS WCHAN ADDR S NAME\nroot 1 0 10 10 0 0 S init\n"
_KILL = "11-23 10:00:01.000   90   90 I lowmemorykiller: Kill 'com.example.a' (7), uid 10001\n"
_CHATTER = "11-23 10:00:02.000   91   91 I chatter : nothing at all\n" * 40

_BUG_REPORT = (
    "========================================================\n"
    "== dumpstate: 2026-11-23 10:00:05\n"
    "========================================================\n"
    "------ MEMORY INFO (/proc/meminfo) ------\n"
    "MemTotal:        1000 kB\n"
    "------ 0.001s was the duration of 'MEMORY INFO' ------\n"
    "------ SYSTEM LOG (logcat -v threadtime -v printable -d *:v) ------\n"
    "--------- beginning of main\n" + _CHATTER + _KILL + _CHATTER +
    "------ 1.001s was the duration of 'SYSTEM LOG' ------\n"
    "------ LAST LOGCAT (logcat -L -b all -v threadtime) ------\n" + _KILL.replace("(7)", "(9)") +
    "------ PROCESSES (ps -A) ------\n" + _PS +
    "------ DUMPSYS NORMAL (dumpsys) ------\n"
    "-------------------------------------------------------------------------------\n"
    "DUMP OF SERVICE account:\n  secret ProcessRecord{1 2:x/u0a1}\n"
    "-------------------------------------------------------------------------------\n"
    "DUMP OF SERVICE activity:\n"
    "ACTIVITY MANAGER RECENT TASKS (dumpsys activity recents)\n  a task\n"
    "ACTIVITY MANAGER LMK KILLS (dumpsys activity lmk)\n  Total number of kills: 3\n"
    "-------------------------------------------------------------------------------\n"
    "DUMP OF SERVICE alarm:\n  Kill 'nobody'\n"
)  # fmt: skip


def read(path: Path, data: bytes, wanted: frozenset[Kind] = _ALL) -> Captured:
    path.write_bytes(data)
    return read_capture(path, wanted, Kind.LOG)


def packed(**entries: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name.replace("__", "."), data)
    return out.getvalue()


def assert_whole(captured: Captured) -> None:
    assert captured.taken_at == "2026-11-23 10:00:05"
    assert captured.text(Kind.MEMINFO) == "MemTotal:        1000 kB\n"
    assert captured.text(Kind.PS) == _PS
    [log] = [one.text for one in captured.texts[Kind.LOG]]
    assert "(7)" in log
    assert log.count("chatter") < 40
    [activity] = [one.text for one in captured.texts[Kind.ACTIVITY]]
    assert "Total number of kills: 3" in activity
    assert "a task" not in activity
    assert "nobody" not in activity + log


def test_a_bug_report_is_cut_into_what_is_wanted(tmp_path: Path) -> None:
    captured = read(tmp_path / "bugreport.txt", _BUG_REPORT.encode())
    assert_whole(captured)
    assert captured.sections[0] == "MEMORY INFO"


@pytest.mark.parametrize(
    ("report", "main_entry"),
    [
        ("bugreport-oriole-2026-11-23.txt", b"bugreport-oriole-2026-11-23.txt"),
        ("bugreport-oriole-2026-11-23.txt", None),
        ("renamed.txt", b"renamed.txt\n"),
        ("dumpState_G991BXXU.log", None),
        ("bugreport-oriole-2026-11-23.txt", b"../../nowhere"),
    ],
)
def test_what_lies_beside_a_bug_report_in_its_archive_is_not_read(
    tmp_path: Path, report: str, main_entry: bytes | None
) -> None:
    other = _KILL.replace("(7)", "(8)").encode()
    beside = {
        "dumpstate_log.txt": other, "dumpstate_board.txt": b"------ VENDOR (x) ------\n" + other,
        "dumpstate_board.bin": b"\0" * 99, "version.txt": b"2.0", "proto/activity.proto": b"\n\1",
        "FS/data/tombstones/tombstone_00": other, "lshal-debug/x.txt": other,
    }  # fmt: skip
    told = {"main_entry.txt": main_entry} if main_entry is not None else {}

    captured = read(tmp_path / "x.zip", packed(**{**told, report: _BUG_REPORT.encode()}, **beside))

    assert_whole(captured)
    assert not captured.cut


@pytest.mark.parametrize("name", ["plain.zip", "nested.zip", "report.txt.gz", "gz.zip"])
def test_archives_hold_the_same(tmp_path: Path, name: str) -> None:
    text = _BUG_REPORT.encode()
    inner = packed(bugreport__txt=text, FS__txt=b"x")
    data = {
        "plain.zip": inner,
        "nested.zip": packed(bugreport__zip=inner),
        "report.txt.gz": gzip.compress(text),
        "gz.zip": packed(**{"dumpstate__gz": gzip.compress(text)}),
    }[name]
    assert_whole(read(tmp_path / name, data))


def test_a_folder_of_outputs_is_sorted_by_their_looks(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(_PS)
    (tmp_path / "b").write_text(_KILL)
    (tmp_path / "c").write_text("MemTotal:        1000 kB\n")
    (tmp_path / "picture").write_bytes(b"\x89PNG\0\0")
    captured = read_capture(tmp_path, _ALL, Kind.LOG)
    assert set(captured.texts) == {Kind.PS, Kind.LOG, Kind.MEMINFO}


_ROWS = "".join(
    f"u0_a{number} {4000 + number} 500 10 20 0 0 S com.example.a{number}\n" for number in range(3)
)
_TABLE = "USER PID PPID VSZ RSS WCHAN ADDR S NAME\n" + _ROWS


def _each(begin: str) -> str:
    return "".join(f"{begin}{line}\n" for line in _TABLE.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        _TABLE,
        _TABLE.replace("\n", "\r\n"),
        _TABLE.replace("\n", "\r"),  # a terminal's own log
        "$ adb shell ps -A\n" + _TABLE,
        "* daemon started successfully\n$ adb shell ps -A\n\n" + _TABLE,
        _each("> "),
        _each(">> "),
        _each("| "),
        _each("\t"),
        f"```\n{_TABLE}```\n",
        "here it is:\n\n" + _each("> ") + ">\n",
    ],
)
def test_a_ps_that_went_through_a_chat_or_a_terminal_has_all_its_rows(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "ps.txt"
    path.write_bytes(text.encode())
    seen, _, left_out = captured_processes(path)
    assert [one.pid for one in seen.processes] == [4000, 4001, 4002], left_out


@pytest.mark.parametrize(
    ("printed", "adj"),
    [
        ("oom adj: max=1001 curRaw=1001 setRaw=900 cur=1001 set=900", 900),  # written back: unknown
        ("oom adj: max=1001 curRaw=0 setRaw=900 cur=0 set=900", 900),  # coming forward
        ("oom adj: max=1001 curRaw=905 setRaw=0 cur=905 set=0", 0),  # going back
        ("oom adj: max=1001 curRaw=200 setRaw=250 cur=200 set=250", 250),
        ("oom: max=16 curRaw=0 setRaw=9 cur=0 set=9", 900),  # the scale of Android 6
        ("oom adj: max=1001 curRaw=-10000 setRaw=900 cur=-10000 set=900", 900),
        ("oom adj: max=1001 curRaw=900 setRaw=-10000 cur=900 set=-10000", 900),  # not set so far
        ("oom adj: max=1001 curRaw=900 setRaw=900 cur=900", 900),  # cut
    ],
)
def test_adj_is_what_the_kernel_has_and_not_what_will_be(
    tmp_path: Path, printed: str, adj: int
) -> None:
    path = tmp_path / "processes.txt"
    path.write_text(
        "ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)\n"
        "  All known processes:\n"
        "  *APP* UID 10002 ProcessRecord{1 200:com.example.mail/u0a2}\n"
        "    user #0 uid=10002 gids={}\n    packageList={com.example.mail}\n    pid=200\n"
        f"    {printed}\n"
    )
    [one] = captured_processes(path)[0].processes
    assert one.oom_score_adj == adj


@pytest.mark.parametrize("text", [_TABLE + "u0_a3 x\n", "$ ps\n" + _TABLE + "?\n"])
def test_a_row_that_cannot_be_read_is_said_in_a_paste_too(tmp_path: Path, text: str) -> None:
    path = tmp_path / "ps.txt"
    path.write_text(text)
    with pytest.raises(ParseError, match="cannot read"):
        captured_processes(path)


def test_a_log_whose_lines_end_in_cr_alone_has_all_its_kills(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes((_KILL * 3).replace("\n", "\r").encode())
    text = read_capture(path, _ALL, Kind.LOG).text(Kind.LOG)
    assert text is not None
    assert text.splitlines() == (_KILL * 3).splitlines()


def test_a_cut_bug_report_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    cut = _BUG_REPORT[: _BUG_REPORT.index("root 1 0")]
    captured = read(tmp_path / "cut.txt", cut.encode())
    assert captured.cut
    assert captured.text(Kind.MEMINFO)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\0\1\2" * 100, "no text"),
        (b"PK\x03\x04" + b"x" * 50, "damaged archive"),
        (gzip.compress(_BUG_REPORT.encode())[:-20], "damaged archive"),
        (packed(**{"../../etc/passwd": b"root"}), "leads out"),
        (_BUG_REPORT[:200].encode(), "none of"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(ParseError, match=words) as error:
        read(tmp_path / "bad", data, frozenset({Kind.PS}))
    assert "\n" not in str(error.value)


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture_module, "_MOST_BYTES", 1 << 20)
    with pytest.raises(ParseError, match="unpacks to more than"):
        read(tmp_path / "bomb.gz", gzip.compress(_KILL.encode() + b"a\n" * (1 << 20)))


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_capture(tmp_path / "absent", _ALL, Kind.LOG)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("ps -A -T -Z -O pri,nice,rtprio,sched,pcy", Kind.PS),
        ("toybox ps -A", Kind.PS),
        ("/system/bin/ps -P", Kind.PS),
        ("su root dmesg", Kind.KERNEL_LOG),
        ("/system/bin/getprop", Kind.PROPERTIES),
        ("cat /proc/vmstat", Kind.VMSTAT),
        ("/proc/meminfo: 2024-01-01 10:00:00", Kind.MEMINFO),
        ("/system/bin/dumpsys -t 10 activity -a processes", Kind.ACTIVITY),
        ("dumpsys activity exit-info com.example", Kind.ACTIVITY),
        ("logcat -b events -v threadtime -d *:v", Kind.LOG),
        ("logcat -L -b all", None),
        ("dumpsys activity services", None),
        ("/data/bin/psx", None),
        ("", None),
    ],
)
def test_commands_of_bug_reports_however_they_are_called(command: str, kind: Kind | None) -> None:
    assert kind_of_command(command) == kind


_STALL = (
    "some avg10={0} avg60=0.00 avg300=0.00 total=5\nfull avg10={0} avg60=0.00 avg300=0.00 total=5\n"
)


@pytest.mark.parametrize(
    ("name", "text", "known"),
    [
        ("pressure.txt", _STALL.format("7.00"), True),
        ("pressure_memory", _STALL.format("7.00"), True),
        ("proc-pressure-cpu.txt", _STALL.format("99.00"), False),
        ("io", _STALL.format("99.00"), False),
        ("all", f"==> /proc/pressure/cpu <==\n{_STALL.format('99.00')}\n"
                f"==> /proc/pressure/memory <==\n{_STALL.format('7.00')}", True),
        ("term", f"phone:/ $ cat /proc/pressure/io\n{_STALL.format('99.00')}"
                 f"phone:/ $ cat /proc/pressure/memory\n{_STALL.format('7.00')}", True),
        ("only", f"# cat /proc/pressure/io\n{_STALL.format('99.00')}", False),
    ],
)  # fmt: skip
def test_the_pressure_of_cpu_and_io_is_not_that_of_memory(
    name: str, text: str, known: bool, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    if not known:
        with pytest.raises(ParseError, match="not the pressure of memory"):
            read(tmp_path / name, text.encode(), frozenset({Kind.PRESSURE}))
        return
    captured = read(tmp_path / name, text.encode(), frozenset({Kind.PRESSURE}))
    assert "7.00" in (captured.text(Kind.PRESSURE) or "")
    assert "99.00" not in (captured.text(Kind.PRESSURE) or "")
