"""Ways to root, with real uids and capabilities: adbd runs as shell, su scripts as root."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from adb_server import STDOUT, AdbServer, Peer, packet
from droidreclaim.device import root
from droidreclaim.device.adb import AdbDevice
from droidreclaim.device.attached import Attached
from droidreclaim.device.link import Deadline
from droidreclaim.device.root import RootMemory, RootWay, find_root
from droidreclaim.device.select import Choice, select
from droidreclaim.device.server import Server
from droidreclaim.errors import DeviceTimeout, NotPossible, NotRoot

SHELL_UID = 2000

# What each family of su understands, as its sources and captures say.
MAGISK = '[ "$1" = -c ] || exit 1; exec sh -c "$2"'
AOSP = '[ "$1" = 0 ] || { echo "su: invalid uid/gid \'$1\'" >&2; exit 1; }; shift; exec "$@"'
SUPERUSER = '[ "$1" = root ] || exit 2; exec sh -c "$3"'
DENIES = "echo Permission denied >&2; exit 13"
HANGS = "exec sleep 30"
PRINTS_A_BANNER = 'echo "*** root granted ***"; exec sh -c "$2"'
PROMPTS = 'printf "root password: "; exec sh -c "$2"'
PRINTS_BYTES = r"printf '\377\376\033[1m\000'" + '; exec sh -c "$2"'
WITHOUT_POWER = 'exec setpriv --bounding-set=-sys_nice,-sys_ptrace sh -c "$2"'
WRONG_UID = 'exec setpriv --reuid 2000 sh -c "$2"'
GARBAGE = "head -c 100000 /dev/urandom"


@pytest.fixture
def memory(tmp_path: Path) -> RootMemory:
    return RootMemory(tmp_path / "state" / "root.json")


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    return tmp_path / "calls"


@pytest.fixture
def as_shell(adb: AdbServer) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to give adbd and su their uids")
    adb.uid = SHELL_UID


@pytest.fixture
def install_su(adb: AdbServer, tmp_path: Path, calls: Path) -> Callable[[str], None]:
    """Put a su on the device's PATH; it notes its first word in *calls*."""

    def install(script: str) -> None:
        directory = tmp_path / "bin"
        directory.mkdir()
        program = directory / "su"
        program.write_text(f'#!/bin/sh\necho "$1" >> {calls}\n{script}\n')
        program.chmod(0o755)
        for parent in (directory, *directory.parents[:3]):
            parent.chmod(parent.stat().st_mode | 0o055)  # for whoever adbd runs as
        adb.environment["PATH"] = f"{directory}:/usr/bin:/bin"

    return install


def nobody_asked(text: str) -> None:
    raise AssertionError(text)


def test_an_adbd_that_is_root_needs_one_command(
    adb: AdbServer, device: AdbDevice, memory: RootMemory
) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to be an adbd that is root")
    assert find_root(device, memory, notify=nobody_asked) is RootWay.ADBD
    assert sum(request.startswith("shell") for request in adb.requests) == 1


@pytest.mark.usefixtures("as_shell")
@pytest.mark.parametrize(
    ("script", "way"),
    [
        (MAGISK, RootWay.SU_C),
        (PRINTS_A_BANNER, RootWay.SU_C),
        (PROMPTS, RootWay.SU_C),
        (PRINTS_BYTES, RootWay.SU_C),
        (AOSP, RootWay.SU_0),
        (SUPERUSER, RootWay.SU_ROOT_C),
    ],
)
def test_each_kind_of_su_is_found_and_runs_words_unread(
    install_su: Callable[[str], None],
    device: AdbDevice,
    memory: RootMemory,
    script: str,
    way: RootWay,
) -> None:
    install_su(script)
    assert find_root(device, memory, notify=nobody_asked) is way
    words = ["$(id)", "'", "a b", "\n;", ""]
    result = device.run(way.wrap(["printf", "%s|", *words]), timeout_s=5)
    assert result.text.endswith("".join(word + "|" for word in words))


@pytest.mark.usefixtures("as_shell")
def test_a_denial_is_not_asked_again_in_another_form(
    install_su: Callable[[str], None], device: AdbDevice, memory: RootMemory, calls: Path
) -> None:
    install_su(DENIES)
    with pytest.raises(NotPossible, match=r"adbd: uid 2000; su -c: exited 13: Permission denied"):
        find_root(device, memory, notify=nobody_asked)
    assert calls.read_text() == "-c\n"


@pytest.mark.usefixtures("as_shell")
def test_an_unanswered_su_says_look_at_the_phone_and_ends(
    install_su: Callable[[str], None],
    device: AdbDevice,
    memory: RootMemory,
    calls: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_su(HANGS)
    monkeypatch.setattr(root, "FIRST_SU_TIMEOUT_S", 0.6)
    monkeypatch.setattr(root, "ASK_AFTER_S", 0.1)
    said: list[str] = []
    began = time.monotonic()
    with pytest.raises(NotPossible, match=r"su -c: no answer within 0\.6 s"):
        find_root(device, memory, notify=said.append)
    assert time.monotonic() - began < 10
    assert said == [
        "R58M12: su takes its time: confirm on the phone that shell may use it "
        "(waiting for up to 0.6 s; --timeout S for less)"
    ]
    assert calls.read_text() == "-c\n"


@pytest.mark.usefixtures("as_shell")
def test_a_timeout_bounds_a_su_that_hangs_and_is_told_at_once(
    install_su: Callable[[str], None],
    device: AdbDevice,
    memory: RootMemory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_su(HANGS)
    monkeypatch.setattr(root, "ASK_AFTER_S", 0.1)
    said: list[str] = []
    began = time.monotonic()
    with pytest.raises(NotRoot, match="su -c: no answer within"):
        find_root(device, memory, notify=said.append, deadline=Deadline(1.5))
    assert time.monotonic() - began < 10
    assert "waiting for up to 1." in said[0]


@pytest.mark.usefixtures("as_shell")
def test_a_device_that_says_nothing_to_the_first_probe_ends_at_the_deadline(
    adb: AdbServer, device: AdbDevice, memory: RootMemory
) -> None:
    adb.handlers["shell,v2"] = lambda peer, _: (peer.okay(), time.sleep(20))[0]
    began = time.monotonic()
    with pytest.raises(DeviceTimeout):
        find_root(device, memory, notify=nobody_asked, deadline=Deadline(1))
    assert time.monotonic() - began < 10


@pytest.mark.usefixtures("as_shell")
def test_a_su_that_was_granted_before_and_is_slow_is_nothing_to_confirm(
    install_su: Callable[[str], None],
    device: AdbDevice,
    memory: RootMemory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install_su(f"sleep 0.4; {MAGISK}")
    monkeypatch.setattr(root, "ASK_AFTER_S", 0.1)
    said: list[str] = []
    find_root(device, memory, notify=said.append)
    assert len(said) == 1
    assert find_root(device, memory, notify=nobody_asked) is RootWay.SU_C


def test_the_first_su_outlasts_magisks_question() -> None:
    assert root.FIRST_SU_TIMEOUT_S == 75
    assert root.PROBE_TIMEOUT_S == 10


@pytest.mark.usefixtures("as_shell")
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (WITHOUT_POWER, "su -c: uid 0 without CAP_SYS_PTRACE, CAP_SYS_NICE"),
        (WRONG_UID, "su -c: uid 2000"),
        (GARBAGE, "su -c: exited 0"),
        ("exit 5", "su 0: exited 5; su root -c: exited 5"),
    ],
)
def test_what_is_not_root_is_named(
    install_su: Callable[[str], None],
    device: AdbDevice,
    memory: RootMemory,
    script: str,
    reason: str,
) -> None:
    install_su(script)
    with pytest.raises(NotPossible) as caught:
        find_root(device, memory, notify=nobody_asked)
    assert reason in str(caught.value)
    assert caught.value.exit_code == 4


def test_no_su_costs_no_further_command(
    adb: AdbServer, device: AdbDevice, memory: RootMemory
) -> None:
    adb.handlers["shell,v2"] = answer_as_shell_without_su  # this machine has a su
    with pytest.raises(NotPossible, match="adbd: uid 2000; su: not found"):
        find_root(device, memory, notify=nobody_asked)
    assert sum(request.startswith("shell") for request in adb.requests) == 1


def answer_as_shell_without_su(peer: Peer, _: str) -> None:
    status = b"Uid:\t2000\t2000\t2000\t2000\nCapEff:\t0000000000000000\nsu: \n"
    peer.okay()
    peer.send(packet(STDOUT, status) + packet(3, b"\0"))


@pytest.mark.usefixtures("as_shell")
def test_adb_root_is_the_last_way_and_only_when_allowed(
    install_su: Callable[[str], None], adb: AdbServer, device: AdbDevice, memory: RootMemory
) -> None:
    install_su(DENIES)

    def restart(timeout_s: float) -> None:
        assert timeout_s > 0
        adb.uid = None

    assert find_root(device, memory, notify=nobody_asked, restart_adbd=restart) is RootWay.ADBD


@pytest.mark.usefixtures("as_shell")
def test_a_production_build_is_named_among_the_reasons(
    install_su: Callable[[str], None], adb: AdbServer, device: AdbDevice, memory: RootMemory
) -> None:
    install_su(DENIES)

    def refuse(peer: Peer, _: str) -> None:
        peer.okay()
        peer.send(b"adbd cannot run as root in production builds\n")

    adb.handlers["root:"] = refuse
    with pytest.raises(NotPossible, match=r"su -c: .*; adb root: adbd cannot run as root"):
        find_root(device, memory, notify=nobody_asked, restart_adbd=device.restart_as_root)


@pytest.mark.usefixtures("as_shell")
def test_an_emulator_image_with_google_play_is_refused_with_what_to_take_instead(
    install_su: Callable[[str], None], adb: AdbServer, address: Server, memory: RootMemory
) -> None:
    install_su(DENIES)

    def refuse(peer: Peer, _: str) -> None:
        peer.okay()
        peer.send(b"adbd cannot run as root in production builds\n")

    adb.devices = "emulator-5554 device transport_id:7\n"
    adb.handlers["root:"] = refuse
    emulator = select(address, Choice(), 5)
    with pytest.raises(NotPossible) as caught:
        find_root(emulator, memory, notify=nobody_asked, restart_adbd=emulator.restart_as_root)
    assert "cannot run as root in production builds" in caught.value.message
    assert caught.value.hint == (
        "an image with Google Play is never root: make the AVD of a google_apis or default image"
    )
    with pytest.raises(NotPossible) as caught:
        find_root(emulator, memory, notify=nobody_asked)
    assert "try --adb-root" in (caught.value.hint or "")


@pytest.mark.usefixtures("as_shell")
def test_what_worked_is_remembered_without_asking_the_device(
    install_su: Callable[[str], None], adb: AdbServer, device: AdbDevice, memory: RootMemory
) -> None:
    install_su(AOSP)
    find_root(device, memory, notify=nobody_asked)
    asked = len(adb.requests)
    assert memory.recall(device) is RootWay.SU_0
    assert len(adb.requests) == asked
    memory.forget(device)
    assert memory.recall(device) is None


def test_another_model_under_the_same_serial_is_another_device(
    adb: AdbServer, device: AdbDevice, tmp_path: Path
) -> None:
    path = tmp_path / "root.json"
    path.write_text(json.dumps({"R58M12": {"way": "su -c", "model": "Nexus_5"}}))
    assert RootMemory(path).recall(device) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"R58M12": 1}', '{"R58M12": {"model": "Pixel_6"}}', "\0"]
)
def test_a_damaged_memory_is_an_empty_one(device: AdbDevice, tmp_path: Path, text: str) -> None:
    path = tmp_path / "root.json"
    path.write_text(text)
    memory = RootMemory(path)
    assert memory.recall(device) is None
    memory.keep(device, RootWay.SU_C)
    assert memory.recall(device) is RootWay.SU_C


def test_a_memory_that_cannot_be_written_is_no_error(device: AdbDevice, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    RootMemory(tmp_path / "file" / "root.json").keep(device, RootWay.SU_C)


def _keep(path: Path, number: int) -> None:
    attached = Attached(f"S{number}", "device", model="M")
    RootMemory(path).keep(AdbDevice(Server(), attached), RootWay.SU_0)


def test_processes_that_remember_at_once_forget_nothing_of_each_other(tmp_path: Path) -> None:
    """One command on many devices does this; without a lock about half of the entries were lost."""
    path = tmp_path / "state" / "root.json"
    context = multiprocessing.get_context("fork")
    keepers = [context.Process(target=_keep, args=(path, number)) for number in range(32)]
    for one in keepers:
        one.start()
    for one in keepers:
        one.join()
    assert len(json.loads(path.read_text("utf-8"))) == 32
