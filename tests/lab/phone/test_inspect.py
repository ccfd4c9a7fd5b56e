"""doctor, kills, headroom and the states of ps, over real adb on a real kernel."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from commands import command, counted, helper_writes, run, run_json
from handset import Handset, until, without_swap

pytestmark = pytest.mark.phone


@pytest.fixture(scope="module")
def apps(phone: Handset) -> Handset:
    """The shared phone once its default apps run."""
    until(lambda: len(_packages(phone)) >= 7, timeout_s=60)
    return phone


def _packages(handset: Handset) -> set[str]:
    rows = run_json(handset, "ps")["processes"]
    return {package for row in rows for package in row["packages"]}


def test_states_are_those_of_the_dump(apps: Handset) -> None:
    rows = {row["name"]: row for row in run_json(apps, "ps", "--states")["processes"]}
    assert rows["com.android.launcher3"]["state"]["proc_state"] == "TOP"
    assert rows["com.android.launcher3"]["state"]["why"] == "top-activity"
    mail = rows["com.example.mail:remote"]
    assert mail["packages"] == ["com.example.mail"]
    assert mail["state"]["adj"] == mail["oom_score_adj"]
    [sandbox] = [row for name, row in rows.items() if "sandboxed_process0" in name]
    assert sandbox["packages"] == ["com.example.browser"]
    assert sandbox["isolated"]
    assert "state" not in rows["zygote64"]


def test_sandboxes_cost_one_command_and_states_no_other(apps: Handset, adb_server: int) -> None:
    run_json(apps, "ps", "--states")
    for words in (("ps",), ("ps", "--states")):
        with counted(adb_server) as proxy:
            done = run(apps, "-P", str(proxy.port), *words)
            assert done.returncode == 0, done.stderr
        assert sum(b"dumpsys" in sent for sent in proxy.sent) == 1


@pytest.fixture
def liars(apps: Handset) -> Iterator[dict[int, int]]:
    """Processes that call themselves the browser, by uid: one of nobody's, one isolated."""
    started = {}
    for uid in (10777, 99777):
        lie = (
            "import os; open('/proc/self/oom_score_adj', 'w').write('900'); os.setsid(); "
            f"os.setuid({uid}); name = 'com.example.browser:sandboxed_process0'; "
            "os.execv('/usr/bin/python3', [name, '-c', 'import time; time.sleep(600)'])"
        )
        words = f'/usr/bin/python3 -c "{lie}" >/dev/null 2>/dev/null </dev/null & echo $!'
        started[uid] = int(apps.text(words))
    renamed = "grep -q ^com.example.browser: /proc/{}/cmdline"  # by the exec after its setuid
    until(lambda: all(apps.shell(renamed.format(pid)).returncode == 0 for pid in started.values()))
    yield started
    apps.text(f"kill {' '.join(map(str, started.values()))}")


def test_a_process_that_calls_itself_an_app_is_not_taken_for_it(
    apps: Handset, liars: dict[int, int]
) -> None:
    rows = {row["pid"]: row for row in run_json(apps, "ps")["processes"]}
    for uid, pid in liars.items():
        assert (rows[pid]["uid"], rows[pid]["packages"], rows[pid]["owner"]) == (
            uid,
            [],
            "unproven",
        )
    own = {pid for pid, row in rows.items() if "com.example.browser" in row["packages"]}
    assert len(own) == 2  # the browser and its sandbox, which ActivityManager tells of
    assert {rows[pid]["owner"] for pid in own} == {"uid", "activity_manager"}
    done = run_json(apps, "reclaim", "com.example.browser", "--dry-run")
    meant = {one["pid"] for one in (*done["targets"], *done["skipped"])}
    assert meant == own
    assert run(apps, "ps").stdout.count("unproven") == 2


def test_300_processes_cost_one_round_trip_once_the_helper_has_said_hello(
    boot: Callable[..., Handset], adb_server: int
) -> None:
    mine = boot(apps="none", once=True)  # no app, so no sandbox that ActivityManager is asked for
    run_json(mine, "ps")  # the helper is there now
    sleepers = [mine.adb, "-s", mine.serial, "shell"]
    sleepers += ["i=0; while [ $i -lt 300 ]; do sleep 600 & i=$((i+1)); done; wait"]
    with subprocess.Popen(sleepers) as running:
        until(lambda: int(mine.text("ls -d /proc/[0-9]* | wc -l")) > 300, timeout_s=60)
        with counted(adb_server) as proxy:
            done = run(mine, "-P", str(proxy.port), "ps", "--all", "--json")
        running.kill()
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["processes"]) > 300
    assert len(proxy.requests) <= 3
    assert not any(b"dumpsys" in sent for sent in proxy.sent)
    [asked] = [writes for writes in map(helper_writes, proxy.sent) if writes]
    assert [text.split()[1] for text in asked] == [b"hello", b"hello"], asked
    assert b"scan" in asked[1]


def test_the_doctor_tries_every_backend_and_names_the_errno(apps: Handset) -> None:
    document = run_json(apps, "doctor")
    seen = {check["name"]: check for check in document["checks"]}
    assert document["source"] == "phone"
    assert seen["root"]["fact"] == "adbd"
    assert seen["backend pageout"]["state"] == "ok"
    assert seen["backend psi_trigger"]["state"] == "ok"  # CAP_SYS_RESOURCE is there
    assert seen["backend proc_reclaim"]["fact"].startswith("ENOENT")
    assert seen["swap"]["fact"].startswith("zram0")
    assert seen["zram algorithm"]["fact"].startswith("zram0: ")
    assert seen["round trip"]["fact"].endswith(" ms")
    assert seen["lmkd"]["fact"].startswith("runs")
    assert seen["lmkd thrashing_limit"]["fact"].startswith("100 (")


def test_the_doctor_sees_a_setting_that_was_changed(boot: Callable[..., Handset]) -> None:
    mine = without_swap(boot())
    mine.text("setprop persist.device_config.lmkd_native.thrashing_limit 42")
    seen = {check["name"]: check for check in run_json(mine, "doctor")["checks"]}
    own = "42 (persist.device_config.lmkd_native.thrashing_limit)"
    assert seen["lmkd thrashing_limit"]["fact"] == own
    assert seen["swap"]["state"] == "fail"
    assert seen["backend pageout"]["state"] == "warn"


def test_the_doctor_works_without_root_and_says_what_it_would_add(
    boot: Callable[..., Handset],
) -> None:
    mine = boot(root="none")
    seen = {check["name"]: check for check in run_json(mine, "doctor")["checks"]}
    assert seen["root"]["state"] == "fail"
    assert "su: not found" in seen["root"]["fact"]
    assert "root adds" in seen["root"]["todo"]
    assert seen["helper as shell"]["state"] == "ok"
    assert seen["helper as shell"]["fact"].startswith("reads the memory of ")
    assert seen["backends"]["state"] == "unknown"
    assert seen["ram"]["state"] == "ok"
    document = run_json(mine, "headroom")
    assert document["headroom_bytes"] > 0
    assert run(mine, "kills").returncode == 0


def test_a_report_says_nothing_about_its_owner(apps: Handset, tmp_path: Path) -> None:
    for name, value in (
        ("persist.sys.owner", "jane.doe@example.com"), ("ro.lmk.note", "aa:bb:cc:dd:ee:ff"),
        ("ro.lmk.peer", "192.168.178.23"),
    ):  # fmt: skip
        apps.text(f"setprop {name} {value}")
    assert run(apps, "doctor", "--report", str(tmp_path / "report")).returncode == 0
    text = (tmp_path / "report").read_text()
    assert "------ meminfo ------" in text
    assert "left out>" in text
    for token in ("jane", "aa:bb", "192.168", apps.serial, "127.0.0.1"):
        assert token not in text


def test_a_device_that_is_not_there_ends_in_3_with_the_near_side_told(apps: Handset) -> None:
    done = run(apps, "doctor", "-s", "nobody", "--json")
    assert done.returncode == 3
    seen = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert seen["adb server"]["state"] in ("ok", "warn")
    assert seen["device"]["state"] == "fail"


def test_a_kill_is_told_with_who_did_it(apps: Handset) -> None:
    apps.text("am force-stop com.example.photos")
    until(lambda: any(_kills_of(apps, "com.example.photos")))
    [kill] = _kills_of(apps, "com.example.photos")
    assert kill["by"] == "user"
    assert kill["pid"] > 0
    assert kill["at"].startswith("20")
    document = run_json(apps, "kills", "--since", "1s")
    assert document["counts"].get("kernel_oom") is None


def _kills_of(handset: Handset, name: str) -> list[dict[str, object]]:
    return [one for one in run_json(handset, "kills")["kills"] if one["name"] == name]


def test_following_tells_a_kill_once_and_ends_with_130(apps: Handset) -> None:
    with subprocess.Popen(
        command(apps, "kills", "--follow", "--json"), stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        time.sleep(3)
        apps.text("am force-stop com.example.chat")
        kill = json.loads(running.stdout.readline())
        running.send_signal(2)
        rest, _ = running.communicate(timeout=10)
    assert kill["name"] == "com.example.chat"
    assert kill["lmkd_since_start"]["total"] == 0, "lmkd counts its own kills, since the start"
    assert "com.example.chat" not in rest
    assert running.returncode == 130


def test_headroom_is_what_the_kernel_says(apps: Handset) -> None:
    document = run_json(apps, "headroom")
    free = int(apps.text("grep nr_free_pages /proc/vmstat").split()[1]) * 4096
    assert abs(document["free_bytes"] - free) < 64 << 20
    assert document["headroom_bytes"] == document["free_bytes"] - document["low_watermark_bytes"]
    assert 0 <= document["swap_free_share"] <= 1
    assert document["thrashing_share"] is not None
    floors = {"low_mem": 701, "low_mem_and_swap": 201}  # by how much is in swap by now
    assert document["adj_floor"] == floors[document["next_rule"]]
    assert document["killer"] == "lmkd_psi_new"
    assert document["waits_for"]["some_stall_s"] == 0.07
    assert document["swap_free_share"] <= document["kernel_swap_free_share"]
    assert document["settings"]["thrashing_limit"]["value"] == "100"


def test_following_headroom_prints_two_samples_a_second(apps: Handset) -> None:
    with subprocess.Popen(
        command(apps, "headroom", "--follow", "--json"), stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        samples = [json.loads(running.stdout.readline()) for _ in range(3)]
        running.send_signal(2)
        running.communicate(timeout=10)
    assert all(one["headroom_bytes"] > 0 for one in samples)
    assert running.returncode == 130
    assert [one["boot_s"] for one in samples] == sorted({one["boot_s"] for one in samples})
    ahead_s = float(apps.text("cat /proc/uptime").split()[0]) - samples[-1]["boot_s"]
    assert 0 <= ahead_s < 30
    wall = [datetime.fromisoformat(one["at"]).timestamp() for one in samples]
    assert abs(float(apps.text("date +%s")) - ahead_s - wall[-1]) < 3


def test_a_dead_lmkd_is_noticed_by_headroom_and_doctor(apps: Handset) -> None:
    apps.text("setprop init.svc.lmkd restarting")
    try:
        document = run_json(apps, "headroom")
        checks = {one["name"]: one for one in run_json(apps, "doctor")["checks"]}
    finally:
        apps.text("setprop init.svc.lmkd running")
    assert (document["killer"], document["next_rule"]) == ("none", None)
    assert "lmkd does not run" in document["killer_detail"]
    assert (checks["lmkd"]["state"], checks["lmkd"]["fact"]) == ("fail", "does not run")
