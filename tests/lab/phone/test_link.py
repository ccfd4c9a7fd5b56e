"""The link breaks: server gone, phone frozen, nothing attached."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import command, run, run_json
from handset import ADB, Handset, adb_server_of, free_port, until

pytestmark = pytest.mark.phone

_CACHED = ("reclaim", "--band", "cached")


def helpers(phone: Handset) -> list[str]:
    """Helper processes of ours that run on the phone."""
    script = "for exe in /proc/[0-9]*/exe; do readlink $exe; done 2>/dev/null; true"
    return [line for line in phone.text(script).splitlines() if "droidreclaim" in line]


def begun(phone: Handset, *words: str) -> subprocess.Popen[str]:
    """Start a page-out, and return once it works on the phone."""
    running = subprocess.Popen(
        command(phone, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    running.stderr.readline()
    return running


def test_devices_says_ready_or_why_not(phone: Handset) -> None:
    [row] = [one for one in run_json(phone, "devices")["devices"] if one["serial"] == phone.serial]
    assert row["ready"]
    assert row["reason"] is None
    assert (row["model"], row["sdk"], row["abi"]) == ("Pocket Phone", 33, "x86_64")
    assert row["root"] == "adbd"


def test_waiting_for_a_ready_device_returns_and_waiting_in_vain_ends(phone: Handset) -> None:
    assert run(phone, "devices", "--wait", "60").returncode == 0
    begin = time.monotonic()
    words = ["-s", "nobody", "devices", "--wait", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "droidreclaim", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 3
    assert "nobody" in done.stderr
    assert time.monotonic() - begin < 10


def test_an_unknown_serial_lists_the_candidates(phone: Handset) -> None:
    done = run(phone, "-s", "nobody", "ps")
    assert done.returncode == 3
    assert phone.serial in done.stderr


def test_an_adb_server_that_dies_in_the_middle_is_a_lost_device_and_leaves_no_helper(
    phone: Handset, tmp_path: Path
) -> None:
    port = free_port()
    with adb_server_of(ADB, port, tmp_path / "log"):
        subprocess.run(
            [ADB, "-P", str(port), "connect", phone.serial], check=True, capture_output=True
        )
        until(lambda: run(phone, "-P", str(port), "ps").returncode == 0, timeout_s=60)
        phone.text("pocket verify all")
        running = begun(phone, "-P", str(port), *_CACHED)
    _, said = running.communicate(timeout=20)
    assert running.returncode == 3, said
    assert len(said.strip().splitlines()) == 1
    until(lambda: not helpers(phone), timeout_s=10)
    assert run_json(phone, "ps")["processes"]


@pytest.fixture(scope="module")
def mine(boot_for_module: Callable[..., Handset]) -> Handset:
    """Boot a phone that the test freezes and resets."""
    return boot_for_module()


def test_a_frozen_phone_is_given_up_at_the_deadline(mine: Handset) -> None:
    run_json(mine, "ps")
    os.kill(mine.phone.pid, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        done = run(mine, "--timeout", "5", "ps")
        assert done.returncode == 3, done.stderr
        assert time.monotonic() - begin < 5 + 5
        assert mine.serial in done.stderr
    finally:
        os.kill(mine.phone.pid, signal.SIGCONT)


@pytest.mark.parametrize("instant_s", [0.05, 0.2, 0.5, 1.0])
def test_a_command_killed_at_any_instant_leaves_no_helper_and_no_bad_page(
    phone: Handset, instant_s: float
) -> None:
    phone.text("pocket verify all")
    running = begun(phone, *_CACHED)
    time.sleep(instant_s)
    running.kill()
    running.wait()
    until(lambda: not helpers(phone), timeout_s=10)
    assert '"bad": 0' in phone.text("pocket verify all")


def test_a_phone_that_is_reset_in_the_middle_of_a_reclaim_is_lost_within_ten_seconds(
    mine: Handset,
) -> None:
    until(lambda: run(mine, "ps", "com.example.game").returncode == 0, timeout_s=60)
    running = begun(mine, *_CACHED, "--max-rate", "1MiB", "--json")
    time.sleep(1)
    reset = [mine.adb, "-s", mine.serial, "shell", "echo b > /proc/sysrq-trigger"]
    begin = time.monotonic()
    with subprocess.Popen(reset) as resetting:  # no FIN, no RST: nobody says goodbye
        out, said = running.communicate(timeout=40)
        took_s = time.monotonic() - begin
        resetting.kill()
    assert running.returncode == 3, said
    assert took_s < 10, said
    document = json.loads(out)
    assert len(document["targets"]) > 1
    assert {target["outcome"] for target in document["targets"]} == {"stopped"}
    assert document["error"]["exit_code"] == 3
