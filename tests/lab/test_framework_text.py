"""What the pocket phone's framework prints has the form that real phones printed."""

import os
import re
import socket
from itertools import pairwise
from pathlib import Path

import pytest

from droidreclaim.lab.phone.guest.framework import (
    dump_activity,
    dump_meminfo,
    dump_packages,
    dump_processes,
    log,
    oomadj,
)
from droidreclaim.lab.phone.guest.framework.am_commands import Started, start_text
from droidreclaim.lab.phone.guest.framework.apps import App, Process
from droidreclaim.lab.phone.guest.framework.dump_meminfo import Device, Member, Usage
from droidreclaim.lab.phone.guest.framework.limiter import MemoryLimiter, by_ram
from droidreclaim.lab.phone.guest.framework.links import Channel
from droidreclaim.lab.phone.guest.framework.lmkd import kill_event, kill_line, parse_kill
from droidreclaim.lab.phone.guest.framework.oomadj import Rank, Role
from droidreclaim.lab.phone.guest.framework.props import Properties
from droidreclaim.lab.phone.guest.framework.records import Exit, Package, Phone, Proc
from droidreclaim.lab.phone.guest.framework.starts import Start, Starts
from droidreclaim.lab.phone.guest.framework.text import duration, label, size, user
from droidreclaim.parse.activity.limiter import parse_memory_limiter
from droidreclaim.parse.activity.starts import parse_start_info

FIXTURES = Path(
    os.environ.get("DROIDRECLAIM_FIXTURES", Path(__file__).parents[3] / "shared" / "fixtures")
)

# What differs between two phones, and what stands for it; the first that fits counts.
_VARIABLE = [
    (r"\b(?:arm64-v8a|arm64|x86_64)\b", "ABI"),
    (r"\d+dpi", "DPI"),
    (r"(?<=packageList=)\{.*\}", "NAMES"),
    (r"[A-Za-z_][\w-]*(?:\.[\w$-]+)+(?::[\w.:$-]+)?(?:/(?!u\d|\d)[\w.$-]+)?", "NAME"),
    (r"(?<=[ =])/[\w./=~@-]+", "PATH"),
    (r"\b(?:true|false)\b", "BOOL"),
    (r"(?<=\{)[0-9a-f]{4,8}(?= )", "ID"),
    (r"(?<=@)[0-9a-f]+", "ID"),
    (r"(?<=\()[a-z]+(?:-[a-z]+)*(?=\)$)", "WHY"),
    (r"/(?:u\d+[as]\d+(?:i-?\d+)?|\d+)\b", "/USER"),
    (r"\bu\d+a\d+(?:i\d+)?\b", "USER"),
    (r"(?<=UID )\d+\b|(?<=ID )\d+\b(?= STATE)", "USER"),
    (r"\d+-\d\d-\d\d \d\d:\d\d:\d\d\.\d+", "WHEN"),
    (r"[+-]?\d+(?:d|h|m|s|ms)(?:\d+(?:h|m|s|ms))*\b", "TIME"),
    (r"-?\d[\d.,]*(?:[KMGk]?B|K)?(?![\w])", "NUMBER"),
]


def blank(line: str) -> str:
    """Replace what differs between phones; several blanks before a number become one."""
    line = re.sub(
        r"\b(PER|BFGS|FGS|TOP|TPSL|BTOP|LAST|HOME|CAC|CACC|CEM|SVC|IMPB|TRNB) {0,1}(?= )",
        "STATE",
        line,
    )
    line = re.sub(r" (?:[L-][C-][M-][N-]?|---N)(?= |$)", " CAPS", line)
    line = re.sub(r"curCapability=\S+ setCapability=\S+", "CAPABILITIES", line)
    line = re.sub(r"(?<=: )(?:\w{2,4}|cch\+[ \d]\d) *(?=[FRTBb]/[AS ]/)", "LABEL ", line)
    line = re.sub(r"(?<=: )(?:\w{2,4}|cch\+[ \d]\d) *(?=STATE)", "LABEL ", line)
    line = re.sub(r"[FRTBb]/[AS ]/", "G/A/", line)
    for pattern, word in _VARIABLE:
        line = re.sub(pattern, word, line)
    line = re.sub(r"# +(?=NUMBER)", "#", line)
    return re.sub(r" {2,}(?=NUMBER|-)", " ", line).rstrip()


def capture(name: str) -> str:
    path = FIXTURES / name
    if not path.exists():
        pytest.skip(f"no captures at {FIXTURES}: set DROIDRECLAIM_FIXTURES")
    return path.read_text()


def assert_same_form(ours: str, theirs: str, *, allow: tuple[str, ...] = ()) -> None:
    """
    Each line of *ours* has a line of its form in *theirs*, and neighbours come in the same order.

    Args:
        allow: Blanked lines that no capture holds, each for a reason the test gives.
    """
    forms = [blank(line) for line in theirs.splitlines()]
    known = set(forms) | set(allow)
    lines = [line for line in ours.splitlines() if line.strip()]
    strange = [(line, blank(line)) for line in lines if blank(line) not in known]
    assert not strange
    first = {form: forms.index(form) for form in set(forms)}
    last = {form: number for number, form in enumerate(forms)}
    for one, two in pairwise(lines):
        if blank(one) in first and blank(two) in last:
            assert first[blank(one)] <= last[blank(two)], (one, two)


GAME = Package(
    "com.example.game",
    10100,
    "/data/app/~~a==/com.example.game-b==/base.apk",
    version=3,
    identity=0x4A23BAA,
)


def make_phone(sdk: int = 33) -> Phone:
    roles = [
        Role(310, top=True),
        Role(311, client_of=310),
        Role(320, previous=True),
        Role(330, home=True),
        Role(340),
        Role(350, activity=False),
        Role(360, perceptible=True),
        Role(370, service=True),
        Role(200, persistent=True, activity=False),
        Role(100, system=True, activity=False),
    ]
    names = {100: "system", 200: "com.android.systemui", 311: "com.example.game:sandboxed_process0"}
    ranks = oomadj.rank(roles, sdk)
    procs = []
    for role in roles:
        name = names.get(role.pid, f"com.example.app{role.pid}")
        isolated = role.pid == 311
        procs.append(
            Proc(
                pid=role.pid,
                name=name,
                uid={100: 1000, 311: 99000}.get(role.pid, 10000 + role.pid),
                rank=ranks[role.pid],
                identity=0x1234567 + role.pid,
                packages=("android", "com.android.settings")
                if role.system
                else (name.partition(":")[0],),
                apk=GAME.apk,
                owner_uid=10310 if isolated else None,
                persistent=role.system or role.persistent,
                activity=f"{name}/.Main" if role.activity and not isolated else None,
                task=role.pid // 10,
                cause="com.example.game/.Service<=Proc{310:com.example.app310/u0a310}"
                if isolated
                else None,
                started_s=10.0,
                active_s=90.5,
                pss_bytes=34 << 20,
                rss_bytes=50 << 20,
            )
        )
    return Phone(sdk, 100.0, tuple(procs), home_pid=330, previous_pid=320, top_pid=310)


class TestProcesses:
    def test_the_whole_dump_has_the_form_of_android_13(self) -> None:
        theirs = capture("dumpsys_activity_processes/android13-mtk_tb8168-healer.txt")
        ours = dump_processes.processes(make_phone())
        isolated_process_of_android_9_and_10 = (
            "  Isolated process list (sorted by uid):",
            "    Isolated #NUMBER: ProcessRecord{ID NUMBER:NAME/USER}",
            "    user #NUMBER uid=NUMBER ISOLATED uid=NUMBER gids={}",
        )
        client_of_android_12 = ("    #NUMBER: LABEL STATE CAPS NUMBER:NAME/USER act:client",)
        assert_same_form(
            ours, theirs, allow=isolated_process_of_android_9_and_10 + client_of_android_12
        )

    def test_the_whole_dump_has_the_form_of_android_9(self) -> None:
        theirs = capture("dumpsys_activity_processes/android9-automotive_gwm-haval.txt")
        ours = dump_processes.processes(make_phone(28))
        assert_same_form(ours, theirs.replace(",00", ".00"))

    def test_sections_come_in_the_order_of_android_13(self) -> None:
        theirs = capture("dumpsys_activity_processes/android13-mtk_tb8168-healer.txt")
        titles = [
            line
            for line in dump_processes.processes(make_phone()).splitlines()
            if re.match(r"  [A-Z]", line) and "Isolated" not in line
        ]
        forms = [blank(line) for line in theirs.splitlines()]
        places = [forms.index(blank(title)) for title in titles]
        assert places == sorted(places)
        assert len(places) == 7

    @pytest.mark.parametrize(
        ("sdk", "name"),
        [(28, "android9-automotive_gwm-haval"), (29, "android10-pixel2xl-unitylogcat_excerpt")],
    )
    def test_rows_of_older_releases_have_their_form(self, sdk: int, name: str) -> None:
        theirs = capture(f"dumpsys_activity_processes/{name}.txt")
        ours = dump_processes.processes(make_phone(sdk))
        rows = [line for line in ours.splitlines() if line.startswith(("    PERS #", "    Proc #"))]
        assert len(rows) == 10
        assert_same_form("\n".join(rows), theirs)

    def test_every_row_names_its_columns_where_the_capture_has_them(self) -> None:
        theirs = capture("dumpsys_activity_processes/android13-mtk_tb8168-healer.txt")
        ours = dump_processes.processes(make_phone())
        place = re.compile(r"    (?:PERS|Proc) #..: .{6} ././.{4} .{4}  t: \d+ \d+:")
        for text in (theirs, ours):
            rows = [
                line for line in text.splitlines() if line.startswith(("    PERS #", "    Proc #"))
            ]
            assert rows
            assert all(place.match(row) for row in rows)


class TestLru:
    def test_rows_have_the_form_of_android_13(self) -> None:
        theirs = capture("dumpsys_activity_lru/android12_13-miui-a1memory.txt")
        assert_same_form(dump_processes.lru(make_phone()), theirs)

    def test_rows_have_the_form_of_android_11(self) -> None:
        theirs = capture("dumpsys_activity_lru/android11-emulator-freezeit_excerpt.txt")
        ours = dump_processes.lru(make_phone(30))
        rows = [
            line
            for line in ours.splitlines()
            if "act:client" not in line and ":system/" not in line
        ]
        assert_same_form("\n".join(rows), theirs)

    def test_there_is_no_such_command_before_android_10(self) -> None:
        assert "Bad activity command" in dump_processes.lru(make_phone(28))


class TestActivity:
    def test_lmk_counts_have_the_form_of_android_13(self) -> None:
        theirs = capture("dumpsys_activity_lmk/android13-mtk_tb8168-healer.txt")
        ours = dump_activity.lmk({905: 2, 950: 1})
        assert [blank(line) for line in ours.splitlines()] == [
            blank(line) for line in theirs.splitlines()
        ]
        assert "at or below oom_adj 900: 0\n" in ours
        assert "at or below oom_adj 999: 3\n" in ours

    @pytest.mark.parametrize(("reason", "subreason"), [(3, 0), (2, 0), (10, 21), (1, 0)])
    def test_exit_records_have_the_form_of_android_13(self, reason: int, subreason: int) -> None:
        theirs = capture("dumpsys_activity_exit_info/android13-mtk_tb8168-healer.txt")
        gone = Exit(
            1.5, 310, 10100, 10100, "com.example.game", ("com.example.game",), reason, subreason,
            9, 400, 0, 34 << 20, None,
        )  # fmt: skip
        ours = dump_activity.exit_info(
            [gone], "2026-01-01 00:00:00.000", lambda _: "2026-01-01 00:00:00.001"
        )
        theirs = re.sub(r"\([A-Z_() ]+\)", "(REASON)", theirs)
        assert_same_form(re.sub(r"\([A-Z_() ]+\)", "(REASON)", ours), theirs)

    def test_settings_have_the_form_of_android_13(self) -> None:
        theirs = capture(
            "dumpsys_activity_settings/android13-mtk_tb8168-healer-cachedappoptimizer.txt"
        )
        optimizer = {"use_compaction": "true", "compact_throttle_1": "5000", "use_freezer": "false"}
        ours = dump_activity.settings(33, {"max_cached_processes": "32"}, optimizer, {"full": 2})
        assert_same_form(ours, theirs)
        assert " Performed: 0 some, 2 full" in ours

    def test_activities_have_the_form_of_android_9(self) -> None:
        theirs = capture("dumpsys_activity_activities/android9-automotive_gwm-haval.txt")
        assert_same_form(_activities(dump_activity.activities(make_phone(28))), _activities(theirs))

    def test_settings_have_the_form_of_android_9(self) -> None:
        theirs = capture("dumpsys_activity_settings/android9-automotive_gwm-haval.txt")
        ours = dump_activity.settings(28, {"max_cached_processes": "32"}, {"use_x": "1"}, {})
        assert_same_form(ours, theirs)

    def test_activities_have_the_form_of_android_13(self) -> None:
        theirs = capture("dumpsys_activity_activities/android13-mtk_tb8168-healer.txt")
        focus = capture("dumpsys_activity_activities/android_huawei_and_a13-resumed_oneliners.txt")
        ours = dump_activity.activities(make_phone())
        state = "ActivityTaskSupervisor state:\n"  # the phone of the long capture slept
        theirs = theirs.replace(state, f"{state}  {focus.splitlines()[1]}\n")
        assert "topResumedActivity=ActivityRecord{" in ours
        # Of the same line a Huawei before Android 12 is the nearest capture; its brace closes once.
        allow = ("    mResumedActivity: ActivityRecord{ID uNUMBER NAME} tNUMBER}",)
        assert_same_form(_activities(ours), _activities(theirs), allow=allow)


def _activities(text: str) -> str:
    """Make tasks of both phones alike: kind, launcher and intent differ with what was started."""
    text = re.sub(r"type=\S+ (?:A=\S+|I=\S+|\?\?)", "type=KIND", text)
    text = re.sub(r" rootTaskId=\d+", "", text)
    text = re.sub(r"launchedFromUid=\d+ launchedFromPackage=\S+", "launchedFrom", text)
    text = re.sub(r"Intent \{.*\}", "Intent", text)
    text = re.sub(r"state=\w+", "state=STATE", text)
    text = re.sub(r"t\d+\}", "t1}", text)
    return re.sub(r"taskAffinity=\S+", "taskAffinity=A", text)


class TestMeminfo:
    def test_the_device_dump_has_the_form_of_android_13(self) -> None:
        theirs = capture("dumpsys_meminfo_device/android13-mtk_tb8168-healer.txt")
        uses = {kind: Usage(1000, 900, 0, 0, 100, 800) for kind in ("Native Heap", "Unknown")}
        members = tuple(
            Member(100 + at, f"com.example.app{at}", adj, at == 4, uses)
            for at, adj in enumerate((-1000, -900, -800, 0, 700, 900))
        )
        memory = dict.fromkeys(
            ("MemTotal", "MemFree", "Cached", "Buffers", "SReclaimable", "Shmem", "SUnreclaim",
             "KernelStack", "PageTables", "SwapTotal", "SwapFree"), 5000,
        )  # fmt: skip
        ours = dump_meminfo.device(Device(33, 1000, members, memory | {"MemTotal": 9000000}, 4))
        words = re.compile(r": (?:\S+|lmkd) \(pid")
        assert_same_form(words.sub(": com.a.b (pid", ours), words.sub(": com.a.b (pid", theirs))

    def test_an_apps_block_has_the_form_of_a_recent_emulator(self) -> None:
        theirs = capture("dumpsys_meminfo_app/android_emulator-funnyenglish.txt")
        uses = {
            kind: Usage(10, 9, 0, 0, 1, 8, 2, 2, 20) for kind in ("Native Heap", "Stack", "Unknown")
        }
        ours = dump_meminfo.apps(12345, [(make_phone().procs[0], uses)])
        assert_same_form(ours, theirs)

    def test_numbers_stand_under_their_titles(self) -> None:
        theirs = capture("dumpsys_meminfo_app/android_emulator-funnyenglish.txt")
        ours = dump_meminfo.apps(1, [(make_phone().procs[0], {"Stack": Usage(10, 9)})])
        for title in ("Stack", "TOTAL"):
            row, example = (
                next(line for line in text.splitlines() if line.lstrip().startswith(title + " "))
                for text in (ours, theirs)
            )
            assert len(row) == len(example)

    def test_a_mapping_counts_for_the_row_that_its_name_says(self) -> None:
        assert dump_meminfo.category("/dev/ashmem/dalvik-main space (deleted)") == "Dalvik Heap"
        assert dump_meminfo.category("/dev/ashmem/libc_malloc (deleted)") == "Native Heap"
        assert dump_meminfo.category("/lib/x86_64-linux-gnu/libc.so.6") == ".so mmap"
        assert dump_meminfo.category("") == "Unknown"


class TestStart:
    def test_a_cold_start_and_a_hot_one_have_the_form_of_a_pixel(self) -> None:
        theirs = capture("am_start/aosp_platform_testing-calculator.txt")
        cold = Started("com.example.game/.Main", "COLD", 357, 377)
        ours = start_text(cold, 33) + start_text(cold._replace(state="HOT"), 33)
        assert _started(ours) == _started(theirs)

    def test_before_android_10_nothing_says_how_it_was_launched(self) -> None:
        text = start_text(Started("com.example.game/.Main", "COLD", 357, 377), 28)
        assert "LaunchState" not in text
        assert "ThisTime: 357" in text


def _started(text: str) -> list[str]:
    return [re.sub(r"cmp=\S+|Activity: \S+", "NAME", blank(line)) for line in text.splitlines()]


class TestPackages:
    def test_blocks_have_the_form_of_android_13(self) -> None:
        theirs = capture("dumpsys_package/android13-mtk_tb8168-healer-blocks.txt")
        assert_same_form(_package(dump_packages.dump([GAME], 33)), _package(theirs))

    def test_list_rows_have_the_form_of_real_ones(self) -> None:
        theirs = capture("pm_list_packages/android_xiaomi-bpf_blog-U_excerpt.txt")
        theirs += capture("pm_list_packages/android_pixel4a-vpnhide_pr57-U_user_all.txt")
        packages = [GAME, GAME._replace(name="com.example.chat", users=(0, 10))]
        ours = dump_packages.pm_list(packages, uid=True, path=False, user=None)
        assert "uid:10100,1010100" in ours
        assert_same_form(ours, theirs)

    def test_a_filter_is_part_of_the_name(self) -> None:
        packages = [GAME, GAME._replace(name="com.example.game2")]
        both = dump_packages.pm_list(packages, uid=False, path=False, user=0, words="game")
        assert both == "package:com.example.game\npackage:com.example.game2\n"

    def test_packages_list_has_the_columns_of_android_12(self) -> None:
        theirs = capture("packages_list/android12-xiaomi-freezeit_notes.txt").splitlines()
        ours = dump_packages.packages_list([GAME], 31).splitlines()
        assert {len(line.split(" ")) for line in theirs} == {10}
        assert len(ours[0].split(" ")) == 10

    @pytest.mark.parametrize(("sdk", "columns"), [(28, 6), (29, 8), (30, 10)])
    def test_packages_list_grew_with_the_releases(self, sdk: int, columns: int) -> None:
        assert len(dump_packages.packages_list([GAME], sdk).split()) == columns

    def test_an_unknown_package_is_said_so(self) -> None:
        theirs = capture("errors/dumpsys_package_unknown-emulator_funnyenglish.txt")
        assert blank(dump_packages.dump([GAME], 33, "com.x.y")) == blank(theirs)


def _package(text: str) -> str:
    """Make packages of both phones alike: their flags and their ABIs."""
    return re.sub(r"CpuAbi=\S+", "CpuAbi=x", re.sub(r"\[ [A-Z_ ]+ \]", "[ F ]", text))


class TestLog:
    def entry(self, tag: str, text: str) -> str:
        return log.line(
            log.Entry(1, "events", 0.5, log.Source(832), "I", tag, text), "threadtime", True
        )

    @pytest.mark.parametrize(
        ("tag", "text"),
        [
            ("am_proc_start", "[0,310,10100,com.example.game,service,{com.example.game/.Main}]"),
            ("am_proc_bound", "[0,310,com.example.game]"),
            ("am_proc_died", "[0,310,com.example.game,905,16]"),
            ("am_kill", "[0,310,com.example.game,905,empty #1]"),
            ("wm_set_resumed_activity", "[0,com.example.game/.Main,resumeTopActivity]"),
        ],
    )
    def test_events_have_the_form_of_android_13(self, tag: str, text: str) -> None:
        theirs = capture("logcat_events/android13-mtk_tb8168-healer.txt")
        assert_same_form(self.entry(tag, text), theirs)

    @pytest.mark.parametrize(
        ("tag", "text"),
        [
            (
                "ActivityManager",
                "Start proc 5980:com.example.a/u0a25 for broadcast {com.a.b/com.a.b.C}",
            ),
            ("ActivityManager", "Killing 5980:com.example.a/u0a25 (adj 905): empty #1"),
        ],
    )
    def test_lines_of_activity_manager_have_the_form_of_android_13(
        self, tag: str, text: str
    ) -> None:
        theirs = capture("logcat_system/android13-mtk_tb8168-healer.txt")
        assert_same_form(self.entry(tag, text), theirs)


KILL = parse_kill("310 10100 905 201 20480 1024 3 " + ",".join("1" * 32) + " com.example.game R")


class TestLmkd:
    def test_the_kill_line_of_android_13_is_that_of_a_real_log(self) -> None:
        theirs = capture("logcat_system/android13_14-samsung-flutter161070_lmkd.txt")
        theirs = theirs.replace("Reclaim '", "Kill '").replace(", state 19", "")  # Samsung's words
        words = re.compile(r".*?(Kill ')")
        form = re.sub(r"reason: .*", "reason: R", blank(kill_line(KILL, 33)))
        forms = {
            re.sub(r"reason: .*", "reason: R", blank(words.sub(r"\1", line)))
            for line in theirs.splitlines()
        }
        assert form in forms

    @pytest.mark.parametrize(
        ("sdk", "text"),
        [
            (29, "Kill 'com.example.game' (310), uid 10100, oom_adj 905 to free 20480kB"),
            (
                30,
                "Kill 'com.example.game' (310), uid 10100, oom_adj 905 to free 20480kB; reason: R",
            ),
        ],
    )
    def test_older_releases_word_it_otherwise(self, sdk: int, text: str) -> None:
        assert kill_line(KILL, sdk) == text

    def test_killinfo_has_as_many_values_as_a_real_one(self) -> None:
        theirs = capture("logcat_events/android13_14-killinfo_39field.txt")
        values = theirs.splitlines()[0].partition("[")[2].split(",")
        assert len(kill_event(KILL).split(",")) == len(values)


class TestProperties:
    def test_rows_have_the_form_of_android_13(self) -> None:
        theirs = capture("getprop/android13-mtk_tb8168-healer.txt")
        rows = Properties(33, {}).text().splitlines()
        names = {line.partition("]")[0] for line in theirs.splitlines()}
        shape = re.compile(r"\[[\w.]+\]: \[.*\]")
        assert all(shape.fullmatch(row) for row in rows)
        assert sum(row.partition("]")[0] in names for row in rows) > 20

    def test_a_read_only_property_is_set_once(self) -> None:
        props = Properties(33, {"ro.product.model": "Pocket"})
        assert not props.set("ro.product.model", "other")
        assert props.get("ro.product.model") == "Pocket"

    def test_device_config_beats_ro_lmk(self) -> None:
        props = Properties(33, {"ro.lmk.thrashing_limit": "100"})
        props.set("persist.device_config.lmkd_native.thrashing_limit", "30")
        assert props.lmkd_settings() == ["thrashing_limit=30"]


class TestNumbers:
    def test_labels_are_those_of_the_release(self) -> None:
        assert [label(adj, 33) for adj in (-900, 0, 700, 900, 905, 995)] == [
            "sys   ",
            "fg    ",
            "prev  ",
            "cch   ",
            "cch+ 5",
            "cch+95",
        ]
        assert [label(adj, 28) for adj in (0, 900, 904)] == ["fore ", "cch  ", "cch+4"]

    def test_users_are_written_as_dumps_write_them(self) -> None:
        assert [user(1000), user(10090), user(1010120), user(1001000)] == [
            "1000",
            "u0a90",
            "u10a120",
            "u10s1000",
        ]
        assert [user(99005, 10276), user(99000, 1000)] == ["u0a276i5", "99000"]

    def test_sizes_and_durations(self) -> None:
        assert [size(0), size(5.7 * (1 << 20)), size(214 << 20)] == ["0.00", "5.7MB", "214MB"]
        assert [duration(-4038.335), duration(0), duration(0.05)] == ["-1h7m18s335ms", "0", "+50ms"]


class TestOomAdj:
    def test_cached_apps_get_every_second_level(self) -> None:
        ranks = oomadj.rank([Role(pid) for pid in range(1, 5)], 33)
        assert [ranks[pid].adj for pid in range(1, 5)] == [900, 910, 920, 930]

    def test_levels_are_shared_when_there_are_more_apps_than_levels(self) -> None:
        ranks = oomadj.rank([Role(pid) for pid in range(1, 41)], 33)
        assert max(rank.adj for rank in ranks.values()) <= 999
        assert [ranks[pid].adj for pid in range(1, 6)] == [900, 900, 900, 900, 910]

    def test_empty_processes_stand_between(self) -> None:
        ranks = oomadj.rank([Role(1), Role(2, activity=False), Role(3, activity=False)], 33)
        assert [ranks[pid].adj for pid in (1, 2, 3)] == [900, 905, 915]

    def test_android_9_ends_at_906(self) -> None:
        ranks = oomadj.rank([Role(pid) for pid in range(1, 4)], 28)
        assert [ranks[pid].adj for pid in range(1, 4)] == [900, 902, 904]

    def test_a_bound_process_goes_with_its_client(self) -> None:
        ranks = oomadj.rank(
            [Role(1, top=True), Role(2, client_of=1), Role(3), Role(4, client_of=3)], 33
        )
        assert [ranks[pid].adj for pid in (1, 2, 3, 4)] == [0, 0, 900, 900]


def test_start_info_is_what_our_own_reader_reads() -> None:
    starts = Starts()
    starts.add(Start(0, 10123, "com.example.game", "COLD", 5_000_000_000, 6_200_000_000))
    starts.add(Start(4321, 10123, "com.example.game", "HOT", 9_000_000_000, 9_050_000_000))
    hot, cold = parse_start_info(starts.text())
    assert (hot.pid, hot.start_type, list(hot.timestamps_ns.values())) == (
        4321, "HOT", [9_000_000_000, 9_050_000_000],
    )  # fmt: skip
    assert (cold.pid, cold.start_type) == (None, "COLD")
    assert cold.reason == "START ACTIVITY"
    assert "com.example" not in starts.text("com.example.mail")


def test_the_limiter_says_what_our_own_reader_reads() -> None:
    limiter = MemoryLimiter(Properties(37, {}), 1200 << 20, lambda process: None)
    told = parse_memory_limiter(limiter.status([]))
    assert (told.enabled, told.events, told.ignored) == (True, 0, None)
    assert (told.visible_bytes, told.visible_swap_bytes) == by_ram(1200 << 20).visible
    assert (told.hidden_bytes, told.hidden_swap_bytes) == (300 << 20, 150 << 20)


@pytest.mark.parametrize(
    ("state", "uid", "wanted"),
    [
        ("TOP", 10123, (600 << 20, 300 << 20)),
        ("FGS", 10123, (300 << 20, 150 << 20)),
        ("LAST", 10123, (300 << 20, 150 << 20)),
        ("CAC", 10123, (300 << 20, "max")),
        ("CACC", 99001, (300 << 20, "max")),
        ("PER", 1000, ("max", "max")),
    ],
)
def test_the_limiter_goes_by_process_state(
    state: str, uid: int, wanted: tuple[int | str, int | str]
) -> None:
    limiter = MemoryLimiter(Properties(37, {}), 1200 << 20, lambda process: None)
    app = App(Package("com.example.game", uid, "/data/app/base.apk"), 1 << 20, 1)
    process = Process(app, 4321, app.name, uid=uid, channel=Channel(socket.socket()))
    process.rank = Rank(905, state, "b", " ", "----", "")
    assert limiter.limits_of(process) == wanted


def test_an_app_that_was_written_back_shows_a_lower_adj_and_the_same_state() -> None:
    rank = oomadj.rank([Role(1, top=True), Role(2)], 37)[2].capped(249)
    proc = Proc(2, "com.example.game", 10123, rank, 7, ("com.example.game",), "/data/app/base.apk")
    text = dump_processes.oom(Phone(37, 60.0, (proc,)))
    assert re.search(r"prcm +b/ /CAC ", text)
    assert "curRaw=900 setRaw=900 cur=249 set=249" in text
    assert "cached=true" in text
