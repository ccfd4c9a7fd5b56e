"""How near to its user the helper says a process is, over made-up trees of /proc."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Guard, Session, ask
from .made_up import Tree, hosted_program
from .test_guard_explain import ALL_MISSING, explain

FIRST_PID = 4_999_000  # above the kernel's pid_max: nobody real is meant
UID = 10123

pytestmark = pytest.mark.linux

Scanned = Callable[[Tree], dict[int, int | None]]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Helper and guard on the host's libc."""
    folder = tmp_path_factory.mktemp("hosted")
    return hosted_program(folder, "helper"), hosted_program(folder, "guard")


@pytest.fixture
def scanned(programs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Scanned:
    """Scan a tree; return by pid the importance of processes whose own adj is not kept up."""

    def scan(tree: Tree) -> dict[int, int | None]:
        monkeypatch.setenv("DROIDRECLAIM_ROOT", str(tree.root))
        lines = ask(programs[0], "scan").all("importance")
        return {line["pid"]: line["importance"] for line in lines}

    return scan


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A zygote and a game in front."""
    made = Tree(tmp_path / "root")
    made.process(300, "zygote64", 0, -1000, ppid=1)
    made.process(FIRST_PID, "com.example.game", UID, 0)
    return made


def test_what_zygote_forked_and_what_is_no_apps_has_no_line(tree: Tree, scanned: Scanned) -> None:
    tree.process(FIRST_PID + 1, "com.example.game:sync", UID, 905)
    tree.process(400, "logd", 1036, -1000, ppid=1)
    assert scanned(tree) == {}


def test_a_native_child_is_as_near_as_the_nearest_that_zygote_forked(
    tree: Tree, scanned: Scanned
) -> None:
    child, orphan, deep = FIRST_PID + 1, FIRST_PID + 2, FIRST_PID + 3
    tree.process(child, "libworker.so", UID, 900, ppid=FIRST_PID)
    tree.process(orphan, "sleep", UID, 950, ppid=1)
    tree.process(deep, "sh", UID, 950, ppid=child)
    assert scanned(tree) == {child: 0, orphan: 0, deep: 0}


def test_of_a_process_whose_adj_cannot_be_read_it_is_not_known(
    tree: Tree, scanned: Scanned
) -> None:
    tree.process(FIRST_PID + 1, "sh", UID, 900, ppid=FIRST_PID)
    tree.process(FIRST_PID + 2, "sh", UID, 900, ppid=FIRST_PID)
    (tree.root / f"proc/{FIRST_PID + 1}/oom_score_adj").write_text("much\n")
    (tree.root / f"proc/{FIRST_PID + 2}/oom_score_adj").write_text("905\n")
    assert scanned(tree) == {FIRST_PID + 1: None, FIRST_PID + 2: 0}


def test_two_that_are_each_others_parent_end_no_scan_and_prove_nothing(
    tree: Tree, scanned: Scanned
) -> None:
    tree.process(FIRST_PID + 1, "x", UID, 900, ppid=FIRST_PID + 2)
    tree.process(FIRST_PID + 2, "y", UID, 900, ppid=FIRST_PID + 1)
    assert scanned(tree) == {FIRST_PID + 1: 0, FIRST_PID + 2: 0}


def test_of_more_processes_than_are_remembered_none_is_known(tree: Tree, scanned: Scanned) -> None:
    """An app that forks without end must not make another app look less important."""
    child = FIRST_PID - 1
    tree.process(child, "sh", UID, 900, ppid=FIRST_PID)
    assert scanned(tree) == {child: 0}
    tree.process(400, "a", 1000, 900)
    for pid in range(4_900_000, 4_900_000 + 8192):
        (tree.root / f"proc/{pid}").symlink_to("400")
    assert scanned(tree) == {child: None}


def test_helper_and_guard_agree_on_any_tree(
    tree: Tree, scanned: Scanned, programs: tuple[Path, Path], tmp_path: Path
) -> None:
    """The helper finds parents in its scan, the guard in /proc."""
    chance = random.Random(1)
    compared = 0
    for number in range(12):
        made = Tree(tmp_path / str(number))
        made.process(300, "zygote64", 0, -1000, ppid=1)
        pids = range(FIRST_PID, FIRST_PID + 25)
        for pid in pids:
            uid = chance.choice([UID, UID, UID + 1, 2000])
            adj = chance.choice([0, 200, 700, 900, 950])
            made.process(pid, f"com.example.a{uid}", uid, adj, ppid=chance.choice([1, 300, *pids]))
        found = scanned(made)
        turns = explain(Guard(programs[1], tmp_path / f"home{number}"), ALL_MISSING, "match=*").all(
            "turn"
        )
        for line in turns:
            assert line["importance"] == found.get(line["pid"], line["adj"]), (number, line)
            compared += line["pid"] in found
    assert compared > 50


def test_a_look_at_what_changed_tells_it_of_every_such_process_anew(
    tree: Tree, programs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DROIDRECLAIM_ROOT", str(tree.root))
    child, later = FIRST_PID + 1, FIRST_PID + 2
    tree.process(child, "libworker.so", UID, 950, ppid=FIRST_PID)
    session = Session(programs[0])
    try:
        session.send("1 scan")
        first = session.reply()
        (tree.root / f"proc/{FIRST_PID}/oom_score_adj").write_text("900\n")
        tree.process(later, "sh", UID, 950, ppid=child)
        session.send("2 scan again=1")
        second = session.reply()
    finally:
        session.close()
    assert first is not None
    assert second is not None
    told = [
        {line["pid"]: line["importance"] for line in reply.all("importance")}
        for reply in (first, second)
    ]
    assert told == [{child: 0}, {child: 900, later: 900}]
