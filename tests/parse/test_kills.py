"""Who was killed and by whom, from every kind of log."""

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.kills.am_lines import ForceStopped, Started, read_activity_line
from droidreclaim.parse.kills.log import KilledBy, parse_kills
from droidreclaim.parse.kills.records import killer_of


def tally(log):
    words = [record.by.value for record in log.records]
    return {word: words.count(word) for word in sorted(set(words))}


def only_record(text):
    log = parse_kills(text)
    assert log.unread == ()
    (record,) = log.records
    return record


def in_log(message, tag="lowmemorykiller"):
    return f"01-28 12:58:32.598   151   163 I {tag}: {message}\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kernel_lmk/android_tv_cvte-bootanim_dmesg", {"kernel_lmk": 7}),
        ("kernel_lmk/arc_chromeos-kmsg_escaped", {"kernel_lmk": 1}),
        ("logcat_system/android13-mtk_tb8168-healer", {"activity_manager": 3, "unknown": 3}),
        ("logcat_system/android13_14-samsung-flutter161070_lmkd", {"lmkd": 3, "unknown": 3}),
        (
            "logcat_system/android_vendor-misc_kill_lines",
            {"activity_manager": 3, "lmkd": 1, "unknown": 2, "user": 1},
        ),
        ("logcat_events/android10_12-xiaomi-freezeit_notes", {"activity_manager": 3, "user": 4}),
        ("logcat_events/android13-mtk_tb8168-healer", {"activity_manager": 33, "unknown": 38}),
        ("logcat_events/android13_14-killinfo_39field", {"lmkd": 1}),
        ("logcat_events/android15-oplus_coloros-cachedclean", {"activity_manager": 5}),
        ("logcat_events/android5_15-batteryhistorian_tests", {"unknown": 1}),
        ("logcat_events/android6-nexus-aosp_docs_low_memory", {}),
        ("logcat_events/android6-xiaomi_gityuan-misc", {}),
        ("logcat_events/android7-xiaomi_gityuan", {"user": 4}),
        ("logcat_events/android8-gityuan_binder_bug", {"unknown": 1, "user": 1}),
    ],
)
def test_kills_of_a_capture_by_who_did_it(capture, name, expected):
    log = parse_kills(capture(f"{name}.txt"))

    assert log.unread == ()
    assert tally(log) == expected


def test_a_record_of_the_driver_lies_on_four_lines(capture):
    records = parse_kills(capture("kernel_lmk/android_tv_cvte-bootanim_dmesg.txt")).records

    assert [record.line_number for record in records[:3]] == [1, 5, 9]
    assert (records[0].name, records[0].pid) == ("d.play.games.ui", 2613)
    assert records[0].freed_bytes == 20784 * 1024
    assert (records[-1].oom_score_adj, records[-1].name) == (764, "android.youtube")


def test_a_record_of_the_driver_with_escaped_line_ends(capture):
    record = only_record(capture("kernel_lmk/arc_chromeos-kmsg_escaped.txt"))

    assert (record.at, record.pid, record.freed_bytes) == ("533.604004", 21742, 27320 * 1024)


def test_reclaim_of_samsung_is_a_kill(capture):
    log = parse_kills(capture("logcat_system/android13_14-samsung-flutter161070_lmkd.txt"))
    kills = [record for record in log.records if record.by is KilledBy.LMKD]

    assert [record.pid for record in kills] == [566, 498, 32645]
    assert kills[0].reason == "min2x watermark is breached even after kill"
    assert (kills[0].freed_bytes, kills[0].swap_bytes) == (20768 * 1024, 47708 * 1024)


def test_a_kill_on_a_car_with_five_sizes_and_a_second_user(capture):
    log = parse_kills(capture("logcat_system/android_vendor-misc_kill_lines.txt"))
    kill = log.records[0]
    sandbox = log.records[-1]

    assert (kill.uid, kill.oom_score_adj) == (1010174, 0)
    assert (kill.freed_bytes, kill.swap_bytes) == (4445960 * 1024, 2413008 * 1024)
    assert sandbox.name.endswith("SandboxedProcessService0:0")
    assert (sandbox.uid, sandbox.reason) == (99299, "isolated not needed")


def test_a_long_log_of_android_7(capture):
    log = parse_kills(capture("logcat_system/android_oneplus-autoreward.txt"))
    cached = [r for r in log.records if r.reason.endswith("from cached")]

    assert len(log.records) == 30
    assert [(r.pid, r.oom_score_adj) for r in cached[:2]] == [(28736, 904), (24941, 900)]
    assert {r.by for r in log.records if r.reason == "remove task"} == {KilledBy.USER}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Kill 'a.b:c' (7), uid 10001, oom_adj 900 to free 1024kB", (900, 1024, None, "")),
        (
            "Kill 'a.b' (7), uid 10001, oom_score_adj 905 to free 1024kB; reason: x (1kB < 2kB)",
            (905, 1024, None, "x (1kB < 2kB)"),
        ),
        (
            "Kill 'a.b' (7), uid 1, oom_score_adj 5 to free 8kB rss, 4kB swap; reason: low (9%)",
            (5, 8, 4, "low (9%)"),
        ),
        ("Kill 'a.b' (7), uid 1, oom_score_adj 5 to free 8kB rss, 4kb swap", (5, 8, 4, "")),
        (
            "Kill 'a.b' (7), uid 1, oom_score_adj 5 to free 8kB rss, 6kB anon rss, 4kB swap, "
            "0kB dmabuf_pss, 0kB dmabuf_rss; reason: r",
            (5, 8, 4, "r"),
        ),
    ],
)
def test_wording_of_lmkd_over_the_releases(message, expected):
    record = only_record(in_log(message))
    adj, freed_kib, swap_kib, reason = expected

    assert (record.by, record.pid, record.oom_score_adj) == (KilledBy.LMKD, 7, adj)
    assert record.freed_bytes == freed_kib * 1024
    assert record.swap_bytes == (None if swap_kib is None else swap_kib * 1024)
    assert record.reason == reason


def test_android_9_prints_one_kill_as_two_entries():
    record = only_record(
        in_log("Killing 'a.b' (7), uid 10001, adj 900")
        + in_log("   to free 2048kB because system is under critical memory pressure oom_adj 0")
    )

    assert (record.by, record.freed_bytes) == (KilledBy.LMKD, 2048 * 1024)
    assert record.reason == "system is under critical memory pressure oom_adj 0"


def test_a_wrapped_kill_and_a_raw_log_are_read():
    text = "Kill 'a.b' (7), uid 1, oom_score_adj 5 to free 8kB rss, 4kB swap; reason: low"

    assert only_record(in_log(text.replace(" to free", "\nto free"))).freed_bytes == 8192
    assert only_record(text + "\n").swap_bytes == 4096


def test_the_watchdog_of_lmkd_kills_without_a_name():
    record = only_record(in_log("lmkd watchdog killed process 7, oom_score_adj 950"))

    assert (record.name, record.oom_score_adj) == (None, 950)


def test_a_driver_record_with_a_tgid_and_a_line_in_between():
    record = only_record(
        "[  149.950550] lowmemorykiller: Killing 'a b' (7) (tgid 6), adj 999,\n"
        "[  149.950551] binder: 12:12 transaction failed\n"
        "[  149.950552]    to free 100kB on behalf of 'kswapd0' (36) because\n"
        "[  149.950553]    cache 3kB is below limit 4kB for oom score 950\n"
        "[  149.950554]    Free memory is -5kB above reserved.\n"
    )

    assert (record.at, record.name, record.freed_bytes) == ("149.950550", "a b", 100 * 1024)


def test_the_oldest_driver_counts_pages():
    record = only_record("<4>[   10.000000] send sigkill to 7 (a.b), adj 15, size 3\n")

    assert (record.by, record.freed_bytes) == (KilledBy.KERNEL_LMK, 3 * 4096)


def test_records_of_the_oom_killer():
    new = only_record(
        "[1.000001] Out of memory: Killed process 7 (a (b)) total-vm:9kB, anon-rss:4kB, "
        "file-rss:2kB, shmem-rss:1kB, UID:10001 pgtables:3kB oom_score_adj:900\n"
    )
    old = only_record(
        "[1.000001] Out of memory: Kill process 7 (a.b) score 900 or sacrifice child\n"
        "[1.000002] Killed process 7 (a.b) total-vm:9kB, anon-rss:4kB, file-rss:2kB\n"
    )
    cut = only_record(
        "[1.000001] Out of memory: Kill process 7 (a.b) score 900 or sacrifice child\n"
    )

    assert (new.name, new.uid, new.oom_score_adj, new.freed_bytes) == ("a (b)", 10001, 900, 7168)
    assert (old.by, old.uid, old.freed_bytes) == (KilledBy.KERNEL_OOM, None, 6144)
    assert (cut.pid, cut.freed_bytes) == (7, None)


@pytest.mark.parametrize(
    ("message", "pid", "name"),
    [
        ("No longer want a.b (pid 7): hidden #16", 7, "a.b"),
        ("Killing 7:a.b:c/u0a1 (adj 15): bg /u0a2 (adj 3): x", 7, "a.b:c"),
        ("Killing 7:a.b/10001 (adj 9): empty", 7, "a.b"),
        ("Killing ProcessRecord{41e5fb30 7:a.b/u0a1}: background ANR", 7, "a.b"),
        ("Process a.b (pid 7) has died.", 7, "a.b"),
    ],
)
def test_lines_of_activity_manager_over_the_releases(message, pid, name):
    record = only_record(in_log(message, "ActivityManager"))

    assert (record.pid, record.name) == (pid, name)


_SUMMARY = (
    "[    1.000000] oom-kill:constraint={},nodemask=(null),cpuset=foreground,mems_allowed=0,"
    "{}task_memcg=/apps,task=le.d,pid=13,uid=10004\n"
)
_KILL_PROCESS = (
    "[    1.000001] Out of memory: Kill process 13 (le.d) score 900 or sacrifice child\n"
)
_KILLED = (
    "[    1.000002] Out of memory: Killed process 13 (le.d) total-vm:1kB, anon-rss:4kB,"
    " file-rss:0kB, shmem-rss:0kB, UID:10004 pgtables:1kB oom_score_adj:900\n"
)
_NONE = _SUMMARY.format("CONSTRAINT_NONE", "global_oom,")
_OTHER = _NONE.replace("pid=13", "pid=14")


@pytest.mark.parametrize(
    ("text", "pids", "reason", "uid"),
    [
        (_NONE, [13], "out of memory", 10004),  # cut behind it
        (_SUMMARY.format("CONSTRAINT_MEMCG", "oom_memcg=/apps,"), [13],
         "memory cgroup out of memory", 10004),
        (_NONE + _KILLED, [13], "out of memory", 10004),
        (_NONE + _KILL_PROCESS + _KILLED, [13], "out of memory", 10004),  # Linux 5.0
        (_NONE + _KILL_PROCESS, [13], "out of memory", None),
        (_NONE + _KILLED + _OTHER, [13, 14], "out of memory", 10004),
        (_OTHER + _NONE, [14, 13], "out of memory", 10004),
    ],
)  # fmt: skip
def test_what_the_kernel_says_before_it_kills_is_one_kill(text, pids, reason, uid):
    log = parse_kills(text)
    assert [kill.pid for kill in log.records] == pids
    assert (log.records[0].reason, log.records[0].uid, log.unread) == (reason, uid, ())


def test_starting_and_force_stopping_are_no_kills():
    start = "Start proc 7:a.b/u0a1 for broadcast {a.b/a.C}"
    old = "Start proc a.b for service a.b/.C: pid=7 uid=10001 gids={3003}"
    stop = "Force stopping a.b appid=10123 user=0: from pid 9"

    assert (
        parse_kills("".join(in_log(m, "ActivityManager") for m in (start, old, stop))).records == ()
    )
    assert read_activity_line(start) == Started(7, "a.b", 10001, "broadcast {a.b/a.C}")
    assert read_activity_line(old) == Started(7, "a.b", 10001, "service a.b/.C")
    assert read_activity_line(stop) == ForceStopped("a.b", 10123, 0, "from pid 9")


@pytest.mark.parametrize(
    ("reason", "by"),
    [
        ("empty #17", KilledBy.ACTIVITY_MANAGER),
        ("excessive cpu 9100 during 300052", KilledBy.ACTIVITY_MANAGER),
        ("Sync transaction while frozen", KilledBy.FREEZER),
        ("scheduleCrash for 'x' failed", KilledBy.CRASH),
        ("bg anr", KilledBy.ANR),
        ("remove task", KilledBy.USER),
        ("stop a.b due to from pid 3", KilledBy.USER),
        ("stop a.b due to installPackageLI", KilledBy.ACTIVITY_MANAGER),
        ("MemoryLimiter:AnonSwap", KilledBy.MEMORY_LIMITER),
        ("stop a.b due to MemoryLimiter:AnonSwap", KilledBy.ACTIVITY_MANAGER),
    ],
)
def test_who_wanted_it(reason, by):
    assert killer_of(reason) is by


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("lowmemorykiller", "Kill 'a.b' (7), uid"),
        ("lmkd", "Reclaim 'a.b"),
        ("ActivityManager", "Killing something else altogether"),
        ("am_kill ", "[0,7,a.b,90"),
    ],
)
def test_a_kill_that_is_cut_is_named_as_unread(tag, message):
    log = parse_kills(in_log("hello", "x") + in_log(message, tag))

    assert log.records == ()
    assert [number for number, _ in log.unread] == [2]


def test_a_log_without_kills_is_empty_and_other_text_is_refused():
    assert parse_kills(in_log("hello", "x")).records == ()
    assert parse_kills("<6>[  1.000000] hello\n<6>[  1.000001] there\n").records == ()
    for text in ("", "hello\nthere\n", "MemTotal: 1 kB\n"):
        with pytest.raises(ParseError):
            parse_kills(text)


@pytest.mark.parametrize(
    ("cause", "by"),
    [("from pid 4976", KilledBy.USER), ("installPackageLI", KilledBy.ACTIVITY_MANAGER)],
)
def test_before_android_11_the_line_before_says_why_a_package_was_stopped(cause, by):
    head = "11-23 10:00:01.000  1000   107   107 I "
    log = parse_kills(
        f"{head}ActivityManager: Force stopping com.example.a appid=10001 user=0: {cause}\n"
        f"{head}ActivityManager: Killing 7:com.example.a/u0a1 (adj 900): stop com.example.a\n"
        f"{head}am_kill : [0,8,com.example.a:x,900,stop com.example.a]\n"
        f"{head}am_kill : [0,9,com.example.b,900,stop com.example.b]\n"
    )
    assert [one.by for one in log.records] == [by, by, KilledBy.ACTIVITY_MANAGER]
    assert log.records[0].reason == f"stop com.example.a due to {cause}"


@pytest.mark.parametrize(
    ("number", "values", "words"),
    [
        (-1, 39, "no reason given"),
        (0, 31, "pressure_after_kill (reason 0)"),
        (3, 36, "low_mem_and_swap (reason 3)"),
        (7, 36, "low_filecache_after_thrashing (reason 7)"),
        (8, 39, "low_mem (reason 8)"),
        (8, 36, "reason 8, none of AOSP's"),  # Android 12 knows seven
        (9, 40, "direct_recl_stuck (reason 9)"),
        (14, 39, "reason 14, none of AOSP's"),
        (1003, 40, "reason 1003, the vendor's own"),
    ],
)
def test_a_number_of_killinfo_is_told_in_aosp_s_words(number, values, words):
    numbers = ["7", "10001", "900", "0", "1000", str(number), *["0"] * (values - 6)]
    kill = only_record(in_log(f"[{','.join(numbers)}]", "killinfo"))
    assert kill.reason == words


@pytest.mark.parametrize(
    ("sizes", "freed_kib", "swap_kib"),
    [
        ("83468kB", 83468, None),
        ("83468kB rss, 1024kB swap", 83468, 1024),
        ("83468kB rss, 80000kB anon rss, 1024kB swap", 83468, 1024),
        ("54080kb uss, 81946kb pss, and 27884kB swap", 54080, 27884),
        ("81946kb pss, and 0kb swap", 81946, 0),
    ],
)
@pytest.mark.parametrize("reason", ["", "; reason: device is low"])
def test_sizes_are_read_in_whatever_form_a_release_has(sizes, freed_kib, swap_kib, reason):
    said = f"Kill 'a.b' (7), uid 10001, oom_score_adj 900 to free {sizes}{reason}"
    kill = only_record(in_log(said))
    assert kill.freed_bytes == freed_kib * 1024
    assert kill.swap_bytes == (None if swap_kib is None else swap_kib * 1024)
    assert kill.reason == reason.removeprefix("; reason: ")
