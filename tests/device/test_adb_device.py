"""AdbDevice against a server that speaks adb's protocol, and breaks it in every known way."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import adbutils
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adb_server import EXIT, STDERR, STDOUT, AdbServer, Peer, packet
from droidreclaim.device.adb import AdbDevice, NoServer, list_devices
from droidreclaim.device.server import Server
from droidreclaim.device.shell import MAX_STDERR_BYTES, ExecStream, Stream
from droidreclaim.errors import (
    DeviceError,
    DeviceLost,
    DeviceTimeout,
    NoDevice,
    NotPossible,
    ParseError,
    TooMuchOutput,
)
from droidreclaim.parse.proc.zoneinfo import parse_zoneinfo

ROOT = Path(__file__).parents[2]


def legacy(adb: AdbServer) -> None:
    adb.features = "cmd"


# Running commands


def test_stdout_stderr_and_exit_code_come_apart(device: AdbDevice) -> None:
    result = device.run(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout_s=5)
    assert (result.stdout, result.stderr, result.exit_code) == (b"out\n", b"err\n", 3)


@pytest.mark.parametrize("features", ["shell_v2", "cmd"])
def test_no_word_is_read_by_the_devices_shell(
    adb: AdbServer, device: AdbDevice, features: str
) -> None:
    adb.features = features
    words = ["a b", "'", '"', "$(touch /tmp/x)", "`id`", "\n", ";", "\\", "*", "", "é\x1b[31m"]
    result = device.run(["printf", "%s|", *words], timeout_s=5)
    assert result.text == "".join(word + "|" for word in words)


def test_stdin_is_given_and_closed(device: AdbDevice) -> None:
    data = bytes(range(256)) * 1000
    assert device.run(["cat"], timeout_s=5, stdin=data).stdout == data


def test_input_larger_than_every_buffer_does_not_block_against_output(device: AdbDevice) -> None:
    data = b"x" * (6 << 20)
    assert device.run(["cat"], timeout_s=20, stdin=data).stdout == data


def test_a_command_that_reads_no_input_is_no_error(device: AdbDevice) -> None:
    assert device.run(["true"], timeout_s=5, stdin=b"x" * (1 << 20)).exit_code == 0


def test_a_listed_device_costs_two_connections_for_list_and_command(
    adb: AdbServer, device: AdbDevice
) -> None:
    device.run(["true"], timeout_s=5)
    assert adb.requests == ["host:devices-l", "host:transport-id:7", "shell,v2,raw:true"]
    assert adb.connections == 2


# The traps of adbutils 2.12 (numbers as in the list of those measured)


def test_trap_1_a_silent_device_ends_at_our_deadline(adb: AdbServer, device: AdbDevice) -> None:
    adb.handlers["shell,v2"] = lambda peer, _: (peer.okay(), time.sleep(30))[0]
    began = time.monotonic()
    with pytest.raises(DeviceTimeout, match=r"R58M12: no answer within 0.3 s"):
        device.run(["id"], timeout_s=0.3)
    assert time.monotonic() - began < 10


def chatter(peer: Peer, _: str) -> None:
    peer.okay()
    while True:
        peer.send(packet(STDOUT, b"."))
        time.sleep(0.02)


def test_trap_2_a_deadline_holds_against_a_command_that_never_falls_silent(
    adb: AdbServer, device: AdbDevice
) -> None:
    adb.handlers["shell,v2"] = chatter
    began = time.monotonic()
    with pytest.raises(DeviceTimeout):
        device.run(["top"], timeout_s=0.5)
    assert time.monotonic() - began < 10


def test_trap_2_a_server_that_trickles_its_status_does_not_move_the_deadline(
    adb: AdbServer, address: Server
) -> None:
    def trickle(peer: Peer, _: str) -> None:
        for byte in b"OKAY00ff" + b"x" * 255:
            peer.send(bytes([byte]))
            time.sleep(0.1)

    adb.handlers["host:devices-l"] = trickle
    began = time.monotonic()
    with pytest.raises(DeviceTimeout):
        list_devices(address, 0.5)
    assert time.monotonic() - began < 10


def test_trap_3_a_command_given_up_is_hung_up_on(device: AdbDevice, tmp_path: Path) -> None:
    mark = tmp_path / "hung-up"
    with pytest.raises(DeviceTimeout):
        device.run(
            ["sh", "-c", f"trap 'touch {mark}; exit' HUP; while :; do sleep 0.05; done"],
            timeout_s=0.3,
        )
    end = time.monotonic() + 5
    while not mark.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert mark.exists()


def test_trap_4_shell_protocol_2_is_what_is_used(adb: AdbServer, device: AdbDevice) -> None:
    assert device.run(["sh", "-c", "exit 3"], timeout_s=5).exit_code == 3
    assert adb.requests[-1].startswith("shell,v2,raw:")


def test_trap_4_without_shell_protocol_2_the_exit_code_still_comes(
    adb: AdbServer, device: AdbDevice
) -> None:
    legacy(adb)
    result = device.run(["sh", "-c", "echo out; echo err >&2; exit 3"], timeout_s=5)
    assert (result.stdout, result.stderr, result.exit_code) == (b"out\n", b"err\n", 3)


def test_trap_4_the_fall_back_is_tried_once_a_device(adb: AdbServer, device: AdbDevice) -> None:
    legacy(adb)
    for _ in range(2):
        device.run(["true"], timeout_s=5)
    assert sum(request.startswith("shell,v2") for request in adb.requests) == 1
    assert sum(request.endswith("features") for request in adb.requests) == 1


def test_trap_4_a_refusal_by_a_device_that_has_the_protocol_is_no_fall_back(
    adb: AdbServer, device: AdbDevice
) -> None:
    adb.handlers["shell,v2"] = lambda peer, _: peer.fail("closed")
    with pytest.raises(DeviceLost, match="closed"):
        device.run(["true"], timeout_s=5)


def test_trap_5_a_link_dropped_in_the_middle_is_device_lost(
    adb: AdbServer, device: AdbDevice
) -> None:
    def drop(peer: Peer, _: str) -> None:
        peer.okay()
        peer.send(packet(STDOUT, b"partial")[:-3])

    adb.handlers["shell,v2"] = drop
    with pytest.raises(DeviceLost, match="R58M12: the link to the device broke"):
        device.run(["id"], timeout_s=5)


@pytest.mark.parametrize("features", ["shell_v2", "cmd"])
def test_trap_6_partial_output_is_never_a_result(
    adb: AdbServer, device: AdbDevice, features: str
) -> None:
    def drop(peer: Peer, request: str) -> None:
        peer.okay()
        text = b"uid=0(root)\n"
        peer.send(packet(STDOUT, text) if request.startswith("shell") else text)

    adb.features = features
    adb.handlers["shell,v2" if features == "shell_v2" else "exec:"] = drop
    with pytest.raises(DeviceLost):
        device.run(["id"], timeout_s=5)


def test_trap_6_a_list_of_devices_cut_short_is_device_lost(adb: AdbServer, address: Server) -> None:
    adb.handlers["host:devices-l"] = lambda peer, _: peer.send(b"OKAY00ffR58M12 device\n")
    with pytest.raises(DeviceLost):
        list_devices(address, 5)


def test_trap_10_no_version_is_asked_and_no_close_sleeps(adb: AdbServer, device: AdbDevice) -> None:
    for _ in range(3):
        device.run(["true"], timeout_s=5)
    assert not any("version" in request for request in adb.requests)


def test_trap_11_a_device_that_reconnected_is_found_again_by_its_serial(
    adb: AdbServer, device: AdbDevice
) -> None:
    adb.devices = adb.devices.replace("transport_id:7", "transport_id:8")
    assert device.run(["echo", "back"], timeout_s=5).stdout == b"back\n"


def test_trap_11_a_device_that_is_gone_says_so(adb: AdbServer, device: AdbDevice) -> None:
    adb.devices = ""
    with pytest.raises(NoDevice, match="R58M12: no longer attached"):
        device.run(["true"], timeout_s=5)


def test_trap_11_a_device_gone_offline_says_so(adb: AdbServer, device: AdbDevice) -> None:
    adb.devices = adb.devices.replace(" device usb", " offline usb")
    with pytest.raises(DeviceLost, match="R58M12: offline"):
        device.run(["true"], timeout_s=5)


@pytest.fixture
def nobody() -> Server:
    """An address of this machine where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Server("127.0.0.1", int(probe.getsockname()[1]))


def adb_that_tells(directory: Path) -> Path:
    program = directory / "adb"
    program.write_text(
        f'#!/bin/sh\necho "$@" >> {directory}/calls\necho banner\necho why >&2\nexit 1\n'
    )
    program.chmod(0o755)
    return program


def test_trap_12_no_server_is_started_for_another_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADB", str(adb_that_tells(tmp_path)))
    monkeypatch.setenv("ADBUTILS_ADB_PATH", str(tmp_path / "adb"))
    with pytest.raises(NoServer, match=r"no adb server 127\.0\.0\.2:1 runs"):
        list_devices(Server("127.0.0.2", 1), 5)
    assert not (tmp_path / "calls").exists()


def test_trap_12_a_server_that_dies_is_not_replaced_by_a_command(
    adb: AdbServer, device: AdbDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADB", str(adb_that_tells(tmp_path)))
    monkeypatch.setenv("ADBUTILS_ADB_PATH", str(tmp_path / "adb"))
    adb.close()
    with pytest.raises(NoServer):
        device.run(["true"], timeout_s=5)
    assert not (tmp_path / "calls").exists()


def test_trap_13_importing_the_device_reads_no_address_from_the_environment(
    adb: AdbServer, address: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")
    assert list_devices(address, 5)[0].serial == "R58M12"


def test_trap_14_the_banner_of_a_starting_server_stays_off_our_output(
    nobody: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ADB", str(adb_that_tells(tmp_path)))
    with pytest.raises(DeviceError, match="start-server failed: why"):
        list_devices(nobody, 5)
    assert (tmp_path / "calls").read_text() == f"-P {nobody.port} start-server\n"
    assert capfd.readouterr() == ("", "")


def test_trap_16_without_adb_anywhere_the_error_says_what_to_install(
    nobody: Server, tmp_path: Path
) -> None:
    """adbutils as its source distribution installs it, on Apple Silicon or Linux arm64: no adb."""
    found = Path(adbutils.__file__).parent
    shutil.copytree(found, tmp_path / "adbutils", ignore=shutil.ignore_patterns("adb", "*.exe"))
    lacks = {"ADB", "ADBUTILS_ADB_PATH", "ADB_SERVER_SOCKET"}
    environment = {key: value for key, value in os.environ.items() if key not in lacks}
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    environment |= {"PATH": str(tmp_path), "PYTHONPATH": path}
    for words, code, told in (
        (["devices", "-P", str(nobody.port)], 3, "no adb program was found"),
        (["-P", str(nobody.port)], 0, "no adb program was found"),  # the bare status
    ):
        done = subprocess.run(
            [sys.executable, "-m", "droidreclaim", *words],
            capture_output=True, text=True, env=environment, check=False,
        )  # fmt: skip
        assert done.returncode == code
        assert told in done.stdout + done.stderr
        assert "platform-tools" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_a_server_that_never_starts_ends_at_the_deadline(
    nobody: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "adb"
    program.write_text("#!/bin/sh\nexec sleep 30\n")
    program.chmod(0o755)
    monkeypatch.setenv("ADB", str(program))
    with pytest.raises(DeviceTimeout, match="start-server"):
        list_devices(nobody, 0.5)


def test_trap_15_the_program_named_in_the_environment_comes_first(
    nobody: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADB", "/nonexistent/adb")
    with pytest.raises(DeviceError, match="cannot run /nonexistent/adb: No such file"):
        list_devices(nobody, 5)


def test_trap_17_the_protocols_alone_do_not_import_adbutils() -> None:
    code = (
        "import droidreclaim.device, droidreclaim.device.attached, droidreclaim.device.server, sys;"
        "sys.exit('adbutils' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_trap_21_a_production_build_that_will_not_be_root_is_not_possible(
    adb: AdbServer, device: AdbDevice
) -> None:
    def refuse(peer: Peer, _: str) -> None:
        peer.okay()
        peer.send(b"adbd cannot run as root in production builds\n")

    adb.handlers["root:"] = refuse
    with pytest.raises(NotPossible, match="production builds"):
        device.restart_as_root(5)


def test_trap_21_a_restarting_adbd_is_waited_for(adb: AdbServer, device: AdbDevice) -> None:
    listed = adb.devices

    def restart(peer: Peer, _: str) -> None:
        adb.devices = ""
        peer.okay()
        peer.send(b"restarting adbd as root\n")

    def come_back(peer: Peer, _: str) -> None:
        looks.append(adb.devices)
        if len(looks) == 2:
            adb.devices = listed.replace("transport_id:7", "transport_id:9")
        peer.block(adb.devices)

    looks: list[str] = []
    adb.handlers["root:"] = restart
    adb.handlers["host:devices-l"] = come_back
    adb.handlers["shell,v2"] = lambda peer, _: (
        peer.okay(),
        peer.send(packet(STDOUT, b"uid=0(root)\n") + packet(EXIT, b"\0")),
    )[0]
    device.restart_as_root(5)
    assert len(looks) == 2


def test_trap_21_an_adbd_that_stays_away_ends_at_the_deadline(
    adb: AdbServer, device: AdbDevice
) -> None:
    def restart(peer: Peer, _: str) -> None:
        adb.devices = ""
        peer.okay()
        peer.send(b"restarting adbd as root\n")

    adb.handlers["root:"] = restart
    with pytest.raises(DeviceTimeout, match=r"did not come back as root within 0\.5 s"):
        device.restart_as_root(0.5)


@pytest.mark.parametrize(
    "greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\0\0\0", b"OKAYzzzz"]
)
def test_trap_24_a_port_that_is_no_adb_server_is_named(
    adb: AdbServer, address: Server, greeting: bytes
) -> None:
    adb.handlers["host:devices-l"] = lambda peer, _: peer.send(greeting)
    with pytest.raises(DeviceError, match="no adb server"):
        list_devices(address, 5)


def test_trap_24_a_port_that_accepts_and_says_nothing_ends_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(DeviceTimeout):
        list_devices(Server("127.0.0.1", listener.getsockname()[1]), 0.3)


# Commands held open


@pytest.mark.parametrize("features", ["shell_v2", "cmd"])
def test_a_channel_answers_while_its_input_is_open(
    adb: AdbServer, device: AdbDevice, features: str
) -> None:
    adb.features = features
    channel = device.open(["cat"], timeout_s=5)
    for line in (b"one\n", b"two\n"):
        channel.write(line)
        assert channel.read(5) == line
    channel.close()
    channel.close()


@pytest.mark.parametrize("features", ["shell_v2", "cmd"])
def test_a_channel_ends_with_an_empty_read_and_the_exit_code(
    adb: AdbServer, device: AdbDevice, features: str
) -> None:
    adb.features = features
    channel = device.open(["sh", "-c", 'read line; echo "<$line>"; exit 7'], timeout_s=5)
    channel.write(b"hello\n")
    read = b""
    while piece := channel.read(5):
        read += piece
    assert (read, channel.exit_code) == (b"<hello>\n", 7)
    assert channel.read(5) == b""
    with pytest.raises(DeviceLost):
        channel.write(b"more\n")


def test_a_read_that_times_out_leaves_the_channel_usable(device: AdbDevice) -> None:
    channel = device.open(["cat"], timeout_s=5)
    with pytest.raises(DeviceTimeout):
        channel.read(0.1)
    channel.write(b"late\n")
    assert channel.read(5) == b"late\n"


def test_a_channel_keeps_the_last_of_a_long_stderr(adb: AdbServer, device: AdbDevice) -> None:
    def complain(peer: Peer, _: str) -> None:
        peer.okay()
        for _ in range(200):
            peer.send(packet(STDERR, b"e" * 4096))
        peer.send(packet(STDERR, b"the end") + packet(EXIT, b"\1"))

    adb.handlers["shell,v2"] = complain
    channel = device.open(["x"], timeout_s=5)
    assert channel.read(5) == b""
    assert len(channel.stderr) == MAX_STDERR_BYTES
    assert channel.stderr.endswith(b"the end")


# Hostile output


def test_endless_output_ends_before_it_fills_the_host(device: AdbDevice) -> None:
    with pytest.raises(TooMuchOutput, match="16 MiB"):
        device.run(["cat", "/dev/zero"], timeout_s=60)


def test_endless_output_ends_while_input_is_still_sent(device: AdbDevice) -> None:
    with pytest.raises(TooMuchOutput):
        device.run(["cat", "/dev/zero"], timeout_s=60, stdin=b"x" * (4 << 20))


def test_a_packet_that_claims_four_gigabytes_is_not_waited_for(
    adb: AdbServer, device: AdbDevice
) -> None:
    def claim(peer: Peer, _: str) -> None:
        peer.okay()
        peer.send(b"\1\xff\xff\xff\xff" + b"x" * 10)
        peer.read(1 << 20)

    adb.handlers["shell,v2"] = claim
    channel = device.open(["x"], timeout_s=5)
    assert channel.read(5) == b"x" * 10


def test_an_answer_that_is_no_shell_protocol_is_named(adb: AdbServer, device: AdbDevice) -> None:
    adb.handlers["shell,v2"] = lambda peer, _: (peer.okay(), peer.send(b"uid=0(root)\n"))[0]
    with pytest.raises(DeviceLost, match="no shell protocol"):
        device.run(["id"], timeout_s=5)


def test_a_device_with_neither_protocol_is_not_possible(adb: AdbServer, device: AdbDevice) -> None:
    legacy(adb)
    adb.handlers["exec:"] = lambda peer, _: peer.fail("closed")
    with pytest.raises(NotPossible, match="Android 5"):
        device.run(["id"], timeout_s=5)


def test_input_reaches_a_device_without_shell_protocol_2_byte_for_byte(
    adb: AdbServer, device: AdbDevice
) -> None:
    legacy(adb)
    data = bytes(range(256)) * 20
    assert device.run(["cat"], timeout_s=10, stdin=data).stdout == data


def test_the_mark_of_the_end_is_never_output(adb: AdbServer, device: AdbDevice) -> None:
    legacy(adb)
    text = "a\x1eb\x1e\n"
    assert device.run(["printf", "%s", text], timeout_s=5).text == text


def test_a_command_longer_than_a_request_is_refused_here(device: AdbDevice) -> None:
    with pytest.raises(NotPossible, match="65535"):
        device.run(["echo", "x" * 70_000], timeout_s=5)


def test_endless_output_leaves_the_host_small(address: Server) -> None:
    code = f"""
import re
from droidreclaim.device.adb import AdbDevice, list_devices
from droidreclaim.device.server import Server
from droidreclaim.errors import TooMuchOutput
server = Server("127.0.0.1", {address.port})
device = AdbDevice(server, list_devices(server, 5)[0])
try:
    device.run(["cat", "/dev/zero"], timeout_s=60)
except TooMuchOutput:
    # (ru_maxrss would begin with that of the test run, which forked this process)
    print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200 * 1024  # KiB


@pytest.mark.parametrize("features", ["shell_v2", "cmd"])
@pytest.mark.parametrize("stdin", [b"", b"some input"])
def test_stderr_is_never_in_stdout_and_an_answer_that_cannot_be_read_shows_it(
    adb: AdbServer, device: AdbDevice, features: str, stdin: bytes
) -> None:
    adb.features = features
    said = "WARNING: linker: libdvm.so has text relocations"
    script = f"cat; echo '{said}' >&2; printf '%s' '[a]: [b]'; echo late >&2"
    result = device.run(["sh", "-c", script], timeout_s=5, stdin=stdin)
    assert result.stdout == stdin + b"[a]: [b]"
    assert result.error_text.split("\n") == [said, "late", ""]
    with pytest.raises(ParseError, match="stderr said 'late'"):
        result.read(parse_zoneinfo)


@pytest.mark.parametrize("stdin", [b"", b"some input"])
def test_the_shell_of_android_keeps_stderr_apart_too(
    adb: AdbServer, device: AdbDevice, stdin: bytes
) -> None:
    shell = shutil.which("mksh")
    if shell is None:
        pytest.skip("no mksh here")
    legacy(adb)
    adb.shell = shell
    words = ["sh", "-c", "cat; echo 'a\\b' >&2; exit 3"]
    result = device.run(words, timeout_s=5, stdin=stdin)
    assert (result.stdout, result.exit_code) == (stdin, 3)
    assert result.stderr.startswith(b"a")


def test_words_about_the_shell_before_it_begins_are_stderr(
    adb: AdbServer, device: AdbDevice
) -> None:
    legacy(adb)
    adb.warning = "WARNING: linker: x"
    result = device.run(["echo", "one"], timeout_s=5)
    assert (result.stdout, result.stderr) == (b"one\n", b"WARNING: linker: x\n")


@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(1, 40), st.integers(0, 255))
def test_any_output_comes_out_of_exec_as_it_was_in_any_pieces(
    stdout: bytes, stderr: bytes, size: int, code: int
) -> None:
    stream = ExecStream()
    mark = re.search("(\x1e[0-9a-f]{32})", stream.service(["true"]))
    assert mark is not None
    head = mark[1].encode()
    told = b"noise\n%s:\n%s%s:%d\n%s%s.\n" % (head, stdout, head, code, stderr, head)
    cut = [told[at : at + size] for at in range(0, len(told), size)]
    pieces = [piece for part in cut for piece in stream.feed(part)]

    def of(kind: Stream) -> bytes:
        return b"".join(piece for stream, piece in pieces if stream is kind)

    assert (of(Stream.STDOUT), of(Stream.STDERR)) == (stdout, b"noise\n" + stderr)
    assert of(Stream.EXIT) == bytes([code])
