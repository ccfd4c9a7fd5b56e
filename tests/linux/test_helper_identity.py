"""Which processes are never touched: recycled pids, changed names, foreground, system."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from .conftest import MIB, Session, Zram, ask, missing, start_ticks, wait_for_state

pytestmark = pytest.mark.linux

NO_PIDFD = Path(__file__).with_name("no_pidfd.py")
SHELL_USER = ["setpriv", "--reuid=2000", "--regid=2000", "--clear-groups"]


def verdict(helper: Path, target: str) -> tuple[str, str | None]:
    """Return outcome and reason of a page-out that must be refused before any system call."""
    line = ask(helper, "pageout", f"targets={target}").only("target")
    assert (line["calls"], line["advised_bytes"]) == (0, 0)
    return line["outcome"], line["reason"]


def reuse_pids(rounds: int, *helper: Path | str, memcg: str = "") -> dict[str, Any]:
    """Run pid_reuse.py as the first process of a namespace."""
    if not shutil.which("unshare"):
        missing("needs unshare (util-linux)")
    if not Path("/proc/sys/kernel/ns_last_pid").exists():
        missing("this kernel has no ns_last_pid (CONFIG_CHECKPOINT_RESTORE)")
    script = Path(__file__).with_name("pid_reuse.py")
    words = ["backend=memcg", "what=all"] if memcg else []
    alone = ["unshare", "--pid", "--fork", "--mount-proc"]
    asked = [str(rounds), memcg, *words, "--", *helper]
    run = subprocess.run(
        [*alone, sys.executable, script, *asked],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return dict(json.loads(run.stdout))


@pytest.mark.parametrize("rounds", [100, pytest.param(1000, marks=pytest.mark.campaign)])
def test_a_recycled_pid_is_never_touched(helper: Path, zram: Zram, rounds: int) -> None:
    result = reuse_pids(rounds, helper)
    print(result)
    assert result["wrong_bytes"] == 0
    assert set(result["outcomes"]["late"]) <= {"gone", "changed"}
    assert set(result["outcomes"]["places"]) <= {"gone", "changed", "advised", "zombie"}
    assert result["outcomes"]["places"].get("gone", 0) > rounds // 4


@pytest.mark.parametrize("rounds", [30, pytest.param(1000, marks=pytest.mark.campaign)])
def test_a_recycled_pid_is_never_touched_where_there_is_no_pidfd(
    helper: Path, zram: Zram, group: Path, rounds: int
) -> None:
    """Before kernel 5.3 only the open directory /proc/PID identifies the process."""
    result = reuse_pids(rounds, sys.executable, NO_PIDFD, helper, memcg=str(group))
    print(result)
    assert result["wrong_bytes"] == 0
    assert set(result["outcomes"]["late"]) <= {"gone", "changed"}


def test_without_pidfd_the_backend_that_needs_it_says_unsupported(
    helper: Path, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=4")
    words = [sys.executable, NO_PIDFD, helper, "pageout", f"targets={victim.target()}"]
    run = subprocess.run(words, capture_output=True, check=True)
    line = json.loads(run.stdout.splitlines()[0])
    assert (line["outcome"], line["reason"]) == ("unsupported", "unsupported")
    assert victim.memory("VmSwap") == 0


def test_another_start_time_is_another_process(helper: Path, victims: Any) -> None:
    victim = victims("anon=4")
    assert verdict(helper, f"{victim.pid}:{victim.start + 1}") == ("changed", "changed")


def test_another_uid_is_another_process(helper: Path, zram: Zram, victims: Any) -> None:
    victim = victims("anon=4")
    assert verdict(helper, f"{victim.target()}:{os.getuid() + 1}") == ("changed", "changed")
    line = ask(helper, "pageout", f"targets={victim.target()}:{os.getuid()}").only("target")
    assert line["outcome"] == "advised"


def test_another_name_is_another_process(helper: Path, zram: Zram, victims: Any) -> None:
    victim = victims("anon=4", name="com.example.täuschung")
    crc = zlib.crc32("com.example.täuschung".encode())
    assert verdict(helper, f"{victim.target()}:-:{crc ^ 1:08x}") == ("changed", "changed")
    line = ask(helper, "pageout", f"targets={victim.target()}:-:{crc:08x}").only("target")
    assert line["outcome"] == "advised"


def test_a_process_that_becomes_another_program_is_not_touched(
    helper: Path, zram: Zram, tmp_path: Path
) -> None:
    """The process keeps pid and start time, as a zygote's child does, and changes its name."""
    script = tmp_path / "loop.sh"
    script.write_text('exec -a "app.$(($1 + 1))" bash "$0" $(($1 + 1))\n')
    with subprocess.Popen(["com.example.first", script, "0"], executable="bash") as loop:
        try:
            Path(f"/proc/{loop.pid}/oom_score_adj").write_text("900")
            crc = zlib.crc32(b"com.example.first")
            target = f"{loop.pid}:{start_ticks(loop.pid)}:700:-:{crc:08x}"
            time.sleep(0.1)
            verdicts = {verdict(helper, target) for _ in range(50)}
        finally:
            loop.kill()
    assert verdicts <= {("changed", "changed"), ("gone", "gone")}


def test_what_was_never_there_is_gone(helper: Path) -> None:
    assert verdict(helper, "4194300:1") == ("gone", "gone")


@pytest.mark.parametrize("rounds", [30, pytest.param(1000, marks=pytest.mark.campaign)])
def test_a_target_that_dies_at_any_instant_is_gone_and_nothing_else(
    helper: Path, zram: Zram, victims: Any, rounds: int
) -> None:
    rng = random.Random(1)
    for _ in range(rounds):
        victim = victims("anon=16")
        words = [helper, "pageout", f"targets={victim.target()}"]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as work:
            time.sleep(rng.random() * 0.04)
            os.kill(victim.pid, signal.SIGKILL)
            out, _ = work.communicate(timeout=30)
        assert work.returncode == 0
        line = json.loads(out.splitlines()[0])
        # A zombie when the kill came before the helper's first look: nobody has waited for it yet.
        assert (line["outcome"], line["reason"]) in {
            ("gone", "gone"),
            ("advised", None),
            ("nothing", "zombie"),
        }


def test_a_threads_id_is_refused(helper: Path, victims: Any) -> None:
    victim = victims("anon=1", "thread")
    time.sleep(0.05)
    (tid,) = (
        path.name
        for path in Path(f"/proc/{victim.pid}/task").iterdir()
        if path.name != str(victim.pid)
    )
    assert verdict(helper, f"{tid}:{start_ticks(int(tid))}") == ("nothing", "thread")


def test_a_zombie_has_nothing(helper: Path) -> None:
    zombie = subprocess.Popen(["true"])
    wait_for_state(zombie.pid, "Z")
    found = verdict(helper, f"{zombie.pid}:{start_ticks(zombie.pid)}:-1000")
    zombie.wait()
    assert found == ("nothing", "zombie")


def test_a_kernel_thread_has_nothing(helper: Path) -> None:
    assert verdict(helper, f"2:{start_ticks(2)}:-1000") == ("nothing", "kernel_thread")


def test_pid_1_and_those_above_the_helper_are_never_touched(helper: Path) -> None:
    for pid in (1, os.getpid(), os.getppid()):
        if pid > 0:
            assert verdict(helper, f"{pid}:{start_ticks(pid)}:-1000") == ("denied", "system")


def test_every_adj_under_the_floor_is_refused_by_its_word(
    helper: Path, victims: Any, sessions: Any
) -> None:
    victim = victims("anon=4")
    session: Session = sessions()
    request = f"1 pageout targets={victim.target()} dry=1"
    for adj in range(1001):  # negative ones want CAP_SYS_RESOURCE; test_target.c has them all
        victim.set_adj(adj)
        session.send(request)
        reply = session.reply()
        assert reply
        line = reply.only("target")
        if adj >= 700:
            wanted = ("advised", None)
        elif adj < 200:
            wanted = ("stopped", "foreground")
        elif adj < 500:
            wanted = ("stopped", "perceptible")
        else:
            wanted = ("stopped", "below_floor")
        assert (line["outcome"], line["reason"], line["adj"]) == (*wanted, adj)


@pytest.mark.parametrize("rounds", [20, pytest.param(500, marks=pytest.mark.campaign)])
def test_coming_to_the_foreground_stops_the_work_within_a_step(
    helper: Path, zram: Zram, victims: Any, sessions: Any, rounds: int
) -> None:
    rng = random.Random(2)
    session: Session = sessions()
    victim = victims("anon=64")
    flips = 0
    for _ in range(rounds):
        victim.set_adj(900)
        victim.touch()
        session.send(f"1 pageout targets={victim.target()}")
        time.sleep(rng.random() * 0.1)
        victim.set_adj(0)
        before = victim.memory("VmSwap")
        reply = session.reply()
        assert reply
        line = reply.only("target")
        if line["outcome"] == "advised":
            continue
        flips += 1
        assert (line["outcome"], line["reason"], line["adj"]) == ("stopped", "foreground", 0)
        assert victim.memory("VmSwap") - before <= 2 * MIB
    assert flips >= rounds // 2
    assert victim.bad_pages() == 0


def test_without_the_capability_the_kernel_denies_and_we_say_so(
    helper: Path, zram: Zram, victims: Any
) -> None:
    if not shutil.which("setpriv"):
        missing("needs setpriv (util-linux)")
    victim = victims("anon=4")
    run = subprocess.run(
        ["setpriv", "--bounding-set=-sys_nice", helper, "pageout", f"targets={victim.target()}"],
        capture_output=True,
        check=True,
    )
    line = json.loads(run.stdout.splitlines()[0])
    assert (line["outcome"], line["reason"]) == ("denied", "denied")
    assert victim.memory("VmSwap") == 0


@pytest.mark.parametrize(
    ("capability", "bit"), [("sys_nice", 23), ("sys_ptrace", 19), ("dac_override", 1)]
)
def test_hello_shows_which_capability_was_dropped(helper: Path, capability: str, bit: int) -> None:
    run = subprocess.run(
        ["setpriv", f"--bounding-set=-{capability}", helper, "hello"],
        capture_output=True,
        check=True,
    )
    assert not int(json.loads(run.stdout.splitlines()[0])["cap_eff"], 16) & 1 << bit


def test_probe_sees_that_uid_0_without_power_is_not_root(helper: Path, zram: Zram) -> None:
    run = subprocess.run(
        ["setpriv", "--bounding-set=-sys_nice", helper, "probe"], capture_output=True, check=True
    )
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    works = {
        line["name"]: (line["works"], line["errno"]) for line in lines if line["t"] == "backend"
    }
    assert works["process_madvise"] == (False, "EPERM")
    assert works["pageout"] == (False, "EPERM")


def test_a_shell_user_is_denied(helper: Path, victims: Any, tmp_path: Path) -> None:
    victim = victims("anon=4")
    with helper.open("rb") as binary:
        copy = Path("/tmp") / f"droidreclaim-helper-{os.getpid()}"
        copy.write_bytes(binary.read())
    copy.chmod(0o755)
    try:
        run = subprocess.run(
            [*SHELL_USER, copy, "pageout", f"targets={victim.target()}"],
            capture_output=True,
            check=True,
        )
    finally:
        copy.unlink()
    line = json.loads(run.stdout.splitlines()[0])
    assert (line["outcome"], line["reason"]) == ("denied", "denied")


LIES = [
    b"(a) S 1 1 (b) R 2",
    b"two\nlines",
    b'quote" and \\backslash',
    b"\x1b[31mred\x1b[0m\x07",
    b"\xff\xfe\x80 not utf-8 \xc3",
    b"\xed\xa0\x80 lone surrogate",
    "snowman \u2603 and game \U0001f3ae".encode(),
    b"\x7f\x01\x02",
    b"x" * 900,
]


@pytest.mark.parametrize("name", LIES)
def test_a_name_of_any_bytes_comes_through_as_text(helper: Path, name: bytes) -> None:
    code = (
        "import ctypes, sys\n"
        "ctypes.CDLL(None).prctl(15, sys.argv[1].encode('utf-8', 'surrogateescape')[:15])\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    words: list[bytes] = [name, b"-c", code.encode(), name]
    with subprocess.Popen(
        words, executable=sys.executable, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as liar:
        assert liar.stdout
        assert liar.stdin
        assert liar.stdout.readline() == b"ready\n"
        (line,) = (line for line in ask(helper, "scan").all("proc") if line["pid"] == liar.pid)
        liar.stdin.close()
    assert line["name"] == name.decode("utf-8", "replace")
    assert line["comm"] == name[:15].decode("utf-8", "replace")
    assert line["ppid"] == os.getpid()


def test_processes_that_hidepid_hides_are_counted_as_absent(helper: Path) -> None:
    """hidepid=2 removes them from the list: none is reported unreadable, and none invented."""
    if not shutil.which("unshare"):
        missing("needs unshare (util-linux)")
    copy = Path("/tmp") / f"droidreclaim-helper-hide-{os.getpid()}"
    shutil.copy(helper, copy)
    copy.chmod(0o755)
    script = f"mount -t proc -o hidepid=2 proc /proc && exec {' '.join(SHELL_USER)} {copy} scan"
    try:
        run = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script], capture_output=True, check=False
        )
    finally:
        copy.unlink()
    if run.returncode != 0:
        missing(f"cannot mount proc with hidepid: {run.stderr.decode()}")
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert {line["uid"] for line in lines if line["t"] == "proc"} == {2000}
