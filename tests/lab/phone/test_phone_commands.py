"""The phone commands: which phone and adb server they act on, and what they clean up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commands import COMMAND_TIMEOUT_S, run
from droidreclaim.units import MIB
from handset import ADB, Handset, adb_server_of, free_port, until

pytestmark = pytest.mark.phone


def droidreclaim(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "droidreclaim", *words],
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
        env=os.environ | environment,
    )


def listed(port: int | str) -> str:
    """Return the list of devices of the adb server on *port*."""
    argv = [ADB, "-P", str(port), "devices"]
    return subprocess.run(
        argv, capture_output=True, text=True, timeout=20, check=True
    ).stdout.partition("\n")[2]


@pytest.fixture
def other_server(tmp_path: Path, adb_server: int) -> Iterator[int]:
    """Port of a second adb server, which knows no phone."""
    port = free_port()
    with adb_server_of(ADB, port, tmp_path / "server.log"):
        yield port


def test_status_connects_a_phone_that_adb_has_lost(phone: Handset, adb_server: int) -> None:
    assert phone.run("disconnect", phone.serial).returncode == 0
    assert phone.serial not in listed(adb_server)
    done = droidreclaim("phone", "status")
    assert phone.serial in done.stdout
    assert f"{phone.serial}: adb had lost it and is connected again" in done.stderr
    assert phone.serial in listed(adb_server)
    assert droidreclaim("phone", "status").stderr == ""


def test_the_adb_server_named_by_p_is_the_one_that_is_told(
    phone: Handset, other_server: int
) -> None:
    done = droidreclaim("phone", "status", "-P", str(other_server))
    assert "connected again" in done.stderr
    assert phone.serial in listed(other_server)


def test_the_other_variable_for_the_adb_server_counts_too(
    phone: Handset, other_server: int
) -> None:
    droidreclaim("phone", "status", ADB_SERVER_SOCKET=f"tcp:127.0.0.1:{other_server}")
    assert phone.serial in listed(other_server)


def test_quiet_is_quiet_before_and_after_the_name(phone: Handset) -> None:
    for words in (("-q", "phone", "status"), ("phone", "status", "-q")):
        phone.run("disconnect", phone.serial)
        done = droidreclaim(*words)
        assert (done.returncode, done.stderr) == (0, "")
        assert phone.serial in done.stdout


def test_s_chooses_the_phone(phone: Handset) -> None:
    found = json.loads(run(phone, "phone", "status", "--json").stdout)["phones"]
    assert [row["serial"] for row in found] == [phone.serial]
    done = droidreclaim("-s", "127.0.0.1:1", "phone", "stop")
    assert (done.returncode, phone.phone.alive) == (3, True)
    assert "no pocket phone runs" in done.stderr


@pytest.mark.parametrize(
    "words", [("-s", "R5CT30"), ("-s", "127.0.0.1:x"), ("-s", "127.0.0.1:1", "--port", "2")]
)
def test_a_serial_that_no_phone_has_is_a_usage_error(phone: Handset, words: tuple[str]) -> None:
    assert droidreclaim("phone", "stop", *words).returncode == 2
    assert phone.phone.alive


def test_a_variable_that_is_no_port_is_found_before_anything_is_stopped(phone: Handset) -> None:
    done = droidreclaim("phone", "stop", ANDROID_ADB_SERVER_PORT="abc")
    assert done.returncode == 2
    assert "ANDROID_ADB_SERVER_PORT: 'abc' is not a port" in done.stderr
    assert phone.phone.alive


def test_stop_cleans_up_after_a_phone_that_died(
    boot: Callable[..., Handset], adb_server: int
) -> None:
    handset = boot(ram_bytes=256 * MIB, zram_bytes=0)
    os.kill(handset.phone.pid, signal.SIGKILL)
    until(lambda: not handset.phone.alive)
    done = run(handset, "phone", "stop")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{handset.serial} was dead and is cleaned up\n"
    assert not Path(handset.phone.console).exists()
    assert handset.serial not in listed(adb_server)
    assert run(handset, "phone", "stop").returncode == 3


@pytest.mark.parametrize("form", ["{{", "[]", '{{"pid": {pid}}}', '{{"pid": {pid}, "port": 6599}}'])
def test_an_unreadable_record_is_kept_and_named(tmp_path: Path, form: str) -> None:
    record = tmp_path / "phone-6599.json"
    record.write_text(form.format(pid=os.getpid()))
    done = droidreclaim("phone", "status", DROIDRECLAIM_STATE_DIR=str(tmp_path))
    assert done.returncode == 0
    assert f"{record} cannot be read and is kept" in done.stderr
    assert record.exists()
