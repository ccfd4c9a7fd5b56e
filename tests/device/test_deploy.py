"""Placing, starting and removing the helper, by real shells on a real file system."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from adb_server import STDOUT, AdbServer, Peer, packet
from droidreclaim.device.adb import AdbDevice
from droidreclaim.device.link import Deadline
from droidreclaim.device.root import RootWay
from droidreclaim.errors import NotPossible
from droidreclaim.helper.bundle import Bundle, Helper, load_bundle
from droidreclaim.helper.deploy import _PLACE, Places, place
from droidreclaim.helper.launch import Started, split_preamble, start_helper
from droidreclaim.helper.remove import remove
from hostile_helper import answer

BUILD = "0123456789abcdef"
HELLO = f'{{"id":"start","t":"hello","build":"{BUILD}"}}'


def program(hello: str) -> bytes:
    """Write a stand-in for the helper: it answers *hello*, and then repeats what it reads."""
    crc = zlib.crc32(hello.encode() + b"\n")
    end = f'{{"id":"start","t":"end","ok":true,"lines":1,"crc":"{crc:08x}"}}'
    serve = f"read -r question; echo '{hello}'; echo '{end}'; exec cat"
    return f"#!/bin/sh\ncase $1 in hello) echo ok;; serve) {serve};; *) exit 64;; esac\n".encode()


PROGRAM = program(HELLO)
TOOLS = ("cat", "chmod", "dd", "head", "ln", "mkdir", "mv", "rm", "setpriv", "sleep")
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
    """Make the device's PATH, one directory of programs; tests remove those an old device lacks."""
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
    """Return the device's shell: once this machine's sh, once mksh as Android has it."""
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
    written = {"build": BUILD, "protocol": 1, "helpers": helpers}
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
    assert started.channel.read(5) == b"ping\n"
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


def test_the_question_whether_it_runs_costs_no_round_trip_of_its_own(
    adb: AdbServer, device: AdbDevice, bundle: Bundle
) -> None:
    build = {"build": BUILD}
    preamble = "".join(
        f"droidreclaim: {line}\n" for line in ("uid=0", "sdk=34", "abis=x86_64", "ready")
    )

    def answers_only_what_was_asked(peer: Peer, _: str) -> None:
        peer.okay()
        _, *size = peer.read(5)  # a packet of the shell protocol: whose it is, and its length
        assert peer.read(int.from_bytes(size, "little")) == b"start hello\n"
        peer.send(packet(STDOUT, preamble.encode() + answer("start", {"t": "hello"} | build)))
        with suppress(EOFError, OSError):
            peer.read(1)

    adb.handlers["shell,v2"] = answers_only_what_was_asked
    started = start_helper(device, ROOT, bundle, ["serve"], timeout_s=20)
    started.channel.close()


def test_an_absent_helper_costs_two_commands_more(
    adb: AdbServer, start: Callable[[], Started]
) -> None:
    start().channel.close()
    assert commands(adb) == ["shell,v2,raw"] * 3


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


# Attackers


# As the adb user: makes whatever appears a link to /dev/zero, a FIFO, a folder or another program,
# tries to get into the home, and says how many names it got hold of.
ATTACKER = """
import os, sys
temp, home, evil = sys.argv[1:]
os.setgid(2000); os.setuid(2000)
print(flush=True)
turn = got = 0
while not os.path.exists(f"{temp}/stop"):
    turn += 1
    for path in (f"{temp}/.droidreclaim-planted", f"{home}/.new-0", f"{home}/helper-0"):
        try:
            os.mkfifo(path) if turn % 2 else os.symlink("/dev/zero", path)
            got += path.startswith(home)
        except OSError:
            pass
    for place in (temp, home):
        try:
            names = os.listdir(place)
        except OSError:
            continue
        for name in names:
            path = f"{place}/{name}"
            got += "planted" not in name and name != "stop"
            try:
                os.unlink(path)
                [os.mkfifo, os.mkdir, lambda at: os.symlink("/dev/zero", at),
                 lambda at: os.symlink(evil, at)][turn % 4](path)
            except OSError:
                pass
print(got, turn, flush=True)
"""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("rounds", [40, pytest.param(3_000, marks=pytest.mark.campaign)])
def test_an_adb_user_gets_hold_of_nothing_that_root_runs_or_reads(
    device: AdbDevice, bundle: Bundle, places: Places, tools: Path, tmp_path: Path, rounds: int
) -> None:
    Path(places.temp).chmod(0o777)
    helper = bundle.helpers["x86_64"]
    evil, mark = tmp_path / "evil", tmp_path / "run"
    evil.write_text(f"#!/bin/sh\ntouch {mark}\n")
    evil.chmod(0o755)
    words = [sys.executable, "-c", ATTACKER, places.temp, places.home, str(evil)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as attacker:
        assert attacker.stdout
        attacker.stdout.readline()
        try:
            for _ in range(rounds):
                shutil.rmtree(places.home, ignore_errors=True)
                place(device, ROOT, helper, Deadline(20), places)
                assert (Path(places.home) / helper.name).read_bytes() == PROGRAM
        finally:
            (Path(places.temp) / "stop").write_text("")
        got, turns = map(int, attacker.stdout.readline().split())
    print(f"placed {rounds} times against {turns} turns of an attacker, who got hold of {got}")
    assert turns > rounds
    assert got == 0
    assert not mark.exists()
    assert sorted(path.name for path in Path(places.home).iterdir()) == [helper.name]


def placing(places: Places, helper: Helper, tools: Path) -> subprocess.Popen[bytes]:
    """Run the script that places the helper, and feed its stdin from the test."""
    work = f"{places.home}/.new-0123456789abcdef"
    hashes = (helper.sha256, helper.sha1, helper.md5)
    words = ["droidreclaim", places.home, work, helper.name, str(helper.size_bytes), *hashes, ""]
    return subprocess.Popen(
        [str(tools / "sh"), "-c", _PLACE, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": str(tools)},
        start_new_session=True,
    )


def waits(places: Places) -> bool:
    """Tell whether the placing script has begun to read the helper from stdin."""
    return bool(list(Path(places.home).glob(".new-*/program")))


def until(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("without", ["", "head"])
def test_no_more_than_the_helpers_size_is_taken(
    bundle: Bundle, places: Places, tools: Path, without: str
) -> None:
    (tools / without).unlink() if without else None
    helper = bundle.helpers["x86_64"]
    with placing(places, helper, tools) as script:
        assert script.stdin
        assert script.stdout
        with suppress(BrokenPipeError):
            for _ in range(1000):  # and on: nobody closes this stdin before the script has ended
                script.stdin.write(bytes(65536))
        assert b"damaged: the copy is not what was sent" in script.stdout.read()
    assert left_behind(places) == []


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("end", ["closed", "hung up"])
@pytest.mark.parametrize("sent", [0, 10, len(PROGRAM) - 1])
def test_a_link_that_breaks_in_the_middle_leaves_nothing_of_roots(
    bundle: Bundle, places: Places, tools: Path, end: str, sent: int
) -> None:
    with placing(places, bundle.helpers["x86_64"], tools) as script:
        assert script.stdin
        script.stdin.write(PROGRAM[:sent])
        script.stdin.flush()
        until(lambda: waits(places))
        if end == "hung up":
            script.send_signal(signal.SIGHUP)
        script.stdin.close()
        script.wait(5)
    assert left_behind(places) == []


@pytest.mark.usefixtures("shell")
def test_removing_ends_a_placing_that_waits_for_ever(
    device: AdbDevice, bundle: Bundle, places: Places, tools: Path
) -> None:
    with placing(places, bundle.helpers["x86_64"], tools) as script:
        until(lambda: waits(places))
        removal = remove(device, ROOT, timeout_s=20, places=places)
        script.wait(5)
        assert script.stdout
        said = script.stdout.read()
    assert removal.left == ()
    assert str(script.pid) in removal.removed[0]
    assert said == b"" or b"removed" in said
    assert not Path(places.home).exists()


@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("rounds", [15, pytest.param(400, marks=pytest.mark.campaign)])
def test_an_uninstall_beside_a_first_placement_is_named_and_leaves_nothing(
    device: AdbDevice, start: Callable[[], Started], places: Places, rounds: int
) -> None:
    refusals: list[str] = []
    faults: list[BaseException] = []
    done = threading.Event()

    def use() -> None:
        while not done.is_set():
            try:
                start().channel.close()
            except NotPossible as error:
                refusals.append(str(error))
            except BaseException as error:
                faults.append(error)
                return

    user = threading.Thread(target=use)
    user.start()
    for _ in range(rounds):
        remove(device, ROOT, timeout_s=20, places=places)
    done.set()
    user.join()
    print(f"{rounds} uninstalls, {len(refusals)} refusals: {set(refusals)}")
    assert faults == []
    assert not [words for words in refusals if "uninstall" not in words]
    assert remove(device, ROOT, timeout_s=20, places=places).left == ()
    assert left_behind(places) == []


# A damaged helper


def damage_folder(there: Path) -> None:
    there.unlink()
    there.mkdir()
    (there / "inside").write_text("")


def damage_empty(there: Path) -> None:
    there.write_bytes(b"")


def damage_truncated(there: Path) -> None:
    there.write_bytes(PROGRAM[:40])


def damage_garbage(there: Path) -> None:
    there.write_bytes(b"\n>f\323\n" + os.urandom(30_000))


def damage_zeros(there: Path) -> None:
    there.write_bytes(bytes(30_000))


def damage_words(there: Path) -> None:
    """What the kernel refuses to execute, a shell takes for a script."""
    there.write_text(f"echo >{there.parents[1]}/ran-by-root\n")


def damage_link(there: Path) -> None:
    there.unlink()
    there.symlink_to("/bin/true")


def damage_dangling(there: Path) -> None:
    there.unlink()
    there.symlink_to("nowhere")


def damage_fifo(there: Path) -> None:
    there.unlink()
    os.mkfifo(there, 0o700)


def damage_program_that_ends(there: Path) -> None:
    there.write_text("#!/bin/sh\nexit 0\n")


def damage_program_that_is_silent(there: Path) -> None:
    there.write_text("#!/bin/sh\nexec cat >/dev/null\n")


def damage_other_build(there: Path) -> None:
    hello = HELLO.replace(BUILD, "f" * 16)
    there.write_bytes(program(hello))


def damage_mode(there: Path) -> None:
    there.chmod(0o600)


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize(
    "damage",
    [
        damage_folder, damage_empty, damage_truncated, damage_garbage, damage_zeros,
        damage_words, damage_link, damage_dangling,
        damage_fifo, damage_program_that_ends, damage_program_that_is_silent, damage_other_build,
        damage_mode,
    ],
)  # fmt: skip
@pytest.mark.parametrize("hashes", [HASHES, ()])
def test_a_damaged_helper_is_replaced_and_goes_on(
    device: AdbDevice,
    bundle: Bundle,
    start: Callable[[], Started],
    places: Places,
    tools: Path,
    damage: Callable[[Path], None],
    hashes: tuple[str, ...],
) -> None:
    for name in set(HASHES) - set(hashes):
        (tools / name).unlink()
    start().channel.close()
    there = Path(places.home) / bundle.helpers["x86_64"].name
    damage(there)
    if damage is damage_program_that_is_silent:
        begun = start_helper(device, ROOT, bundle, ["serve"], timeout_s=4, places=places)
    else:
        begun = start()
    begun.channel.write(b"ping\n")
    assert begun.channel.read(5) == b"ping\n"
    begun.channel.close()
    assert there.is_file()
    assert there.read_bytes() == PROGRAM
    assert left_behind(places) == [there.name]
    assert not (there.parents[1] / "ran-by-root").exists()


def test_a_whole_helper_stays_where_it_is_and_runs(
    device: AdbDevice, bundle: Bundle, start: Callable[[], Started], places: Places
) -> None:
    start().channel.close()
    helper = bundle.helpers["x86_64"]
    there = Path(places.home) / helper.name
    before = there.stat().st_ino
    place(device, ROOT, helper, Deadline(20), places)
    assert there.stat().st_ino == before  # else a session that runs it would not be found


@pytest.mark.usefixtures("tools")
def test_a_helper_that_is_whole_and_does_not_start_is_named(
    device: AdbDevice, tmp_path: Path, places: Places
) -> None:
    text = b"#!/bin/sh\n[ $1 = hello ] || { echo not today >&2; exit 3; }\n"
    lazy = write_bundle(tmp_path / "lazy", {"x86_64": text})
    words = r"the helper does not start: exited 3: not today"
    with pytest.raises(NotPossible, match=words):
        start_helper(device, ROOT, lazy, ["serve"], timeout_s=20, places=places)


# What stands in the way


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
    with pytest.raises(NotPossible, match=r": (planted: .*|.*File exists) .*not ours") as caught:
        start()
    assert caught.value.exit_code == 4
    assert left_behind(places) == []


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a small tmpfs with given options, for refusals that only a mount can make."""
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


SU = {
    "a prompt": 'printf "root password: "; exec sh -c "$2"',
    "bytes": r"""printf '\377\376\033[1m\000'; exec sh -c "$2" """,
    "CR before LF": """exec python3 -uc '
import subprocess, sys
out = subprocess.Popen(["sh", "-c", sys.argv[1]], stdout=subprocess.PIPE, bufsize=0).stdout
while data := out.read(65536): sys.stdout.buffer.write(data.replace(b"\\n", b"\\r\\n"))
' "$2" """,
}


@pytest.mark.parametrize("kind", SU)
def test_a_su_that_adds_to_the_output_starts_the_helper(
    device: AdbDevice, bundle: Bundle, places: Places, tools: Path, kind: str
) -> None:
    (tools / "su").write_text(f"#!/bin/sh\n{SU[kind]}\n")
    (tools / "su").chmod(0o755)
    (tools / "python3").symlink_to(sys.executable)
    started = start_helper(device, RootWay.SU_C, bundle, ["serve"], timeout_s=20, places=places)
    assert (started.preamble.uid, started.preamble.model) == (0, "Pixel 6")
    started.channel.write(b"ping\n")
    assert started.channel.read(5).rstrip() == b"ping"
    started.channel.close()


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
        assert time.monotonic() - began < 20
