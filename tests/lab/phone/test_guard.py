"""The guard on a pocket phone: it goes on without us through every fault, and leaves nothing."""

from __future__ import annotations

import contextlib
import json
import random
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commands import command, run, run_json
from droidreclaim import profiles
from droidreclaim.errors import DroidReclaimError
from droidreclaim.guard import control
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.guard_wire import AppLine, EventLine, GuardLine
from droidreclaim.lab.demo import arms, scenario
from droidreclaim.lab.demo.result import Arm
from droidreclaim.lab.storm.arms import LeaveAlone, Left
from droidreclaim.lab.storm.stage import Stage
from droidreclaim.session import connect
from droidreclaim.units import MIB
from handset import ADB, Handset, adb_server_of, free_port, until

pytestmark = [pytest.mark.phone, pytest.mark.timeout(300)]

HOME = "/data/local/droidreclaim"
GAME = "com.example.game"
_ADJS = "cat /proc/[0-9]*/oom_score_adj 2>/dev/null || true"
# Processes of the guard's program, also of one that was removed; no program is started for it.
PIDS = (
    "for c in /proc/[0-9]*/comm; do "
    "read -r n <$c && [[ $n = guard-* ]] && c=${c#/proc/} && echo ${c%/comm}; done 2>/dev/null"
)
KILL = f"for p in $({PIDS}); do kill -9 $p; done"


@pytest.fixture(scope="module")
def shared(boot_for_module: Callable[..., Handset]) -> Handset:
    """The phone of this file, with all its apps in the background."""
    phone = boot_for_module(cpus=2)
    until(lambda: len(re.findall(r"9\d\d", phone.text(_ADJS))) >= 6, timeout_s=60)
    return phone


@pytest.fixture
def phone(shared: Handset) -> Iterator[Handset]:
    """The same without a guard; none is left over for the next test."""
    yield shared
    shared.shell(KILL)


@pytest.fixture
def guarded(phone: Handset) -> Handset:
    """A phone on which a guard runs."""
    start(phone)
    return phone


@contextlib.contextmanager
def session(phone: Handset) -> Iterator[RunningHelper]:
    """A session with the guard's program, without a Python of its own: half the time here."""
    with connect(phone.serial, timeout_s=60.0, root=False) as device:
        yield device.start_program("guard")


def start(
    phone: Handset, profile: str = "keep-games", for_s: int = 3600, ask_ms: int | None = None
) -> GuardLine:
    with session(phone) as running:
        guard = control.start(running, profiles.load(profile), for_s=for_s, ask_ms=ask_ms)
    assert guard.running
    assert guard.bound_to is None
    return guard


def stop(phone: Handset) -> GuardLine:
    with session(phone) as running:
        return control.stop(running)


def look(phone: Handset) -> control.Status:
    with session(phone) as running:
        return control.status(running)


def status(phone: Handset) -> GuardLine:
    return look(phone).guard


def events(phone: Handset) -> tuple[EventLine, ...]:
    with session(phone) as running:
        return control.log(running)


def running(phone: Handset) -> list[int]:
    """Pids of the guard's program as the phone has them; a session just closed may linger."""
    return [int(pid) for pid in phone.text(f"{PIDS}; true").split()]


def test_a_guard_says_what_it_sees_and_why_it_does_nothing(guarded: Handset) -> None:
    document = run_json(guarded, "guard", "status")
    guard, apps = document["guard"], document["apps"]
    assert (guard["running"], guard["profile"]) == (True, "keep-games")
    until(lambda: running(guarded) == [guard["pid"]])
    assert guard["signal"] == "psi_trigger"
    assert guard["available_bytes"] > 50 * MIB
    assert {app["name"].partition(":")[0] for app in apps} >= {GAME, "com.example.mail"}
    assert "runs with keep-games" in run(guarded, "guard", "status").stdout
    assert run_json(guarded, "guard", "log")["events"][-1]["what"] == "start"
    [check] = [one for one in run_json(guarded, "doctor")["checks"] if one["name"] == "guard"]
    assert str(guard["pid"]) in check["fact"]


def test_a_profile_is_explained_by_what_is_there_now(phone: Handset) -> None:
    document = run_json(phone, "profile", "explain", "keep-games")
    turns, skipped = document["turns"], document["skipped"]
    assert (turns[-1]["name"], turns[-1]["last"]) == (GAME, True)
    assert {turn["how"] for turn in turns} == {"trim", "pageout"}
    assert {one["name"]: one["reason"] for one in skipped}["com.android.launcher3"] == "leave"
    assert [signal["name"] for signal in document["signals"]] == [
        "next_launch", "headroom", "leaving", "pressure",
    ]  # fmt: skip
    assert document["now"]["launch_bytes"] > 10 * MIB
    until(lambda: not running(phone))


def test_it_is_no_heavier_than_it_promises(guarded: Handset) -> None:
    pid = status(guarded).pid
    text = guarded.text(f"cat /proc/{pid}/status /proc/{pid}/oom_score_adj; ls /proc/{pid}/fd")
    resident = re.search(r"^VmRSS:\s+(\d+) kB", text, re.M)
    assert resident is not None
    assert int(resident[1]) <= 512
    assert "\n-800\n" in text
    assert guarded.text(f"cat /proc/{pid}/cgroup") == "0::/"


def test_a_second_guard_is_refused_by_the_name_of_the_first(guarded: Handset) -> None:
    pid = status(guarded).pid
    second = run(guarded, "guard", "start", "--profile", "gentle")
    assert second.returncode == 7
    assert "keep-games" in second.stderr
    assert str(pid) in second.stderr
    until(lambda: running(guarded) == [pid])


def test_stop_ends_it_and_says_so_and_twice_is_not_achieved(guarded: Handset) -> None:
    assert run_json(guarded, "guard", "stop")["guard"]["running"] is False
    until(lambda: running(guarded) == [])
    assert not status(guarded).running
    assert run(guarded, "guard", "stop").returncode == 7
    assert events(guarded)[-1].what == "stop"


def test_its_time_ends_it(phone: Handset) -> None:
    start(phone, for_s=1)
    until(lambda: running(phone) == [])
    assert (events(phone)[-1].what, events(phone)[-1].reason) == ("stop", "time is over")


def test_follow_tells_what_happens_while_it_happens(guarded: Handset) -> None:
    with subprocess.Popen(
        command(guarded, "guard", "log", "--follow", "--json"), stdout=subprocess.PIPE, text=True
    ) as log:
        try:
            assert log.stdout is not None
            assert json.loads(log.stdout.readline())["what"]
            stop(guarded)
            assert any(json.loads(line)["what"] == "stop" for line in log.stdout)
        finally:
            log.terminate()


def test_a_profile_that_names_nobody_here_guards_nobody(phone: Handset, tmp_path: Path) -> None:
    path = tmp_path / "nobody.yaml"
    path.write_text(
        "version: 1\nname: nobody\nhow: {rung: leave}\n"
        "packages:\n  - match: com.nowhere.*\n    how: {rung: pageout}\n"
    )
    assert start(phone, str(path)).profile == "nobody"
    assert {app.spared for app in look(phone).apps} == {"leave"}


def test_all_but_the_favourites_are_asked_to_give_up_caches_as_they_leave(
    phone: Handset, tmp_path: Path
) -> None:
    profile = tmp_path / "mine.yaml"
    profile.write_text(
        "version: 1\nname: mine\n"
        "when: {next_launch: false, available: 1MiB, trim_below: 100%}\n"
        "who: {background: 0s}\nhow: {rung: trim}\n"
        f"packages:\n  - match: ['*launcher*', {GAME}]\n    how: {{rung: pageout}}\n"
    )
    start(phone, str(profile))
    before = events(phone)[-1].seq

    def acted_on() -> set[str]:
        new = [event for event in events(phone) if event.seq > before and event.what == "action"]
        return {(event.name or "").partition(":")[0] for event in new}

    for app in (GAME, "com.example.mail"):
        phone.text(f"am start -W {app}")
        phone.text("input keyevent 3")
    until(lambda: "com.example.mail" in acted_on())
    time.sleep(2.5)  # longer than it would wait between a trim and a page-out
    assert acted_on() == {"com.example.mail"}
    assert "trimMemoryLevel=80" in phone.text("dumpsys activity processes com.example.mail")
    assert json.loads(phone.text("pocket verify com.example.mail"))["bad"] == 0


# What may happen to the link


def test_an_unplugged_cable_changes_nothing(guarded: Handset) -> None:
    before = status(guarded).pid
    subprocess.run([ADB, "disconnect", guarded.serial], check=True, capture_output=True)
    guarded.wait()
    after = status(guarded)
    assert (after.running, after.pid) == (True, before)


def test_an_adb_server_that_ends_changes_nothing(phone: Handset, tmp_path: Path) -> None:
    port = free_port()
    other = {"ANDROID_ADB_SERVER_PORT": str(port)}
    with adb_server_of(ADB, port, tmp_path / "server.log"):
        subprocess.run([ADB, "-P", str(port), "connect", phone.serial], check=True)
        done = run(phone, "guard", "start", "--json", **other)
        assert done.returncode == 0, done.stderr
    phone.wait()
    assert status(phone).pid == json.loads(done.stdout)["guard"]["pid"]


def test_adbd_may_restart_and_take_its_cgroup_with_it(guarded: Handset) -> None:
    before = status(guarded).pid
    witness = "setsid sleep 300 >/dev/null 2>&1 & echo $!"
    pid = guarded.text(witness)
    guarded.run("unroot")
    time.sleep(1)
    guarded.wait()
    assert guarded.shell(f"[ -d /proc/{pid} ]").returncode == 1  # what setsid alone is worth
    guarded.run("root")
    time.sleep(1)
    guarded.wait()
    after = status(guarded)
    assert (after.running, after.pid) == (True, before)


# What may happen to the phone


def test_a_clock_set_back_changes_nothing(guarded: Handset) -> None:
    before = status(guarded)
    guarded.text("date -s @1000000000 || toybox date -s @1000000000")
    try:
        after = status(guarded)
    finally:
        guarded.text(f"date -s @{int(time.time())}")
    assert (after.running, after.pid) == (True, before.pid)
    assert before.left_s is not None
    assert after.left_s is not None
    assert 0 <= before.left_s - after.left_s < 120


def test_without_psi_it_guards_by_other_signals(phone: Handset) -> None:
    """A tmpfs over /proc/pressure hides it, as on a kernel built without."""
    with mounted(phone, "/proc/pressure", "size=4k"):
        start(phone)
        seen = status(phone)
        assert seen.signal in ("vmpressure", "timer")
        assert seen.psi_some_us is None


def test_without_swap_it_refuses_to_begin(phone: Handset) -> None:
    area = phone.text("cat /proc/swaps").splitlines()[1].split()[0]
    phone.text(f"swapoff {area}")
    try:
        done = run(phone, "guard", "start")
    finally:
        phone.text(f"swapon {area}")
    assert done.returncode == 4
    assert "swap" in done.stderr
    until(lambda: running(phone) == [])


def test_a_full_partition_costs_the_log_and_not_the_guard(phone: Handset) -> None:
    run(phone, "uninstall")
    phone.text(f"mkdir {HOME} && chmod 700 {HOME}")
    one_page = f"open('{HOME}/guard.log', 'w').write('x' * 4095 + chr(10))"
    fill = f"cat /dev/zero >{HOME}/filler"
    with mounted(phone, HOME, "size=256k,mode=700"):
        status(phone)  # its program is there now
        phone.shell(fill)
        refused = run(phone, "guard", "start")
        phone.text(f"rm {HOME}/filler")
        start(phone)
        stop(phone)
        phone.text(f'/usr/bin/python3 -c "{one_page}"')
        phone.shell(fill)
        start(phone)
        assert status(phone).running
        told = [event.what for event in events(phone)]
        phone.text(f"rm {HOME}/filler")
        stop(phone)
        told_then = [event.what for event in events(phone)]
    assert refused.returncode == 4
    assert "ENOSPC" in refused.stderr
    assert (told, told_then) == ([], ["stop"])


def test_a_package_uninstalled_while_guarded_is_forgotten(guarded: Handset) -> None:
    guarded.text("pocket install com.example.brief 8")
    guarded.text("am start -W -n com.example.brief/.Main")
    guarded.text("input keyevent HOME")
    until(lambda: "com.example.brief" in names(guarded))
    assert guarded.text("pm uninstall com.example.brief") == "Success"
    until(lambda: "com.example.brief" not in names(guarded))
    assert status(guarded).running


def names(phone: Handset) -> set[str]:
    return {app.name for app in look(phone).apps}


def killed_at_random(phone: Handset, times: int, seed: int) -> None:
    """Start a guard and kill -9 whatever runs of it, again and again, also while it starts."""
    source = random.Random(seed)
    profile = profiles.load("keep-games")
    for _ in range(times):
        with (
            session(phone) as guard,
            contextlib.suppress(DroidReclaimError),  # killed before it could answer
        ):
            guard.session.call_all(profiles.lines(profile))
            guard.session.send("guard_start", name="x", for_s=60)
            time.sleep(source.uniform(0, 0.3))
            phone.shell(KILL)
    until(lambda: running(phone) == [])


@pytest.mark.parametrize("times", [10, pytest.param(300, marks=pytest.mark.nightly)])
def test_killed_at_random_instants_it_leaves_nothing_in_the_way(phone: Handset, times: int) -> None:
    killed_at_random(phone, times, times)
    start(phone)
    assert status(phone).running
    assert run(phone, "uninstall").returncode == 0
    assert left_behind(phone) == ""


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_killed_at_1000_random_instants_it_leaves_nothing_in_the_way(phone: Handset) -> None:
    killed_at_random(phone, 1000, 2)
    start(phone)
    assert run(phone, "uninstall").returncode == 0
    assert left_behind(phone) == ""


def test_uninstall_stops_it_and_leaves_nothing(guarded: Handset) -> None:
    done = run_json(guarded, "uninstall")
    assert f"{HOME}" in done["removed"]
    assert any(word.startswith("process ") for word in done["removed"])
    assert left_behind(guarded) == ""


def test_after_a_reboot_none_runs_and_data_is_kept(boot: Callable[..., Handset]) -> None:
    guarded = boot()
    start(guarded)
    boot_id = "cat /proc/sys/kernel/random/boot_id"
    before = guarded.text(boot_id)
    guarded.text("echo kept > /data/local/tmp/kept")
    assert guarded.run("reboot").returncode == 0
    until(lambda: guarded.shell(boot_id).stdout.decode().strip() not in ("", before), timeout_s=120)
    guarded.wait(120)
    assert guarded.text("cat /data/local/tmp/kept") == "kept"
    until(lambda: running(guarded) == [])
    assert not status(guarded).running


# What Android says of the phone


@pytest.fixture
def always(tmp_path: Path) -> str:
    """A profile by which memory is always missing."""
    path = tmp_path / "always.yaml"
    path.write_text("version: 1\nname: always\nwhen: {available: 64GiB}\nhow: {rung: cold}\n")
    return str(path)


@pytest.mark.parametrize(
    ("spare", "go_on", "word"),
    [
        ("cmd thermalservice override-status 3", "cmd thermalservice reset", "thermal"),
        # A minute of waiting; what each word means to the guard is held to in tests/linux.
        pytest.param(
            "settings put global low_power 1",
            "settings put global low_power 0",
            "battery_saver",
            marks=pytest.mark.nightly,
        ),
    ],
)
def test_a_phone_that_is_to_be_spared_pauses_it(
    phone: Handset, always: str, spare: str, go_on: str, word: str
) -> None:
    begun = events(phone)[-1].seq if events(phone) else 0
    phone.text(spare)
    try:
        start(phone, always, ask_ms=2000)
        until(lambda: told(phone, begun)[1:] == [("pause", word)])
        assert status(phone).paused == word
    finally:
        phone.text(go_on)
    until(lambda: status(phone).actions > 0)
    assert told(phone, begun)[:3] == [("start", "always"), ("pause", word), ("resume", word)]


def told(phone: Handset, after: int) -> list[tuple[str, str | None]]:
    """What and why, of events numbered over *after*."""
    return [(event.what, event.reason) for event in events(phone) if event.seq > after]


# What its kernel has


@pytest.mark.campaign  # counts wake-ups: what else the machine does is counted as well
def test_it_sleeps_until_the_kernel_begins_to_reclaim(phone: Handset, tmp_path: Path) -> None:
    """Reading a disk fills memory with cache, which counts as available: nobody is paged out."""
    path = tmp_path / "never.yaml"
    path.write_text(
        "version: 1\nname: never\n"
        "when: {available: 1MiB, next_launch: false, pressure: {some: 9s, window: 10s}}\n"
    )
    start(phone, str(path))
    time.sleep(20)  # its beat has grown
    asleep = woken(phone, "sleep 10")
    awake = woken(phone, "for i in 1 2 3; do timeout 10 cat /dev/vda; done >/dev/null; true")
    print(f"\n  wake-ups: {asleep} in 10 s asleep, {awake} while the kernel reclaims")
    assert asleep <= 5
    assert awake >= asleep + 5
    assert status(phone).actions == 0


def woken(phone: Handset, command: str) -> int:
    """How often the guard woke while that ran; to be asked wakes it as well."""
    before = status(phone).wakeups
    phone.text(command)
    return (status(phone).wakeups or 0) - (before or 0)


def groups(controller: str, path: str, *names: str) -> str:
    """A cgroup of version 1 as Android's init mounts it, with *names* in it."""
    made = "".join(f" && mkdir {path}/{name}" for name in names)
    return f"mkdir {path} && mount -t cgroup -o {controller} none {path}{made}"


def without(path: str, *names: str) -> str:
    gone = "".join(f"rmdir {path}/{name}; " for name in names)
    return f"{KILL}; sleep 1; {gone}umount {path} && rmdir {path}"


def test_it_runs_on_the_cpus_of_the_background(phone: Handset) -> None:
    phone.text(groups("cpuset,noprefix", "/dev/cpuset", "background", "top-app"))
    try:
        for name in ("background", "top-app"):
            phone.text(f"cd /dev/cpuset/{name} && echo 0 >mems && echo 0 >cpus")
        start(phone)
        pid = status(phone).pid
        assert phone.text("cat /dev/cpuset/background/cgroup.procs") == str(pid)
        assert "\nCpus_allowed_list:\t0\n" in phone.text(f"cat /proc/{pid}/status")
    finally:
        phone.text(without("/dev/cpuset", "background", "top-app"))


def test_a_kernel_without_psi_tells_it_through_the_memory_cgroup(phone: Handset) -> None:
    phone.text(groups("memory", "/dev/memcg", "app"))
    try:
        with mounted(phone, "/proc/pressure", "size=4k"):
            phone.text("echo 16M >/dev/memcg/app/memory.limit_in_bytes")
            start(phone)
            assert status(phone).signal == "vmpressure"
            fill = "echo $$ >/dev/memcg/app/cgroup.procs; /usr/bin/python3 -c 'bytearray(96 << 20)'"
            phone.text(f"sh -c {shlex.quote(fill)} || true")
            until(lambda: [e.reason for e in events(phone) if e.what == "pressure"][-1:]
                  == ["vmpressure"])  # fmt: skip
    finally:
        phone.text(without("/dev/memcg", "app"))


def left_behind(phone: Handset) -> str:
    """Our files there; no process of ours runs, once adbd has reaped those that have ended."""
    until(lambda: running(phone) == [])
    return phone.text("find /data /dev /sdcard 2>/dev/null | grep -i droidreclaim || true")


@contextlib.contextmanager
def mounted(phone: Handset, path: str, options: str) -> Iterator[None]:
    phone.text(f"mount -t tmpfs -o {options} none {path}")
    try:
        yield
    finally:
        phone.shell(f"{KILL}; sleep 1")
        phone.text(f"umount {path} || umount -l {path}")


# What it is for


AT_HOME_S = 3.0


class RestAtHome(LeaveAlone):
    """Nobody of the host's pages out."""

    def after_leaving(self, left: Left) -> None:
        time.sleep(AT_HOME_S)


def played(phone: Handset) -> Arm:
    """The demo's scenario by hands alone: nobody pages out, and the player rests at Home."""
    with connect(phone.serial, timeout_s=60.0) as device:
        plan = scenario.plan(1, 6, arms.available_bytes(device))
        stage = Stage(device, ours=True, accelerator="tcg")
        return arms.play(stage, plan, name="guard", arm=RestAtHome())


@pytest.mark.parametrize("guards", [True, pytest.param(False, marks=pytest.mark.campaign)])
def test_with_a_guard_and_a_silent_host_every_app_and_the_score_are_kept(
    boot: Callable[..., Handset], shared: Handset, guards: bool
) -> None:
    """And without one, lowmemorykiller takes the game in the same scenario."""
    ram_bytes = 384 * MIB
    shared.stop()
    phone = boot(
        ram_bytes=ram_bytes, zram_bytes=scenario.zram_bytes(ram_bytes), apps="none", cpus=2
    )
    if not guards:
        assert not played(phone).game.kept
        return
    start(phone)
    arm = played(phone)
    told = [event for event in events(phone) if event.what == "action"]
    assert arm.deaths == (), (arm.deaths, told)
    assert arm.game.kept
    assert arm.verified.bad == 0
    assert told
    assert all(event.reason for event in told)


def game_of(phone: Handset) -> AppLine:
    """What the guard says of the game."""
    return next(app for app in look(phone).apps if app.name == GAME)


def leave(phone: Handset) -> None:
    """Go home, and wait until the guard has paged the app out."""
    before = sum(event.what == "action" for event in events(phone))
    phone.text("input keyevent HOME")
    until(lambda: sum(one.what == "action" for one in events(phone)) > before, timeout_s=30)


_KEEP_HOT = """
version: 1
name: keep-hot
when: {leaving: true}
who: {background: 0s}
how: {keep: hot, cooldown: 1s}
"""


@pytest.mark.nightly
def test_with_a_reuse_what_a_resume_needs_is_memory_that_a_prefetch_reaches(
    phone: Handset, tmp_path: Path
) -> None:
    (tmp_path / "hot.yaml").write_text(_KEEP_HOT.replace("keep: hot", "bring_back: true"))
    phone.text("pocket reuse 70")
    phone.text(f"am force-stop {GAME}")
    try:
        phone.text(f"am start -W {GAME}")
        start(phone, str(tmp_path / "hot.yaml"))
        leave(phone)
        phone.text(f"am start -W {GAME}")
        until(lambda: game_of(phone).resumes == 1, timeout_s=30)
        leave(phone)
        hot_bytes = game_of(phone).hot_bytes or 0
        assert hot_bytes >= MIB
        (back,) = run_json(phone, "reclaim", GAME, "--how", "prefetch", "--only", "hot")["targets"]
        assert hot_bytes * 0.8 <= back["advised_bytes"] <= hot_bytes
        stop(phone)
    finally:
        phone.text("pocket reuse 100")
        phone.text(f"am force-stop {GAME}")
        phone.text(f"am start -W {GAME}")
        phone.text("input keyevent HOME")


@pytest.mark.nightly
def test_what_the_guard_learns_of_a_resume_is_kept_and_brought_back(
    phone: Handset, tmp_path: Path
) -> None:
    (tmp_path / "hot.yaml").write_text(_KEEP_HOT)
    phone.text(f"am start -W {GAME}")
    start(phone, str(tmp_path / "hot.yaml"))
    leave(phone)
    assert game_of(phone).resumes == 0
    phone.text(f"am start -W {GAME}")
    until(lambda: game_of(phone).resumes == 1, timeout_s=30)
    hot_bytes = game_of(phone).hot_bytes or 0
    assert hot_bytes >= MIB
    leave(phone)
    assert (game_of(phone).rss_anon_bytes or 0) >= hot_bytes // 2
    done = run(phone, "reclaim", GAME, "--keep", "hot", "--json")  # exit 7: nothing else is left
    (kept,) = json.loads(done.stdout)["targets"]
    assert (kept["resumes_known"], kept["left_out_bytes"] > 0) == (1, True)
    run_json(phone, "reclaim", GAME)
    back = run_json(phone, "reclaim", GAME, "--how", "prefetch", "--only", "hot")
    (target,) = back["targets"]
    assert 0 < target["advised_bytes"] <= hot_bytes  # ashmem, as apps here have, it cannot reach
    assert back["totals"]["came_in_bytes"] > 0
    assert "LaunchState: HOT" in phone.text(f"am start -W {GAME}")
    stop(phone)
