"""The phone's framework: importance of processes, starts, deaths, and what dumpsys prints."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from commands import run_json
from droidreclaim.parse.activity.gfxinfo import Frames, parse_gfxinfo
from droidreclaim.parse.activity.views import parse_views
from handset import Handset, until

pytestmark = pytest.mark.phone

MIB = 1 << 20
ONE, TWO, THREE = "com.example.fwone", "com.example.fwtwo", "com.example.fwthree"


def pocket(phone: Handset, words: str) -> Any:
    return json.loads(phone.text(f"pocket {words}"))


def app(phone: Handset, package: str) -> dict[str, Any]:
    row: dict[str, Any] = next(
        row for row in pocket(phone, "apps")["apps"] if row["package"] == package
    )
    return row


def adj(phone: Handset, package: str) -> int:
    return int(phone.text(f"cat /proc/{app(phone, package)['pid']}/oom_score_adj"))


def launch(phone: Handset, package: str) -> str:
    state = re.search(r"LaunchState: (\w+)", phone.text(f"am start -W {package}"))
    assert state is not None
    return state[1]


@pytest.fixture
def apps(phone: Handset) -> Iterator[None]:
    """Three small apps that do not run."""
    for number, name in enumerate((ONE, TWO, THREE), start=1):
        pocket(phone, f"install {name} 4 {number}")
    yield
    for name in (ONE, TWO, THREE):
        phone.text(f"am force-stop {name}")


@pytest.mark.usefixtures("apps")
class TestStart:
    def test_the_first_start_is_cold_and_the_next_hot(self, phone: Handset) -> None:
        assert launch(phone, ONE) == "COLD"
        pid = app(phone, ONE)["pid"]
        assert launch(phone, TWO) == "COLD"
        assert launch(phone, ONE) == "HOT"
        assert app(phone, ONE)["pid"] == pid

    def test_after_back_a_process_is_left_and_the_start_is_warm(self, phone: Handset) -> None:
        launch(phone, ONE)
        phone.text("input keyevent 4")
        assert launch(phone, ONE) == "WARM"

    def test_right_after_a_kill_the_start_is_cold(self, phone: Handset) -> None:
        launch(phone, ONE)
        both = f"am force-stop {ONE}; am start -W {ONE}; kill -9 $(pidof {ONE}); am start -W {ONE}"
        assert phone.text(both).count("LaunchState: COLD") == 2

    def test_the_launcher_shows_when_the_app_in_front_dies(self, phone: Handset) -> None:
        launch(phone, ONE)
        phone.text(f"kill -9 {app(phone, ONE)['pid']}")
        until(lambda: adj(phone, "com.android.launcher3") == 0)

    def test_times_are_measured(self, phone: Handset) -> None:
        text = phone.text(f"am start -W -n {ONE}/.Main")
        total, wait = (re.search(rf"{name}Time: (\d+)", text) for name in ("Total", "Wait"))
        assert total is not None
        assert wait is not None
        assert 0 < int(total[1]) <= int(wait[1]) < 60_000

    def test_an_unknown_activity_is_an_error(self, phone: Handset) -> None:
        done = phone.shell("am start -W -n com.example.nothere/.Main")
        assert done.returncode == 1
        assert b"does not exist" in done.stdout


@pytest.mark.usefixtures("apps")
class TestImportance:
    def test_proc_has_the_adj_that_activity_manager_gives(self, phone: Handset) -> None:
        for name in (ONE, TWO, THREE):
            launch(phone, name)
        assert (adj(phone, THREE), adj(phone, TWO), adj(phone, ONE)) == (0, 700, 900)
        assert adj(phone, "com.android.launcher3") == 600
        assert adj(phone, "com.android.systemui") == -800

    def test_home_puts_the_app_behind_and_the_launcher_in_front(self, phone: Handset) -> None:
        launch(phone, ONE)
        phone.text("input keyevent KEYCODE_HOME")
        assert (adj(phone, ONE), adj(phone, "com.android.launcher3")) == (700, 0)

    def test_services_and_perceptible_apps_are_no_cached_ones(self, phone: Handset) -> None:
        pocket(phone, "install com.example.fwmusic 4 9 --perceptible")
        pocket(phone, "install com.example.fwsync 4 9 --service")
        for name in ("com.example.fwmusic", "com.example.fwsync", ONE, TWO):
            launch(phone, name)
        assert adj(phone, "com.example.fwmusic") == 200
        assert adj(phone, "com.example.fwsync") == 500
        phone.text("am force-stop com.example.fwmusic; am force-stop com.example.fwsync")

    def test_every_row_of_the_dump_agrees_with_proc(self, phone: Handset) -> None:
        launch(phone, ONE)
        text = phone.text("dumpsys activity processes")
        records = re.split(r"^  \*(?:APP|PERS)\* ", text, flags=re.M)[1:]
        rows = re.findall(r"    pid=(\d+)\n.*?oom adj: [^\n]* cur=(-?\d+)", "".join(records), re.S)
        assert len(rows) == len(records) >= 4
        files = " ".join(f"/proc/{pid}/oom_score_adj" for pid, _ in rows)
        assert phone.text(f"cat {files}").split() == [told for _, told in rows]


@pytest.mark.usefixtures("apps")
class TestDeath:
    def reasons(self, phone: Handset, package: str) -> list[tuple[str, str]]:
        """The reasons of the package's exit records, newest first."""
        text = phone.text(f"dumpsys activity exit-info {package}")
        return re.findall(r"reason=(\d+ \(.*?\)) .*? (status=\d+)", text)

    def exit_reason(self, phone: Handset, package: str, before: int) -> str:
        """Return the newest exit record's reason, once there are more than *before*."""
        found: list[tuple[str, str]] = []

        def is_told() -> bool:
            found[:] = self.reasons(phone, package)
            return len(found) > before and app(phone, package)["pid"] is None

        until(is_told)
        return " ".join(found[0])

    def test_a_force_stop_is_a_users_wish(self, phone: Handset) -> None:
        launch(phone, ONE)
        before = len(self.reasons(phone, ONE))
        phone.text(f"am force-stop {ONE}")
        assert self.exit_reason(phone, ONE, before) == "10 (USER REQUESTED) status=0"

    def test_a_kill_by_another_is_signaled(self, phone: Handset) -> None:
        launch(phone, TWO)
        before = len(self.reasons(phone, TWO))
        phone.text(f"kill -9 {app(phone, TWO)['pid']}")
        assert self.exit_reason(phone, TWO, before) == "2 (SIGNALED) status=9"
        assert f"Process {TWO} (pid" in phone.text("logcat -d")
        assert f",{TWO},0," in phone.text("logcat -b events -d | grep am_proc_died")

    def test_am_kill_spares_who_is_in_front(self, phone: Handset) -> None:
        launch(phone, ONE)
        launch(phone, TWO)
        phone.text(f"am kill {TWO}; am kill {ONE}")
        until(lambda: app(phone, ONE)["pid"] is None)
        assert app(phone, TWO)["pid"] is not None

    def test_a_persistent_app_comes_back(self, phone: Handset) -> None:
        pid = app(phone, "com.android.systemui")["pid"]
        phone.text(f"kill -9 {pid}")
        until(lambda: app(phone, "com.android.systemui")["pid"] not in (pid, None))
        assert adj(phone, "com.android.systemui") == -800


@pytest.mark.usefixtures("apps")
class TestCommands:
    def test_compact_says_finished_at_once_and_pages_out_later(self, phone: Handset) -> None:
        launch(phone, ONE)
        phone.text("input keyevent 3")
        row = app(phone, ONE)
        pid = row["pid"]
        assert "Finished" in phone.text(f"am compact {ONE} {row['uid']} full")
        until(lambda: f"[{pid},{ONE},full," in phone.text("logcat -b events -d"))
        swap = re.search(r"VmSwap:\s+(\d+)", phone.text(f"cat /proc/{pid}/status"))
        assert swap is not None
        assert int(swap[1]) > 2 * 1024

    def test_by_itself_it_compacts_who_became_cached_where_that_is_switched_on(
        self, phone: Handset
    ) -> None:
        table = "activity_manager use_compaction"
        pocket(phone, f"install {ONE} 24 1")
        launch(phone, ONE)
        pid = app(phone, ONE)["pid"]
        try:
            phone.text(f"device_config put {table} true")
            launch(phone, TWO)
            assert adj(phone, ONE) < 900  # it is the last one used yet
            assert f"am_compact: [{pid}," not in phone.text("logcat -b events -d")
            launch(phone, THREE)
            until(lambda: f"[{pid},{ONE},full," in phone.text("logcat -b events -d"))
        finally:
            phone.text(f"device_config delete {table}")
        assert pocket(phone, f"verify {ONE}")["bad"] == 0

    def test_compact_without_use_compaction_is_an_exception(self, phone: Handset) -> None:
        launch(phone, ONE)
        uid = app(phone, ONE)["uid"]
        phone.text("device_config put activity_manager use_compaction false")
        done = phone.shell(f"am compact {ONE} {uid} full")
        phone.text("device_config delete activity_manager use_compaction")
        assert done.returncode == 255
        assert b"Exception occurred" in done.stderr

    def test_packages_of_another_user_only(self, phone: Handset) -> None:
        assert phone.text("pm list packages -U --user 10") == "package:com.example.chat uid:1010103"

    def test_packages_list_names_every_app(self, phone: Handset) -> None:
        listed = phone.text("cat /data/system/packages.list")
        for row in pocket(phone, "apps")["apps"]:
            assert f"{row['package']} {row['uid']} 0 " in listed

    def test_logcat_follows_until_the_reader_leaves(self, phone: Handset) -> None:
        done = phone.shell("timeout 2 logcat -b events | head -n 1")
        assert b"beginning of events" in done.stdout

    def test_an_unknown_word_is_refused_in_androids_words(self, phone: Handset) -> None:
        assert "Can't find service: nothere" in phone.text("dumpsys nothere")
        assert "Bad activity command" in phone.text("dumpsys activity nothere")
        assert phone.shell("am nothere").returncode == 255

    def test_meminfo_agrees_with_the_kernel(self, phone: Handset) -> None:
        launch(phone, ONE)
        pid = app(phone, ONE)["pid"]
        total = re.search(r"^ +TOTAL +(\d+)", phone.text(f"dumpsys meminfo {ONE}"), re.M)
        rollup = re.search(r"^Pss: +(\d+)", phone.text(f"cat /proc/{pid}/smaps_rollup"), re.M)
        assert total is not None
        assert rollup is not None
        assert abs(int(total[1]) - int(rollup[1])) < 1024

    def test_the_framework_itself_stays_small(self, phone: Handset) -> None:
        stat = pocket(phone, "stat")
        assert stat["rss_bytes"] < 24 * MIB
        cmdline = phone.shell(f"cat /proc/{stat['pid']}/cmdline").stdout
        assert cmdline.startswith(b"system_server\0")


@pytest.fixture(scope="module")
def small(boot_for_module: Callable[..., Handset]) -> Handset:
    """Boot a phone with so little memory that only a few apps fit."""
    return boot_for_module(ram_bytes=320 * MIB, zram_bytes=32 * MIB, apps="none", once=True)


class TestKiller:
    def overfill(self, phone: Handset, prefix: str, count: int) -> list[str]:
        names = [f"com.example.{prefix}{number}" for number in range(count)]
        for number, name in enumerate(names):
            phone.text(f"pocket install {name} 48 {number} > /dev/null; am start -W {name}")
        return names

    def number_told(self, phone: Handset) -> int:
        return int(phone.text("logcat -d | grep -c lowmemorykiller"))

    def counted(self, phone: Handset) -> int:
        total = re.search(r"Total number of kills: (\d+)", phone.text("dumpsys activity lmk"))
        assert total is not None
        return int(total[1])

    def test_lmkd_takes_the_least_important_first_and_says_so(self, small: Handset) -> None:
        names = self.overfill(small, "full", 6)
        kills = small.text("logcat -d | grep lowmemorykiller").splitlines()
        first = re.search(
            r"Kill '(.*)' \(\d+\), uid \d+, oom_score_adj (\d+) to free \d+kB rss, \d+kB swap; ",
            kills[0],
        )
        assert first is not None
        assert first[1] == names[0], "the one used longest ago"
        assert int(first[2]) >= 900
        assert "killinfo" in small.text("logcat -b events -d")
        until(lambda: self.number_told(small) == self.counted(small))
        assert "(LOW_MEMORY)" in small.text(f"dumpsys activity exit-info {names[0]}")
        assert app(small, names[-1])["pid"] is not None, "the one in front lives"
        [death] = run_json(small, "why", names[0])["deaths"]
        assert (death["cause"], death["by"]) == ("lmkd", "lmkd")
        assert {line["source"] for line in death["lines"]} == {"logcat", "exit-info"}
        said = " ".join(one["text"] for one in death["sentences"])
        assert re.search(r"At that moment \S+ [KM]iB were free, .* of 32.0 MiB of swap", said), said
        assert "The limits of this rule are on this device now: " in said

    def test_a_victim_of_the_kernel_is_no_kill_of_lmkd(self, small: Handset) -> None:
        pocket(small, "killer off")
        self.overfill(small, "kernel", 2)
        before = self.counted(small)
        small.text("echo f > /proc/sysrq-trigger")  # the kernel's own OOM killer, now
        pattern = r"process=com.example.\S+ reason=2 \(SIGNALED\) .* status=9"
        until(lambda: bool(re.search(pattern, small.text("dumpsys activity exit-info"))))
        assert self.counted(small) == before
        assert "Out of memory: Killed process" in small.text("dmesg")
        found = re.search(
            r"process=(com.example.\S+) reason=2", small.text("dumpsys activity exit-info")
        )
        assert found
        assert run_json(small, "why", found[1])["deaths"][-1]["cause"] == "kernel_oom"
        pocket(small, "killer on")


class TestScreen:
    GAME = "com.example.fwgame"

    @pytest.fixture
    def game(self, phone: Handset) -> Iterator[None]:
        pocket(phone, f"install {self.GAME} 4 9 --game")
        launch(phone, self.GAME)
        yield
        phone.text(f"am force-stop {self.GAME}")

    @pytest.mark.usefixtures("game")
    def test_it_shows_the_game_as_views_and_as_a_picture(self, phone: Handset) -> None:
        typed = "input tap 160 240; input tap 160 340; input text Ann%sB"
        read = "uiautomator dump /data/local/tmp/w.xml; cat /data/local/tmp/w.xml"
        text = phone.text(f"{typed}; {read}; rm /data/local/tmp/w.xml")
        assert text.startswith("UI hierchary dumped to: /data/local/tmp/w.xml\n<?xml ")
        assert {view.text for view in parse_views(text.partition("\n")[2])} == {
            "", "Score: 1", "Play", "Ann B",
        }  # fmt: skip
        before = phone.shell("screencap -p").stdout
        assert before.startswith(b"\x89PNG\r\n\x1a\n")
        phone.text("input tap 160 240")
        assert phone.shell("screencap -p").stdout != before
        until(lambda: self.frames(phone).rendered > 0)  # in front it works ten times a second
        assert self.frames(phone).pid == app(phone, self.GAME)["pid"]

    def frames(self, phone: Handset) -> Frames:
        """What gfxinfo says of the game."""
        [found] = parse_gfxinfo(phone.text(f"dumpsys gfxinfo {self.GAME}"))
        return found
