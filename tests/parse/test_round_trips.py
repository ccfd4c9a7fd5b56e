"""Values printed as Android prints them come back as they were, whatever they are."""

from __future__ import annotations

import re

from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from droidreclaim.parse.activity.dump import parse_lru, parse_processes
from droidreclaim.parse.activity.packages import parse_packages_list, parse_pm_list
from droidreclaim.parse.kills.log import parse_kills
from droidreclaim.parse.kills.logcat import parse_logcat
from droidreclaim.parse.proc.kernel import parse_meminfo, parse_vmstat
from droidreclaim.parse.proc.swap import parse_swaps
from droidreclaim.parse.shell.props import parse_getprop
from droidreclaim.parse.shell.ps import parse_ps
from droidreclaim.parse.text.uids import uid_of, uid_of_record
from droidreclaim.units import KIB

_few = settings(max_examples=examples(40))

_pid = st.integers(1, 4_194_304)


def _printed(uid: int) -> str:
    """A uid as ActivityManager's dumps print it: ``1000``, ``u0a90``, ``u10s1000``, ``u0i5``."""
    user, app_id = divmod(uid, 100_000)
    for first, letter in ((99_000, "i"), (90_000, "ai"), (10_000, "a")):
        if app_id >= first:
            return f"u{user}{letter}{app_id - first}"
    return str(app_id) if user == 0 else f"u{user}s{app_id}"


_kib = st.integers(0, 16 << 20)
_word = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
_package = st.from_regex(r"[a-z][a-z0-9_]{0,8}(\.[a-z][a-zA-Z0-9_]{0,8}){1,3}", fullmatch=True)
_process = st.builds(
    lambda name, rest: name + rest,
    _package,
    st.sampled_from(("", ":remote", ":sandboxed_process0:org.x.Service0:0", "_zygote")),
)
_user = st.integers(0, 999)
_app_uid = st.builds(lambda user, app: user * 100_000 + 10_000 + app, _user, st.integers(0, 9999))
_label = st.sampled_from(
    [("fg  ", 0), ("fore", 0), ("vis ", 100), ("vis  +3", 103), ("prcp", 200), ("prev", 700),
     ("cch+ 5", 905), ("cch+95", 995), ("cch  + 5", 905), ("cch+2", 902)]
)  # fmt: skip
_state = st.sampled_from(("T", "PER", "TOP", "CEM", "FGS", "SB", "????"))
_caps = st.sampled_from(("", "LCM ", "LCMN ", "---- ", "LCMNFUATI ", "---------- "))


@_few
@given(_label, _state, _caps, _pid, _process, _app_uid, st.integers(0, 300), st.booleans())
def test_a_row_of_a_process(label, state, caps, pid, name, uid, index, foreground):
    row = (
        f"    Proc #{index:2d}: {label[0]} B/{'A' if foreground else ' '}/{state:<4} {caps} t: 0 "
        f"{pid}:{name}/{_printed(uid)} (service)\n"
    )
    [read] = parse_processes("  Process LRU list (sorted by oom_adj, 1 total):\n" + row).rows
    assert (read.ref.pid, read.ref.name, read.ref.uid) == (pid, name, uid)
    assert (read.adj, read.proc_state, read.index) == (label[1], state, index)
    assert (read.capabilities or "") == caps.strip()
    assert read.foreground == "A" * foreground


@_few
@given(_label, _state, _caps, _pid, _process, _app_uid, st.integers(0, 300))
def test_a_row_of_the_lru_list(label, state, caps, pid, name, uid, index):
    row = f"  #{index:2d}: {label[0]:<6} {state:<4} {caps}{pid}:{name}/{_printed(uid)} act:recents"
    [read] = parse_lru(f"  Activities:\n{row}\n")
    assert (read.ref.pid, read.ref.name, read.ref.uid, read.adj) == (pid, name, uid, label[1])
    assert read.activity == ("recents",)


@_few
@given(_user, st.one_of(st.integers(0, 29_999), st.integers(90_000, 99_999)))
def test_a_uid(user, app_id):
    uid = user * 100_000 + app_id
    assert uid_of_record(_printed(uid)) == uid
    assert uid_of(_printed(uid)) == uid or 20_000 <= app_id < 30_000


_value = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40)


@_few
@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-zA-Z0-9_.@-]{0,30}", fullmatch=True), _value, min_size=1
    )
)
def test_properties_of_one_line(properties):
    text = "".join(f"[{key}]: [{value}]\n" for key, value in properties.items())
    assert parse_getprop(text) == properties


@_few
@given(st.lists(st.from_regex(r"[a-z ,:=\[\]]{0,20}", fullmatch=True), min_size=2, max_size=4))
def test_a_property_of_several_lines(lines):
    value = "\n".join(line.strip() for line in lines)
    if any(re.match(r"\[+[^\[\]\s]+\]+: \[", line) for line in value.split("\n")):
        return  # looks like the next record, and no reader could tell
    assert parse_getprop(f"[a]: [{value}]\n[b]: [2]\n") == {"a": value, "b": "2"}


_HEADS = (
    "{at}  {pid:4d}  {pid:4d} I {tag:<8}: ", "{at} u0_a123 {pid:5d} {pid:5d} I {tag:<8}: ",
    "{at} I/{tag:<8}({pid:5d}): ", "I/{tag:<8}({pid:5d}): ",
    "2025-{at} +0100 {pid} {pid} I {tag}: ",
    "1790448214.410  1000  {pid:4d}  {pid:4d} I {tag:<8}: ",
    "2025-{at} {pid}-{pid}  {tag:<23} com.example.app                      I  ",
)  # fmt: skip


@_few
@given(
    st.sampled_from(_HEADS), _pid,
    st.from_regex(r"[A-Z][A-Za-z]{1,20}", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9 ,:=()\[\]{}/'-]{0,60}[a-z]", fullmatch=True),
)  # fmt: skip
def test_an_entry_of_a_log(head, pid, tag, message):
    line = head.format(at="12-09 16:07:59.730", pid=pid, tag=tag) + message
    read = parse_logcat(f"{line}\n" * 3)[0]
    assert (read.pid, read.tag, read.message) == (pid, tag, message)


@_few
@given(_pid, _process, _app_uid, st.integers(-1000, 1000), _kib, _kib)
def test_a_kill_of_lmkd(pid, name, uid, adj, rss, swap):
    line = (
        f"12-09 16:07:59.730   612   612 I lowmemorykiller: Kill '{name}' ({pid}), uid {uid}, "
        f"oom_score_adj {adj} to free {rss}kB rss, {swap}kB swap; reason: low (1kB < 2kB)\n"
    )
    [kill] = parse_kills(line).records
    assert (kill.pid, kill.name, kill.uid, kill.oom_score_adj) == (pid, name, uid, adj)
    assert (kill.freed_bytes, kill.swap_bytes) == (rss * KIB, swap * KIB)


@_few
@given(st.lists(st.tuples(_pid, _pid, _process, _kib, _word, _app_uid), min_size=1, max_size=5))
def test_rows_of_ps(rows):
    text = "USER           PID  PPID     VSZ    RSS WCHAN            ADDR S NAME\n"
    for pid, ppid, name, rss, wchan, uid in rows:
        user = f"u{uid // 100_000}_a{uid % 100_000 - 10_000}"
        text += f"{user:<12} {pid:5d} {ppid:5d} 9999999 {rss:6d} {wchan:<15} 0 S {name}\n"
    read = parse_ps(text)
    assert [(row.pid, row.ppid, row.name, row.uid) for row in read] == [
        (pid, ppid, name, uid) for pid, ppid, name, _, _, uid in rows
    ]
    assert [row.rss_bytes for row in read] == [row[3] * KIB for row in rows]


@_few
@given(
    _package,
    st.lists(_app_uid, min_size=1, max_size=3),
    st.from_regex(r"[A-Za-z0-9_=~-]{1,30}", fullmatch=True),
)
def test_packages(name, uids, folder):
    printed = ",".join(map(str, uids))
    [listed] = parse_pm_list(f"package:/data/app/~~{folder}/base.apk={name} uid:{printed}\n")
    assert (listed.name, listed.path) == (name, f"/data/app/~~{folder}/base.apk")
    assert listed.uids == tuple(uids)
    row = f"{name} {uids[0]} 1 /data/user/0/{name} default:targetSdkVersion=34 none 0 42 1 @null\n"
    [installed] = parse_packages_list(row)
    assert (installed.name, installed.uid, installed.debuggable) == (name, uids[0], True)


@_few
@given(
    st.dictionaries(st.from_regex(r"[A-Z][A-Za-z]{0,20}(\([a-z]{1,6}\))?", fullmatch=True), _kib)
)
def test_counters_of_the_kernel(sizes):
    names = sizes
    meminfo = parse_meminfo(
        "MemTotal: 9 kB\n" + "".join(f"{k}:  {v} kB\n" for k, v in names.items())
    )
    assert {k: v // KIB for k, v in meminfo.sizes_bytes.items()} == {"MemTotal": 9} | {
        k: v for k, v in names.items() if k != "MemTotal"
    }
    lower = {f"nr_{name.lower()}".split("(")[0]: size for name, size in names.items()}
    vmstat = parse_vmstat("nr_free_pages 9\n" + "".join(f"{k} {v}\n" for k, v in lower.items()))
    assert all(vmstat.get(k) == v for k, v in lower.items() if k != "nr_free_pages")


@_few
@given(
    st.integers(0, 7),
    _kib,
    _kib,
    st.integers(-100, 32767),
    st.sampled_from(("/dev/block", "/block")),
)
def test_a_swap_area(number, size, used, priority, folder):
    header = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
    row = f"{folder + '/zram' + str(number):<40}partition\t{size}\t\t{used}\t\t{priority}\n"
    [area] = parse_swaps(header + row)
    assert (area.size_bytes, area.used_bytes, area.priority) == (size * KIB, used * KIB, priority)
    assert (area.name, area.is_zram) == (f"zram{number}", True)
