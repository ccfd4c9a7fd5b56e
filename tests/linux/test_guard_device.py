"""The guard where files lie as on a phone: in a root of its own, on this machine's kernel."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import (
    ALWAYS,
    MIB,
    NEVER,
    Guard,
    Session,
    Zram,
    missing,
    require_root,
    rmdir,
    until,
)

NAME = "com.example.guarded"
LEAVE = "match=* rung=leave"
CPUSET = Path("/sys/fs/cgroup/cpuset")


class Rooted(Guard):
    """A guard that is started in *root*, with mounts that nobody else sees; asked from outside."""

    def __init__(self, program: Path, root: Path) -> None:
        for name in ("proc", "sys", "dev/cpuset", "data/system", "system/bin", "usr"):
            (root / name).mkdir(parents=True)
        (root / "dev/null").touch()
        for name in ("bin", "lib", "lib64"):
            (root / name).symlink_to(f"usr/{name}")
        super().__init__(program, root / "home")
        self.root = root
        self.mount("--rbind /proc", "proc")
        self.mount("--rbind /sys", "sys")
        self.mount("--bind /usr", "usr")
        self.mount("--bind /dev/null", "dev/null")

    def mount(self, what: str, where: str) -> None:
        """Have *what* there when one is started."""
        script = self.home / "starter"
        before = script.read_text().splitlines()[:-1] if script.exists() else [_OWN_MOUNTS]
        lines = (
            *before,
            f"mount {what} {self.root / where} || exit 1",
            f'exec chroot {self.root} /home/{self.program.name} "$@"\n',
        )
        script.write_text("\n".join(lines))
        script.chmod(0o755)
        self.starter = script

    def answer(self, program: str, text: str) -> None:
        """What one of Android's programs says from now on."""
        path = self.root / "system/bin" / program
        (self.root / f"{program}.txt").write_text(text)
        path.write_text(f"#!/bin/sh\necho >>/{program}.asked\nexec /bin/cat /{program}.txt\n")
        path.chmod(0o755)

    def memory(self, available_bytes: int) -> None:
        """What the guard reads of memory from now on; first to be said before its start."""
        path, first = self.root / "meminfo", not (self.root / "meminfo").exists()
        fields = {"MemFree": available_bytes, "MemAvailable": available_bytes}
        fields |= {"SwapTotal": 2048 * MIB, "SwapFree": 2048 * MIB}
        path.write_text("".join(f"{key}: {value >> 10} kB\n" for key, value in fields.items()))
        if first:
            self.mount(f"--bind {path}", "proc/meminfo")

    def asked(self, program: str) -> int:
        """How often one of Android's programs was asked."""
        path = self.root / f"{program}.asked"
        return path.read_text().count("\n") if path.exists() else 0


_OWN_MOUNTS = '#!/bin/sh\n[ "$OWN" ] || OWN=1 exec unshare -m "$0" "$@"'


@pytest.fixture
def rooted(helper: Path, tmp_path: Path) -> Iterator[Rooted]:
    require_root()
    it = Rooted(helper.with_name("droidreclaim-guard"), tmp_path / "root")
    yield it
    it.kill()


def test_it_answers_before_it_has_read_the_processes(
    rooted: Rooted, zram: Zram, victims: Any
) -> None:
    victims("anon=1", name=NAME)
    packages = rooted.root / "data/system/packages.list"
    os.mkfifo(packages)  # as slow as a phone that thrashes: read for the first app that is met
    rooted.start(NEVER, f"match=x.{NAME}", LEAVE)  # refused, if it read them first
    packages.write_text("")
    assert rooted.status()["running"]


def test_one_whose_starter_did_not_wait_for_it_ends(
    rooted: Rooted, zram: Zram, victims: Any
) -> None:
    log = rooted.home / "guard.log"
    os.mkfifo(log)  # it waits here for longer than its starter does
    session = Session(rooted.starter)
    try:
        for line in (f"1 guard_when {NEVER}", f"2 guard_rule {LEAVE}"):
            session.send(line)
            assert session.reply()
        session.send("3 guard_start name=test for_s=60")
        reply = session.reply()
        assert reply is not None
        assert (reply.end["error"], reply.end["why"]) == (
            "ETIMEDOUT",
            "it takes too long to start, and will end",
        )
    finally:
        session.close()
    log.rename(rooted.root / "log").write_text("")
    until(lambda: not rooted.runs())
    assert rooted.status()["last_end"] == "who started it was gone"


def test_it_moves_to_the_cpus_of_the_background(rooted: Rooted, zram: Zram) -> None:
    if not (CPUSET / "cpuset.cpus").exists():
        missing("no cpuset cgroup of version 1 here")
    ours = CPUSET / f"droidreclaim-{os.getpid()}"
    groups = (ours, ours / "background")
    try:
        for group in groups:
            group.mkdir()
            (group / "cpuset.cpus").write_text("0")
            (group / "cpuset.mems").write_text("0")
        rooted.mount(f"--bind {ours}", "dev/cpuset")
        pid = rooted.start(NEVER, LEAVE)
        assert f"cpuset:/{ours.name}/background\n" in Path(f"/proc/{pid}/cgroup").read_text()
        assert os.sched_getaffinity(pid) == {0}
    finally:
        rooted.kill()
        for group in reversed(groups):
            with contextlib.suppress(FileNotFoundError):
                rmdir(group)


def test_who_left_the_foreground_first_goes_first_and_favourites_last(
    rooted: Rooted, zram: Zram, victims: Any
) -> None:
    names = ("favourite", "old", "young")
    them = {name: victims("anon=8", name=f"{NAME}.{name}") for name in names}
    for victim in them.values():
        victim.set_adj(0)
    rooted.memory(available_bytes=512 * MIB)
    rules = (f"match={NAME}.favourite last=1", f"match={NAME}.*")
    rooted.start(f"available_bytes={256 * MIB} look_every_ms=100", *rules, LEAVE)
    until(lambda: len(rooted.ask("guard_status").all("app")) >= 3)
    for victim in them.values():
        victim.set_adj(900)
        until(lambda victim=victim: rooted.app(victim.pid)["background_s"] is not None)
    assert rooted.actions() == []
    told = rooted.ask("guard_status").all("app")
    rooted.memory(available_bytes=16 * MIB)
    until(lambda: len(rooted.actions()) >= 3)
    wanted = [them[name].pid for name in ("old", "young", "favourite")]
    assert rooted.actions()[:3] == wanted, (told, rooted.events())


def test_who_is_asked_to_trim_is_named_by_its_pid_whatever_it_calls_itself(
    rooted: Rooted, zram: Zram, victims: Any
) -> None:
    (rooted.root / "system/bin/cmd").write_text(
        '#!/bin/sh\n[ "$1" != activity ] || echo "$@" >>/cmd.said\n'
    )
    (rooted.root / "system/bin/cmd").chmod(0o755)
    victim = victims("anon=8", name=NAME)
    victim.set_adj(0)
    rooted.start(f"{NEVER} trim_below_permille=1000", f"match={NAME} rung=trim", LEAVE)
    until(lambda: rooted.ask("guard_status").all("app"))
    victim.set_adj(900)
    until((rooted.root / "cmd.said").exists)

    said = (rooted.root / "cmd.said").read_text().split()
    assert said == ["activity", "send-trim-memory", "--user", "0", str(victim.pid), "COMPLETE"]


HOT = "IsStatusOverride: false\nThermal Status: 3\nCached temperatures:\n"
COOL = HOT.replace("3", "0")


@pytest.mark.parametrize(
    ("program", "spares", "goes_on", "word"),
    [("dumpsys", HOT, COOL, "thermal"), ("cmd", "1\n", "null\n", "battery_saver")],
)
def test_a_device_that_is_to_be_spared_pauses_it(
    rooted: Rooted, zram: Zram, victims: Any, program: str, spares: str, goes_on: str, word: str
) -> None:
    victim = victims("anon=16", name=NAME)
    rooted.answer(program, spares)
    rooted.start(ALWAYS, f"match={NAME}", LEAVE, more="ask_ms=1000")
    until(lambda: rooted.events("pause"))
    assert rooted.events("pause")[0]["reason"] == rooted.status()["paused"] == word
    asked = rooted.asked(program)
    until(lambda: rooted.asked(program) >= asked + 2)
    assert victim.memory("VmSwap") == 0
    rooted.answer(program, goes_on)
    until(lambda: victim.memory("VmSwap") > 15 * MIB)
    until(lambda: rooted.events("action"))  # written once the slice is over
    assert [event["what"] for event in rooted.events()] == ["start", "pause", "resume", "action"]
    assert rooted.status()["paused"] is None


def test_android_is_asked_no_more_than_once_a_minute(
    rooted: Rooted, zram: Zram, victims: Any
) -> None:
    victims("anon=16", name=NAME)
    rooted.answer("cmd", "1\n")
    rooted.start(f"{ALWAYS} look_every_ms=100", f"match={NAME}", LEAVE)
    until(lambda: rooted.events("pause"))
    looks = rooted.status()["looks"]
    until(lambda: rooted.status()["looks"] > looks + 10)
    assert rooted.asked("cmd") == 1


@pytest.fixture
def squeezed(group: Path, members: Any) -> Any:
    """Starts victims in a memory cgroup that holds less than they want."""
    (group / "memory.limit_in_bytes").write_text(str(32 * MIB))
    return members


def test_without_psi_it_hears_of_pressure_from_the_memory_cgroup(
    rooted: Rooted, zram: Zram, squeezed: Any
) -> None:
    rooted.mount("-t tmpfs none", "proc/pressure")
    rooted.start(f"{NEVER} look_every_ms=60000", LEAVE)
    status = rooted.status()
    assert (status["signal"], status["psi_some_us"]) == ("vmpressure", None)
    time.sleep(1)
    assert rooted.events("pressure") == []
    squeezed("anon=256")
    until(lambda: rooted.events("pressure"))
    assert rooted.events("pressure")[0]["reason"] == "vmpressure"
    rooted.wakes_at_most(5.5, window_s=2)  # each ring was taken


def test_what_a_resume_needs_is_not_read_where_others_would_be_killed_for_it(
    rooted: Rooted, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=32", name=NAME)
    victim.set_adj(0)
    rooted.memory(available_bytes=4096 * MIB)
    rooted.start(f"{NEVER} leaving=1", f"match={NAME} bring_back=1 cooldown_ms=0", LEAVE)
    mark = 2 * rooted.status()["low_watermark_bytes"] + 32 * MIB

    def comes() -> None:
        victim.set_adj(0)
        until(lambda: rooted.app(victim.pid)["background_s"] is None)

    def leaves(actions: int) -> None:
        victim.set_adj(900)
        until(lambda: rooted.app(victim.pid)["background_s"] is not None)
        until(lambda: len(rooted.actions()) == actions)
        assert victim.memory("VmSwap") >= 31 * MIB

    until(lambda: rooted.ask("guard_status").all("app"))
    leaves(1)
    victim.set_adj(0)
    victim.touch_some(first_page=512, pages=2048)
    until(lambda: rooted.app(victim.pid)["resumes"] == 1)
    leaves(2)
    rooted.memory(available_bytes=mark)
    comes()
    assert rooted.status()["brought_bytes"] == 0
    assert victim.memory("VmSwap") >= 31 * MIB
    leaves(2)
    rooted.memory(available_bytes=mark + 16 * MIB)
    comes()
    until(lambda: rooted.status()["brought_bytes"] >= 7 * MIB)
    assert victim.bad_pages() == 0
