# ruff: noqa: E501
"""Text that comes in from files: whatever it holds, an answer or one clear line, and soon."""

from __future__ import annotations

import gzip
import io
import os
import re
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from pathlib import Path

import pytest
from fuzzing import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from droidreclaim import files
from droidreclaim.errors import DroidReclaimError, ParseError, UsageError
from droidreclaim.inspect import captured, doctor, headroom, kills
from droidreclaim.parse.kills.records import KilledBy

HEAD = "11-23 10:00:01.000    90    90 I lowmemorykiller: "
KILL = (
    f"{HEAD}Kill 'com.example.a' (7), uid 10001, oom_score_adj 905"
    " to free 1000kB rss, 20kB swap; reason: low watermark is breached\n"
)
MESSAGE = KILL.removeprefix(HEAD)
QUIET = "11-23 10:05:00.000    90    90 I tag: nothing\n"
OOM = "Out of memory: Killed process 7 (le.d) total-vm:1kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:10004 pgtables:1kB oom_score_adj:900\n"
READERS = {
    "kills": lambda path: kills.of_capture(path, since_s=None),
    "ps": captured.captured_processes,
    "headroom": headroom.of_capture,
    "doctor": doctor.of_capture,
}


def of_text(tmp_path: Path, text: str | bytes, since_s: float | None = None) -> kills.Kills:
    path = tmp_path / "capture"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return kills.of_capture(path, since_s=since_s)


def pids(tmp_path: Path, text: str | bytes, since_s: float | None = None) -> list[int]:
    return [one.pid for one in of_text(tmp_path, text, since_s).records]


def zipped(name: str, data: bytes, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        archive.writestr(name, data)
    return out.getvalue()


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("packed", [bytes, gzip.compress, lambda data: zipped("a.txt", data)])
def test_a_log_is_the_same_in_every_encoding_and_archive(tmp_path, encoding, packed) -> None:
    assert pids(tmp_path, packed(KILL.replace("\n", "\r\n").encode(encoding))) == [7]


def test_stdin_is_read_where_a_dash_stands() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "droidreclaim", "kills", "--from", "-", "--json"],
        input=KILL, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert '"pid": 7' in done.stdout


COUNTERS = "MemTotal: 4 kB\nMemFree: 1 kB\nSwapTotal: 4 kB\nSwapFree: 1 kB\n"
PS = "USER PID PPID VSZ RSS WCHAN ADDR S NAME\nu0_a1 7 1 10 10 0 0 S com.example.a\n"
GIVEN = {"kills": KILL, "ps": PS, "headroom": COUNTERS, "doctor": COUNTERS}


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: zipped("a.txt", data)])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("name", READERS)
def test_stdin_may_be_whatever_a_file_may_be(tmp_path, monkeypatch, name, encoding, pack) -> None:
    path = tmp_path / "given"
    path.write_bytes(pack(GIVEN[name].encode(encoding)))
    told = READERS[name](path)
    with path.open() as given:
        monkeypatch.setattr(sys, "stdin", given)
        piped = READERS[name](files.STDIN)
    assert str(piped).replace("stdin", "") == str(told).replace(str(path), "")


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_stdin_with_nothing_in_it_is_exit_5(monkeypatch, reader) -> None:
    with Path("/dev/null").open() as given:
        monkeypatch.setattr(sys, "stdin", given)
        with pytest.raises(ParseError, match="stdin"):
            reader(files.STDIN)


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("kind", ["/dev/zero", "/dev/null", "fifo", "absent"])
def test_what_is_no_file_is_refused_at_once(tmp_path, monkeypatch, reader, kind) -> None:
    monkeypatch.setattr(files, "_WRITER_S", 0.2)
    path = Path(kind) if kind.startswith("/") else tmp_path / kind
    if kind == "fifo":
        os.mkfifo(path)
    start = time.monotonic()
    with pytest.raises(UsageError):
        reader(path)
    assert time.monotonic() - start < 10


def test_a_pipe_with_a_slow_writer_is_read_to_its_end(tmp_path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)

    def write() -> None:
        time.sleep(0.3)
        with path.open("w") as file:
            for part in (KILL[:40], KILL[40:]):
                file.write(part)
                file.flush()
                time.sleep(0.3)

    writer = threading.Thread(target=write)
    writer.start()
    found = kills.of_capture(path, since_s=None)
    writer.join()
    assert [one.pid for one in found.records] == [7]


def damaged_name() -> bytes:
    return zipped("ä.txt", KILL.encode()).replace("ä".encode(), b"\xff\xff")


def encrypted() -> bytes:
    data = bytearray(zipped("a.txt", KILL.encode()))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags] |= 1
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        zipped("a.txt", KILL.encode(), zipfile.ZIP_LZMA),
        zipped("a.txt", KILL.encode(), zipfile.ZIP_BZIP2),
        damaged_name(),
        encrypted(),
        gzip.compress(KILL.encode() * 999, mtime=0)[:-30],
        gzip.compress(KILL.encode(), mtime=0)[:12] + b"garbage that is no deflate stream",
        b"\x1f\x8b\x08\xff",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
        b"",
        b"\xff\xfe",
        "Dear colleague,\nthe phone is slow.\n".encode("utf-16"),
    ],
)
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_what_cannot_be_read_is_exit_5_in_one_line(tmp_path, data, reader) -> None:
    path = tmp_path / "capture"
    path.write_bytes(data)
    with pytest.raises(ParseError) as error:
        reader(path)
    assert "\n" not in str(error.value)


def test_a_small_zip_that_unpacks_to_much_is_refused_before_it_is_unpacked(tmp_path) -> None:
    inner = zipped("bugreport.txt", b"\n" * (1 << 28))
    for data in (inner, zipped("bugreport.zip", inner), gzip.compress(b"\n" * (1 << 27))):
        start = time.process_time()
        with pytest.raises(ParseError, match=r"times its size|lines"):
            of_text(tmp_path, data)
        assert time.process_time() - start < 5


def test_one_bad_file_of_a_folder_is_named_and_the_rest_is_read(tmp_path) -> None:
    (tmp_path / "good.txt").write_text(KILL)
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 nothing")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(KILL.encode())[:-9])
    os.mkfifo(tmp_path / "pipe")
    found = kills.of_capture(tmp_path, since_s=None)
    assert [one.pid for one in found.records] == [7]
    assert [one.partition(":")[0] for one in found.silent] == ["bad.zip", "cut.gz"]


OF_KERNEL = {
    "dmesg": "[ 1000.000000] ",
    "dmesg -r": "<6>[ 1000.000000] ",
    "dmesg -x": "kern  :info  : [ 1000.000000] ",
    "dmesg -T": "[Mon Nov 23 10:00:01 2026] ",
    "CONFIG_PRINTK_CALLER": "[ 1000.000000][  T136] ",
    "/dev/kmsg": "6,339,1000000000,-;",
}


@pytest.mark.parametrize("head", OF_KERNEL.values(), ids=OF_KERNEL)
def test_a_kernel_log_of_a_folder_is_read_beside_other_files(tmp_path, head: str) -> None:
    (tmp_path / "log.txt").write_text(QUIET)
    (tmp_path / "kernel.txt").write_text(f"{head}usb: new\n{head}{OOM}")
    (tmp_path / "ps.txt").write_text(
        "USER PID PPID VSZ RSS WCHAN ADDR S NAME\nroot 1 0 1 1 0 0 S a\n"
    )
    found = kills.of_capture(tmp_path, since_s=None)
    assert ([one.pid for one in found.records], found.silent) == ([7], ())


@pytest.mark.parametrize(
    "text",
    [f"Look:\n{MESSAGE}", MESSAGE.replace("\n", " and so on\n"), "Dear all,\nthe phone is slow.\n"],
)
def test_a_text_of_a_folder_that_nobody_knows_is_named(tmp_path, text: str) -> None:
    (tmp_path / "log.txt").write_text(QUIET)
    (tmp_path / "note.txt").write_text(text)
    found = kills.of_capture(tmp_path, since_s=None)
    assert found.silent == ("note.txt: what it is does not show: give it alone",)


def test_a_folder_of_very_many_files_is_refused(tmp_path) -> None:
    for number in range(2001):
        (tmp_path / str(number)).touch()
    with pytest.raises(UsageError, match="more than 2000"):
        kills.of_capture(tmp_path, since_s=None)


@pytest.mark.parametrize(
    "command",
    [
        "LOG STATISTICS (logcat -b all -S)",
        "LOG STATISTICS (logcat -b all -S -g)",
        "SHOW MAP 30 (logcat) (/system/xbin/su root showmap -q 30)",
        "SHOW MAP 31 ((sd-pam)) (showmap -q 31)",
        "CRITICAL (lowmemorykiller) (cat /vendor/lmk)",
        "LOGCAT SIZES (logcat -g)",
    ],
)
def test_a_section_is_known_by_its_command(tmp_path, command: str) -> None:
    text = f"------ {command} ------\nTotal 12 of 13 killed\n------ SYSTEM LOG (logcat -d) ------\n"
    assert pids(tmp_path, text + KILL) == [7]


def test_a_section_that_no_reader_can_read_is_left_out_and_named(tmp_path) -> None:
    text = (
        "------ SYSTEM LOG (logcat -d *:v) ------\nwords without any form\n"
        "------ EVENT LOG (logcat -b events -d) ------\n*** exec(logcat): No such file\n"
        "------ KERNEL LOG (dmesg) ------\n"
    )
    end = "------ 0.1s was the duration of 'KERNEL LOG' ------\n"
    found = of_text(tmp_path, text + KILL.replace(HEAD, "[   10.000000] lowmemorykiller: ") + end)
    assert [one.partition(":")[0] for one in found.silent] == ["EVENT LOG", "SYSTEM LOG"]


def test_none_is_said_of_what_was_read_and_until_when(tmp_path) -> None:
    found = of_text(tmp_path, QUIET * 40)
    assert found.records == ()
    assert [one.until for one in found.read] == ["11-23 10:05:00.000"]


@pytest.mark.parametrize(
    "text",
    [
        "ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)\n  All known processes:\n",
        "MemTotal: 100 kB\nMemFree: 1 kB\n",
        "USER PID PPID VSZ RSS WCHAN ADDR S NAME\nroot 1 0 10 10 0 0 S init\n",
    ],
)
def test_nothing_read_is_an_error_and_never_an_empty_answer(tmp_path, text: str) -> None:
    with pytest.raises(ParseError, match="looked for"):
        of_text(tmp_path, text)


def test_a_log_that_speaks_of_process_records_is_a_log(tmp_path) -> None:
    noise = "11-23 10:00:00.000 1 2 W ActivityManager: slow: ProcessRecord{1a2b 9:com.example/u0a3}"
    assert pids(tmp_path, f"{noise}\n" * 3 + KILL + f"{noise}\n") == [7]


def test_several_outputs_in_one_file_are_told_apart(tmp_path) -> None:
    text = (
        "ACTIVITY MANAGER LMK KILLS (dumpsys activity lmk)\n  Total number of kills: 3\n"
        "  kills at or below oom_adj 999: 3\n--------- beginning of main\n"
    )
    found = of_text(tmp_path, text + QUIET + KILL)
    assert [one.pid for one in found.records] == [7]
    assert found.lmkd_since_boot is not None


@pytest.mark.parametrize(("since_s", "expected"), [(60, [8]), (600, [7, 8]), (None, [7, 8])])
def test_since_counts_from_the_end_of_a_text_without_a_year(tmp_path, since_s, expected) -> None:
    later = KILL.replace("10:00:01", "10:04:59").replace("(7)", "(8)")
    found = of_text(tmp_path, KILL + later + QUIET, since_s)
    assert [one.pid for one in found.records] == expected
    assert found.records[-1].at == "11-23 10:04:59.000"  # no year nobody has told


THREADTIME = f"    90    90 I lowmemorykiller: {MESSAGE}"
# The time of a second of the test, and the line of a kill behind it.
TIMES = {
    "no year": (lambda at: f"11-23 10:{at // 60:02d}:{at % 60:02d}.000", THREADTIME),
    "a year": (lambda at: f"2026-11-23 10:{at // 60:02d}:{at % 60:02d}.000", THREADTIME),
    "time of day": (lambda at: f"10:{at // 60:02d}:{at % 60:02d}.000", THREADTIME),
    "a month by name": (
        lambda at: f"Nov 23 10:{at // 60:02d}:{at % 60:02d}", f" host kernel: {OOM}",
    ),
    "since 1970": (lambda at: f"{1764000000 + at}.000", THREADTIME),
    "since boot": (lambda at: f"{1000 + at}.000", THREADTIME),
    "dmesg": (lambda at: f"[{1000 + at:>5}.000000] ", OOM),
}  # fmt: skip


@pytest.mark.parametrize(("time_of", "line"), TIMES.values(), ids=TIMES)
@pytest.mark.parametrize(("since_s", "expected"), [(200, [8]), (600, [7, 8]), (None, [7, 8])])
def test_since_counts_in_every_form_of_a_time(tmp_path, time_of, line, since_s, expected) -> None:
    quiet = (
        "    90    90 I tag: nothing\n" if line == THREADTIME else line[: -len(OOM)] + "usb: new\n"
    )
    later = re.sub(r"\b7\b", "8", line)
    text = f"{time_of(0)}{line}{time_of(400)}{later}{time_of(500)}{quiet}"

    found = of_text(tmp_path, text, since_s)

    assert [one.pid for one in found.records] == expected
    assert not any(one.at.startswith("2000") for one in found.records)  # no year nobody has told


def test_a_kernel_log_beside_another_log_counts_from_its_own_end(tmp_path) -> None:
    kernel = "".join(
        f"[{at:>5}.000000] {line}"
        for at, line in ((1000, OOM), (1400, OOM.replace("ss 7", "ss 8")), (1500, "usb: new\n"))
    )
    (tmp_path / "log").write_text(KILL.replace("(7)", "(6)") + QUIET)
    (tmp_path / "dmesg").write_text(kernel)
    found = kills.of_capture(tmp_path, since_s=200)
    assert [one.pid for one in found.records] == [8]


@pytest.mark.parametrize("line", [MESSAGE, f"> {MESSAGE}", f"I lowmemorykiller: {MESSAGE}"])
def test_a_kill_without_a_time_that_since_leaves_out_is_told(tmp_path, line) -> None:
    found = of_text(tmp_path, line, 600)
    assert found.records == ()
    assert "1 kill without a time that can be compared: --since leaves it out" in found.notes
    assert len(of_text(tmp_path, line).notes) == 1  # "read line by line"


@pytest.mark.parametrize("turn", ["12-31|01-01", "02-28|03-01", "02-29|03-01", "04-30|05-01"])
@pytest.mark.parametrize("year", ["", "2024-"])
def test_one_kill_that_straddles_midnight_is_one(tmp_path, turn: str, year: str) -> None:
    before, after = turn.split("|")
    if year and turn.startswith("12"):
        year, after = "2024-", after.replace("01-01", "01-01")
    first = KILL.replace("11-23 10:00:01.000", f"{year}{before} 23:59:59.900")
    at = "2025-" if year and before == "12-31" else year
    died = f"{at}{after} 00:00:00.100   9   9 I am_proc_died: [0,7,com.example.a,905,17]\n"
    expected = 2 if year and turn == "02-28|03-01" else 1  # 2024 has a 29 February between them
    assert len(of_text(tmp_path, first + died).records) == expected


PASTES = {
    "time only": KILL.removeprefix("11-23 "),
    "seconds": KILL.replace(".000", ""),
    "slashes": KILL.replace("11-23", "11/23"),
    "iso": KILL.replace("11-23 ", "2026-11-23T"),
    "level and tag": "I lowmemorykiller: " + MESSAGE,
    "tag alone": "lowmemorykiller: " + MESSAGE,
    "no head": MESSAGE,
    "quoted": "> It went:\n> " + KILL + "> and then I was sad\n",
    "twice quoted": "> > " + KILL,
    "fence": "Look:\n```log\n" + KILL + "```\nThanks, Killing time\n",
    "tilde fence": "~~~\n" + KILL + "~~~\n",
    "grep": "117:" + KILL,
    "grep -r": "logs/main.txt:117:" + KILL,
    "grep -A": "117-" + KILL,
    "findstr": "C:\\Users\\me\\a.log:117:" + KILL,
    "bullet": "- " + KILL,
    "table": "| 3 | " + KILL,
    "tabs": KILL.replace(
        "    90    90 I lowmemorykiller: ", "\tPhone\tInfo\t90\tlowmemorykiller\t"
    ),
    "brief": f"I/lowmemorykiller(   90): {MESSAGE}so it went\n" * 1,
    "wrapped": KILL.replace(", oom_score_adj", ",\n          oom_score_adj").replace(
        " to", "\n to"
    ),
    "wrapped and quoted": "> " + KILL.replace(" to free", "\n> to free"),
    "wrapped in its reason": KILL.replace("breached", "breached (1kB <\n 2kB)"),
    "typographic quotes": KILL.replace("'com.example.a'", "\u2018com.example.a\u2019"),
    "blanks that do not break": KILL.replace(" ", "\xa0"),
    "entities": KILL.replace("'", "&#39;"),
    "named entities": KILL.replace("'", "&apos;"),
    "inline code": f"It says `{KILL.rstrip()}`\n",
    "bold": f"**{KILL.rstrip()}**\n",
    "among prose": "Hello,\nmy app dies.\n" + KILL + "What can I do?\nIt is a Pixel.\n",
}


@pytest.mark.parametrize("name", PASTES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_paste_is_read_line_by_line(tmp_path, name: str, encoding: str) -> None:
    [kill] = of_text(tmp_path, PASTES[name].encode(encoding)).records
    assert (kill.pid, kill.name, kill.uid) == (7, "com.example.a", 10001)
    assert (kill.by, kill.freed_bytes) == (KilledBy.LMKD, 1000 << 10)
    assert kill.reason.startswith("low watermark is breached")
    assert "`" not in kill.reason
    assert "*" not in kill.reason
    assert "What" not in kill.reason


@pytest.mark.parametrize("width", range(40, 124, 3))
@pytest.mark.parametrize("before", ["", "> ", "    "])
def test_a_kill_that_is_wrapped_at_any_width_is_whole(tmp_path, width: int, before: str) -> None:
    line = KILL.replace("breached", "breached and swap is low")
    wrapped = "".join(f"{before}{part}\n" for part in textwrap.wrap(line, width))
    [kill] = of_text(tmp_path, f"{wrapped}What can I do?\n").records
    assert (kill.pid, kill.uid, kill.freed_bytes) == (7, 10001, 1000 << 10)
    assert kill.reason == "low watermark is breached and swap is low"


@pytest.mark.parametrize(
    "message",
    [
        "Killing 9:com.example.b/u0a3 (adj 905): empty #17",
        "Process com.example.b (pid 9) has died: cch+5 CEM",
        "Killing PhantomProcessRecord {1a2b 9:8:sh/u0a3}: Trimming phantom processes",
    ],
)
@pytest.mark.parametrize("width", range(40, 100, 3))
def test_what_activity_manager_says_of_a_kill_is_read_wrapped(tmp_path, message, width) -> None:
    line = f"11-23 10:00:01.000   107   107 I ActivityManager: {message}"
    found = of_text(tmp_path, "\n".join([*textwrap.wrap(line, width), "What can I do?", ""]))
    assert [one.pid for one in found.records] == [9]
    assert "What" not in found.records[0].reason


def test_a_kill_that_cannot_be_read_is_counted_and_no_silence(tmp_path) -> None:
    for said in ("Kill", "Kill \u00abcom.example.a\u00bb (7), uid 10001", "Kill com.example.a (7)"):
        found = of_text(tmp_path, f"{QUIET}{HEAD}{said}\n{QUIET}")
        assert (found.records, found.unread) == ((), 1)


def test_a_paste_is_said_to_be_one(tmp_path) -> None:
    assert of_text(tmp_path, PASTES["time only"]).notes
    assert not of_text(tmp_path, KILL).notes


@pytest.mark.parametrize(
    ("line", "pid", "by"),
    [
        ("am_kill : [0, 9, com.example.b, 900, low memory, 3171836]", 9, "activity_manager"),
        ("I/am_kill (  12): [0,9,com.example.b,900,remove task]", 9, "user"),
        (
            "ActivityManager: Killing 9:com.example.b/u0a3 (adj 900): empty #17",
            9,
            "activity_manager",
        ),
        ("oom_reaper: reaped process 9 (ndroid.settings), now anon-rss:0kB", 9, "kernel_oom"),
        (
            "11-23 10:00:01.000 1 2 I ActivityManager: Killing PhantomProcessRecord"
            " {1a2b 9:8:sh/u0a3}: Trimming phantom processes",
            9,
            "activity_manager",
        ),
        ("Zygote  : Process 9 exited due to signal 9 (Killed)", 9, "unknown"),
        ("10:00:01.000 1 2 I killinfo: [9,10163,101,0,130984,-1,198012,...]", 9, "lmkd"),
    ],
)
def test_records_of_every_source_in_a_paste(tmp_path, line: str, pid: int, by: str) -> None:
    [kill] = of_text(tmp_path, line + "\n").records
    assert (kill.pid, kill.by.value) == (pid, by)


@pytest.mark.parametrize(
    ("record", "name", "reason"),
    [
        ("9:8:sh/u0a3}: Trimming phantom processes", "sh", "Trimming phantom processes"),
        ("9:8:/data/data/com.a/files/usr/bin/x y/u0a3}: Trimming phantom processes",
         "/data/data/com.a/files/usr/bin/x y", "Trimming phantom processes"),
        ("9:8:libproot.so/u10a3}: Trimming phantom processes", "libproot.so", "Trimming phantom processes"),
        ("9:8:sh/u0i3}: Trimming phantom processes", "sh", "Trimming phantom processes"),
        ("9:8:logcat/1000}: Caused by excessive cpu usage", "logcat", "Caused by excessive cpu usage"),
    ],
)  # fmt: skip
def test_a_phantom_process_is_one_kill_whoever_and_why(tmp_path, record, name, reason) -> None:
    line = f"Killing PhantomProcessRecord {{1a2b {record}"
    [kill] = of_text(tmp_path, f"11-23 10:00:01.000 1 2 I ActivityManager: {line}\n").records
    assert (kill.pid, kill.name, kill.reason) == (9, name, reason)
    assert kill.by is KilledBy.ACTIVITY_MANAGER


def test_a_record_that_was_cut_says_so(tmp_path) -> None:
    [cut] = of_text(tmp_path, "10:00:01.000 1 2 I killinfo: [9,10163,101,0,13,-1,19,...]\n").records
    assert cut.truncated
    assert not of_text(tmp_path, KILL).records[0].truncated


@pytest.mark.parametrize(
    ("label", "adj"),
    [
        ("cch+95 CEM", 995),
        ("cch+5 CEM (41,548)", 905),
        ("cch+100 CEM", 1000),
        ("svcb+5 SVC", 805),
        ("prev+9 LAST", 709),
        ("vis+1 IMPB", 101),
        ("home HOME", None),
        ("odd+7 CEM", None),
        ("cch  CEM", None),
        ("prev LAST(1,2)", None),
    ],
)
def test_the_label_of_a_death_may_name_its_adj(tmp_path, label: str, adj: int | None) -> None:
    line = f"11-23 10:00:01.000 1 2 I ActivityManager: Process a.b (pid 9) has died: {label}\n"
    assert [one.oom_score_adj for one in of_text(tmp_path, line).records] == [adj]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (
            "[  9.000000] zram: Error allocating memory for compressed page: 12, size=345",
            "zram_no_memory",
        ),
        ("<4>[  9.000000] Write-error on swap-device (254:0:12345)", "swap_write_error"),
        ("11-23 10:00:01.000 1 2 D ActivityManager: freezing 123 com.example.b", "frozen"),
        (
            "<3>[  9.000000] zram: Error allocating memory for incompressible page: 12",
            "zram_no_memory",
        ),
        ("[  9.000000][  T77] Write-error on dio swapfile (123)", "swap_write_error"),
        ("Nov 28 09:00:00 host kernel: Read-error on swap-device (254:0:8)", "swap_read_error"),
        ("I/am_freeze (  12): [123,com.example.b,0]", "frozen"),
        ("11-23 10:00:01.000 1 2 D ActivityManager: froze 123 com.example.b:x", "frozen"),
        (
            "11-23 10:00:01.000 1 2 D ActivityManager: pid 123 com.example.b received sync"
            " transactions while frozen, killing",
            "frozen_transaction",
        ),
    ],
)
def test_what_a_log_says_of_memory_besides_is_told(tmp_path, line: str, what: str) -> None:
    found = of_text(tmp_path, f"{line}\n" * 3)
    assert [(one.what, one.count) for one in found.remarks] == [(what, 3)]
    assert found.records == ()


def test_an_app_that_quotes_lmkd_has_killed_nobody(tmp_path) -> None:
    line = f"11-23 10:00:01.000 1 2 I MyApp: {MESSAGE}"
    assert of_text(tmp_path, f"{line}Hello\nDear all\n{QUIET}").records == ()


def refusal(reader, path: Path) -> DroidReclaimError | None:
    try:
        reader(path)
    except DroidReclaimError as error:
        return error
    return None


_PIECES = st.sampled_from([KILL, QUIET, "\n", "```\n", "> ", "12:", "------ A (ps) ------\n",
    "MemTotal: 1 kB\n", "ACTIVITY MANAGER X (dumpsys activity processes)\n", "\x1b[31m", "[a]: [b]\n",
    "        ApplicationExitInfo #0:\n", "Proc # 0: ", "\t", "9" * 400])  # fmt: skip


@settings(max_examples=examples(80), deadline=4000, suppress_health_check=list(HealthCheck))
@given(
    body=st.one_of(st.binary(max_size=3000), st.lists(_PIECES, max_size=30).map("".join)),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"]),
    pack=st.sampled_from([None, gzip.compress, lambda data: zipped("bugreport.txt", data)]),
    cut=st.integers(0, 3000),
)
def test_any_bytes_are_an_answer_or_one_line(tmp_path, body, encoding, pack, cut) -> None:
    data = body if isinstance(body, bytes) else body.encode(encoding)
    data = (pack(data) if pack else data)[: cut or None]
    path = tmp_path / "capture"
    path.write_bytes(data)
    for reader in READERS.values():
        refused = refusal(reader, path)
        assert refused is None or (refused.exit_code in (2, 5) and "\n" not in str(refused))


@settings(max_examples=examples(60), deadline=4000, suppress_health_check=list(HealthCheck))
@given(
    prefix=st.from_regex(
        r"(?:[>|*-] ?){0,3}|[0-9]{1,6}:|[a-z/.]{1,20}:[0-9]{1,5}[:-]", fullmatch=True
    )
)
def test_a_kill_is_found_behind_any_prefix(tmp_path, prefix: str) -> None:
    assert pids(tmp_path, "See here:\n" + prefix + KILL) == [7]
