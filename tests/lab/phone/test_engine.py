"""The reclaim engine over real adb: what it promises before, does, and measures afterwards."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from commands import command, run, run_json
from handset import Handset, until, without_swap

pytestmark = pytest.mark.phone

MIB = 1 << 20
GAME = "com.example.game"
THRASHING = "persist.device_config.lmkd_native.thrashing_limit"


def cached(phone: Handset) -> list[dict[str, Any]]:
    rows = run_json(phone, "ps")["processes"]
    return [row for row in rows if row["band"] == "cached"]


@pytest.fixture
def apps(phone: Handset) -> Iterator[Handset]:
    """Return the shared phone with its apps in the background, idle, and not paged out."""
    until(lambda: len(cached(phone)) >= 6, timeout_s=60)
    phone.text("pocket beat off")
    phone.text("pocket verify all")
    yield phone
    phone.text("pocket beat on")


def free_bytes(phone: Handset) -> int:
    """Return MemFree plus the free pages in the CPUs' own lists, which MemFree does not count."""
    text = phone.text("cat /proc/meminfo; grep 'count:' /proc/zoneinfo")
    free = re.search(r"^MemFree: +(\d+) kB", text, re.M)
    assert free is not None
    kept_pages = sum(int(count) for count in re.findall(r"count: (\d+)", text))
    return int(free[1]) * 1024 + kept_pages * 4096


def test_what_comes_back_is_measured_at_each_time(apps: Handset) -> None:
    document = run_json(apps, "reclaim", GAME, "--refault", "1s,2s")
    [target] = document["targets"]
    assert [row["at_s"] for row in target["refaults"]] == [1, 2]
    assert target["worth_it"] is True
    assert target["came_back_share"] < 0.1
    assert [row["at_s"] for row in document["device_refaults"]] == [1, 2]
    assert document["swap_algorithms"]


def test_an_app_that_is_used_again_was_not_worth_it(apps: Handset) -> None:
    with subprocess.Popen(
        command(apps, "reclaim", GAME, "--refault", "1s,8s", "--json"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stderr is not None
        while "after 1 s" not in running.stderr.readline():
            pass
        apps.text(f"pocket verify {GAME}")  # reads every page of it
        told, _ = running.communicate(timeout=60)
    document = json.loads(told)
    [target] = document["targets"]
    first, last = target["refaults"]
    left = target["before"]["rss_bytes"] - target["after"]["rss_bytes"]
    assert first["came_back_bytes"] < 0.1 * left
    assert last["came_back_bytes"] > 0.9 * left
    assert last["major_faults"] > 1000
    assert target["worth_it"] is False
    swapped_in = document["device_refaults"][-1]["swapped_in_bytes"]
    assert swapped_in >= 0.9 * last["came_back_bytes"]


def test_interrupted_while_it_waits_it_shows_what_it_has_and_exits_130(apps: Handset) -> None:
    with subprocess.Popen(
        command(apps, "reclaim", GAME, "--refault", "1s,100s", "--json"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stderr is not None
        while "after 1 s" not in running.stderr.readline():
            pass
        running.send_signal(signal.SIGINT)
        told, said = running.communicate(timeout=10)
    assert running.returncode == 130, said
    assert "Traceback" not in said
    [target] = json.loads(told)["targets"]
    assert [row["at_s"] for row in target["refaults"]] == [1]
    assert target["outcome"] == "reclaimed"


def test_the_gain_is_what_an_outside_reader_of_free_memory_sees(apps: Handset) -> None:
    run_json(apps, "reclaim", "--band", "cached")  # what the first one costs is paid
    apps.text("pocket verify all")
    before = free_bytes(apps)
    gained = run_json(apps, "reclaim", "--band", "cached")["totals"]["gained_bytes"]
    seen = free_bytes(apps) - before
    assert gained > 20 * MIB
    assert abs(seen - gained) <= max(0.05 * gained, MIB)


def test_a_dry_run_says_what_then_happens(apps: Handset) -> None:
    run_json(apps, "reclaim", "com.example.mail")  # zram has a ratio now
    dry = run_json(apps, "reclaim", GAME, "--dry-run")
    done = run_json(apps, "reclaim", GAME)["totals"]
    estimate = dry["estimate"]
    assert estimate["leaves_bytes"] == pytest.approx(done["reclaimed_bytes"], rel=0.10)
    assert estimate["zram_bytes"] == pytest.approx(done["zram_used_delta_bytes"], rel=0.10)
    assert estimate["gained_bytes"] == pytest.approx(done["gained_bytes"], rel=0.10)
    [target] = dry["targets"]
    kinds = {row["kind"]: row for row in target["kinds"]}
    assert kinds["dalvik"]["movable_bytes"] > kinds["native"]["movable_bytes"] > MIB


def test_only_the_java_heap_moves_when_it_is_asked_for(apps: Handset) -> None:
    own = run_json(apps, "reclaim", GAME, "--dry-run")["targets"][0]["kinds"]
    kinds = {row["kind"]: row["exclusive_bytes"] for row in own}
    [target] = run_json(apps, "reclaim", GAME, "--only", "dalvik")["targets"]
    assert target["advised_bytes"] == pytest.approx(kinds["dalvik"], rel=0.01)
    rest = run_json(apps, "reclaim", GAME, "--only", "native,stack")["targets"][0]
    assert rest["advised_bytes"] == pytest.approx(kinds["native"] + kinds["stack"], rel=0.01)
    assert json.loads(apps.text(f"pocket verify {GAME}"))["bad"] == 0


def test_the_java_heap_of_an_app_in_use_is_left_alone(apps: Handset) -> None:
    apps.text("am start -W com.example.chat")
    apps.text("input keyevent 3")
    rows = [row for row in run_json(apps, "ps")["processes"] if row["packages"]]
    used = next(row for row in rows if 500 <= (row["oom_score_adj"] or 0) < 900)
    done = run(apps, "reclaim", f"pid:{used['pid']}", "--only", "dalvik")
    assert done.returncode == 7
    assert "comes back with the next garbage collection" in done.stderr


def test_a_range_of_one_process_moves_and_nothing_else(apps: Handset) -> None:
    pid = next(row["pid"] for row in cached(apps) if row["name"] == GAME)
    maps = apps.text(f"cat /proc/{pid}/maps")
    heap = re.search(r"^([0-9a-f]+)-.*dalvik-main space", maps, re.M)
    assert heap is not None
    [target] = run_json(apps, "reclaim", f"pid:{pid}", "--range", f"{heap[1]}+2MiB")["targets"]
    assert target["advised_bytes"] == 2 * MIB
    assert target["after"]["swap_bytes"] - target["before"]["swap_bytes"] == 2 * MIB
    odd = run(apps, "reclaim", f"pid:{pid}", "--range", "1001+4KiB")
    assert odd.returncode == 2


def test_code_is_evicted_only_far_from_lmkds_limit(apps: Handset) -> None:
    assert run(apps, "reclaim", GAME, "--what", "all").returncode == 0
    apps.text(f"setprop {THRASHING} 0")
    try:
        done = run(apps, "reclaim", GAME, "--what", "file")
        assert done.returncode == 7
        assert "half of what lmkd kills at" in done.stderr
        assert run(apps, "reclaim", GAME, "--only", "code").returncode == 7
    finally:
        apps.text(f"setprop {THRASHING} 100")


def test_a_rate_is_not_exceeded(apps: Handset) -> None:
    begun = time.monotonic()
    document = run_json(apps, "reclaim", GAME, "--max-rate", "8MiB/s")
    took_s = time.monotonic() - begun
    advised = document["totals"]["advised_bytes"]
    assert advised > 16 * MIB
    assert document["targets"][0]["duration_s"] >= 0.9 * (advised / (8 * MIB))
    assert took_s < 60


@pytest.mark.parametrize(
    "api",
    [
        pytest.param(33, marks=pytest.mark.nightly),
        pytest.param(34, marks=pytest.mark.nightly),
        pytest.param(35, marks=pytest.mark.nightly),
    ],
)
def test_without_root_am_compact_is_believed_by_its_event_alone(
    boot: Callable[..., Handset], api: int
) -> None:
    mine = boot(root="none", api=api, once=api != 33)
    until(lambda: "com.example.mail" in mine.text("dumpsys activity lru"), timeout_s=60)
    until(lambda: run(mine, "reclaim", "--band", "cached", "--how", "trim").returncode == 0, 60)
    document = run_json(mine, "reclaim", "com.example.mail", "--backend", "am_compact")
    assert document["backend"] == "am_compact"
    assert {target["outcome"] for target in document["targets"]} == {"reclaimed"}
    assert document["totals"]["gained_bytes"] is None
    mine.text("device_config put activity_manager use_compaction false")
    done = run(mine, "reclaim", "com.example.mail", "--backend", "am_compact")
    assert done.returncode == 4
    assert "use_compaction" in done.stderr


def test_an_app_gives_up_what_it_can_rebuild(apps: Handset) -> None:
    document = run_json(apps, "reclaim", GAME, "--how", "trim")
    assert document["backend"] == "am_trim"
    [target] = document["targets"]
    assert target["outcome"] == "reclaimed"
    assert target["before"]["rss_bytes"] - target["after"]["rss_bytes"] > MIB
    assert json.loads(apps.text(f"pocket verify {GAME}"))["bad"] == 0
    again = run(apps, "reclaim", GAME, "--how", "trim")
    assert again.returncode == 7
    assert "Unable to set a higher trim level" in again.stderr  # as ActivityManager says it


def test_swap_is_made_of_an_unused_zram_and_undone(boot: Callable[..., Handset]) -> None:
    mine = without_swap(boot())
    until(lambda: len(cached(mine)) >= 6, timeout_s=60)
    assert run(mine, "swap", "off").returncode == 4
    [made] = run_json(mine, "swap", "on", "--size", "128MiB")["swap"]
    assert made["size_bytes"] == 128 * MIB
    assert run(mine, "swap", "on").returncode == 4
    assert run_json(mine, "reclaim", GAME)["totals"]["swapped_bytes"] > 10 * MIB
    removed = run(mine, "uninstall", "--json")
    assert json.loads(removed.stdout)["swap"] == ["/dev/block/zram0"]
    assert "droidreclaim swap off" in removed.stderr
    [undone] = run_json(mine, "swap", "off")["swap"]
    assert run_json(mine, "uninstall")["swap"] == []
    assert undone["used_bytes"] > 10 * MIB
    assert "zram" not in mine.text("cat /proc/swaps")
    assert json.loads(mine.text("pocket verify all"))["bad"] == 0


def faults_of_resuming(phone: Handset) -> int:
    """Page the game out again in the background, with the caller's options, and resume it."""
    pid = phone.text(f"pidof {GAME}")
    before = int(phone.text(f"cat /proc/{pid}/stat").rpartition(")")[2].split()[9])
    assert "LaunchState: HOT" in phone.text(f"am start -W {GAME}")
    phone.text(f"pocket verify {GAME}")
    return int(phone.text(f"cat /proc/{pid}/stat").rpartition(")")[2].split()[9]) - before


def test_what_lies_in_ashmem_cannot_be_prefetched_and_that_is_said(apps: Handset) -> None:
    run_json(apps, "reclaim", "com.example.chat")
    done = run(apps, "reclaim", "com.example.chat", "--how", "prefetch", "--only", "dalvik")
    assert done.returncode == 7
    assert "not_swapped: nothing that a prefetch reaches" in done.stderr


@pytest.fixture
def without_ashmem(apps: Handset) -> Iterator[Handset]:
    """Give the game an anonymous heap in place of ashmem, as Android 10 and later do."""
    apps.text("rmdir /dev/ashmem")
    apps.text(f"am force-stop {GAME}")
    apps.text(f"am start -W {GAME}")
    yield apps
    apps.text("mkdir /dev/ashmem")
    apps.text(f"am force-stop {GAME}")
    apps.text(f"am start -W {GAME}; input keyevent 3")


def test_a_prefetched_app_resumes_with_fewer_major_faults(without_ashmem: Handset) -> None:
    apps = without_ashmem

    def send_home() -> None:
        apps.text("input keyevent 3")
        until(lambda: any(row["name"] == GAME and row["oom_score_adj"] >= 700
                          for row in run_json(apps, "ps")["processes"]))  # fmt: skip
        run_json(apps, "reclaim", GAME)

    send_home()
    without = faults_of_resuming(apps)
    send_home()
    told = run_json(apps, "reclaim", GAME, "--how", "prefetch")
    [target] = told["targets"]
    assert target["outcome"] == "prefetched"
    assert told["totals"]["reclaimed_bytes"] is None
    asked = told["totals"]["advised_bytes"]
    assert asked > 8 * MIB
    assert told["totals"]["came_in_bytes"] >= 0.9 * asked
    assert told["totals"]["swap_cached_delta_bytes"] >= 0.8 * asked
    with_it = faults_of_resuming(apps)
    apps.text("input keyevent 3")
    assert with_it * 5 <= without, (with_it, without)


def test_an_interrupted_page_out_tells_what_it_did_until_then(apps: Handset) -> None:
    with subprocess.Popen(
        command(apps, "reclaim", "--band", "cached", "--max-rate", "8MiB", "--json"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stderr is not None
        assert "pageout: " in running.stderr.readline()
        time.sleep(2)
        running.send_signal(signal.SIGINT)
        told, said = running.communicate(timeout=20)
    assert running.returncode == 130, said
    document = json.loads(told)
    assert 4 * MIB < document["totals"]["reclaimed_bytes"] < 64 * MIB
    reasons = [target["reason"] for target in document["targets"]]
    assert "cancelled" in reasons
    assert len(reasons) >= 6  # those it did not get to are told, too


def test_the_memcg_of_an_app_is_reclaimed_and_one_of_many_is_not(
    boot: Callable[..., Handset],
) -> None:
    phone = boot()
    until(lambda: len(cached(phone)) >= 6, timeout_s=60)
    phone.text(
        "cd /sys/fs/cgroup && echo +memory > cgroup.subtree_control && mkdir apps "
        "&& echo +memory > apps/cgroup.subtree_control"
    )
    asked = ("reclaim", GAME, "--backend", "memcg", "--what", "all", "--json")
    refused = run(phone, *asked)  # it was started before: its group is the root's, with everybody
    assert refused.returncode == 7
    [target] = json.loads(refused.stdout)["targets"]
    assert target["outcome"] in ("denied", "nothing")
    assert target["reason"].split(":")[0] in ("shared_cgroup", "unsupported")
    phone.text(f"am force-stop {GAME}")
    phone.text(f"am start -W {GAME}")
    phone.text("input keyevent 3")
    phone.text("pocket beat off")
    until(lambda: any(row["name"] == GAME and row["oom_score_adj"] >= 700
                      for row in run_json(phone, "ps")["processes"]))  # fmt: skip
    told = json.loads(run(phone, *asked).stdout)
    assert told["backend"] == "memcg"
    [target] = told["targets"]
    assert target["outcome"] == "reclaimed"
    assert target["after"]["rss_anon_bytes"] < 0.5 * target["before"]["rss_anon_bytes"]
    assert json.loads(phone.text(f"pocket verify {GAME}"))["bad"] == 0
