"""One command on several devices, by the command line, against an adb server of many devices."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from desk import Desk
from zygote import run_warm

from adb_server import AdbServer
from droidreclaim.device import lease

Run = Callable[..., subprocess.CompletedProcess[str]]


def server_of(adb: AdbServer) -> list[str]:
    return ["-H", "127.0.0.1", "-P", str(adb.port)]


@pytest.fixture
def droidreclaim(adb: AdbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DROIDRECLAIM_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("DROIDRECLAIM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_warm([*server_of(adb), *arguments])

    return run


def test_ps_of_two_devices_is_one_table_with_the_serial_first(
    adb: AdbServer, droidreclaim: Run
) -> None:
    Desk(adb, 3)
    done = droidreclaim("ps", "-s", "D02", "-s", "D00", "-s", "D02")
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.split()[:3] == ["SERIAL", "PROCESS", "PID"]
    assert [row.split()[:3] for row in rows[:2]] == [
        ["D00", "com.example.mail", "200"],
        ["D02", "com.example.mail", "202"],
    ]
    for serial in ("D00", "D02"):
        [line] = [one for one in done.stderr.splitlines() if f"{serial}: done in" in one]
        assert re.search(r"\d\.\d s, [12] of 2$", line)


def test_json_of_every_device_is_a_line_each_with_its_serial(
    adb: AdbServer, droidreclaim: Run
) -> None:
    Desk(adb, 3)
    done = droidreclaim("ps", "--all-devices", "--json", "-q")
    assert done.returncode == 0, done.stderr
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    pids = {one["device"]["serial"]: one["processes"][0]["pid"] for one in documents}
    assert pids == {"D00": 200, "D01": 201, "D02": 202}
    assert "done" not in done.stderr


def test_a_device_that_is_not_there_or_silent_is_its_own_matter(
    adb: AdbServer, droidreclaim: Run
) -> None:
    Desk(adb, 2).silent = {"D01"}
    words = ["ps", "-s", "D00", "-s", "D01", "-s", "gone", "--timeout", "1"]
    done = droidreclaim(*words)
    assert done.returncode == 3
    assert "D00" in done.stdout
    assert "D01: no answer within 1 s" in done.stderr
    assert "'gone'" in done.stderr
    assert "Traceback" not in done.stderr
    told = [json.loads(line) for line in droidreclaim(*words, "--json").stdout.splitlines()]
    codes = {one["device"]["serial"]: one.get("error", {}).get("exit_code") for one in told}
    assert codes == {"D00": None, "D01": 3, "gone": 3}


def test_the_worst_by_rank_is_the_exit_code(adb: AdbServer, droidreclaim: Run) -> None:
    desk = Desk(adb, 2)
    both = ("-s", "D00", "-s", "D01", "--timeout", "1")
    assert droidreclaim("reclaim", "--band", "cached", *both).returncode == 4  # no root
    assert droidreclaim("ps", "com.example.nobody", *both).returncode == 7
    desk.silent = {"D01"}
    done = droidreclaim("reclaim", "--band", "cached", *both)
    assert done.returncode == 3, done.stderr
    assert "D00: no root" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["ps", "pid:12", "--all-devices"],
        ["ps", "--all-devices", "-s", "D00"],
        ["ps", "--all-devices", "-e"],
        ["reclaim", "--all-devices"],
        ["guard", "start", "--profile", "nowhere", "--all-devices"],
        ["run", "nowhere.yaml", "-s", "D00", "-s", "D01"],
        ["uninstall", "-s", "D00", "-s", "D01"],
        ["swap", "on", "--all-devices"],
        ["phone", "stop", "-s", "D00", "-s", "D01"],
    ],
)
def test_usage_is_told_once_and_before_a_device_is_touched(
    adb: AdbServer, droidreclaim: Run, words: list[str]
) -> None:
    Desk(adb, 2)
    done = droidreclaim(*words)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not any(one.startswith("host:transport") for one in adb.requests)


def test_all_devices_where_there_is_none_is_an_error_that_says_what_to_do(
    adb: AdbServer, droidreclaim: Run
) -> None:
    adb.devices = ""
    done = droidreclaim("ps", "--all-devices")
    assert done.returncode == 3
    assert "plug a phone in" in done.stderr


ROWS = {
    "none": "",
    "offline": "R58M12 offline transport_id:7\n",
    "unauthorized": "R58M12 unauthorized transport_id:7\n",
    "two": "R58M12 device transport_id:7\nR58M13 offline transport_id:8\n",
    "three": "R58M12 device transport_id:7\nR58M13 offline transport_id:8\nemulator-5554 device\n",
}
SERIALS = ("R58M12", "R58M13", "emulator-5554")


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
@pytest.mark.parametrize(
    "words", ["ps", "kills", "-s nobody ps", "guard status", "devices --wait 1"]
)
def test_a_hint_is_never_glued_to_a_row(
    adb: AdbServer, droidreclaim: Run, rows: str, words: str
) -> None:
    adb.devices = rows
    adb.handlers["host:transport"] = lambda peer, _: peer.fail("no such transport")
    adb.handlers["host:transport-id"] = adb.handlers["host:transport"]
    done = droidreclaim(*words.split())
    assert done.returncode in (3, 4), done.stderr
    for line in done.stderr.splitlines():
        if line.startswith("  "):
            assert line.split()[0] in SERIALS, done.stderr
            assert "(" not in line, done.stderr
            assert "-s SERIAL" not in line, done.stderr


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_the_doctor_says_no_sentence_twice_in_one_stream(
    adb: AdbServer, droidreclaim: Run, rows: str
) -> None:
    adb.devices = rows
    adb.handlers["host:transport"] = lambda peer, _: peer.fail("no such transport")
    adb.handlers["host:transport-id"] = adb.handlers["host:transport"]
    adb.handlers["host:version"] = lambda peer, _: (peer.okay(), peer.send(b"00040029"))[0]
    done = droidreclaim("doctor", "--json")
    assert done.returncode == 3, done.stderr
    checks = json.loads(done.stdout)["checks"]
    said = [words for one in checks for words in (one["fact"], one["todo"]) if words]
    assert len(said) == len(set(said)), said
    assert "no adb server" not in done.stdout
    told = done.stderr.removeprefix("droidreclaim: ").splitlines()
    assert len(told) == len(set(told))
    assert done.stderr.count("droidreclaim: ") == 1


@pytest.mark.parametrize(
    ("logcat", "said"),
    [
        ("echo logcat: no logd >&2; exit 1", "no logd"),
        ("exit 0", "it ended"),
        ("echo '--------- beginning of main'; exit 0", "it ended"),
        (None, "not found"),
    ],
)
def test_following_says_that_it_waits_and_that_a_log_ended(
    adb: AdbServer, droidreclaim: Run, tmp_path: Path, logcat: str | None, said: str
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    if logcat is not None:
        (programs / "logcat").write_text(f"#!/bin/sh\n{logcat}\n")
        (programs / "logcat").chmod(0o755)
    adb.environment["PATH"] = f"{programs}:/usr/bin:/bin"
    done = droidreclaim("kills", "--follow")
    assert done.returncode == 5, done.stderr
    waits, ended = done.stderr.splitlines()
    assert "waiting for kills by lmkd" in waits
    assert said in ended


def test_devices_lists_those_that_are_named(adb: AdbServer, droidreclaim: Run) -> None:
    Desk(adb, 3)
    done = droidreclaim("devices", "-s", "D00", "-s", "D02", "--json")
    assert [one["serial"] for one in json.loads(done.stdout)["devices"]] == ["D00", "D02"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ending_it_ends_the_work_on_each_device(
    adb: AdbServer, droidreclaim: Run, number: int
) -> None:
    del droidreclaim  # for its environment
    Desk(adb, 3).silent = {"D00", "D02"}
    words = [sys.executable, "-m", "droidreclaim", *server_of(adb), "ps", "--all-devices"]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    said = ""
    while "D01: done" not in said:
        said += child.stderr.readline()
    begun_s = time.monotonic()
    child.send_signal(number)
    out, err = child.communicate(timeout=20)
    assert time.monotonic() - begun_s < 15
    assert child.returncode == (130 if number == signal.SIGINT else 143), err
    assert "D01" in out  # what is known is printed
    word = "interrupted" if number == signal.SIGINT else "ended by SIGTERM"
    assert f"D00: {word}" in err
    assert f"D02: {word}" in err


AT_A_BAD_MOMENT = """
import signal, sys, threading, time
from droidreclaim.cli import several

class Doomed:
    def __del__(self):
        signal.raise_signal(signal.{name})

def hit():
    time.sleep(0.5)
    signal.pthread_kill(threading.get_ident(), signal.{name})

ended = several._Desk._ended

def end_one(self, *words):
    ended(self, *words)
    {moment}

several._Desk._ended = end_one
from droidreclaim.cli.main import main
sys.exit(main())
"""
FINALIZER, WAITING = "Doomed()", "threading.Thread(target=hit, daemon=True).start()"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("moment", [FINALIZER, WAITING], ids=["finalizer", "waiting"])
def test_a_signal_that_python_does_not_notice_ends_it_too(
    adb: AdbServer, droidreclaim: Run, name: str, moment: str
) -> None:
    """
    An exception that is raised in a finalizer is printed and forgotten.

    And a wait that began in the instant before a signal goes on: as one does when the signal
    comes to another thread.
    """
    del droidreclaim
    Desk(adb, 2).silent = {"D00"}
    script = AT_A_BAD_MOMENT.format(name=name, moment=moment)
    words = [sys.executable, "-c", script, *server_of(adb), "ps", "--all-devices"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 128 + signal.Signals[name], done.stderr
    assert "no answer" not in done.stderr
    assert "D01" in done.stdout
    assert "Exception ignored" not in done.stderr


def test_a_process_that_is_killed_is_one_device_lost_to_us(
    adb: AdbServer, droidreclaim: Run
) -> None:
    del droidreclaim
    Desk(adb, 2).silent = {"D00"}
    words = [sys.executable, "-m", "droidreclaim", *server_of(adb), "ps", "--all-devices"]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    said = ""
    while "D01: done" not in said:
        said += child.stderr.readline()
    [work] = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text("ascii").split()
    os.kill(int(work), signal.SIGKILL)
    out, err = child.communicate(timeout=20)
    assert child.returncode == 1
    assert "D01" in out
    assert "D00: ended by a signal" in err


def test_work_ends_with_a_command_that_is_killed_behind_a_script_s_ampersand(
    adb: AdbServer, droidreclaim: Run
) -> None:
    """Where a shell has no job control, what runs behind ``&`` ignores SIGINT."""
    del droidreclaim
    Desk(adb, 2).silent = {"D00"}
    script = "from droidreclaim.cli.main import main; from droidreclaim.device import root; "
    patient = [sys.executable, "-c", f"{script} root.PROBE_TIMEOUT_S = 300; main()"]
    words = [*patient, *server_of(adb), "ps", "--all-devices", "--timeout", "300"]
    ignoring = ["env", "--ignore-signal=INT", *words]
    child = subprocess.Popen(ignoring, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    while "D01: done" not in child.stderr.readline():
        pass
    child.kill()
    child.communicate(timeout=40)  # until the work has closed it, too, which else lasts a minute
    assert child.returncode == -signal.SIGKILL


def test_what_changes_a_device_waits_for_whoever_has_leased_it(
    adb: AdbServer, droidreclaim: Run
) -> None:
    Desk(adb, 2)
    [held] = lease.take(lambda: ["D01"], 1, timeout_s=1)
    words = ["-s", "D00", "-s", "D01", "--timeout", "1"]
    done = droidreclaim("reclaim", "--band", "cached", *words)
    assert done.returncode == 3
    assert "D01: no 1 free of these within 1 s" in done.stderr
    assert droidreclaim("ps", *words).returncode == 0  # looking disturbs nobody
    held.release()


def test_a_report_of_each_device_is_a_file_each(
    adb: AdbServer, droidreclaim: Run, tmp_path: Path
) -> None:
    adb.devices = ""
    words = ["-s", "10.0.0.1:5555", "-s", "B", "--report", str(tmp_path / "report.txt")]
    done = droidreclaim("doctor", *words)
    assert done.returncode == 3  # neither is attached, which a report says as well
    names = {one.name for one in tmp_path.glob("report*")}
    assert names == {"report-10.0.0.1_5555.txt", "report-B.txt"}
    assert done.stdout.split()[0] == "SERIAL"


def children_s() -> float:
    """Processor time of the children that ended."""
    return sum(os.times()[2:4])


@pytest.mark.usefixtures("droidreclaim")
@pytest.mark.parametrize(
    ("clock", "most"),
    [(children_s, 10), pytest.param(time.monotonic, 3, marks=pytest.mark.nightly)],
    ids=["processor", "time"],  # time is for a quiet machine
)
def test_sixty_four_devices_at_once_take_a_few_times_what_one_takes(
    adb: AdbServer, clock: Callable[[], float], most: int
) -> None:
    """As commands of a user's own, the best of three on either side."""

    def took_s(*words: str) -> float:
        command = [sys.executable, "-m", "droidreclaim", *server_of(adb), "ps", *words]
        begun_s = clock()
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        return clock() - begun_s

    Desk(adb, 64)
    one = min(took_s("-s", "D00") for _ in range(3))
    many = min(took_s("--all-devices") for _ in range(3))
    print(f"one {one:.2f} s, 64 {many:.2f} s, {many / one:.1f} times")
    assert many <= most * one
