"""Sampling over an adb server of our own: a real helper, an app whose heap follows a script."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from adb_server import AdbServer
from droidreclaim.device import Device
from droidreclaim.device.adb import AdbDevice
from droidreclaim.device.root import RootWay, default_memory
from droidreclaim.errors import DeviceError, NotAchieved, UsageError
from droidreclaim.helper.bundle import load_bundle
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.deploy import Places
from droidreclaim.helper.launch import start_helper
from droidreclaim.helper.session import HelperSession
from droidreclaim.inspect.footprint.apps import Owners, owners
from droidreclaim.inspect.footprint.sampler import Sampler
from droidreclaim.inspect.footprint.states import StateReader
from droidreclaim.model import USER_RANGE
from droidreclaim.model.footprint import PlayState
from droidreclaim.policy.footprint import gaps_of
from droidreclaim.qa.memory_use import figures
from droidreclaim.report.footprint import footprint_json, summary
from droidreclaim.session import Phone
from droidreclaim.session.root import Search

NAME = "com.example.game"
APP_ID = 12_000 + os.getpid() % 7000  # this worker's own: others run such apps beside it
MIB = 1 << 20
COUNTER_BYTES = MIB  # RssAnon is counted in batches
# Forked from the zygote as root, and the app only then, as Android does it.
ZYGOTE = """
import os, sys, time
time.sleep(2)
os.setgid(APP_ID); os.setuid(APP_ID)
os.execv("/bin/sleep", ["com.example.game", "60"])
"""
# As an app that its developer wraps: root's, and by no name of a zygote, when it is first seen.
WRAPPED = """
import os, sys, time
print("there", flush=True)
time.sleep(2)
os.setgid(APP_ID); os.setuid(APP_ID)
os.execv("/bin/sleep", ["com.example.game", "60"])
"""
# Holds 40 MiB in front, 72 MiB for a second after it was left, then 24 MiB; adj says which.
APP = """
import mmap, os, sys, time
def hold(mib):
    block = mmap.mmap(-1, mib << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, mib << 20, 4096): block[at] = 1
    return block
file = open("/proc/self/oom_score_adj", "wb", buffering=0)
def adj(value): file.write(b"%d" % value)
adj(0)
os.setgid(APP_ID); os.setuid(APP_ID)
base, front = hold(24), hold(16)
print("ready", flush=True)
time.sleep(3)
adj(905)
time.sleep(2)
peak = hold(32)
time.sleep(1)
peak.close(); front.close()
time.sleep(60)
"""
DUMPSYS = """#!/bin/sh
echo 'ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)'
echo '  Process LRU list (sorted by oom_adj, 1 total, non-act at 0, non-svc at 0):'
for file in {home}/pid-*; do
  pid=$(cat $file)
  app=$pid:com.example.game/u${file##*-}a{app}
  if [ "$(cat /proc/$pid/oom_score_adj)" = 0 ]; then
    echo "    Proc # 0: fg     T/A/TOP  LCMN t: 0 $app (top-activity)"
  else
    echo "    Proc # 0: cch+ 5 b/ /CAC  ---- t: 0 $app (cch-act)"
  fi
done
"""
PM = """#!/bin/sh
echo package:com.example.game uid:{uid}
echo package:com.example.one uid:10200
echo package:com.example.two uid:10200
"""


@pytest.fixture
def device(adb: AdbServer, device: Device, tmp_path: Path) -> Device:
    if os.geteuid() != 0:
        message = "needs root to be another app's uid"
        pytest.fail(message) if os.environ.get("DROIDRECLAIM_REQUIRE") else pytest.skip(message)
    programs = tmp_path / "bin"
    programs.mkdir()
    values = {"{home}": str(tmp_path), "{uid}": str(APP_ID), "{app}": str(APP_ID - 10_000)}
    for name, text in {"dumpsys": DUMPSYS, "pm": PM}.items():
        for key, value in values.items():
            text = text.replace(key, value)  # noqa: PLW2901
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    getprop = (
        '#!/bin/sh\ncase "$1" in\n'
        "ro.product.cpu.abilist) echo x86_64,arm64-v8a;;\n"
        "'') echo '[ro.product.model]: [Here]';;\nesac\n"
    )
    (programs / "getprop").write_text(getprop)
    (programs / "getprop").chmod(0o755)
    shared = tmp_path / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    adb.environment = {"PATH": f"{programs}:/usr/bin:/bin"}
    adb.uid = 2000
    return device


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts the app under its uid and name, once its heap is full."""
    running: list[subprocess.Popen[bytes]] = []

    def start(user: int = 0) -> subprocess.Popen[bytes]:
        words = [NAME, "-c", APP.replace("APP_ID", str(user * USER_RANGE + APP_ID))]
        one = subprocess.Popen(words, executable=sys.executable, stdout=subprocess.PIPE)
        running.append(one)
        (tmp_path / f"pid-{user}").write_text(str(one.pid))
        assert one.stdout
        assert one.stdout.readline() == b"ready\n"
        return one

    yield start
    for one in running:
        one.kill()
        one.wait()


class Opened:
    """The helper as the shell, from a directory of the test's own."""

    def __init__(self, device: Device, tmp_path: Path) -> None:
        self._device, self._places = device, Places(home=str(tmp_path / "tmp" / "home"))
        self.running: RunningHelper | None = None

    def open(self) -> RunningHelper:
        if self.running is None:
            bundle = load_bundle()
            started = start_helper(
                self._device, RootWay.ADBD, bundle, ("serve",), timeout_s=10,
                places=self._places, as_root=False,
            )  # fmt: skip
            session = HelperSession(started.channel, serial="S", timeout_s=5)
            self.running = RunningHelper(session, "S", None, None, bundle.build, self._device)
        return self.running

    def drop(self) -> None:
        if self.running is not None:
            self.running.session.close()
        self.running = None


@pytest.fixture
def opened(device: Device, tmp_path: Path) -> Iterator[Opened]:
    one = Opened(device, tmp_path)
    yield one
    with suppress(DeviceError):
        one.drop()


class Here(Phone):
    """A phone whose helper lies in a directory of the test's own."""

    def __init__(self, device: AdbDevice, opened: Opened) -> None:
        super().__init__(device, Search(device, default_memory(), 5.0, False), timeout_s=10)
        self._opened = opened

    @property
    def reader(self) -> RunningHelper:
        return self._opened.open()

    def another(self) -> Here:
        return Here(self._device, self._opened)

    def close(self) -> None:
        self._opened.drop()


def sampled(
    device: Device,
    opened: Opened,
    lasting_s: float,
    hz: float = 20.0,
    enough: Callable[[Sampler], bool] = lambda sampler: False,
    **more: float,
) -> Sampler:
    apps = owners(device, (NAME,), timeout_s=10)
    reader = StateReader(device, apps, timeout_s=10)
    sampler = Sampler(opened.open, opened.drop, reader, apps, hz, **more)
    ends_s = time.monotonic() + lasting_s
    sampler.run(lambda: time.monotonic() > ends_s or enough(sampler))
    reader.close(10)
    return sampler


def test_a_second_look_through_the_same_helper_finds_what_the_first_knew(
    device: AdbDevice, opened: Opened, app: Callable[..., subprocess.Popen[bytes]]
) -> None:
    app()
    phone = Here(device, opened)
    for _ in range(2):
        [one] = phone.footprint(NAME, lasting=1).processes
        assert one.track.name == NAME
        assert opened.running is not None


def test_a_block_is_sampled_through_and_every_number_is_the_one_of_the_script(
    device: AdbDevice, opened: Opened, app: Callable[..., subprocess.Popen[bytes]]
) -> None:
    process = app()
    base = _anon(process.pid) - 40 * MIB
    watch = Here(device, opened).footprint_during(NAME, hz=20)
    with pytest.raises(UsageError, match="when its block has ended"):
        assert watch.seen
    with watch:
        begun_s = time.clock_gettime(7)
        time.sleep(7)
    assert opened.running is None
    [use] = watch.seen.processes
    track = use.track
    assert (track.name, track.user, track.isolated) == (NAME, 0, False)
    assert track.at_us[-1] / 1e6 - begun_s > 6
    uses = {one.state: one for one in use.uses}
    assert set(uses) == {PlayState.FOREGROUND, PlayState.UNSURE, PlayState.CACHED}
    front, cached = uses[PlayState.FOREGROUND], uses[PlayState.CACHED]
    for at in (front.p50_bytes, front.p90_bytes, front.p99_bytes, front.max_bytes):
        assert abs(at - base - 40 * MIB) <= COUNTER_BYTES
    assert abs(cached.max_bytes - base - 72 * MIB) <= COUNTER_BYTES
    assert figures(watch.seen)["cached"]["max"] == cached.max_bytes
    assert min(track.bytes_) - base == pytest.approx(24 * MIB, abs=COUNTER_BYTES)
    for adj, state in zip(track.adj, use.states, strict=True):
        assert state in {0: ("foreground", "unsure"), 905: ("cached", "unsure")}[adj]
    assert use.states.count(PlayState.UNSURE) < 40  # of 140: two readings' time
    assert gaps_of([track], 20.0) == ()
    assert watch.seen.most(PlayState.SERVICES, "p90") is None


def test_a_block_that_fails_fails_as_itself_and_leaves_no_helper(
    device: AdbDevice, opened: Opened, app: Callable[..., subprocess.Popen[bytes]]
) -> None:
    app()
    with pytest.raises(ZeroDivisionError), Here(device, opened).footprint_during(NAME):
        _ = 1 / 0
    assert opened.running is None
    with pytest.raises(NotAchieved, match="no package"):
        Here(device, opened).footprint_during("com.example.nobody").__enter__()


def test_an_app_of_a_work_profile_is_a_row_of_its_own_with_its_user(
    device: AdbDevice, opened: Opened, app: Callable[..., subprocess.Popen[bytes]]
) -> None:
    own, work = app(), app(user=10)
    seen = Here(device, opened).footprint(NAME, lasting=2, hz=20)
    rows = {one.track.user: one for one in seen.processes}
    assert {user: one.track.id.pid for user, one in rows.items()} == {0: own.pid, 10: work.pid}
    assert all(PlayState.FOREGROUND in one.states for one in rows.values())
    assert f"{NAME} (user 10)" in summary(seen, "here", "today", second_hand=True)
    assert {one["user"] for one in footprint_json(seen, {})["processes"]} == {0, 10}


def test_an_unplugged_minute_is_a_gap_and_sampling_goes_on(
    adb: AdbServer,
    device: Device,
    opened: Opened,
    app: Callable[..., subprocess.Popen[bytes]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    app()

    def unplug() -> None:
        for peer in adb._peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)

    def has_gone_on(sampler: Sampler) -> bool:
        gaps = gaps_of(sampler.tracks.values(), 10.0)
        return any(end < track.at_us[-1] for _, end in gaps for track in sampler.tracks.values())

    cable = threading.Timer(1.5, unplug)
    cable.start()
    with caplog.at_level("WARNING", "droidreclaim"):
        sampler = sampled(device, opened, 30, hz=10, enough=has_gone_on)
    said = [line for line in caplog.messages if "goes on when it is back" in line]
    assert len(said) == 1, caplog.messages
    assert any("is back after" in line for line in caplog.messages)
    [track] = sampler.tracks.values()
    [(start, end)] = gaps_of([track], 10.0)
    assert end - start > 1_000_000
    assert track.at_us[-1] > end


def test_an_app_that_dies_and_comes_back_has_two_rows_and_one_end(
    device: Device, opened: Opened, app: Callable[..., subprocess.Popen[bytes]]
) -> None:
    first = app()

    def again() -> None:
        first.kill()
        first.wait()
        app()

    change = threading.Timer(2, again)
    change.start()
    sampler = sampled(device, opened, 30, enough=lambda sampler: len(sampler.tracks) == 2)
    one, two = sampler.tracks.values()
    assert one.ended_us is not None
    assert two.ended_us is None


def test_an_app_that_was_seen_first_as_a_child_of_the_zygote_is_sampled_once_it_is_one(
    device: Device, opened: Opened
) -> None:
    code = ZYGOTE.replace("APP_ID", str(APP_ID))
    words = ["zygote64", "-c", code]
    begun_s = time.monotonic()
    with subprocess.Popen(words, executable=sys.executable) as process:
        opened.open()
        enough = lambda sampler: any(one.name == NAME for one in sampler.tracks.values())  # noqa: E731
        sampler = sampled(device, opened, 30, enough=enough)
        process.kill()
    assert time.monotonic() - begun_s > 2
    [track] = sampler.tracks.values()
    assert (track.id.pid, track.name) == (process.pid, NAME)


def test_an_app_that_was_seen_first_as_something_else_is_found_by_activity_manager_s_word(
    device: Device, opened: Opened, tmp_path: Path
) -> None:
    code = WRAPPED.replace("APP_ID", str(APP_ID))
    words = ["sh", "-c", code]
    with subprocess.Popen(words, executable=sys.executable, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        enough = lambda sampler: bool(sampler.tracks)  # noqa: E731
        later = threading.Timer(3, lambda: (tmp_path / "pid-0").write_text(str(process.pid)))
        later.start()
        sampler = sampled(device, opened, 30, enough=enough, read_every_s=1.0)
        process.kill()
    [track] = sampler.tracks.values()
    assert (track.id.pid, track.name) == (process.pid, NAME)


def test_an_app_that_starts_later_is_found_within_two_seconds(
    device: Device, opened: Opened, app: Callable[..., subprocess.Popen[bytes]]
) -> None:
    born: list[float] = []
    later = threading.Timer(1.5, lambda: (app(), born.append(time.clock_gettime(7))))
    later.start()
    is_sampled = lambda sampler: any(one.at_us for one in sampler.tracks.values())  # noqa: E731
    sampler = sampled(device, opened, 10, enough=is_sampled)
    [track] = sampler.tracks.values()
    assert track.at_us[0] / 1e6 - born[0] < 4  # found within two seconds, on a machine that is busy


def test_packages_of_one_uid_are_told_apart_by_name_and_the_unnamed_by_activity_manager(
    device: Device,
) -> None:
    both = owners(device, ("com.example.one", "com.example.two"), timeout_s=10)[10_200]
    assert both.owner("com.example.two:sync") == "com.example.two"
    assert both.owner("engine") is None
    one = owners(device, ("com.example.one",), timeout_s=10)[10_200]
    assert one == Owners(("com.example.one",), frozenset({"com.example.two"}))
    assert one.owner("com.example.two") == ""
    [alone] = owners(device, (NAME,), timeout_s=10).values()
    assert alone.owner("engine") == NAME
    with pytest.raises(NotAchieved, match="no package"):
        owners(device, ("com.example.nobody",), timeout_s=10)


def _anon(pid: int) -> int:
    rows = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(
        int(row.split()[1]) * 1024 for row in rows if row.startswith(("RssAnon:", "VmSwap:"))
    )
