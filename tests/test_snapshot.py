"""Which app a process belongs to."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build_values import PACKAGES, phone, process
from droidreclaim.model import ActivityState, Band, Process
from droidreclaim.parse.activity.dump import parse_processes
from droidreclaim.parse.shell.ps import parse_ps
from droidreclaim.snapshot import Member, build, captured, members_of


@pytest.mark.parametrize(
    ("name", "uid", "packages"),
    [
        ("com.example.mail", 10002, ("com.example.mail",)),
        ("com.example.mail:sync", 10002, ("com.example.mail",)),
        ("com.example.mail", 1010002, ("com.example.mail",)),
        (".dataservices", 10002, ("com.example.mail",)),
        ("com.example.shared.two", 10004, ("com.example.shared.two",)),
        ("android.process.both", 10004, ("com.example.shared.one", "com.example.shared.two")),
        ("com.example.mail2", 10002, ("com.example.mail",)),
        ("com.example.mail:isolated", 99001, ("com.example.mail",)),
        ("com.google.android.webview:sandboxed_process0:a.b.C:0", 99002,
         ("com.google.android.webview",)),
        ("com.example.mail_zygote", 10002, ()),
        ("webview_zygote", 1053, ()),
        ("surfaceflinger", 1000, ()),
    ],
)  # fmt: skip
def test_a_process_is_attributed_to(name: str, uid: int, packages: tuple[str, ...]) -> None:
    assert phone(process(200, name, uid, 900)).by_pid[200].packages == packages


def member(name: str, uid: int, *packages: str, owner_uid: int | None = None) -> Member:
    state = ActivityState("CEM", 905, "cch-empty", None)
    return Member(name, uid, owner_uid or uid, packages, state, 905)


def built(own: Process, known: Member, *more: Process) -> Process:
    """*own* on the small phone, when ActivityManager says *known* of its pid."""
    everyone = [*phone(*more).processes, own]
    return build(everyone, PACKAGES, members={own.pid: known}).by_pid[own.pid]


def test_what_activity_manager_says_beats_the_name() -> None:
    own = process(200, "com.google.android.webview:sandboxed_process0:x:0", 99002, 900)
    seen = built(own, member(own.name, 99002, "com.example.mail"))
    assert seen.packages == ("com.example.mail",)
    assert seen.state is not None
    assert seen.state.why == "cch-empty"


def test_a_sandbox_serves_the_app_that_owns_it() -> None:
    own = process(200, "com.google.android.webview:sandboxed_process0:x:0", 99002, 900)
    assert built(own, member(own.name, 99002, owner_uid=10002)).packages == ("com.example.mail",)


@pytest.mark.parametrize(
    ("name", "uid"), [("com.example.other", 10002), ("com.example.mail", 10777)]
)
def test_what_activity_manager_says_of_a_recycled_pid_is_not_believed(name: str, uid: int) -> None:
    own = process(200, "com.example.mail", 10002, 900)
    seen = built(own, member(name, uid, "com.example.other"))
    assert seen.packages == ("com.example.mail",)
    assert seen.state is None


def test_a_name_that_zygote_had_to_cut_is_the_same_process() -> None:
    whole = "com.google.android.webview:sandboxed_process0:org.chromium.SandboxedProcessService0:0"
    own = process(200, whole[:64], 99002, 900)
    assert built(own, member(whole, 99002, "com.example.mail")).packages == ("com.example.mail",)


def test_system_server_is_called_system_by_activity_manager() -> None:
    seen = built(process(61, "system_server", 1000, -900), member("system", 1000, "android"))
    assert seen.packages == ("android",)


def test_a_native_child_of_a_shared_uid_belongs_to_its_parent_s_package() -> None:
    child = process(300, "logcat", 10004, 950, ppid=200)
    parent = process(200, "com.example.shared.two", 10004, 900)
    assert phone(parent, child).by_pid[300].packages == ("com.example.shared.two",)


def test_a_child_of_an_app_zygote_belongs_to_its_app() -> None:
    zygote = process(200, "com.example.mail_zygote", 10002, 0)
    child = process(300, "isolated service", 90004, 900, ppid=200)
    assert phone(zygote, child).by_pid[300].packages == ("com.example.mail",)


def test_a_work_profile_s_process_is_its_package_s_there() -> None:
    seen = phone(process(200, "com.example.mail", 1010002, 900)).by_pid[200]
    assert (seen.packages, seen.user) == (("com.example.mail",), 10)


_DUMP = """ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)
  All known processes:
  *APP* UID 10002 ProcessRecord{1 200:com.example.mail/u0a2}
    user #0 uid=10002 gids={}
    packageList={com.example.mail, com.example.addon}
    pid=200
    oom adj: max=1001 curRaw=905 setRaw=905 cur=905 set=905
  *APP* UID 10001 ProcessRecord{2 0:com.example.game:late/u0a1}
    user #0 uid=10001 gids={}
    packageList={com.example.game}
    pid=0
    thread=null
    oom adj: max=1001 curRaw=-10000 setRaw=-10000 cur=-10000 set=-10000
  All Active App Child Processes:
    proc #0: PhantomProcessRecord {8 300:200:logcat/u0a2}
"""


def test_a_dump_gives_packages_of_processes_and_of_their_phantoms_and_no_pid_0() -> None:
    members = members_of(parse_processes(_DUMP))
    assert sorted(members) == [200, 300]
    assert members[200].packages == members[300].packages
    assert members[200].packages == ("com.example.mail", "com.example.addon")
    assert members[200].state.adj == 905


def test_captured_rows_and_dump_are_one_map() -> None:
    rows = parse_ps(
        "USER PID PPID VSZ RSS WCHAN ADDR S NAME\n"
        "root 1 0 10 10 0 0 S init\n"
        "u0_a2 200 50 10 20480 0 0 S om.example.mail\n"
        "u0_a9 400 50 10 1024 0 0 S com.example.new\n"
    )
    seen = captured(members_of(parse_processes(_DUMP)), rows)
    mail, new = seen.by_pid[200], seen.by_pid[400]
    assert (mail.name, mail.oom_score_adj, mail.band) == ("com.example.mail", 905, Band.CACHED)
    assert mail.memory.rss_bytes == 20480 << 10
    assert (new.packages, new.oom_score_adj, new.band) == (
        ("com.example.new",), None, Band.UNKNOWN,
    )  # fmt: skip
    assert seen.by_pid[300].memory.rss_bytes is None


def test_every_process_of_a_car_s_dump_is_attributed(capture: Callable[[str], str]) -> None:
    text = capture("dumpsys_activity_processes/android9-automotive_gwm-haval.txt")
    dump = parse_processes(text)
    seen = captured(members_of(dump))
    records = {one.ref.pid: one for one in dump.records if one.ref.pid}
    assert len(records) > 30
    assert all(seen.by_pid[pid].packages == one.packages for pid, one in records.items())
    assert {one.user for one in seen.processes} >= {0}
    assert all(one.start_ticks is None for one in seen.processes)


def test_a_captured_ps_knows_no_adj(capture: Callable[[str], str]) -> None:
    rows = parse_ps(capture("ps/android13-mtk_tb8168-healer-ps_A.txt"))
    seen = captured({}, rows)
    assert len(seen.processes) == len(rows)
    assert {one.band for one in seen.processes} == {Band.UNKNOWN}
    assert seen.by_pid[2420].packages == ("com.android.systemui",)


def test_without_a_package_list_the_name_must_do() -> None:
    assert build([process(200, "a.b.c:d", 10777, 900)], {}).by_pid[200].packages == ("a.b.c",)


def test_a_native_child_takes_the_lowest_adj_of_its_app() -> None:
    snapshot = phone(
        process(300, "logcat", 10001, 950, ppid=100),
        process(301, "sleep", 10001, 950, ppid=1),
    )
    assert snapshot.by_pid[300].packages == ("com.example.game",)
    assert snapshot.effective_adj(snapshot.by_pid[300]) == 0
    assert snapshot.effective_adj(snapshot.by_pid[301]) == 0


def test_a_child_of_the_zygote_has_the_adj_it_was_given() -> None:
    snapshot = phone(process(200, "com.example.game:sync", 10001, 905))
    assert snapshot.effective_adj(snapshot.by_pid[200]) == 905


def test_a_scan_with_a_loop_of_parents_ends() -> None:
    snapshot = phone(
        process(300, "x", 10001, 900, ppid=301), process(301, "y", 10001, 900, ppid=300)
    )
    assert snapshot.effective_adj(snapshot.by_pid[300]) == 0


def test_an_unknown_package_finds_its_neighbours() -> None:
    assert phone().nearest("com.example.gane")[0] == "com.example.game"
    assert phone().installed("com.example.gane") is False
    assert build([], {}).installed("com.example.game") is None


@pytest.mark.parametrize("length", [600, 5_000, 20_000])
def test_a_chain_of_native_processes_of_a_shared_uid_is_read_in_no_time(length: int) -> None:
    app = process(100, "com.example.shared.two", 10004, 0)
    chain = [process(pid, "sh", 10004, 950, ppid=pid - 1) for pid in range(101, 101 + length)]
    begun = time.monotonic()
    seen = phone(*reversed([app, *chain]))
    adjs = {seen.effective_adj(one) for one in seen.processes if one.pid > 100}
    assert {one.packages for one in seen.processes if one.pid > 100} == {(app.name,)}
    assert adjs == {0}
    assert time.monotonic() - begun < 5


_FOREST = st.lists(
    st.tuples(
        st.integers(1, 12),
        st.sampled_from([10002, 10004, 1000]),
        st.sampled_from([None, 0, 900, 950]),
        st.sampled_from(["com.example.shared.one", "com.example.mail", "sh", "zygote64"]),
    ),
    max_size=12,
)


@given(_FOREST)
def test_a_native_child_ranks_as_the_lowest_of_its_chain_and_its_packages(
    drawn: list[tuple[int, int, int | None, str]],
) -> None:
    """Held against the rule as it is said, also where a torn scan shows loops of parents."""
    seen = build(
        [
            process(pid, name, uid, adj, ppid=ppid)
            for pid, (ppid, uid, adj, name) in enumerate(drawn, start=1)
        ],
        PACKAGES,
    )
    for one in seen.processes:
        parent = seen.by_pid.get(one.ppid or 0)
        if one.oom_score_adj is None or (parent is not None and parent.name == "zygote64"):
            assert seen.effective_adj(one) == one.oom_score_adj
            continue
        chain = [one]
        while (
            (up := seen.by_pid.get(chain[-1].ppid or 0)) and up.uid == one.uid and up not in chain
        ):
            chain.append(up)
        chain += [
            other
            for other in seen.processes
            if other.uid == one.uid and set(other.packages) & set(one.packages)
        ]
        adjs = [other.oom_score_adj for other in chain if other.oom_score_adj is not None]
        assert seen.effective_adj(one) == min(adjs)


@pytest.mark.parametrize(
    ("proc_state", "adj", "band"),
    [
        ("CAC", 249, "cached"), ("CEM", 200, "cached"), ("CEM", 199, "visible"),
        ("CEM", 0, "foreground"),
        ("IMPF", 249, "perceptible"), ("LAST", 700, "previous"), ("CEM", 950, "cached"),
    ],
)  # fmt: skip
def test_the_state_decides_where_adj_is_of_one_written_back(
    proc_state: str, adj: int, band: str
) -> None:
    state = ActivityState(proc_state, adj, None, None)
    member = Member("com.example.mail", 10002, 10002, ("com.example.mail",), state, adj)
    mail = process(200, "com.example.mail", 10002, adj)
    [seen] = build([mail], PACKAGES, members={200: member}).processes
    assert (seen.band, seen.oom_score_adj) == (band, adj)
    assert seen.adj_in_front == (900 if adj in (249, 200) and band == "cached" else adj)
    [dumped] = captured({200: member}).processes
    assert (dumped.band, dumped.oom_score_adj) == (band, adj)
