"""Which app a process belongs to."""

from __future__ import annotations

import pytest

from build_values import PACKAGES, phone, process
from droidreclaim.snapshot import build


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


def test_what_activity_manager_says_beats_the_name() -> None:
    own = process(200, "com.google.android.webview:sandboxed_process0:x:0", 99002, 900)
    members = {200: (own.name, ("com.example.mail",))}
    assert build([own], PACKAGES, members=members).by_pid[200].packages == ("com.example.mail",)


def test_what_activity_manager_says_of_a_recycled_pid_is_not_believed() -> None:
    own = process(200, "com.example.mail", 10002, 900)
    members = {200: ("com.example.other", ("com.example.other",))}
    assert build([own], PACKAGES, members=members).by_pid[200].packages == ("com.example.mail",)


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
