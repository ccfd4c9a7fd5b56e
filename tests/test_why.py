"""Why an app's processes ended: each sentence from a line, each cause by its own words."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from local_shell import LocalShell

from droidreclaim.errors import ParseError
from droidreclaim.inspect import why
from droidreclaim.parse.kills.records import lmkd_reason
from droidreclaim.policy import why_lmkd
from droidreclaim.policy.lmkd_settings import settings_in_force
from droidreclaim.policy.why import Cause, Story
from droidreclaim.report.why import why_json, why_text
from in_process import droidreclaim

APP = "com.example.app"
LMKD_LINE = (
    f"10-02 10:00:00.010   400   400 I lowmemorykiller: Kill '{APP}' (4242), uid 10099, "
    "oom_score_adj 915 to free 80000kB rss, 20000kB swap; reason: low watermark is breached and "
    "swap is low (12000kB < 52428kB)\n"
)
_HEAD = "ACTIVITY MANAGER PROCESS EXIT INFO (dumpsys activity exit-info)\n"


def story(tmp_path: Path, text: str, package: str = APP, since_s: float | None = None) -> Story:
    path = tmp_path / "captured.txt"
    path.write_text(text, "utf-8")
    return why.of_capture(path, package, since_s=since_s)


def killing(reason: str, *, adj: int = 900, pid: int = 4242) -> str:
    words = f"Killing {pid}:{APP}/u0a99 (adj {adj}): {reason}"
    return f"10-02 10:00:00.100  1500  1520 I ActivityManager: {words}\n"


def exit_info(
    reason: str, subreason: str = "0 (UNKNOWN)", description: str = "null", pid: int = 4242
) -> str:
    number, _, name = reason.partition(" ")
    sub, _, sub_name = subreason.partition(" ")
    return (
        f"{_HEAD}  package: {APP}\n    Historical Process Exit for uid=10099\n"
        "        ApplicationExitInfo #0:\n"
        f"          timestamp=2026-10-02 10:00:00.300 pid={pid} realUid=10099 packageUid=10099 "
        "definingUid=10099 user=0\n"
        f"          process={APP} reason={number} {name} subreason={sub} {sub_name} status=0\n"
        f"          importance=400 pss=20MB rss=80MB description={description} state=empty "
        "trace=null\n"
    )


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("empty #17", Cause.CACHED_LIMIT),
        ("too many cached", Cause.CACHED_LIMIT),
        ("excessive cpu 2310 during 300000 dur=400000 limit=2", Cause.EXCESSIVE_USE),
        ("Too many Binders sent to SYSTEM", Cause.EXCESSIVE_USE),
        ("kill background", Cause.AM_KILL),
        ("remove task", Cause.TASK_REMOVED),
        (f"stop {APP} due to from pid 812", Cause.FORCE_STOP),
        ("Async binder transaction while frozen", Cause.FREEZER),
        ("bg anr", Cause.ANR),
        ("crash", Cause.CRASH),
        ("installPackageLI", Cause.UPDATED),
        ("MemoryLimiter:AnonSwap", Cause.MEMORY_LIMITER),
        ("Trimming phantom processes", Cause.PHANTOM_LIMIT),
        ("CachedClean[(cch-empty)]", Cause.VENDOR),
        ("by rms", Cause.VENDOR),
        (f"stop {APP} due to from process:com.miui.securitycenter", Cause.VENDOR),
        ("depends on provider com.example.p/.P in dying proc com.example.p", Cause.DEPENDENCY),
        ("a vendor's own words", Cause.SYSTEM),
    ],
)
def test_a_kill_of_activity_manager_is_known_by_its_words(
    tmp_path: Path, reason: str, cause: Cause
) -> None:
    [death] = story(tmp_path, killing(reason)).deaths
    assert death.cause is cause
    assert death.sentences[0].lines == (1,)
    assert reason in death.lines[0].text


@pytest.mark.parametrize(
    ("reason", "subreason", "description", "cause"),
    [
        ("3 (LOW_MEMORY)", "0 (UNKNOWN)", "null", Cause.LMKD),
        ("4 (APP CRASH(EXCEPTION))", "0 (UNKNOWN)", "crash", Cause.CRASH),
        ("5 (APP CRASH(NATIVE))", "0 (UNKNOWN)", "null", Cause.CRASH),
        ("6 (ANR)", "0 (UNKNOWN)", "bg anr", Cause.ANR),
        ("1 (EXIT_SELF)", "0 (UNKNOWN)", "null", Cause.OWN_EXIT),
        ("10 (USER REQUESTED)", "24 (KILL BACKGROUND)", "kill background", Cause.AM_KILL),
        ("10 (USER REQUESTED)", "21 (FORCE STOP)", "stop x due to from pid 9", Cause.FORCE_STOP),
        ("12 (DEPENDENCY DIED)", "0 (UNKNOWN)", "null", Cause.DEPENDENCY),
        ("13 (OTHER)", "3 (TOO MANY EMPTY PROCS)", "too many empty", Cause.CACHED_LIMIT),
        ("13 (OTHER)", "0 (UNKNOWN)", "MemoryLimiter:AnonSwap", Cause.MEMORY_LIMITER),
        ("14 (FREEZER)", "0 (UNKNOWN)", "sync transaction while frozen", Cause.FREEZER),
        ("16 (PACKAGE UPDATED)", "0 (UNKNOWN)", "null", Cause.UPDATED),
        ("2 (SIGNALED)", "0 (UNKNOWN)", "null", Cause.UNRECORDED),
    ],
)  # fmt: skip
def test_exit_info_alone_tells_each_cause(
    tmp_path: Path, reason: str, subreason: str, description: str, cause: Cause
) -> None:
    [death] = story(tmp_path, exit_info(reason, subreason, description)).deaths
    assert death.cause is cause
    assert f"reason={reason}" in death.lines[0].text


def test_the_state_is_told_by_exit_info_where_no_line_has_an_adj(tmp_path: Path) -> None:
    text = exit_info("3 (LOW_MEMORY)")
    [death] = story(tmp_path, text).deaths
    lines = {one.text: one.lines for one in death.sentences}
    assert lines["Its importance was 400: cached."] == (1,)
    [death] = story(tmp_path, text.replace("importance=400", "importance=1000")).deaths
    assert not any("importance" in one.text for one in death.sentences)


def test_a_quoted_record_of_exit_info_ends_before_the_next_package(tmp_path: Path) -> None:
    after = "  package: com.example.other\n    Historical Process Exit for uid=10100\n"
    [death] = story(tmp_path, exit_info("3 (LOW_MEMORY)") + after).deaths
    assert death.lines[0].text.endswith("trace=null")


def test_am_kill_is_not_called_the_users_doing_and_who_asked_is_not_known(tmp_path: Path) -> None:
    text = exit_info("10 (USER REQUESTED)", "24 (KILL BACKGROUND)", "kill background")
    [death] = story(tmp_path, text).deaths
    assert "not the user's doing" in death.sentences[0].text
    assert any("which program asked" in one for one in death.unknown)


def test_a_death_that_nobody_explains_is_called_one_without_a_record(tmp_path: Path) -> None:
    words = f"Process {APP} (pid 4242) has died: cch+5 CEM"
    line = f"10-02 10:00:00.100  1500  1520 I ActivityManager: {words}\n"
    [death] = story(tmp_path, line).deaths
    assert death.cause is Cause.UNRECORDED
    assert "without a record" in death.sentences[0].text
    assert death.unknown
    assert not death.helps


def test_lmkds_kill_says_its_rule_its_state_its_size_and_that_it_was_not_alone(
    tmp_path: Path,
) -> None:
    rows = [
        f"10-02 10:00:0{n}.000   400   400 I lowmemorykiller: Kill '{name}' ({pid}), uid 10099, "
        "oom_score_adj 915 to free 80000kB rss, 20000kB swap; reason: low watermark is breached "
        "and swap is low (2000kB < 52428kB)\n"
        for n, (name, pid) in enumerate(
            [(APP, 4242), ("com.example.b", 4300), ("com.example.c", 4301)]
        )
    ]
    [death] = story(tmp_path, "".join(rows)).deaths
    said = " ".join(one.text for one in death.sentences)
    assert death.cause is Cause.LMKD
    for words in (
        "swap is low",
        "915: cached",
        "78.1 MiB",
        "19.5 MiB in swap",
        "2 more were killed",
    ):
        assert words in said
    assert "swap as low" in death.helps


KILLINFO = (
    "10-02 10:00:00.000   400   400 I killinfo: [4242,10099,915,701,80000,3,8100,60200,900,300,400,"
    "5000,524284,12000,1,2,3,4,5,6,7,8,0,0,0,0,0,0,0,20000,0]\n"
)


def test_lmkds_kill_says_what_was_left_and_the_settings_of_the_rule_that_fired(
    tmp_path: Path,
) -> None:
    report = (
        "== dumpstate: 2026-10-02 10:05:00\n"
        "------ SYSTEM LOG (logcat -v threadtime -d *:v) ------\n"
        f"{KILLINFO}{LMKD_LINE}"
        "------ 0.1s was the duration of 'SYSTEM LOG' ------\n"
        "------ SYSTEM PROPERTIES (getprop) ------\n"
        "[ro.build.version.sdk]: [33]\n[ro.lmk.swap_free_low_percentage]: [15]\n"
        "[ro.lmk.thrashing_limit]: [50]\n"
        "------ 0.1s was the duration of 'SYSTEM PROPERTIES' ------\n"
    )
    [death] = story(tmp_path, report).deaths
    said = {one.text: one.lines for one in death.sentences}
    shortage = (
        "At that moment 7.9 MiB were free, 58.8 MiB were file cache, of 512.0 MiB of swap 11.7 MiB "
        "(2.3 %) were free; lmkd took nothing below oom_score_adj 701 then."
    )
    limits = (
        "The limits of this rule were, when this was captured: swap_free_low_percentage 15 "
        "(ro.lmk.swap_free_low_percentage)."
    )
    assert {shortage, limits} <= set(said), said
    assert "4242" in death.lines[said[shortage][0] - 1].text
    assert death.lines[said[shortage][0] - 1].text in KILLINFO
    assert not death.unknown


@pytest.mark.parametrize(
    ("number", "names"),
    [
        (0, ["pressure_after_kill_min_score"]),
        (1, ["psi_complete_stall_ms"]),
        (2, ["swap_free_low_percentage", "thrashing_limit"]),
        (3, ["swap_free_low_percentage"]),
        (4, ["thrashing_limit"]),
        (5, ["thrashing_limit"]),
        (6, ["swap_util_max"]),
        (7, ["thrashing_limit", "filecache_min_kb"]),
        (8, ["lowmem_min_oom_score"]),
        (9, ["direct_reclaim_threshold_ms"]),
    ],
)
def test_each_rule_of_lmkd_has_its_limits(number: int, names: list[str]) -> None:
    settings = settings_in_force(
        {"ro.build.version.sdk": "36", "ro.lmk.direct_reclaim_threshold_ms": "500"}
    )
    said = why_lmkd.limits(lmkd_reason(number, 39), settings, "are")
    assert re.findall(r"(\w+) -?\d+ \(", said) == names


def test_without_killinfo_nobody_knows_how_much_was_free(tmp_path: Path) -> None:
    [death] = story(tmp_path, LMKD_LINE).deaths
    assert any("no killinfo" in one for one in death.unknown)
    assert not any("At that moment" in one.text for one in death.sentences)


@pytest.mark.parametrize("cut", range(len("10-02 10:00:00.000   400   400 I killinfo: "), 200, 3))
def test_killinfo_that_is_cut_anywhere_tells_what_it_has(tmp_path: Path, cut: int) -> None:
    for death in story(tmp_path, f"{KILLINFO[:cut]}\n{LMKD_LINE}").deaths:
        assert death.cause is Cause.LMKD
        assert all("None" not in one.text for one in death.sentences)


SETTINGS = (
    "ACTIVITY MANAGER SETTINGS (dumpsys activity settings) activity_manager_constants:\n"
    "  max_cached_processes=24\n  power_check_interval=300000\n  power_check_max_cpu_1=25\n"
    "  max_phantom_processes=31\n  CUR_MAX_CACHED_PROCESSES=24\n"
    "  CachedAppOptimizer settings\n  use_freezer=true\n  freeze_debounce_timeout=10000\n"
)
LIMITER = (
    "Memory limiter\n  enabled             monitoring=true      ignored=none\n"
    "  visibleMem=1800MB   visibleSwap=900MB    notVisibleMem=900MB   notVisibleSwap=450MB\n"
)
OF_THE_RULE = pytest.mark.parametrize(
    ("reason", "names"),
    [
        ("empty #25", ["max_cached_processes 24", "CUR_MAX_CACHED_PROCESSES 24"]),
        ("excessive cpu 9 during 10 dur=40 limit=2", ["power_check_interval 300000",
                                                      "power_check_max_cpu_1 25"]),
        ("Async binder transaction while frozen", ["use_freezer true",
                                                   "freeze_debounce_timeout 10000"]),
        ("Trimming phantom processes", ["max_phantom_processes 31"]),
    ],
)  # fmt: skip


@OF_THE_RULE
def test_a_kill_of_activity_manager_says_what_its_limit_is_on_the_device_now(
    tmp_path: Path, reason: str, names: list[str]
) -> None:
    device = shell(tmp_path, killing(reason), "", "", settings=SETTINGS)
    [death] = why.of_device(device, None, APP, since_s=None, timeout_s=20).deaths
    named = f"{', '.join(names)} (dumpsys activity settings)"
    limits = {one.text: one.lines for one in death.sentences if "limits of this rule" in one.text}
    assert limits == {f"The limits of this rule are on this device now: {named}.": (1,)}


@OF_THE_RULE
def test_a_kill_of_activity_manager_says_what_its_limit_was_by_a_bug_report(
    tmp_path: Path, reason: str, names: list[str]
) -> None:
    report = (
        "== dumpstate: 2026-10-02 10:05:00\n"
        "------ SYSTEM LOG (logcat -v threadtime -d *:v) ------\n"
        f"{killing(reason)}"
        "------ 0.1s was the duration of 'SYSTEM LOG' ------\n"
        "------ DUMPSYS NORMAL (/system/bin/dumpsys) ------\n"
        f"DUMP OF SERVICE activity:\n{SETTINGS}"
    )
    [death] = story(tmp_path, report).deaths
    said = " ".join(one.text for one in death.sentences)
    assert "The limits of this rule were, when this was captured: " in said
    assert all(name in said for name in names)


def test_the_option_that_counts_phantom_processes_is_told_where_it_is_set(tmp_path: Path) -> None:
    reason = "Trimming phantom processes"
    for value, expected in (("false\n", True), ("null\n", False), ("Failure: no service\n", False)):
        device = shell(tmp_path, killing(reason), "", "", phantoms=value)
        [death] = why.of_device(device, None, APP, since_s=None, timeout_s=20).deaths
        said = " ".join(one.text for one in death.sentences)
        words = "settings_enable_monitor_phantom_procs false (settings get global)"
        assert (words in said) is expected


def test_a_kill_of_the_limiter_says_the_sizes_that_it_allows(tmp_path: Path) -> None:
    device = shell(tmp_path, killing("MemoryLimiter:AnonSwap"), "", "", limiter=LIMITER)
    [death] = why.of_device(device, None, APP, since_s=None, timeout_s=20).deaths
    said = [one.text for one in death.sentences]
    limits = (
        "The limits of this rule are on this device now: 1.8 GiB and 900.0 MiB of swap in front, "
        "900.0 MiB and 450.0 MiB of swap behind (am memory-limiter status)."
    )
    assert limits in said


def test_a_device_that_tells_no_setting_is_not_said_to_have_one(tmp_path: Path) -> None:
    for reason in ("empty #25", "Trimming phantom processes", "MemoryLimiter:AnonSwap"):
        device = shell(tmp_path, killing(reason), "", "", settings="Can't find service\n")
        [death] = why.of_device(device, None, APP, since_s=None, timeout_s=20).deaths
        assert not any("limits of this rule" in one.text for one in death.sentences)


def test_the_size_of_a_process_is_told_against_others_that_were_killed_with_it(
    tmp_path: Path,
) -> None:
    rows = [
        LMKD_LINE.replace("4242", str(pid)).replace(APP, name).replace("80000", str(kilobytes))
        for pid, name, kilobytes in (
            (4242, APP, 80_000), (4300, "com.example.b", 20_480), (4301, "com.example.c", 204_800)
        )
    ]  # fmt: skip
    [death] = story(tmp_path, "".join(rows)).deaths
    [among] = [one.text for one in death.sentences if "not alone" in one.text]
    assert among == (
        "It was not alone. Counted over all that was read, 2 more were killed within 30 seconds; "
        "1 of them held more than it (20.0 MiB to 200.0 MiB)."
    )


def test_the_only_file_that_lines_are_from_is_named_once_and_whole(tmp_path: Path) -> None:
    text = why_text(story(tmp_path, LMKD_LINE + killing("empty #17", pid=9)), None)
    assert text.count(str(tmp_path)) == 1
    assert f"All lines are from {tmp_path}/captured.txt." in text
    assert "  [1] 10-02 10:00:00.010" in text


def test_each_of_several_files_is_named_whole_once_and_shortly_beside_its_lines(
    tmp_path: Path,
) -> None:
    (tmp_path / "main.log").write_text(LMKD_LINE)
    (tmp_path / "system.log").write_text(killing("empty #17", pid=9))
    text = why_text(why.of_capture(tmp_path, APP, since_s=None), None)
    for name in ("main.log", "system.log"):
        assert text.count(f"{tmp_path}/{name}") == 1
        assert f"\n{name} is {tmp_path}/{name}." in text
        assert f"  [1] {name}: 10-02" in text


def test_two_sources_that_disagree_are_both_told(tmp_path: Path) -> None:
    report = (
        "== dumpstate: 2026-10-02 10:05:00\n"
        "------ SYSTEM LOG (logcat -v threadtime -d *:v) ------\n"
        f"{killing('empty #17')}"
        "------ 0.1s was the duration of 'SYSTEM LOG' ------\n"
        "------ DUMPSYS NORMAL (/system/bin/dumpsys) ------\n"
        "DUMP OF SERVICE activity:\n"
        f"{exit_info('14 (FREEZER)')}"
    )
    [death] = story(tmp_path, report).deaths
    [disagree] = [one for one in death.sentences if "disagree" in one.text]
    assert any("oom_score_adj was 900" in one.text for one in death.sentences)
    assert not any("importance" in one.text for one in death.sentences)
    assert len(death.lines) == 2
    assert disagree.lines
    assert {line.source for line in death.lines} == {"SYSTEM LOG", "exit-info"}


def test_only_the_apps_own_processes_are_told_and_all_of_them(tmp_path: Path) -> None:
    text = killing("empty #17", pid=1) + killing("empty #17", pid=2).replace(APP, f"{APP}:remote")
    text += killing("empty #17", pid=3).replace(APP, f"{APP}.other")
    assert [one.kill.pid for one in story(tmp_path, text).deaths] == [1, 2]


PHANTOM = (
    "10-02 10:00:00.200  1500  1600 I ActivityManager: Killing PhantomProcessRecord "
    "{b1f1c9d 5000:4242:busybox/u0a99}: Trimming phantom processes\n"
    "10-02 10:00:00.201  1500  1600 I am_kill : [0,5000,busybox,0,Trimming phantom processes]\n"
)


def test_a_child_process_of_the_app_is_told_though_it_has_a_programs_name(tmp_path: Path) -> None:
    """It is known by its uid, which another line has together with the app's name."""
    told = story(tmp_path, killing("remove task") + PHANTOM).deaths
    assert [(one.kill.name, one.cause) for one in told] == [
        (APP, Cause.TASK_REMOVED),
        ("busybox", Cause.PHANTOM_LIMIT),
    ]
    other = PHANTOM.replace("u0a99", "u0a98")
    assert len(story(tmp_path, killing("remove task") + other).deaths) == 1
    assert story(tmp_path, PHANTOM).deaths == ()  # no line says whose uid that is


def shell(tmp_path: Path, log: str, packages: str, properties: str, **answers: str) -> LocalShell:
    """
    Return a shell whose logcat, pm and getprop print these texts; other commands print nothing.

    Args:
        answers: Likewise of ``dumpsys activity settings`` (``settings``), of ``am memory-limiter
            status`` (``limiter``) and of the setting for phantom processes (``phantoms``).
    """
    said = {"settings": "", "limiter": "", "phantoms": "null\n"} | answers
    for name, text in {"log": log, "packages": packages, "props": properties, **said}.items():
        (tmp_path / name).write_text(text)
    return LocalShell(
        f"logcat() {{ cat {tmp_path}/log; }}\n"
        f'pm() {{ [ "$*" = "list packages -U" ] && cat {tmp_path}/packages; }}\n'
        f"getprop() {{ cat {tmp_path}/props; }}\n"
        f'dumpsys() {{ [ "$*" = "activity settings" ] && cat {tmp_path}/settings; }}\n'
        f'am() {{ [ "$*" = "memory-limiter status" ] && cat {tmp_path}/limiter; }}\n'
        f"settings() {{ cat {tmp_path}/phantoms; }}\n"
        "dmesg() { return 1; }\n"
    )


def test_a_device_says_whose_uid_a_child_had_and_lmkds_settings(tmp_path: Path) -> None:
    rows = f"package:com.example.other uid:10098\npackage:{APP} uid:10099\n"
    properties = "[ro.build.version.sdk]: [33]\n"
    device = shell(tmp_path, PHANTOM + LMKD_LINE, rows, properties)
    told = why.of_device(device, None, APP, since_s=None, timeout_s=20)
    assert [one.cause for one in told.deaths] == [Cause.LMKD, Cause.PHANTOM_LIMIT]
    said = [one.text for one in told.deaths[0].sentences]
    words = "are on this device now: swap_free_low_percentage 10 (AOSP's default)"
    assert f"The limits of this rule {words}." in said


@pytest.mark.parametrize("packages", ["", "Failure calling service package: Broken pipe\n"])
def test_a_device_that_cannot_list_packages_or_properties_tells_the_rest(
    tmp_path: Path, packages: str
) -> None:
    device = shell(tmp_path, PHANTOM + LMKD_LINE, packages, "")
    told = why.of_device(device, None, APP, since_s=None, timeout_s=20)
    assert [one.kill.name for one in told.deaths] == [APP, "busybox"]  # lmkd's line has the uid
    assert not any("limits of this rule" in one.text for one in told.deaths[0].sentences)


def test_what_shares_the_uid_and_was_ended_for_another_reason_is_not_the_apps(
    tmp_path: Path,
) -> None:
    other = killing("empty #17", pid=5).replace(f":{APP}/", ":com.example.sharing/")
    assert [one.kill.pid for one in story(tmp_path, killing("empty #17") + other).deaths] == [4242]


def test_none_is_said_of_what_was_read(tmp_path: Path) -> None:
    told = story(tmp_path, killing("empty #17"), "com.example.living")
    assert told.deaths == ()
    assert "captured.txt until 10-02 10:00:00.100" in why_text(told, ())
    assert "no process of com.example.living runs" in why_text(told, ())


def test_text_without_any_source_is_no_empty_answer(tmp_path: Path) -> None:
    with pytest.raises(ParseError):
        story(tmp_path, "MemTotal: 1000 kB\nMemFree: 10 kB\n")


def test_since_leaves_out_what_is_older(tmp_path: Path) -> None:
    text = killing("empty #17", pid=1) + killing("empty #17", pid=2).replace("10:00", "12:00")
    assert [one.kill.pid for one in story(tmp_path, text, since_s=600).deaths] == [2]


def test_every_sentence_of_the_document_points_at_lines_that_are_there(tmp_path: Path) -> None:
    document = why_json(story(tmp_path, killing("bg anr")), None)
    [death] = document["deaths"]
    for sentence in death["sentences"]:
        assert all(1 <= number <= len(death["lines"]) for number in sentence["lines"])
    assert (death["cause"], document["alive"]) == ("anr", None)


def test_the_command_reads_a_capture(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text(killing("remove task"), "utf-8")
    done = droidreclaim("why", APP, "--from", str(path), "--json")
    assert (done.returncode, json.loads(done.stdout)["deaths"][0]["cause"]) == (0, "task_removed")
    assert droidreclaim("why", "no package", "--from", str(path)).returncode == 2
