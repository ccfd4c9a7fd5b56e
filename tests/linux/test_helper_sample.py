"""The verb sample on real processes, and the helper as an ordinary user."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import Session, ask, missing, require_root, start_ticks, until
from .made_up import Tree, hosted_program

SHELL = ["setpriv", "--reuid", "2000", "--regid", "2000", "--clear-groups"]


@pytest.fixture
def shared_helper(helper: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The helper where any user can run it."""
    require_root()
    if shutil.which("setpriv") is None:
        missing("no setpriv")
    copy = Path("/tmp") / f"droidreclaim-test-{os.getpid()}"
    shutil.copy(helper, copy)
    copy.chmod(0o755)
    yield copy
    copy.unlink()


def anon_bytes(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines()
               if line.startswith(("RssAnon:", "VmSwap:")))  # fmt: skip


def test_samples_are_what_status_says_one_period_apart(helper: Path) -> None:
    with subprocess.Popen(["sleep", "30"]) as sleeper:
        target = f"{sleeper.pid}:{start_ticks(sleeper.pid)}"
        time.sleep(0.2)
        reply = ask(helper, "sample", f"targets={target}", "period_us=20000", "count=10")
        held = anon_bytes(sleeper.pid)
        sleeper.kill()
    samples = reply.all("sample")
    assert len(samples) == 10
    assert {one["rss_anon_bytes"] + one["swap_bytes"] for one in samples} == {held}
    took_us = samples[-1]["at_us"] - samples[0]["at_us"]
    assert 170_000 < took_us < 2_000_000
    uptime_us = float(Path("/proc/uptime").read_text().split()[0]) * 1e6
    assert abs(samples[-1]["at_us"] - uptime_us) < 1e6  # BOOTTIME


def test_a_process_that_ends_has_one_line_that_says_so(helper: Path) -> None:
    with subprocess.Popen(["sleep", "0.3"]) as sleeper:
        target = f"{sleeper.pid}:{start_ticks(sleeper.pid)}"
        reader = subprocess.Popen(
            [helper, "sample", f"targets={target}", "period_us=50000", "count=20"],
            stdout=subprocess.PIPE,
        )
        sleeper.wait()
        out, _ = reader.communicate(timeout=10)
    lines = [json.loads(line) for line in out.splitlines()][:-1]
    assert [line["errno"] for line in lines].count("ESRCH") == 1
    assert lines[-1]["errno"] == "ESRCH"
    assert lines[-1]["rss_anon_bytes"] is None


def test_a_recycled_pid_is_not_sampled(helper: Path) -> None:
    [line] = ask(helper, "sample", f"targets={os.getpid()}:1").all("sample")
    assert line["errno"] == "ESRCH"


def test_new_processes_are_told_once(helper: Path) -> None:
    with subprocess.Popen(
        [helper, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as served:

        def sampled_pids(request_id: str) -> set[int]:
            served.stdin.write(f"{request_id} sample new=1 period_us=10000\n")  # type: ignore[union-attr]
            served.stdin.flush()  # type: ignore[union-attr]
            pids = set()
            while (line := json.loads(served.stdout.readline()))["t"] != "end":  # type: ignore[union-attr]
                pids.add(line["pid"])
            return pids

        assert os.getpid() in sampled_pids("a")
        with subprocess.Popen(["sleep", "30"]) as sleeper:
            until(Path(f"/proc/{sleeper.pid}/cmdline").read_bytes)  # exec has ended
            seen = sampled_pids("b")
            again = sampled_pids("c")
            sleeper.kill()
        served.stdin.close()  # type: ignore[union-attr]
    assert sleeper.pid in seen
    assert os.getpid() not in seen
    assert sleeper.pid not in again


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The helper on the host's libc, which reads a root of the test's own."""
    return hosted_program(tmp_path_factory.mktemp("hosted"), "helper")


NOT_YET = {
    "a zygote's child": b"zygote64\0",
    "an unspecialized child": b"usap64\0",
    "before it is given an app": b"<pre-initialized>\0",
    "of a zygote of its own": b"com.example_zygote\0",
    "in the middle of exec": b"",
}


@pytest.mark.parametrize("words", ["sample new=1 period_us=10000", "scan again=1"])
@pytest.mark.parametrize("cmdline", NOT_YET.values(), ids=list(NOT_YET))
def test_a_process_without_a_name_of_its_own_is_told_again_until_it_has_one(
    hosted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cmdline: bytes, words: str
) -> None:
    tree = Tree(tmp_path / "root")
    tree.process(500, "com.example.app", 10123, 0)
    own = tree.root / "proc/500/cmdline"
    named = own.read_bytes()
    monkeypatch.setenv("DROIDRECLAIM_ROOT", str(tree.root))
    served = Session(hosted)
    try:
        looks = []
        for name in (cmdline, cmdline, named, named):
            own.write_bytes(name)
            served.send(f"1 {words}")
            reply = served.reply()
            assert reply is not None
            looks.append(reply.all("proc"))
    finally:
        served.close()
    assert [len(look) for look in looks] == [1, 1, 1, 0]
    assert looks[2][0]["name"] == "com.example.app"


@pytest.mark.parametrize("words", ["period_us=1", "count=1001", "new=2", "targets=x", "hz=10"])
def test_what_no_device_can_do_is_refused(helper: Path, words: str) -> None:
    done = subprocess.run([helper, "sample", words], capture_output=True, check=False)
    assert json.loads(done.stdout)["error"] == "EINVAL"


def test_65_targets_are_one_too_many(helper: Path) -> None:
    done = subprocess.run(
        [helper, "sample", "targets=" + ",".join(["1:1"] * 65)], capture_output=True, check=False
    )
    assert json.loads(done.stdout.splitlines()[-1])["error"] == "E2BIG"


def test_an_ordinary_user_reads_everybodys_memory(shared_helper: Path) -> None:
    own = ask(shared_helper, "scan").all("proc")
    done = subprocess.run([*SHELL, shared_helper, "scan"], capture_output=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    by_pid = {line["pid"]: line for line in lines if line["t"] == "proc"}
    after = {one["pid"] for one in ask(shared_helper, "scan").all("proc") if one["rss_anon_bytes"]}
    known = [one for one in own if one["rss_anon_bytes"] and one["pid"] in by_pid.keys() & after]
    assert os.getpid() in {one["pid"] for one in known}
    assert all(by_pid[one["pid"]]["rss_anon_bytes"] is not None for one in known)


def test_hidepid_hides_others_and_breaks_nothing(shared_helper: Path) -> None:
    mount = 'mount -t proc -o hidepid=2 proc /proc && exec "$@"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", mount, "sh", *SHELL, shared_helper, "scan"],
        capture_output=True,
        check=False,
    )
    if not done.stdout:
        missing(f"no mount namespace: {done.stderr.decode()}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    pids = {line["pid"] for line in lines if line["t"] == "proc"}
    assert 1 not in pids
    assert len(pids) >= 1
    assert lines[-1]["ok"]


def test_a_refused_status_is_null_and_counted_with_its_errno(shared_helper: Path) -> None:
    with subprocess.Popen(["sleep", "30"]) as sleeper:
        mount = (
            "touch /tmp/$$.none; chmod 0 /tmp/$$.none;"
            f"mount --bind /tmp/$$.none /proc/{sleeper.pid}/status; rm -f /tmp/$$.none;"
            'grep -q . /proc/mounts && exec "$@"'
        )
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", mount, "sh", *SHELL, shared_helper, "scan"],
            capture_output=True,
            check=False,
        )
        sleeper.kill()
    if b"mount" in done.stderr or b"unshare" in done.stderr:
        missing(f"no bind mount here: {done.stderr.decode()}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    [row] = [line for line in lines if line.get("pid") == sleeper.pid]
    assert (row["name"], row["uid"], row["rss_anon_bytes"]) == ("sleep", None, None)
    assert row["adj"] is not None
    [unreadable] = [line for line in lines if line["t"] == "unreadable"]
    assert (unreadable["count"], unreadable["errno"]) == (1, "EACCES")
