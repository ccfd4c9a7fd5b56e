"""
Android 17 as the pocket phone plays it: the memory limiter, and frozen apps written back to flash.

Freezer, limits, swap and the backing device are the kernel's own; who sets them is a stand-in that
goes by the documentation.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from commands import command, run, run_json
from droidreclaim.inspect.state import state_of
from droidreclaim.parse.activity.starts import parse_start_info
from droidreclaim.qa.folder import Folder
from droidreclaim.session import connect
from handset import Handset, until

pytestmark = pytest.mark.phone

MIB = 1 << 20
GAME, NOTES, CHAT = (f"com.example.{name}" for name in ("game", "notes", "chat"))
FREEZE = "activity_manager_native_boot freeze_debounce_timeout"


@pytest.fixture(scope="module")
def phone17(boot_for_module: Callable[..., Handset]) -> Iterator[Handset]:
    handset = boot_for_module(api=37, writeback=True, once=True)
    until(lambda: handset.text("getprop pocket.settled") == "1", timeout_s=60)
    handset.text(f"device_config put {FREEZE} 500")
    return handset


@pytest.fixture
def limits(phone17: Handset) -> Iterator[Callable[[str], None]]:
    """Set the limiter's limits in MiB: memory and swap of an app in front, then of one behind."""
    yield lambda words: phone17.text(f"pocket limits {words}") and None
    phone17.text("pocket limits 300 150 150 75")


def process(phone: Handset, package: str) -> dict[str, int]:
    """Return pid and oom_score_adj of the main process by `pocket`, which is quicker than `ps`."""
    apps = json.loads(phone.text("pocket apps"))["apps"]
    [found] = [one for app in apps for one in app["processes"] if one["name"] == package]
    return dict(found)


def rows(phone: Handset, *words: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in run_json(phone, "ps", *words)["processes"]}


def flash(phone: Handset) -> tuple[int, int]:
    """Pages read back from the backing device, and written to it."""
    _, read, written = phone.text("cat /sys/block/zram0/bd_stat").split()
    return int(read), int(written)


def write_back(phone: Handset, budget: str) -> None:
    """Page out *budget* of the game in the background, and wait until it is written to flash."""
    phone.text(f"am start -W {GAME}; am start -W {NOTES}; input keyevent HOME")
    until(lambda: process(phone, GAME)["oom_score_adj"] >= 900)
    phone.text("setprop pocket.writeback_after_s 600")  # not before all of it is in zram
    run_json(phone, "reclaim", GAME, "--allow-flash", "--budget", budget)
    phone.text("setprop pocket.writeback_after_s 0")
    until(lambda: process(phone, GAME)["oom_score_adj"] == 249)


def test_an_app_in_flash_is_cached_though_its_adj_says_249(phone17: Handset) -> None:
    write_back(phone17, "6MiB")
    listed = rows(phone17)
    row = listed[GAME]
    assert (row["band"], row["cached_anyway"], row["oom_score_adj"]) == ("cached", True, 249)
    assert (row["state"]["proc_state"], row["state"]["frozen"]) == ("CAC", True)
    assert listed[NOTES]["band"] == "previous"
    plain = run(phone17, "ps", GAME).stdout
    assert "CAC frozen" in plain
    assert "249" in plain

    [target] = run_json(phone17, "reclaim", GAME, "--allow-flash")["targets"]
    assert (target["outcome"], target["oom_score_adj"]) == ("reclaimed", 249)
    assert target["after"]["rss_bytes"] < target["before"]["rss_bytes"] - 8 * MIB


def test_paging_out_where_it_wears_flash_wants_to_be_allowed(phone17: Handset) -> None:
    refused = run(phone17, "reclaim", GAME)
    assert refused.returncode == 4
    assert "zram0 writes back to /dev/loop0" in refused.stderr
    said = {check["name"]: check for check in run_json(phone17, "doctor")["checks"]}
    assert (said["mmd"]["state"], said["zram writeback"]["state"]) == ("warn", "warn")
    assert "writeback.enabled=true" in said["mmd"]["fact"]
    with connect(phone17.serial, timeout_s=60.0) as device:
        state = state_of(device.device, device.way, timeout_s=60.0)
    assert state["zram-backing"] == "/dev/loop0"
    assert "mmd.zram.writeback.enabled=true" in (state["mmd"] or "")


def test_an_app_that_comes_back_from_flash_is_whole_and_its_adj_is_its_own(
    phone17: Handset,
) -> None:
    write_back(phone17, "16MiB")
    read, written = flash(phone17)
    assert written * 4096 >= 16 * MIB
    words = command(phone17, "reclaim", CHAT, "--allow-flash", "--refault", "5s", "--json")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as page_out:
        assert page_out.stderr is not None
        while b"measuring for" not in (line := page_out.stderr.readline()):
            assert line, "it ended before it measured"
        assert "LaunchState: HOT" in phone17.text(f"am start -W {GAME}")
        [seen] = json.loads(page_out.communicate(timeout=30)[0])["device_refaults"]
    back = (flash(phone17)[0] - read) * 4096
    assert 0 < seen["from_flash_bytes"] <= min(back, seen["swapped_in_bytes"] + MIB)
    assert '"bad": 0' in phone17.text(f"pocket verify {GAME}")
    assert process(phone17, GAME)["oom_score_adj"] == 0
    newest, *_ = parse_start_info(phone17.text(f"dumpsys activity start-info {GAME}"))
    assert (newest.start_type, newest.pid) == ("HOT", process(phone17, GAME)["pid"])


FROM_FLASH = """version: 1
name: flash
app: com.example.game
arms: [none, {arm: reclaim, allow_flash: true}]
steps:
  - launch
  - shell: input tap 160 240
  - remember: {name: score, shell: pocket score com.example.game, match: '"score": *([0-9]+)'}
  - home
  - shell: am start -W com.example.notes
  - shell: input keyevent HOME
  - {wait: 2s}
  - arm
  - {wait: 12s}
  - resume
expect:
  - same_pid
"""


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_qa_run_tells_a_resume_from_flash_from_one_from_zram(
    phone17: Handset, tmp_path: Path
) -> None:
    phone17.text("setprop pocket.writeback_after_s 1")
    scenario, out = tmp_path / "flash.yaml", tmp_path / "out"
    scenario.write_text(FROM_FLASH)
    words = ("--rounds", "2", "--no-control", "-o", str(out))
    argv = command(phone17, "run", str(scenario), *words)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    rounds = Folder.load(out)[2]
    assert [one.state for one in rounds] == ["kept"] * 4
    read = {arm: [one.from_flash_bytes or 0 for one in rounds if one.arm == arm]
            for arm in ("none", "reclaim")}  # fmt: skip
    assert max(read["none"]) < MIB < min(read["reclaim"])
    notes = [note for one in rounds for note in one.notes if one.arm == "reclaim"]
    assert sum("came back from flash" in note for note in notes) == 2
    kinds = {one.start_kind for one in rounds}
    assert kinds == {"HOT"}


def test_a_page_out_of_an_app_in_flash_stops_when_it_comes_to_the_front(phone17: Handset) -> None:
    write_back(phone17, "4MiB")
    words = command(phone17, "reclaim", GAME, "--allow-flash", "--max-rate", "1MiB", "--json")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as page_out:
        swap = f"grep VmSwap /proc/{process(phone17, GAME)['pid']}/status"
        before = phone17.text(swap)
        until(lambda: phone17.text(swap) != before)
        phone17.text(f"am start -W {GAME}")
        said = page_out.communicate(timeout=30)[0].decode()
    # Its adj may be seen on its way: no longer frozen, and not at 0 yet.
    assert '"foreground"' in said or '"perceptible"' in said
    assert '"stopped"' in said


def test_the_guard_takes_an_app_in_flash_for_the_cached_one_it_is(
    phone17: Handset, tmp_path: Path
) -> None:
    write_back(phone17, "4MiB")
    profile = tmp_path / "cached.yaml"
    profile.write_text(
        "version: 1\nname: cached\nwhen: {next_launch: false, available: 2GiB}\n"
        "who: {adj: 900..1000, background: 0s}\nhow: {rung: leave}\n"
        f"packages:\n  - match: {GAME}\n    how: {{rung: pageout}}\n"
    )
    group = f"/sys/fs/cgroup/apps/uid_*/pid_{process(phone17, GAME)['pid']}"
    words = ("guard", "start", "--profile", str(profile), "--for", "5m")
    assert run(phone17, *words).returncode == 4
    try:
        assert run(phone17, *words, "--allow-flash").returncode == 0
        until(lambda: int(phone17.text(f"cat {group}/memory.swap.current")) > 16 * MIB)
        assert process(phone17, GAME)["oom_score_adj"] == 249
    finally:
        run(phone17, "guard", "stop")


def test_the_limiter_s_limit_of_swap_bounds_a_page_out_and_its_dry_run(
    phone17: Handset, limits: Callable[[str], None]
) -> None:
    phone17.text(f"am start -W {NOTES}; input keyevent HOME")
    limits("300 150 150 4")
    group = f"/sys/fs/cgroup/apps/uid_*/pid_{process(phone17, NOTES)['pid']}"
    until(lambda: phone17.text(f"cat {group}/memory.swap.max") == str(4 * MIB))
    dry = run_json(phone17, "reclaim", NOTES, "--dry-run")["estimate"]
    assert dry["limited_by"] == "swap_limit"
    assert dry["leaves_bytes"] == pytest.approx(4 * MIB, abs=65536)
    [target] = run_json(phone17, "reclaim", NOTES, "--allow-flash")["targets"]
    assert (target["outcome"], target["reason"]) == ("reclaimed", "swap_limit")
    again = run(phone17, "reclaim", NOTES, "--allow-flash")
    assert (again.returncode, "swap_limit" in again.stderr) == (7, True)
    seen = run_json(phone17, "headroom", NOTES)
    assert seen["memory_limiter"]["hidden_swap_bytes"] == 4 * MIB
    [own] = seen["limits"]
    assert own["swap_left_bytes"] < 65536 < own["kill_left_bytes"]


def test_a_footprint_tells_how_far_the_app_is_from_what_the_limiter_kills_for(
    phone17: Handset, limits: Callable[[str], None]
) -> None:
    phone17.text(f"am start -W {GAME}")
    limits("60 20 30 10")
    until(lambda: "visibleMem=60MB" in phone17.text("am memory-limiter status"))
    done = run(phone17, "footprint", GAME, "--for", "3s")
    assert done.returncode == 0, done.stderr
    assert re.search(rf"{GAME}: at most \d+ MB in front, \d+ MB below .*\(84 MB\)", done.stdout)


@pytest.mark.parametrize(
    "grace_s", [2, pytest.param(30, marks=pytest.mark.nightly, id="as documented")]
)
def test_who_stays_over_both_limits_is_killed_and_the_limiter_is_named(
    phone17: Handset, limits: Callable[[str], None], grace_s: int
) -> None:
    """
    And by nobody before: an app alone at its memory.high stalls the phone's one processor, which is
    what lmkd takes for a device that is not responding; it took the app after some 15 s of the 30.
    """
    phone17.text(f"setprop pocket.limiter_grace_s {grace_s}; am start -W {GAME}")
    pid = process(phone17, GAME)["pid"]
    phone17.text("pocket killer off")
    try:
        limits("20 1 150 75")
        until(lambda: f"{pid}:{GAME}" not in phone17.text("dumpsys activity lru"), grace_s + 30)
    finally:
        phone17.text("pocket killer on")
    [kill] = [one for one in run_json(phone17, "kills")["kills"] if one["pid"] == pid]
    assert (kill["by"], kill["reason"]) == ("memory_limiter", "MemoryLimiter:AnonSwap")
    assert "reason=13" in phone17.text(f"dumpsys activity exit-info {GAME}")
    assert "events=0" not in phone17.text("am memory-limiter status")
