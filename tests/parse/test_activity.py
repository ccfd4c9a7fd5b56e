"""Process dumps of ActivityManager: each claim was read in the capture by eye."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.activity.dump import parse_lru, parse_processes
from droidreclaim.parse.activity.joined import running_processes

PROCESSES = "dumpsys_activity_processes/"
A13 = PROCESSES + "android13-mtk_tb8168-healer.txt"
A9 = PROCESSES + "android9-automotive_gwm-haval.txt"
MIUI = "dumpsys_activity_lru/android12_13-miui-a1memory.txt"


def by_pid(dump):
    return {one.pid: one for one in running_processes(dump)}


def test_android_13_rows_are_counted_once_though_printed_three_times(capture):
    dump = parse_processes(capture(A13))
    assert len(dump.rows) == dump.announced_rows == len(dump.records) == len(dump.lru) == 15
    assert len(dump.pids) == 15


def test_android_13_camera_sleeps_at_the_top(capture):
    camera = by_pid(parse_processes(capture(A13)))[3784]
    assert (camera.name, camera.uid, camera.adj, camera.set_adj) == (
        "com.mediatek.camera",
        10090,
        0,
        0,
    )
    assert (camera.proc_state, camera.label, camera.why) == ("TPSL", "fg", "top-sleeping")
    assert (camera.frozen, camera.persistent, camera.hosting_types) == (False, False, 0x10)


def test_android_13_system_server_hosts_the_packages_of_its_list(capture):
    system = by_pid(parse_processes(capture(A13)))[832]
    assert system.persistent
    assert system.adj == -900
    assert "com.android.server.telecom" in system.packages
    assert len(system.packages) == 5


def test_android_13_groups_with_a_blank_and_labels_with_a_blank_are_read(capture):
    rows = {row.ref.pid: row for row in parse_processes(capture(A13)).rows}
    launcher, spooler, logger = rows[2713], rows[7261], rows[4006]
    assert (launcher.sched_group, launcher.foreground, launcher.capabilities) == ("R", "", "---N")
    assert (spooler.label, spooler.adj, spooler.adj_exact) == ("cch+ 5", 905, True)
    assert (logger.sched_group, logger.foreground, logger.proc_state) == ("F", "S", "FGS")
    assert launcher.client is not None
    assert (launcher.client.pid, launcher.client.uid) == (2420, 10086)
    assert spooler.client is None


def test_android_13_home_previous_levels_and_uids(capture):
    dump = parse_processes(capture(A13))
    assert dump.home is not None
    assert dump.previous is not None
    assert (dump.home.pid, dump.previous.pid, dump.heavy_weight) == (2713, 2705, None)
    assert {level.adj: level.free_bytes for level in dump.levels}[999] == 322_560 * 1024
    assert len(dump.levels) == 16
    states = {state.uid: state for state in dump.uid_states}
    assert (states[1000].proc_state, states[1000].idle) == ("PER", False)


def test_android_13_raw_lru_is_most_recent_first(capture):
    lru = parse_processes(capture(A13)).lru
    assert (lru[0].index, lru[0].section, lru[0].ref.pid) == (14, "Activities", 3784)
    assert (lru[-1].index, lru[-1].section, lru[-1].ref.name) == (0, "Other", "system")


def test_android_9_car_has_89_processes_each_with_record_row_and_pid(capture):
    dump = parse_processes(capture(A9))
    assert len(dump.records) == len(dump.rows) == len(dump.pids) == dump.announced_rows == 89
    assert len(running_processes(dump)) == 89


def test_android_9_isolated_process_runs_under_another_uid_than_its_owner(capture):
    sandbox = by_pid(parse_processes(capture(A9)))[4169]
    assert (sandbox.uid, sandbox.owner_uid, sandbox.isolated) == (99000, 1000, True)
    assert sandbox.name == "com.android.webview:sandboxed_process0"
    assert sandbox.user == 0


def test_android_9_shared_process_serves_every_package_of_its_list(capture):
    lists = [record.packages for record in parse_processes(capture(A9)).records]
    assert ("com.android.providers.telephony", "com.android.phone") in lists
    assert ("com.android.providers.media", "com.android.providers.downloads") in lists


def test_android_9_decimal_comma_is_a_size(capture):
    records = {record.ref.pid: record for record in parse_processes(capture(A9)).records}
    assert records[3105].swap_pss_bytes == 0
    assert records[3105].pss_bytes == 22 << 20


def test_android_10_starting_processes_have_pid_0_and_all_are_kept(capture):
    dump = parse_processes(capture(PROCESSES + "android10-pixel2xl-unitylogcat_excerpt.txt"))
    assert [row.index for row in dump.rows if row.ref.pid == 0] == [36, 35, 34]
    assert len(dump.rows) == 15
    assert dump.announced_rows == 53


def test_android_10_webview_sandboxes_name_the_app_they_serve(capture):
    dump = parse_processes(capture(PROCESSES + "android10-pixel2xl-unitylogcat_excerpt.txt"))
    first = dump.isolated[0]
    assert (first.pid, first.uid, first.owner_uid) == (22943, 99005, 10276)
    assert first.name.endswith(":org.chromium.content.app.SandboxedProcessService0:0")
    idle = {state.uid for state in dump.uid_states if state.idle}
    assert 10018 in idle
    assert 10073 not in idle


def test_android_7_samsung_has_short_states_and_an_app_called_system(capture):
    dump = parse_processes(capture(PROCESSES + "android7_8-samsung-unitylogcat_lru_excerpt.txt"))
    rows = {row.ref.pid: row for row in dump.rows}
    assert len(rows) == 19
    assert (rows[3610].ref.name, rows[3610].ref.uid) == ("system", 10082)
    assert (rows[3766].proc_state, rows[3766].foreground) == ("T", "A")
    assert rows[2573].client is not None
    assert rows[2573].client.pid == 2589
    assert rows[7295].client is None  # held by a binder proxy, not by a process
    held = {one.pid: one.held_by for one in running_processes(dump)}
    assert held[2573] is not None
    assert held[2573].startswith("com.")
    assert "(pid 2589)" in held[2573]
    assert held[7295] is None


@pytest.mark.parametrize(
    ("below", "held_by"),
    [
        ("a.b/.Tile<=Proc{117:com.android.systemui/u0a86}",
         "a.b/.Tile by com.android.systemui (pid 117)"),
        ("{null}<=Proc{117:com.android.systemui/u0a86}", "by com.android.systemui (pid 117)"),
        ("a.b/.Feed<=android.os.BinderProxy@81c4b2f", "a.b/.Feed by another process"),
        ("cached=false empty=false hasAboveClient=false", None),
    ],
)  # fmt: skip
def test_the_line_below_a_row_names_what_is_bound_and_by_whom(
    below: str, held_by: str | None
) -> None:
    row = "    Proc # 0: vis    F/ /BFGS LCMN  t: 0 9:a.b/u0a1 (service)"
    [one] = running_processes(
        parse_processes(f"  Process LRU list (1 total):\n{row}\n        {below}\n")
    )
    assert one.held_by == held_by


def test_the_old_adj_scale_is_told_by_its_maximum(capture):
    dump = parse_processes(capture(PROCESSES + "android7-xiaomi_gityuan-processrecord.txt"))
    (page,) = running_processes(dump)
    assert (page.pid, page.uid, page.adj, page.set_adj) == (22469, 10005, 902, 902)
    record = dump.records[0]
    assert record.max_adj == 16
    assert record.dependencies == ("com.google.android.webview",)
    assert record.packages == ("com.miui.yellowpage",)
    assert record.pss_bytes == 13 << 20


def test_android_12_phantoms_have_a_pid_and_a_parent(capture):
    dump = parse_processes(capture(PROCESSES + "android12-termux_phantom_excerpt.txt"))
    assert [phantom.pid for phantom in dump.phantoms] == [2611, 3162, 5790, 10626, 14132, 15874]
    assert {(p.ppid, p.name, p.uid) for p in dump.phantoms} == {(3461, "logcat", 10164)}


def test_a_title_that_counts_74_processes_above_no_row_is_not_no_process(capture):
    dump = parse_processes(capture("dumpsys_activity_oom/android12-termux_oom_levels.txt"))
    assert (dump.announced_rows, dump.rows) == (74, ())
    assert len(dump.levels) == 16
    assert dump.previous is not None
    assert dump.previous.uid == 10383
    with pytest.raises(ParseError, match="74 processes announced, none listed"):
        running_processes(dump)


def test_top_rows_of_five_releases_are_read_alike(capture):
    dump = parse_processes(capture("dumpsys_activity_oom/android7_12-topactivity_oneliners.txt"))
    assert [row.ref.pid for row in dump.rows] == [30265, 2849, 2899, 4272, 17132, 4544, 649]
    assert {row.adj for row in dump.rows} == {0}
    assert [row.capabilities for row in dump.rows] == [
        "LCM", "LCM", None, "LCM", "LCMNFU", None, None,
    ]  # fmt: skip


def test_lru_of_android_10_has_no_capabilities_and_labels_with_a_blank(capture):
    lru = parse_lru(capture("dumpsys_activity_lru/android10-emulator-freezeit_excerpt.txt"))
    assert [entry.index for entry in lru] == [26, 25, 24, 23, 9, 8]
    assert lru[0].activity == ("activities", "recents")
    assert [entry.adj for entry in lru] == [0, 905, 700, 905, 975, 200]
    assert {entry.capabilities for entry in lru} == {None}


def test_lru_of_android_11_has_three_capabilities(capture):
    lru = parse_lru(capture("dumpsys_activity_lru/android11-emulator-freezeit_excerpt.txt"))
    assert [(entry.ref.pid, entry.capabilities) for entry in lru] == [
        (995, "LCM"), (801, "---"), (1354, "LCM"), (670, "LCM"),
    ]  # fmt: skip


def test_lru_of_miui_keeps_states_that_disagree_with_the_adj(capture):
    lru = parse_lru(capture(MIUI))
    entries = {entry.ref.pid: entry for entry in lru}
    assert [entry.index for entry in lru] == list(range(67, -1, -1))
    assert (entries[31098].label, entries[31098].proc_state) == ("hvy", "CAC")
    assert (entries[5961].ref.uid, entries[5961].ref.owner_uid) == (90004, 10091)
    assert entries[24074].ref.uid == 99001


def test_lru_of_oneplus_has_both_sections(capture):
    lru = parse_lru(capture("dumpsys_activity_lru/android12_13-oneplus6-freezeit_excerpt.txt"))
    assert [(entry.section, entry.ref.pid) for entry in lru] == [
        ("Activities", 5537), ("Other", 19270),
    ]  # fmt: skip


def test_the_detail_line_below_a_row_gives_the_exact_adj():
    text = "    Proc # 2: prev  b/ /LAST ---- t: 0 9:a.b/u0a1 (previous)\n"
    (new,) = parse_processes(text + "        oom: max=1001 curRaw=701 cur=701 set=700\n").rows
    (old,) = parse_processes(text + "        oom: max=16 curRaw=7 cur=7 set=7\n").rows
    (bare,) = parse_processes(text).rows
    assert (new.adj, new.adj_exact) == (700, True)  # "set" is what the kernel has
    assert (old.adj, old.adj_exact) == (700, True)
    assert (bare.adj, bare.adj_exact) == (700, False)


def test_a_row_that_cannot_be_read_is_named():
    text = "  Process LRU list (sorted by oom_adj, 1 total):\n    Proc # 0: fg  who knows\n"
    with pytest.raises(ParseError) as caught:
        parse_processes(text)
    assert (caught.value.line_number, caught.value.line) == (2, "    Proc # 0: fg  who knows")


@pytest.mark.parametrize(
    "row",
    [
        "    Proc # 0: vis  + 1 T/A/TOP  LCMNFUATI- t: 0 12:com.example:a:b/u10a120 (vis-activity)",
        "    Proc #100: vendor   B/ /NEW9 ---------- t:80 12:com.example:a:b/u10a120 (a b (c))",
    ],
)
def test_rows_of_newer_releases_and_vendors_are_kept(row):
    (process,) = parse_processes(row).rows
    assert (process.ref.pid, process.ref.name, process.ref.uid) == (12, "com.example:a:b", 1010120)


def test_a_title_without_a_row_is_not_an_empty_list():
    with pytest.raises(ParseError, match="no process in this answer"):
        parse_lru("ACTIVITY MANAGER LRU PROCESSES (dumpsys activity lru)\n")
    with pytest.raises(ParseError, match="no process in this answer"):
        parse_processes("ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)\n")
