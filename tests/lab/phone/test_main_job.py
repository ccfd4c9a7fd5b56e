"""The main job over real adb: package to process to pages, on a real kernel."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from commands import command, counted, run, run_json
from handset import Handset, until, without_swap

pytestmark = pytest.mark.phone

_CACHED = ("reclaim", "--band", "cached")


@pytest.fixture(scope="module")
def apps(phone: Handset) -> Iterator[Handset]:
    """The shared phone after all its default apps went to the background, where they do nothing."""
    settle(phone).text("pocket beat off")
    yield phone
    phone.text("pocket beat on")


def cached(phone: Handset) -> list[dict[str, object]]:
    rows = run_json(phone, "ps")["processes"]
    return [row for row in rows if row["band"] == "cached"]


def settle(phone: Handset) -> Handset:
    """Return *phone* after all its default apps went to the background."""

    def in_background() -> bool:
        # A phone that has just booted may be offline to adb for a moment.
        done = run(phone, "ps", "--band", "cached", "--json")
        return done.returncode == 0 and len(json.loads(done.stdout)["processes"]) >= 6

    until(in_background, timeout_s=90)
    return phone


def verified(phone: Handset) -> dict[str, int]:
    """Return how many pages of all apps were checked, and how many differ from what was written."""
    answer = json.loads(phone.text("pocket verify all"))
    return {"pages": answer["pages"], "bad": answer["bad"]}


def exclusive_anon_bytes(phone: Handset, pid: int) -> int:
    """Sum Private_* of mappings without a file, and of the ashmem heaps of Android 9 and older."""
    total = 0
    anonymous = False
    for line in phone.text(f"cat /proc/{pid}/smaps").splitlines():
        words = line.split()
        if "-" in words[0] and not words[0].endswith(":"):
            name = words[5] if len(words) > 5 else ""
            private = words[1].endswith("p")
            anonymous = private and (
                (words[4] == "0" and name not in ("[vdso]", "[vvar]", "[vsyscall]"))
                or name.startswith("/dev/ashmem/")
            )
        elif anonymous and words[0] in ("Private_Clean:", "Private_Dirty:"):
            total += int(words[1]) * 1024
    return total


def shell_pids(phone: Handset) -> set[int]:
    return {int(line.split()[0]) for line in phone.text("ps -A -o PID").splitlines()[1:]}


def test_ps_sees_the_same_processes_as_adb_shell_ps(apps: Handset) -> None:
    # Each takes a moment, and the shell's own processes come and go.
    before = shell_pids(apps)
    ours = {row["pid"] for row in run_json(apps, "ps")["processes"]}
    after = shell_pids(apps)
    assert len(before & after) > 20
    assert before & after <= ours
    assert len(ours - before - after) <= 4


def test_ps_maps_packages_users_and_bands(apps: Handset) -> None:
    document = run_json(apps, "ps")
    assert document["source"] == "phone"
    assert document["device"]["serial"] == apps.serial
    assert document["device"]["page_bytes"] == 4096
    rows = {row["name"]: row for row in document["processes"] if row["packages"]}
    remote = rows["com.example.mail:remote"]
    assert remote["packages"] == ["com.example.mail"]
    assert remote["uid"] == rows["com.example.mail"]["uid"]
    [sandbox] = [row for name, row in rows.items() if "sandboxed_process0" in name]
    assert sandbox["isolated"]
    assert rows["com.android.systemui"]["band"] == "persistent"
    for row in rows.values():
        adj = apps.text(f"cat /proc/{row['pid']}/oom_score_adj")
        assert int(adj) == row["oom_score_adj"]


def test_a_page_out_moves_what_is_an_apps_own_and_changes_no_page(
    apps: Handset,
) -> None:
    verified(apps)  # brings everything back into memory
    before = {row["pid"]: exclusive_anon_bytes(apps, row["pid"]) for row in cached(apps)}
    document = run_json(apps, *_CACHED)
    assert {target["outcome"] for target in document["targets"]} == {"reclaimed"}
    for target in document["targets"]:
        own = before[target["pid"]]
        left = target["before"]["rss_bytes"] - target["after"]["rss_bytes"]
        swapped = target["after"]["swap_bytes"] - target["before"]["swap_bytes"]
        assert left > 0.9 * own, target["name"]
        assert abs(swapped - left) <= 0.05 * own, target["name"]
        assert target["shared_bytes"] > 0
        assert exclusive_anon_bytes(apps, target["pid"]) < 0.1 * own
    totals = document["totals"]
    assert 0 < totals["gained_bytes"] < totals["reclaimed_bytes"]
    assert verified(apps)["bad"] == 0


def test_a_second_page_out_says_already_swapped_with_its_share(apps: Handset) -> None:
    run_json(apps, "reclaim", "com.example.game")
    done = run(apps, "reclaim", "com.example.game")
    assert done.returncode == 7
    assert "already_swapped: " in done.stderr
    assert "% of its anonymous memory is in swap" in done.stderr


def test_a_dry_run_touches_nothing(apps: Handset) -> None:
    verified(apps)
    before = {row["pid"]: row["swap_bytes"] for row in cached(apps)}
    document = run_json(apps, *_CACHED, "--dry-run")
    assert document["dry_run"]
    assert all(target["outcome"] == "estimated" for target in document["targets"])
    assert all(target["reclaimable_bytes"] > 1 << 20 for target in document["targets"])
    after = {row["pid"]: row["swap_bytes"] for row in cached(apps)}
    # Reading a name from cmdline may bring back the page it is on.
    assert all(abs(after[pid] - before[pid]) <= 4096 for pid in before)


def test_a_budget_bounds_what_is_advised(apps: Handset) -> None:
    verified(apps)
    document = run_json(apps, *_CACHED, "--budget", "8MiB")
    assert 4 << 20 < document["totals"]["advised_bytes"] <= 8 << 20


def test_cold_moves_nothing_and_says_so(apps: Handset) -> None:
    verified(apps)
    document = run_json(apps, *_CACHED, "--how", "cold")
    assert {target["outcome"] for target in document["targets"]} == {"advised"}
    assert document["totals"]["swapped_bytes"] == 0


def test_the_app_on_the_screen_is_refused_with_what_to_do(apps: Handset) -> None:
    apps.text("am start -W com.example.chat")
    try:
        done = run(apps, "reclaim", "com.example.chat")
        assert done.returncode == 7
        assert "in the foreground (adj 0): press Home, or --force" in done.stderr
    finally:
        apps.text("input keyevent 3")


def test_an_unknown_package_names_the_nearest(apps: Handset) -> None:
    done = run(apps, "reclaim", "com.example.gane")
    assert done.returncode == 7
    assert "did you mean com.example.game" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_system_processes_are_refused_even_with_force(apps: Handset) -> None:
    [adbd] = [row for row in run_json(apps, "ps")["processes"] if row["name"].endswith("zygote64")]
    done = run(apps, "reclaim", f"pid:{adbd['pid']}", "--force")
    assert done.returncode == 7
    assert run(apps, "reclaim", "pid:1", "--force").returncode == 7
    assert run(apps, "reclaim", "pid:2", "--force").returncode == 7


def test_ps_needs_at_most_three_round_trips(apps: Handset, adb_server: int) -> None:
    run_json(apps, "ps")  # the helper is in place now, and the way to root is known
    with counted(adb_server) as proxy:
        done = run(apps, "-P", str(proxy.port), "ps", "--json")
        assert done.returncode == 0, done.stderr
        assert 1 <= len(proxy.requests) <= 3, proxy.requests


def test_a_reader_that_has_enough_is_no_error(apps: Handset) -> None:
    script = '"$@" ps --all | head -1; echo ${PIPESTATUS[0]}'
    done = subprocess.run(
        ["bash", "-c", script, "bash", *command(apps)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "0"


def test_a_pipe_gets_no_escape_and_full_names(apps: Handset) -> None:
    done = run(apps, "ps", GITHUB_ACTIONS="true")
    assert "\x1b" not in done.stdout
    assert "com.android.launcher3" in done.stdout
    assert "..." not in done.stdout.replace("[...]", "")


def test_interrupting_a_page_out_leaves_nothing_behind_and_exits_130(apps: Handset) -> None:
    verified(apps)
    with subprocess.Popen(
        command(apps, *_CACHED), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        running.stderr.readline()  # "pageout: N processes": the work has begun
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=10)
    assert running.returncode == 130, said
    assert "Traceback" not in said
    until(lambda: "droidreclaim" not in apps.text("ps -A -o ARGS || ps -A"), timeout_s=5)
    assert verified(apps)["bad"] == 0


def test_two_commands_at_once_do_not_clash(apps: Handset) -> None:
    run(apps, "uninstall")
    both = [
        subprocess.Popen(
            command(apps, "ps", "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for one in both:
        _, said = one.communicate(timeout=60)
        assert one.returncode == 0, said


def test_uninstall_leaves_nothing(apps: Handset) -> None:
    run_json(apps, "ps")
    assert "droidreclaim" in apps.text("ls /data/local")
    assert run(apps, "uninstall").returncode == 0
    left = apps.text("find /data /dev /sdcard 2>/dev/null | grep -i droidreclaim || true")
    assert left == ""
    assert run(apps, "uninstall").returncode == 0


def test_a_phone_that_dies_in_the_middle_is_lost_within_ten_seconds(
    boot: Callable[..., Handset],
) -> None:
    mine = settle(boot())
    with subprocess.Popen(
        command(mine, *_CACHED), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        running.stderr.readline()
        os.kill(mine.phone.pid, signal.SIGKILL)
        begun = time.monotonic()
        _, said = running.communicate(timeout=30)
    assert running.returncode == 3, said
    assert time.monotonic() - begun < 10
    assert len(said.strip().splitlines()) == 1
    assert mine.serial in said


def test_without_swap_anonymous_memory_is_refused_up_front(boot: Callable[..., Handset]) -> None:
    mine = without_swap(settle(boot()))
    done = run(mine, *_CACHED)
    assert done.returncode == 4
    assert "no_swap" in done.stderr
    assert run(mine, *_CACHED, "--how", "cold").returncode == 0


@pytest.fixture(scope="module")
def with_su(boot_for_module: Callable[..., Handset]) -> Handset:
    """A phone whose shell may say how its su behaves: what is in /data/adb/su."""
    mine = settle(boot_for_module(root="su"))
    mine.text("su -c 'chmod 755 /data/adb; echo su > /data/adb/su; chmod 666 /data/adb/su'")
    return mine


@pytest.mark.parametrize(
    ("root", "package"), [("su", "mail"), ("su0", "chat"), ("su-banner", "game")]
)
def test_every_form_of_su_gets_there(with_su: Handset, root: str, package: str) -> None:
    with_su.text(f"echo {root} > /data/adb/su")
    document = run_json(with_su, "reclaim", f"com.example.{package}")
    assert document["targets"][0]["outcome"] == "reclaimed"


def test_without_any_su_the_ways_that_failed_are_named(boot: Callable[..., Handset]) -> None:
    refused(boot(root="none"), "su: not found")


@pytest.mark.parametrize(("root", "words"), [("su-deny", "denied"), ("su-weak", "CAP_SYS_NICE")])
def test_without_root_the_ways_that_failed_are_named(
    with_su: Handset, root: str, words: str
) -> None:
    with_su.text(f"echo {root} > /data/adb/su")
    refused(with_su, words)


def refused(mine: Handset, words: str) -> None:
    """A page-out says *words* and what is left without root; `ps` answers all the same."""
    done = run(mine, *_CACHED)
    assert done.returncode == 4, done.stderr
    assert words in done.stderr
    assert "--how trim" in done.stderr
    assert done.stdout == ""
    until(lambda: run(mine, "ps", "com.example.game").returncode == 0, timeout_s=60)
    [row, *_] = run_json(mine, "ps", "com.example.game")["processes"]
    assert row["pid"] == int(mine.text("pidof com.example.game").split()[0])
    assert row["rss_anon_bytes"] > 0
