"""The phone's ADB daemon against two real adb clients: adbutils' and an installed one."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import adbutils
import pytest

from handset import Handset, adb_server_of, free_port, until

pytestmark = pytest.mark.phone

TEN_MIB = 10 * 1024 * 1024


def test_stdout_stderr_and_exit_code_arrive_apart(phone: Handset) -> None:
    done = phone.shell("echo out; echo err >&2; exit 42")
    assert (done.stdout, done.stderr, done.returncode) == (b"out\n", b"err\n", 42)


def test_a_signal_is_exit_code_128_and_its_number(phone: Handset) -> None:
    assert phone.shell("kill -9 $$").returncode == 137


@pytest.mark.parametrize("command", ["sha256sum", "sleep 1; sha256sum"])
def test_stdin_reaches_the_command_and_ends(phone: Handset, command: str) -> None:
    data = random.Random(1).randbytes(300_000)
    done = phone.shell(command, stdin=data)
    assert done.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()


def test_a_command_that_does_not_read_its_stdin_still_ends(phone: Handset) -> None:
    done = phone.shell("echo early", stdin=bytes(1024 * 1024))
    assert (done.stdout, done.returncode) == (b"early\n", 0)


@pytest.mark.timeout(60)
def test_a_flood_on_stdout_does_not_hold_stderr_back(boot: Callable[..., Handset]) -> None:
    phone = boot(cpus=2)  # a flood leaves nothing of a single one to anybody else
    # The second is for yes to begin: a signal that meets it before its exec is lost.
    script = "yes & flood=$!; sleep 1; echo err >&2; read word; kill $flood"
    argv = [phone.adb, "-s", phone.serial, "shell", script]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as shell:
        assert shell.stdin
        assert shell.stderr
        try:
            assert shell.stderr.readline() == b"err\n"
            shell.stdin.write(b"\n")
            shell.stdin.close()
            assert shell.wait(20) is not None
        finally:
            shell.kill()


def test_exec_out_is_binary_clean(phone: Handset) -> None:
    done = phone.run("exec-out", "printf 'a\\r\\n\\0b\\nc'")
    assert done.stdout == b"a\r\n\0b\nc"


def test_the_old_shell_protocol_has_plain_line_ends_and_no_exit_code(
    phone: Handset, adb_server: int
) -> None:
    device = adbutils.AdbClient(port=adb_server).device(phone.serial)
    assert device.shell("echo one; echo two >&2; exit 3") == "one\ntwo"


def test_an_interactive_shell_has_a_terminal(phone: Handset) -> None:
    done = phone.run("shell", "-tt", stdin=b"tty; exit 5\n")
    assert b"/dev/pts/" in done.stdout
    assert done.returncode == 5


def test_ten_mebibytes_survive_push_and_pull(phone: Handset, tmp_path: Path) -> None:
    sent, received = tmp_path / "sent", tmp_path / "received"
    sent.write_bytes(random.Random(2).randbytes(TEN_MIB))
    sent.chmod(0o640)  # adbd gives group and others what the owner has
    assert phone.run("push", str(sent), "/data/local/tmp/ten").returncode == 0
    try:
        assert phone.text("stat -c %a:%s /data/local/tmp/ten") == f"666:{TEN_MIB}"
        assert phone.run("pull", "/data/local/tmp/ten", str(received)).returncode == 0
    finally:
        phone.shell("rm /data/local/tmp/ten")
    assert received.read_bytes() == sent.read_bytes()


def test_push_makes_directories_and_keeps_the_time(phone: Handset, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    os.utime(tmp_path / "file", (1_600_000_000, 1_600_000_000))
    try:
        assert (
            phone.run("push", str(tmp_path / "file"), "/data/local/tmp/new/deep/file").returncode
            == 0
        )
        assert phone.text("stat -c %Y /data/local/tmp/new/deep/file") == "1600000000"
    finally:
        phone.shell("rm -r /data/local/tmp/new")


def test_a_refused_push_says_why(phone: Handset, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(200_000))
    done = phone.run("push", str(tmp_path / "file"), "/proc/nothing")
    assert done.returncode != 0
    assert b"couldn't create file: No such file or directory" in done.stderr + done.stdout


def test_a_full_disk_is_named_and_leaves_no_file(phone: Handset, tmp_path: Path) -> None:
    phone.text("mkdir -p /dev/small && mount -t tmpfs -o size=64k small /dev/small")
    (tmp_path / "big").write_bytes(bytes(500_000))
    try:
        done = phone.run("push", str(tmp_path / "big"), "/dev/small/big")
        assert b"No space left on device" in done.stderr + done.stdout
        assert phone.text("ls /dev/small") == ""
    finally:
        phone.text("umount /dev/small && rmdir /dev/small")


def test_a_push_that_is_cut_leaves_no_file(phone: Handset, tmp_path: Path) -> None:
    fifo = tmp_path / "large"
    with fifo.open("wb") as file:
        file.truncate(100 * TEN_MIB)
    argv = [phone.adb, "-s", phone.serial, "push", str(fifo), "/dev/cut"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as push:
        until(lambda: phone.shell("ls /dev/cut").returncode == 0)
        push.kill()
    until(lambda: phone.shell("ls /dev/cut").returncode != 0)


def test_a_missing_file_cannot_be_pulled(phone: Handset, tmp_path: Path) -> None:
    done = phone.run("pull", "/data/local/tmp/none", str(tmp_path / "none"))
    assert done.returncode != 0
    assert (
        b"No such file" in done.stderr + done.stdout
        or b"does not exist" in done.stderr + done.stdout
    )


def test_ls_lists_names_sizes_and_modes(phone: Handset) -> None:
    rows = phone.run("ls", "/data/local").stdout.decode().splitlines()
    assert any(row.endswith(" tmp") and int(row.split()[0], 16) == 0o40771 for row in rows)


def test_streams_run_side_by_side(phone: Handset) -> None:
    def answer_of(number: int) -> bytes:
        return phone.shell(f"sleep 0.5; seq 1 20000 | sha1sum; echo {number}").stdout

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(answer_of, range(6)))
    assert [answer.split()[-1] for answer in answers] == [str(n).encode() for n in range(6)]
    assert len({answer.split()[0] for answer in answers}) == 1


def test_hanging_up_sends_sighup_to_the_direct_child_alone(phone: Handset) -> None:
    script = (
        "cd /data/local/tmp; trap 'echo hup > hup; exit' HUP; sleep 4000 & echo $! > child; wait"
    )
    argv = [phone.adb, "-s", phone.serial, "shell", script]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
        until(lambda: phone.shell("cat /data/local/tmp/child").stdout.strip().isdigit())
        shell.send_signal(signal.SIGINT)
    try:
        until(lambda: phone.shell("cat /data/local/tmp/hup").stdout == b"hup\n")
        assert phone.shell("kill $(cat /data/local/tmp/child)").returncode == 0  # lived on
    finally:
        phone.shell("rm -f /data/local/tmp/hup /data/local/tmp/child")


def test_children_have_adj_minus_950_and_a_session_of_their_own(phone: Handset) -> None:
    assert phone.text("cat /proc/self/oom_score_adj") == "-950"
    pid, session = phone.text("set -- $(cat /proc/$$/stat); echo $1 $6").split()
    assert pid == session


def test_a_port_of_the_phone_is_reached_by_forwarding(phone: Handset) -> None:
    script = (
        "import socket; server = socket.create_server(('127.0.0.1', 7357)); print(1, flush=True); "
        "link = server.accept()[0]; link.sendall(link.makefile().readline()[::-1].encode())"
    )
    port = int(phone.run("forward", "tcp:0", "tcp:7357").stdout)
    argv = [phone.adb, "-s", phone.serial, "shell", f'/usr/bin/python3 -S -c "{script}"']
    try:
        with subprocess.Popen(argv, stdout=subprocess.PIPE) as server:
            assert server.stdout
            assert server.stdout.readline() == b"1\n"
            with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
                link.sendall(b"abc\n")
                assert link.makefile().read() == "\ncba"
        with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
            assert link.recv(1) == b""  # nobody listens any more
    finally:
        phone.run("forward", "--remove", f"tcp:{port}")


def test_an_unknown_service_is_refused(phone: Handset, adb_server: int) -> None:
    device = adbutils.AdbClient(port=adb_server).device(phone.serial)
    with device.open_transport() as link:
        link.send_command("jdwp:1")
        with pytest.raises(adbutils.AdbError, match="closed"):
            link.check_okay()


def test_features_are_those_that_work(phone: Handset) -> None:
    done = phone.run("features")
    assert set(done.stdout.decode().split()) == {"shell_v2", "stat_v2", "fixed_push_mkdir"}


def test_noise_on_the_port_does_not_disturb_others(phone: Handset) -> None:
    for noise in (b"GET / HTTP/1.1\r\n\r\n", bytes(24), b"CNXN" + bytes([255] * 20)):
        with socket.create_connection(("127.0.0.1", phone.phone.port), timeout=5) as link:
            link.sendall(noise)
    assert phone.text("echo fine") == "fine"


def test_another_adb_works_as_well(
    phone: Handset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = shutil.which("adb")
    if installed is None:
        pytest.skip("only the adb of adbutils' wheel is here")
    port = free_port()
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
    other = Handset(phone.phone, installed)
    (tmp_path / "sent").write_bytes(random.Random(3).randbytes(TEN_MIB))
    with adb_server_of(installed, port, tmp_path / "log"):
        other.wait()
        done = other.shell("cat; echo err >&2; exit 7", stdin=b"through")
        assert (done.stdout, done.stderr, done.returncode) == (b"through", b"err\n", 7)
        assert other.run("push", str(tmp_path / "sent"), "/data/local/tmp/other").returncode == 0
        assert (
            other.run("pull", "/data/local/tmp/other", str(tmp_path / "received")).returncode == 0
        )
        other.text("rm /data/local/tmp/other")
    assert (tmp_path / "received").read_bytes() == (tmp_path / "sent").read_bytes()
