"""Placing, starting and removing the helper, by real shells on a real file system."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adb_server import AdbServer, Peer, receive_file
from droidreclaim.device.adb import AdbDevice
from droidreclaim.device.link import Deadline
from droidreclaim.device.root import RootWay
from droidreclaim.errors import DeviceLost, DroidReclaimError, NotPossible
from droidreclaim.helper.bundle import Bundle, load_bundle
from droidreclaim.helper.deploy import Places, place
from droidreclaim.helper.launch import Started, split_preamble, start_helper
from droidreclaim.helper.remove import remove

PROGRAM = b"#!/bin/sh\ncase $1 in hello) echo ok;; serve) exec cat;; *) exit 64;; esac\n"
TOOLS = ("cat", "chmod", "mkdir", "mv", "rm", "setpriv", "sleep")
HASHES = ("sha256sum", "sha1sum", "md5sum")
GETPROP = """#!/bin/sh
case $1 in
ro.product.cpu.abilist) echo x86_64,arm64-v8a,x86;;
ro.build.version.sdk) echo 34;;
ro.product.model) echo 'Pixel 6';;
esac
"""
ROOT = RootWay.ADBD


@pytest.fixture(autouse=True)
def needs_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to be an adbd that is root")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "tmp").mkdir()
    return Places(temp=str(tmp_path / "tmp"), home=str(tmp_path / "home"))


@pytest.fixture
def tools(adb: AdbServer, tmp_path: Path) -> Path:
    """The device's PATH: one directory of programs; tests remove what an old device lacks."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in (*TOOLS, *HASHES):
        found = shutil.which(name)
        assert found is not None
        (directory / name).symlink_to(found)
    (directory / "getprop").write_text(GETPROP)
    (directory / "getprop").chmod(0o755)
    (directory / "sh").symlink_to("/bin/sh")
    adb.environment = {"PATH": str(directory)}
    return directory


@pytest.fixture(params=["sh", "mksh"])
def shell(request: pytest.FixtureRequest, tools: Path) -> None:
    """The device's shell: this machine's, and the one that Android has."""
    found = shutil.which(request.param)
    if found is None:
        pytest.skip(f"needs {request.param}")
    else:
        (tools / "sh").unlink()
        (tools / "sh").symlink_to(found)


def write_bundle(folder: Path, programs: dict[str, bytes]) -> Bundle:
    """A bundle as the build writes it."""
    helpers = {}
    for abi, data in programs.items():
        (folder / abi).mkdir(parents=True)
        (folder / abi / "droidreclaim-helper").write_bytes(data)
        hashes = {name: hashlib.new(name, data).hexdigest() for name in ("sha256", "sha1", "md5")}
        helpers[abi] = {**hashes, "bytes": len(data)}
    written = {"build": "0123456789abcdef", "protocol": 1, "helpers": helpers}
    (folder / "helpers.json").write_text(json.dumps(written))
    return load_bundle(folder)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    other = PROGRAM + b"# another ABI\n"
    return write_bundle(tmp_path / "bundle", {"arm64-v8a": other, "x86_64": PROGRAM})


@pytest.fixture
def start(device: AdbDevice, bundle: Bundle, places: Places, tools: Path) -> Callable[[], Started]:
    assert tools.is_dir()
    return lambda: start_helper(device, ROOT, bundle, ["serve"], timeout_s=20, places=places)


def left_behind(places: Places) -> list[str]:
    """Every file of ours on the device."""
    found = [*Path(places.temp).rglob("*")]
    if Path(places.home).is_dir():
        found += Path(places.home).rglob("*")
    return sorted(path.name for path in found)


def commands(adb: AdbServer) -> list[str]:
    """The requests that reached the device, by kind."""
    return [request.split(":")[0] for request in adb.requests if not request.startswith("host:")]


# Starting


@pytest.mark.usefixtures("shell")
def test_an_absent_helper_is_placed_and_started(
    start: Callable[[], Started], bundle: Bundle, places: Places
) -> None:
    started = start()
    assert (started.preamble.uid, started.preamble.sdk) == (0, 34)
    assert (started.preamble.model, started.abi) == ("Pixel 6", "x86_64")
    started.channel.write(b"ping\n")
    assert started.early + started.channel.read(5) == b"ping\n"
    started.channel.close()
    helper = bundle.helpers["x86_64"]
    assert left_behind(places) == [helper.name]
    home = Path(places.home)
    assert (home.stat().st_mode & 0o777, home.stat().st_uid) == (0o700, 0)
    assert (home / helper.name).read_bytes() == PROGRAM
    assert (home / helper.name).stat().st_mode & 0o777 == 0o700


def test_a_helper_in_place_costs_one_command_and_no_push(
    adb: AdbServer, start: Callable[[], Started]
) -> None:
    start().channel.close()
    adb.requests.clear()
    connections = adb.connections
    start().channel.close()
    assert adb.requests[0] == "host:transport-id:7"
    assert commands(adb) == ["shell,v2,raw"]
    assert adb.connections - connections == 1


def test_an_absent_helper_costs_a_push_and_two_commands_more(
    adb: AdbServer, start: Callable[[], Started]
) -> None:
    start().channel.close()
    assert commands(adb) == ["shell,v2,raw", "sync", "shell,v2,raw", "shell,v2,raw"]


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("features", ["shell_v2", "cmd"])
@pytest.mark.parametrize("hash_program", [*HASHES, None])
def test_the_copy_is_verified_with_what_the_device_has(
    adb: AdbServer,
    tools: Path,
    start: Callable[[], Started],
    features: str,
    hash_program: str | None,
) -> None:
    adb.features = features
    for name in HASHES:
        if name != hash_program:
            (tools / name).unlink()
    start().channel.close()


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("hash_program", [*HASHES, None])
def test_a_file_replaced_after_the_push_is_never_run(
    adb: AdbServer,
    tools: Path,
    places: Places,
    start: Callable[[], Started],
    hash_program: str | None,
) -> None:
    for name in HASHES:
        if name != hash_program:
            (tools / name).unlink()
    mark = Path(places.temp).parent / "run"

    def replace(peer: Peer, _: str) -> None:
        receive_file(peer)
        (pushed,) = Path(places.temp).iterdir()
        pushed.write_text(f"#!/bin/sh\ntouch {mark}\n")

    adb.handlers["sync:"] = replace
    with pytest.raises(NotPossible, match="the copy is not what was sent"):
        start()
    assert not mark.exists()
    assert left_behind(places) == []


@pytest.mark.usefixtures("shell")
def test_a_link_instead_of_the_pushed_file_is_not_followed(
    adb: AdbServer, places: Places, start: Callable[[], Started]
) -> None:
    def replace(peer: Peer, _: str) -> None:
        receive_file(peer)
        (pushed,) = Path(places.temp).iterdir()
        pushed.unlink()
        pushed.symlink_to("/etc/passwd")

    adb.handlers["sync:"] = replace
    with pytest.raises(NotPossible, match="replaced"):
        start()
    assert left_behind(places) == []


# Replaces whatever is pushed, by renaming or by writing into it, as fast as it can.
ATTACKER = """
import os, sys
temp, evil = sys.argv[1:]
text = open(evil).read()
print(flush=True)
turn = 0
while True:
    for name in os.listdir(temp):
        turn += 1
        path = f"{temp}/{name}"
        try:
            if turn % 3 == 0:
                with open(os.open(path, os.O_WRONLY | os.O_TRUNC), "w") as pushed:
                    pushed.write(text)
            elif turn % 3 == 1:
                os.link(evil, f"{evil}.{turn}")
                os.rename(f"{evil}.{turn}", path)
        except OSError:
            pass
"""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("rounds", [60, pytest.param(10_000, marks=pytest.mark.campaign)])
def test_a_race_for_the_pushed_file_never_runs_another_program(
    device: AdbDevice, bundle: Bundle, places: Places, tools: Path, tmp_path: Path, rounds: int
) -> None:
    helper = bundle.helpers["x86_64"]
    evil, mark = tmp_path / "evil", tmp_path / "run"
    evil.write_text(f"#!/bin/sh\ntouch {mark}\n")
    evil.chmod(0o755)
    placed = refused = 0
    words = [sys.executable, "-c", ATTACKER, places.temp, str(evil)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as attacker:
        try:
            assert attacker.stdout
            attacker.stdout.readline()
            for _ in range(rounds):
                try:
                    place(device, ROOT, helper, Deadline(20), places)
                except DroidReclaimError:
                    refused += 1
                else:
                    placed += 1
                    assert (Path(places.home) / helper.name).read_bytes() == PROGRAM
                assert not mark.exists()
        finally:
            attacker.kill()
    print(f"placed {placed}, refused {refused}, another's program run 0 times")
    assert refused > 0


def plant_link(home: Path) -> None:
    (home.parent / "elsewhere").mkdir()
    home.symlink_to(home.parent / "elsewhere")


def plant_file(home: Path) -> None:
    home.write_text("")


def plant_dangling_link(home: Path) -> None:
    home.symlink_to(home.parent / "nowhere")


def plant_foreign_directory(home: Path) -> None:
    home.mkdir(mode=0o777)
    os.chown(home, 2000, 2000)


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize(
    "plant", [plant_link, plant_file, plant_dangling_link, plant_foreign_directory]
)
def test_what_was_planted_at_our_name_is_refused(
    places: Places, start: Callable[[], Started], plant: Callable[[Path], None]
) -> None:
    plant(Path(places.home))
    with pytest.raises(NotPossible, match=r"cannot place the helper in .*planted") as caught:
        start()
    assert caught.value.exit_code == 4
    assert left_behind(places) == []


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A small file system of its own, for what only a mount can refuse."""
    point = tmp_path / "mounted"

    def mount(options: str) -> Path:
        point.mkdir()
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(point)]
        if subprocess.run(words, check=False, capture_output=True).returncode != 0:
            pytest.skip("needs to mount a tmpfs")
        return point

    yield mount
    subprocess.run(["umount", str(point)], check=False, capture_output=True)


@pytest.mark.usefixtures("shell", "tools")
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("size=64k,noexec", r"not run: .*[Pp]ermission denied.*noexec mount or SELinux"),
        ("size=4k", r"No space left on device.*free some space in /data"),
        ("ro", r"Read-only file system.*/data is mounted read-only"),
    ],
)
def test_a_file_system_that_refuses_is_named_and_left_clean(
    device: AdbDevice,
    tmp_path: Path,
    mounted: Callable[[str], Path],
    options: str,
    reason: str,
) -> None:
    where = Places(str(tmp_path), str(mounted(options) / "home"))
    big = write_bundle(tmp_path / "big", {"x86_64": PROGRAM + b"#" * 20_000})
    with pytest.raises(NotPossible, match=reason) as caught:
        start_helper(device, ROOT, big, ["serve"], timeout_s=20, places=where)
    assert where.home in str(caught.value)
    assert not list(tmp_path.glob(".droidreclaim-*"))
    assert not list(Path(where.home).glob(".*"))


def test_a_push_that_is_refused_leaves_nothing(
    start: Callable[[], Started], places: Places
) -> None:
    Path(places.temp).rmdir()
    with pytest.raises(NotPossible, match=r"cannot write .*No such file"):
        start()
    assert left_behind(places) == []


def test_a_push_cut_short_is_never_placed(
    adb: AdbServer, start: Callable[[], Started], places: Places
) -> None:
    def cut(peer: Peer, _: str) -> None:
        peer.okay()
        peer.read(60)
        (Path(places.temp) / ".droidreclaim-0123456789abcdef").write_bytes(PROGRAM[:10])

    adb.handlers["sync:"] = cut
    with pytest.raises(DeviceLost):
        start()
    assert not Path(places.home).exists()


@pytest.mark.usefixtures("shell", "tools")
def test_a_program_of_another_machine_is_not_placed(
    device: AdbDevice, tmp_path: Path, places: Places
) -> None:
    wrong = write_bundle(tmp_path / "wrong", {"x86_64": b"\x7fELF\2\1\1" + bytes(200)})
    with pytest.raises(NotPossible, match="not run"):
        start_helper(device, ROOT, wrong, ["serve"], timeout_s=20, places=places)
    assert left_behind(places) == []


def test_two_hosts_at_once_do_not_clash(
    start: Callable[[], Started], places: Places, bundle: Bundle
) -> None:
    faults: list[Exception] = []

    def host() -> None:
        try:
            start().channel.close()
        except Exception as error:
            faults.append(error)

    hosts = [threading.Thread(target=host) for _ in range(6)]
    for thread in hosts:
        thread.start()
    for thread in hosts:
        thread.join()
    assert faults == []
    assert left_behind(places) == [bundle.helpers["x86_64"].name]


@pytest.mark.usefixtures("tools")
def test_an_abi_without_a_helper_is_named(
    device: AdbDevice, tmp_path: Path, places: Places
) -> None:
    other = write_bundle(tmp_path / "other", {"riscv64": PROGRAM})
    with pytest.raises(NotPossible, match=r"no helper for x86_64, arm64-v8a, x86 .*riscv64"):
        start_helper(device, ROOT, other, ["serve"], timeout_s=20, places=places)


@pytest.mark.usefixtures("shell")
def test_a_way_that_is_no_longer_root_is_named(
    adb: AdbServer, start: Callable[[], Started], places: Places, tmp_path: Path
) -> None:
    for directory in (tmp_path, *tmp_path.parents[:3]):  # (one more folder under xdist)
        directory.chmod(0o755)
    adb.uid = 2000
    with pytest.raises(NotPossible, match="adbd: runs as uid 2000, not root"):
        start()
    assert left_behind(places) == []


def test_a_su_that_refuses_is_quoted(
    device: AdbDevice, bundle: Bundle, places: Places, tools: Path
) -> None:
    (tools / "su").write_text("#!/bin/sh\necho Permission denied >&2; exit 13\n")
    (tools / "su").chmod(0o755)
    with pytest.raises(NotPossible, match="R58M12: su -c: exited 13: Permission denied"):
        start_helper(device, RootWay.SU_C, bundle, ["serve"], timeout_s=20, places=places)


# What the device says first


def test_noise_around_the_preamble_is_passed_over() -> None:
    text = (
        b"WARNING: linker: noise\r\ndroidreclaim: uid=0\r\n*** su ***\n"
        b"droidreclaim: sdk=23\ndroidreclaim: model=\ndroidreclaim: abis=armeabi-v7a,armeabi\n"
        b'droidreclaim: ready\r\n{"id":"1"'
    )
    split = split_preamble(text)
    assert split is not None
    preamble, rest = split
    assert (preamble.present, preamble.uid, preamble.sdk) == (True, 0, 23)
    assert (preamble.model, preamble.abis) == (None, ("armeabi-v7a", "armeabi"))
    assert rest == b'{"id":"1"'


@pytest.mark.parametrize("text", [b"", b"droidreclaim: ready", b"droidreclaim: uid=0\n"])
def test_a_preamble_without_its_last_line_is_none(text: bytes) -> None:
    assert split_preamble(text) is None


# Removing


@pytest.mark.usefixtures("shell")
def test_removing_leaves_nothing_and_ends_what_runs(
    device: AdbDevice, start: Callable[[], Started], places: Places
) -> None:
    start().channel.close()
    running = Path(places.home) / "helper-running"
    shutil.copy("/bin/sleep", running)
    (Path(places.temp) / ".droidreclaim-0123456789abcdef").write_text("cut short")
    with subprocess.Popen([running, "60"]) as process:
        removal = remove(device, ROOT, timeout_s=20, places=places)
        assert process.wait(5) == -15
    assert removal.left == ()
    assert set(removal.removed) == {
        f"process {process.pid}",
        places.home,
        f"{places.temp}/.droidreclaim-0123456789abcdef",
    }
    assert left_behind(places) == []
    assert not Path(places.home).exists()


@pytest.mark.usefixtures("shell")
def test_removing_twice_finds_nothing(device: AdbDevice, places: Places) -> None:
    assert remove(device, ROOT, timeout_s=20, places=places).removed == ()


@pytest.mark.usefixtures("shell")
def test_what_is_not_ours_is_listed_and_left(device: AdbDevice, places: Places) -> None:
    plant_foreign_directory(Path(places.home))
    (Path(places.home) / "theirs").write_text("")
    (Path(places.temp) / ".droidreclaim-planted").mkdir()
    removal = remove(device, ROOT, timeout_s=20, places=places)
    assert set(removal.left) == {places.home, f"{places.temp}/.droidreclaim-planted"}
    assert (Path(places.home) / "theirs").exists()


@pytest.mark.usefixtures("shell")
def test_removing_does_not_follow_a_link(device: AdbDevice, places: Places) -> None:
    plant_link(Path(places.home))
    kept = Path(places.home).parent / "elsewhere" / "kept"
    kept.write_text("")
    assert remove(device, ROOT, timeout_s=20, places=places).left == (places.home,)
    assert kept.exists()


@pytest.mark.usefixtures("tools")
def test_a_process_that_does_not_end_is_killed(device: AdbDevice, places: Places) -> None:
    Path(places.home).mkdir(mode=0o700)
    stubborn = Path(places.home) / "helper-stubborn"
    shutil.copy(os.path.realpath("/bin/sh"), stubborn)
    with subprocess.Popen([stubborn, "-c", "trap '' TERM; echo; while :; do sleep 0.1; done"],
                          stdout=subprocess.PIPE) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        began = time.monotonic()
        remove(device, ROOT, timeout_s=20, places=places)
        assert process.wait(5) == -9
        assert time.monotonic() - began < 5
