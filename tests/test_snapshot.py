"""Which app a process belongs to."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build_values import PACKAGES, phone, process
from droidreclaim.model import ActivityState, Band, Owner, Process
from droidreclaim.parse.activity.dump import parse_processes
from droidreclaim.parse.shell.ps import parse_ps
from droidreclaim.policy import Selection, choose
from droidreclaim.snapshot import Member, build
from droidreclaim.snapshot.states import captured, members_of


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
        ("com.example.game", 10002, ("com.example.mail",)),
        ("com.example.game:remote", 1010002, ("com.example.mail",)),
        ("com.example.game", 10004, ("com.example.shared.one", "com.example.shared.two")),
        ("zygote64", 10002, ("com.example.mail",)),
        ("com.example.mail_zygote", 10002, ("com.example.mail",)),
        ("com.google.android.sdksandbox", 20002, ("com.example.mail",)),
        ("com.google.android.sdksandbox", 1020002, ("com.example.mail",)),
        ("webview_zygote", 1053, ()),
        ("surfaceflinger", 1000, ()),
    ],
)  # fmt: skip
def test_a_process_is_attributed_to(name: str, uid: int, packages: tuple[str, ...]) -> None:
    assert phone(process(200, name, uid, 900)).by_pid[200].packages == packages


LIARS = [
    ("com.example.game", 10777),  # a uid that packages.list does not know
    ("com.example.game:remote", 10777),
    ("com.example.game", 1010777),
    ("com.example.game", 20777),  # the SDK sandbox of nobody
    ("com.example.game", 90004),  # isolated ones
    ("com.example.game:sandboxed_process0", 99001),
    ("com.google.android.webview:sandboxed_process0:a.b.C:0", 1099001),
    ("zygote64", 10777),
    ("system_server", 99001),
]


@pytest.mark.parametrize(("name", "uid"), LIARS)
def test_a_name_alone_proves_nothing(name: str, uid: int) -> None:
    seen = phone(process(200, name, uid, 900))
    liar = seen.by_pid[200]
    assert (liar.packages, liar.owner) == ((), Owner.UNPROVEN)
    assert seen.unproven == (liar,)
    [game] = choose(seen, Selection(packages=("com.example.game",), force=True)).targets
    assert game.pid == 100


@pytest.mark.parametrize(("name", "uid"), LIARS)
def test_nor_does_it_without_the_list_of_packages(name: str, uid: int) -> None:
    [liar] = build([process(200, name, uid, 900)], {}).processes
    assert (liar.packages, liar.owner) == ((), Owner.UNPROVEN)


@pytest.mark.parametrize("uid", [10002, 10777, 99001])
def test_one_that_calls_itself_zygote_does_not_hide(uid: int) -> None:
    game = process(100, "com.example.game", 10001, 0)
    fake = process(200, "zygote64", uid, 900, ppid=50)
    child = process(300, "sh", uid, 950, ppid=200)
    seen = build([process(50, "zygote64", 0, -1000), game, fake, child], PACKAGES)
    assert fake.pid in {one.pid for one in choose(seen, Selection(pids=(200,))).targets}


def test_what_a_proven_parent_passes_on_is_proven() -> None:
    zygote = process(200, "any name", 10002, 0)
    child = process(300, "com.example.game", 90004, 900, ppid=200)
    grandchild = process(301, "sh", 90004, 900, ppid=300)
    found = phone(zygote, child, grandchild).by_pid
    assert [found[pid].packages for pid in (200, 300, 301)] == [("com.example.mail",)] * 3
    assert [found[pid].owner for pid in (200, 300, 301)] == ["uid", "parent", "parent"]


def test_the_child_of_an_isolated_process_belongs_to_its_owner() -> None:
    sandbox = process(200, "a:sandboxed_process0", 99002, 900)
    child = process(300, "sh", 99002, 900, ppid=200)
    everyone = [*phone().processes, sandbox, child]
    members = {200: member("b:other", 99002, owner_uid=10002)}
    found = build(everyone, PACKAGES, members=members).by_pid
    assert found[200].packages == found[300].packages == ("com.example.mail",)
    assert (found[200].owner, found[300].owner) == ("activity_manager", "parent")


@pytest.mark.parametrize("owner_uid", [None, 99002, 10777])
def test_an_isolated_process_whose_owner_is_not_told_is_nobodys(owner_uid: int | None) -> None:
    own = process(200, "com.example.mail:x", 99002, 900)
    told = Member(own.name, 99002, owner_uid, (), None, None)
    packages = {**PACKAGES, 0: ("android",)}
    [seen] = build([own], packages, members={200: told}).processes
    assert (seen.packages, seen.owner) == ((), Owner.UNPROVEN)


_ANY_UID = st.one_of(
    st.integers(10_000, 10_010), st.integers(20_000, 20_010), st.integers(89_990, 99_999)
)
_CROWD = st.lists(
    st.tuples(_ANY_UID, st.integers(0, 10), st.sampled_from(["com.example.game", "zygote", "sh"])),
    max_size=10,
)


@given(_CROWD, st.integers(0, 2))
def test_no_name_moves_a_process_to_an_app_of_another_uid(
    crowd: list[tuple[int, int, str]], profile: int
) -> None:
    """With any parents and names, a process gets a package only if its uid leads to it."""
    everyone = [
        process(pid, name, uid + profile * 100_000, 900, ppid=ppid)
        for pid, (uid, ppid, name) in enumerate(crowd, start=1)
    ]
    found = build(everyone, PACKAGES)
    for one in found.processes:
        led: set[int] = set()
        step, seen = one, set()
        while step.uid is not None and step.pid not in seen:
            seen.add(step.pid)
            led.add(step.uid % 100_000)
            parent = found.by_pid.get(step.ppid or 0)
            if parent is None or (parent.uid != step.uid and not step.isolated):
                break
            step = parent
        owned = {name for app_id in led for name in PACKAGES.get(app_id, ())}
        owned |= {name for app_id in led for name in PACKAGES.get(app_id - 10_000, ())}
        assert set(one.packages) <= owned
        assert (one.owner is Owner.UNPROVEN) == (not one.packages)


def member(name: str, uid: int, *packages: str, owner_uid: int | None = None) -> Member:
    state = ActivityState("CEM", 905, "cch-empty", None)
    return Member(name, uid, owner_uid or uid, packages, state, 905)


def built(own: Process, known: Member, *more: Process) -> Process:
    """Add *own* to the small phone, where ActivityManager says *known* of its pid."""
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
    seen = phone(zygote, child)
    assert seen.by_pid[300].packages == ("com.example.mail",)
    assert seen.app_zygotes == {200}


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


def test_in_captured_text_the_name_must_do() -> None:
    [row] = parse_ps("USER PID PPID VSZ RSS WCHAN ADDR S NAME\nu0_a777 9 1 1 1 0 0 S a.b.c:d\n")
    [seen] = captured({}, [row]).processes
    assert (seen.packages, seen.owner) == (("a.b.c",), Owner.UNPROVEN)


def test_an_unknown_package_finds_its_neighbours() -> None:
    assert phone().nearest("com.example.gane")[0] == "com.example.game"
    assert phone().installed("com.example.gane") is False
    assert build([], {}).installed("com.example.game") is None


@pytest.mark.parametrize("length", [600, 5_000, 20_000])
def test_a_chain_of_native_processes_of_a_shared_uid_is_read_in_no_time(length: int) -> None:
    app = process(100, "com.example.shared.two", 10004, 0)
    chain = [process(pid, "sh", 10004, 950, ppid=pid - 1) for pid in range(101, 101 + length)]
    begun = time.process_time()
    seen = phone(*reversed([app, *chain]))
    assert {one.packages for one in seen.processes if one.pid > 100} == {(app.name,)}
    assert time.process_time() - begun < 5


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
