"""What the guard says it would do against what it then does, over made-up trees of /proc."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Guard, Reply, Session, until
from .made_up import Tree, hosted_program

FIRST_PID = 4_999_000  # above the kernel's pid_max: nobody real is meant
ALL_MISSING = "available_bytes=1125899906842624"
ADJS = (-800, 0, 100, 200, 450, 500, 699, 700, 850, 900, 905, 999)


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guard on the host's libc, which sees another root than the machine's."""
    return hosted_program(tmp_path_factory.mktemp("hosted"), "guard")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A root with a zygote and no app."""
    made = Tree(tmp_path / "root")
    made.process(300, "zygote64", 0, -1000, ppid=1)
    monkeypatch.setenv("DROIDRECLAIM_ROOT", str(made.root))
    return made


@pytest.fixture
def guard(hosted: Path, tmp_path: Path, tree: Tree) -> Iterator[Guard]:
    """The hosted guard in a home of its own; none is left running."""
    assert os.environ["DROIDRECLAIM_ROOT"] == str(tree.root)
    it = Guard(hosted, tmp_path / "home")
    yield it
    it.kill()


def explain(guard: Guard, when: str, *rules: str) -> Reply:
    session = Session(guard.program)
    try:
        for line in (f"guard_when {when}", *(f"guard_rule {rule}" for rule in rules)):
            session.send(f"1 {line}")
            reply = session.reply()
            assert reply is not None
            assert reply.end["ok"], reply.end
        session.send("2 guard_explain")
        reply = session.reply()
        assert reply is not None
        assert reply.end["ok"], reply.end
        return reply
    finally:
        session.close()


def populate(tree: Tree, chance: random.Random) -> None:
    """Apps with children, of shared uids, small and large, near and far."""
    for number in range(chance.randint(3, 20)):
        pid, uid = FIRST_PID + 10 * number, 10100 + chance.randint(0, 12)
        name = f"com.example.{chance.choice('abcdef')}{number}{chance.choice(['', ':sync'])}"
        sizes = {"anon_kib": chance.choice([100, 1024, 4096, 30_000, 30_000])}
        tree.process(pid, name, uid, chance.choice(ADJS), **sizes)
        if chance.random() < 0.4:  # a child of its own, with the adj of its fork
            tree.process(pid + 1, "libworker.so", uid, chance.choice(ADJS), ppid=pid, anon_kib=9000)
        if chance.random() < 0.2:  # one that its parent left to init
            tree.process(pid + 2, "logcat", uid, 900, ppid=1, anon_kib=9000)


def some_rules(chance: random.Random) -> list[str]:
    rules = [
        "match=com.example.a* rung=leave",
        "match=com.example.b* last=1",
        "match=com.example.?1* adj_low=800",
    ]
    rules += [
        "match=com.example.c* adj_low=500 adj_high=900",
        "match=com.example.d* at_least_bytes=8388608",
    ]
    chosen = chance.sample(rules, chance.randint(0, len(rules)))
    return [*chosen, *(["match=*"] if chance.random() < 0.9 else ["match=com.example.f*"])]


@pytest.mark.parametrize("seed", range(12))
def test_a_guard_does_what_it_said_it_would(guard: Guard, tree: Tree, seed: int) -> None:
    chance = random.Random(seed)
    populate(tree, chance)
    rules = some_rules(chance)
    turns = explain(guard, ALL_MISSING, *rules).all("turn")
    said = [line["pid"] for line in turns if line["turn"]]
    spared = {line["pid"]: line["spared"] for line in turns if not line["turn"]}
    assert [line["turn"] for line in turns if line["turn"]] == list(range(1, len(said) + 1))
    assert None not in spared.values()
    guard.start(f"{ALL_MISSING} look_every_ms=100", *rules)
    until(lambda: len(set(guard.actions())) >= len(said))
    assert guard.actions()[: len(said)] == said
    apps = guard.ask("guard_status").all("app")
    assert {app["pid"]: app["spared"] for app in apps if app["pid"] in spared} == spared
    assert {app["pid"] for app in apps} == {*said, *spared}
    assert set(guard.actions()) == set(said)


def test_over_the_seeds_there_are_turns_and_reasons_of_every_kind(
    guard: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str | None] = set()
    for seed in range(12):
        chance = random.Random(seed)
        other = Tree(tmp_path / str(seed))
        monkeypatch.setenv("DROIDRECLAIM_ROOT", str(other.root))
        other.process(300, "zygote64", 0, -1000, ppid=1)
        populate(other, chance)
        turns = explain(guard, ALL_MISSING, *some_rules(chance)).all("turn")
        seen |= {line["spared"] for line in turns}
    assert seen == {None, "leave", "adj", "small", "foreground", "perceptible", "no_rule"}


def test_a_native_child_of_the_app_in_front_is_spared_by_word_and_deed(
    guard: Guard, tree: Tree
) -> None:
    tree.process(FIRST_PID, "com.example.game", 10123, 0)
    tree.process(FIRST_PID + 1, "libworker.so", 10123, 900, ppid=FIRST_PID)
    tree.process(FIRST_PID + 2, "com.example.mail", 10124, 900)
    turns = explain(guard, ALL_MISSING, "match=*").all("turn")
    assert {line["pid"]: (line["turn"], line["spared"]) for line in turns} == {
        FIRST_PID + 2: (1, None),
        FIRST_PID: (None, "foreground"),
        FIRST_PID + 1: (None, "foreground"),
    }
    assert [line["importance"] for line in turns if line["name"] == "libworker.so"] == [0]
    guard.start(ALL_MISSING, "match=*")
    until(guard.actions)
    assert set(guard.actions()) == {FIRST_PID + 2}
    assert guard.app(FIRST_PID + 1)["spared"] == "foreground"


def test_each_condition_says_what_is_missing_by_it(guard: Guard, tree: Tree) -> None:
    tree.process(FIRST_PID, "com.example.game", 10123, 900, anon_kib=300 * 1024)
    when = "available_bytes=1 next_launch=1 leaving=1 headroom_bytes=1048576"
    found = explain(guard, when, "match=*").all("condition")
    assert {line["name"]: line["missing_bytes"] for line in found} == {
        "available": 0,
        "next_launch": (100 * 1024 + 64) * 1024,
        "headroom": None,  # no zoneinfo here: the low mark is not known
        "leaving": None,
        "pressure": None,
    }


def test_without_swap_nobody_has_a_turn_and_all_is_said(guard: Guard, tree: Tree) -> None:
    tree.process(FIRST_PID, "com.example.game", 10123, 900)
    tree.memory(swap_mib=0)
    reply = explain(guard, ALL_MISSING, "match=*")
    assert reply.only("explain")["forbidden"] == "no_swap"
    assert [(line["turn"], line["spared"]) for line in reply.all("turn")] == [(None, None)]


def test_time_in_the_background_is_a_condition_and_no_reason(guard: Guard, tree: Tree) -> None:
    tree.process(FIRST_PID, "com.example.game", 10123, 900)
    reply = explain(guard, ALL_MISSING, "match=* background_ms=86400000")
    assert [line["turn"] for line in reply.all("turn")] == [1]


def test_a_guard_that_starts_after_an_explanation_looks_for_itself(
    guard: Guard, tree: Tree
) -> None:
    tree.process(FIRST_PID, "com.example.game", 10123, 900)
    session = Session(guard.program)
    try:
        for line in (
            f"1 guard_when {ALL_MISSING}", "2 guard_rule match=* background_ms=3600000",
            "3 guard_explain", "4 guard_start name=x for_s=60",
        ):  # fmt: skip
            session.send(line)
            reply = session.reply()
            assert reply is not None
            assert reply.end["ok"], reply.end
    finally:
        session.close()
    assert guard.app(FIRST_PID)["spared"] == "background"
    assert guard.actions() == []
