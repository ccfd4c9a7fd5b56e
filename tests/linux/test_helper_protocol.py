"""PROTOCOL.md against the real helper: exchanges, framing, and what scan and read say."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import (
    APP_UID,
    SOURCES,
    Reply,
    Session,
    ask,
    load_build_script,
    read_reply,
    require_root,
    start_ticks,
    wait_for_state,
)


def serve_bytes(helper: Path, requests: bytes) -> bytes:
    """Everything the helper answers to *requests*."""
    return subprocess.run(
        [helper, "serve"], input=requests, capture_output=True, timeout=30, check=True
    ).stdout


def test_hello_names_protocol_build_and_machine(helper: Path) -> None:
    hello = ask(helper, "hello").only("hello")
    assert hello["protocol"] == 1
    assert hello["build"] == load_build_script().source_hash(SOURCES, ("common", "helper"))
    assert hello["page_bytes"] == os.sysconf("SC_PAGESIZE")
    assert hello["uid"] == os.getuid()
    assert hello["kernel"] == os.uname().release
    assert hello["machine"] == os.uname().machine
    assert hello["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert 0 < hello["cpu_us"] < 1_000_000
    assert re.fullmatch(r"[0-9a-f]{16}", hello["cap_eff"])
    assert hello["selinux"] is None or Path("/sys/fs/selinux/enforce").exists()


def test_requests_wait_and_are_answered_in_order(helper: Path) -> None:
    answer = serve_bytes(helper, b"a hello\r\n\n\nb hello\nc hello\n")
    ends = [json.loads(line) for line in answer.splitlines()]
    assert [line["id"] for line in ends if line["t"] == "end"] == ["a", "b", "c"]


@pytest.mark.parametrize("line", [b"a-b hello", b"0123456789abcdefg hello", b"\xff\xfe", b" hello"])
def test_a_line_without_a_valid_id_is_answered_without_id(helper: Path, line: bytes) -> None:
    (end,) = (json.loads(text) for text in serve_bytes(helper, line + b"\n").splitlines())
    assert (end["id"], end["ok"], end["error"]) == ("", False, "EINVAL")


def test_a_line_over_64_kib_is_refused_and_the_next_one_read(helper: Path) -> None:
    long = b"a measure targets=" + b"1:1," * 100_000 + b"1:1\nb cancel of=a\n"
    ends = [json.loads(line) for line in serve_bytes(helper, long).splitlines()]
    assert [(end["id"], end.get("error")) for end in ends] == [("a", "E2BIG"), ("b", None)]


def test_a_line_just_under_64_kib_is_served(helper: Path) -> None:
    targets = ",".join(["999999999:1"] * 5000)
    answer = serve_bytes(helper, f"a measure targets={targets}\n".encode())
    assert json.loads(answer.splitlines()[-1])["lines"] == 5000


@pytest.mark.parametrize(
    "request_line",
    [
        "scan all=1",
        "scan packages=x",
        "scan again=2",
        "read",
        "read files=passwd",
        "read files=../../etc/passwd",
        "measure",
        "pageout",
        "pageout targets=1:1 step_bytes=1",
        "pageout targets=1:1 dry=2",
        "pageout targets=1:1 budget_bytes=-1",
        "probe now=1",
        "cancel",
        "",
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(helper: Path, request_line: str) -> None:
    (end,) = (
        json.loads(line)
        for line in serve_bytes(helper, f"1 {request_line}\n".encode()).splitlines()
    )
    assert not end["ok"]
    assert end["error"] in {"EINVAL", "ENOSYS"}
    assert end["why"]


def test_probe_tries_every_backend_once(helper: Path) -> None:
    names = [line["name"] for line in ask(helper, "probe").all("backend")]
    assert names == [
        *("pidfd_open", "process_madvise", "pageout", "willneed"),
        *("proc_reclaim", "memory_reclaim", "psi_trigger", "pagemap"),
    ]


def test_probe_says_that_nothing_moves_without_swap(helper: Path, no_swap: None) -> None:
    (pageout,) = (line for line in ask(helper, "probe").lines if line["name"] == "pageout")
    assert (pageout["works"], pageout["errno"], pageout["why"]) == (False, None, "nothing moved")


def test_probe_sees_a_page_leave_where_there_is_swap(helper: Path, zram: object) -> None:
    (pageout,) = (line for line in ask(helper, "probe").lines if line["name"] == "pageout")
    assert pageout["works"]


def status_of(pid: int) -> dict[str, str]:
    """The lines of status by their keys."""
    text = Path(f"/proc/{pid}/status").read_text(errors="replace")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def test_scan_says_what_proc_says(helper: Path, victims: Any) -> None:
    victim = victims("anon=4", name="com.example.game:sync")
    (found,) = (line for line in ask(helper, "scan").all("proc") if line["pid"] == victim.pid)
    status = status_of(victim.pid)
    assert found["start"] == victim.start
    assert found["ppid"] == os.getpid()
    assert found["uid"] == APP_UID
    assert found["adj"] == 900
    assert found["name"] == "com.example.game:sync"
    assert found["comm"] == "victim"
    assert found["kthread"] is False
    # Counters per CPU, which the kernel sums up now and then: two looks may differ by some pages.
    for key, field in (("rss_anon_bytes", "RssAnon"), ("rss_file_bytes", "RssFile")):
        assert abs(found[key] - int(status[field].split()[0]) * 1024) <= 64 * 1024
    assert found["swap_bytes"] == 0


def scanned(session: Session, words: str) -> Reply:
    session.send(f"1 scan {words}".rstrip())
    reply = session.reply()
    assert reply is not None
    assert reply.end["ok"], reply.end
    return reply


def test_a_scan_again_tells_of_the_same_process_in_short(sessions: Any, victims: Any) -> None:
    session, victim = sessions(), victims("anon=4", name="com.example.again")
    first = scanned(session, "again=1")
    assert not first.all("again")
    (whole,) = (one for one in first.all("proc") if one["pid"] == victim.pid)
    victim.set_adj(915)
    newcomer, roots = victims("anon=4"), victims("anon=4")
    second = scanned(session, "again=1")
    (again,) = (one for one in second.all("again") if one["pid"] == victim.pid)
    assert (again["start"], again["adj"]) == (whole["start"], 915)
    assert "name" not in again
    (found,) = (one for one in second.all("proc") if one["pid"] == newcomer.pid)
    assert found["comm"] == whole["comm"]
    kernel_threads = {one["pid"] for one in first.all("proc") if one["kthread"]}
    assert not kernel_threads & {one["pid"] for one in second.lines if "pid" in one}
    victim.kill()
    third = {one.get("pid") for one in scanned(session, "again=1").lines}
    assert not third & {victim.pid, newcomer.pid, roots.pid}, "root's are told of once"
    assert {one["t"] for one in scanned(session, "").lines} == {"proc", "unreadable"}


def test_a_root_that_becomes_an_app_is_told_of_whole(sessions: Any) -> None:
    """Programs started by `su` or a test begin as root, and change their uid in one process."""
    require_root()
    session = sessions()
    script = (
        "import os, sys; sys.stdin.readline(); os.setuid(13999); print('x', flush=True); "
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as one:
        assert one.stdin
        assert one.stdout
        scanned(session, "again=1")
        assert one.pid not in {line.get("pid") for line in scanned(session, "again=1").lines}
        one.stdin.write(b"\n")
        one.stdin.flush()
        one.stdout.readline()
        (found,) = (
            line for line in scanned(session, "again=1").all("proc") if line["pid"] == one.pid
        )
        assert found["uid"] == 13999


def test_a_scan_again_does_not_rely_on_what_sample_told(sessions: Any, victims: Any) -> None:
    session = sessions()
    scanned(session, "again=1")
    victim = victims("anon=4")
    session.send("2 sample new=1")
    reply = session.reply()
    assert reply is not None
    assert victim.pid in {one["pid"] for one in reply.all("proc")}
    assert victim.pid in {one["pid"] for one in scanned(session, "again=1").all("proc")}


def test_scan_lists_every_process_in_order(helper: Path) -> None:
    before = {int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()}
    pids = [line["pid"] for line in ask(helper, "scan").all("proc")]
    after = {int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()}
    assert pids == sorted(pids)
    assert before & after <= set(pids)


def test_memory_of_kernel_threads_is_unknown(helper: Path) -> None:
    kthreads = [line for line in ask(helper, "scan").all("proc") if line["kthread"]]
    assert kthreads
    assert {line["rss_anon_bytes"] for line in kthreads} == {None}
    assert {line["swap_bytes"] for line in kthreads} == {None}


def test_a_missing_package_list_is_one_null_line(helper: Path) -> None:
    packages = ask(helper, "scan", "packages=1").all("package")
    assert [(line["line"], line["errno"]) for line in packages] == [(None, "ENOENT")]


def test_read_gives_the_text_of_files_whole(helper: Path) -> None:
    reply = ask(helper, "read", "files=zoneinfo,swaps,meminfo")
    assert [line["name"] for line in reply.all("file")] == ["zoneinfo", "swaps", "meminfo"]
    swaps = reply.all("file")[1]
    assert swaps["text"] == Path("/proc/swaps").read_text()
    assert swaps["path"] == "/proc/swaps"


def test_read_says_what_is_missing(helper: Path) -> None:
    reply = ask(helper, "read", "files=pressure/memory,zram")
    assert {line["errno"] for line in reply.all("file")} <= {None, "ENOENT", "EOPNOTSUPP"}


def test_measure_agrees_with_smaps_rollup(helper: Path, victims: Any) -> None:
    victim = victims("anon=8", "locked=2")
    victim.process.send_signal(signal.SIGSTOP)  # else its threads still map libraries in
    wait_for_state(victim.pid, "T")
    memory = ask(helper, "measure", f"targets={victim.pid}:{victim.start}").only("memory")
    rollup = dict(
        line.split(":", 1)
        for line in Path(f"/proc/{victim.pid}/smaps_rollup").read_text().splitlines()[1:]
    )
    kib = {key: int(value.split()[0]) * 1024 for key, value in rollup.items()}
    assert memory["approximate"] is False
    assert memory["rss_bytes"] == kib["Rss"]
    assert memory["rss_anon_bytes"] == kib["Anonymous"]
    assert memory["rss_file_bytes"] == kib["Rss"] - kib["Anonymous"]
    assert memory["swap_bytes"] == kib["Swap"]
    assert memory["locked_bytes"] == kib["Locked"] == 2 << 20


def test_measure_knows_a_recycled_pid_by_its_start(helper: Path) -> None:
    other = start_ticks(os.getpid()) + 1
    memory = ask(helper, "measure", f"targets={os.getpid()}:{other}").only("memory")
    assert (memory["errno"], memory["rss_bytes"]) == ("ESRCH", None)


def test_a_serving_helper_holds_no_more_descriptors_after_500_requests(sessions: Any) -> None:
    session: Session = sessions()
    counts = []
    for _ in range(5):
        for _ in range(100):
            session.send("1 scan")
            assert read_reply(session.stdout)
        counts.append(len(list(Path(f"/proc/{session.process.pid}/fd").iterdir())))
    assert set(counts) == {4}  # stdin, stdout, stderr and the root directory
