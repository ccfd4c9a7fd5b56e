"""An app that a real freezer (cgroup v2) holds, with an adj that is not a cached app's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import ALWAYS, MIB, Guard, Victim, Zram, ask, missing, require_root, rmdir, until

pytestmark = pytest.mark.linux

WRITTEN_BACK_ADJ = 249  # what Android 17 gives an app whose zram went to flash
_MOUNTS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))


class Freezer:
    """A cgroup of its own that is frozen and thawed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def hold(self, victim: Victim) -> None:
        (self.path / "cgroup.procs").write_text(str(victim.pid))

    def freeze(self, on: bool) -> None:
        (self.path / "cgroup.freeze").write_text(str(int(on)))
        until(lambda: f"frozen {int(on)}" in (self.path / "cgroup.events").read_text())


@pytest.fixture
def freezer() -> Iterator[Freezer]:
    require_root()
    mount = next((one for one in _MOUNTS if (one / "cgroup.procs").exists()), None)
    if mount is None:
        missing("no cgroup v2 here")
    held = Freezer(mount / f"droidreclaim-frozen-{os.getpid()}")
    yield held
    held.freeze(False)
    for pid in (held.path / "cgroup.procs").read_text().split():
        (mount / "cgroup.procs").write_text(pid)
    rmdir(held.path)


@pytest.fixture
def app(victims: Any, freezer: Freezer) -> Victim:
    """An app of 32 MiB in the freezer's group, not frozen yet."""
    victim: Victim = victims("anon=32", name="com.example.game")
    victim.set_adj(WRITTEN_BACK_ADJ)
    freezer.hold(victim)
    return victim


def scanned(helper: Path, victim: Victim) -> dict[str, Any]:
    [line] = [line for line in ask(helper, "scan").all("proc") if line["pid"] == victim.pid]
    return line


def reclaim(helper: Path, victim: Victim, *words: str) -> dict[str, Any]:
    return ask(helper, "pageout", f"targets={victim.target()}", *words).only("target")


def test_a_frozen_app_is_touched_whatever_its_adj_and_a_thawed_one_is_not(
    helper: Path, zram: Zram, app: Victim, freezer: Freezer
) -> None:
    assert scanned(helper, app)["app_frozen"] is False
    assert reclaim(helper, app)["reason"] == "perceptible"
    freezer.freeze(True)
    line = scanned(helper, app)
    assert (line["adj"], line["app_frozen"]) == (WRITTEN_BACK_ADJ, True)
    target = reclaim(helper, app)
    assert (target["outcome"], target["reason"]) == ("advised", None)
    assert app.memory("VmSwap") >= 28 * MIB
    freezer.freeze(False)
    assert app.bad_pages() == 0


def test_one_that_comes_forward_is_let_go_within_a_step(
    helper: Path, zram: Zram, app: Victim, freezer: Freezer, sessions: Any
) -> None:
    freezer.freeze(True)
    session = sessions()
    session.send(f"7 pageout targets={app.target()} step_bytes={MIB} pause_us=200000")
    until(lambda: app.memory("VmSwap") >= 2 * MIB)
    freezer.freeze(False)
    gone = app.memory("VmSwap")
    target = session.reply().only("target")
    assert (target["outcome"], target["reason"]) == ("stopped", "perceptible")
    assert target["advised_bytes"] <= gone + 2 * MIB


@pytest.mark.parametrize("adj", [0, 100, 199])
def test_in_front_adj_is_believed_against_the_freezer(
    helper: Path, zram: Zram, app: Victim, freezer: Freezer, adj: int
) -> None:
    freezer.freeze(True)
    app.set_adj(adj)
    assert reclaim(helper, app)["reason"] == "foreground"
    assert scanned(helper, app)["app_frozen"] is False


def test_the_guard_takes_a_frozen_app_for_a_cached_one(
    guard: Guard, zram: Zram, app: Victim, freezer: Freezer
) -> None:
    guard.start(ALWAYS, "match=*")
    until(lambda: guard.app(app.pid)["spared"] is not None)
    assert guard.app(app.pid)["spared"] == "perceptible"
    freezer.freeze(True)
    until(lambda: app.pid in guard.actions())
    assert app.memory("VmSwap") >= 28 * MIB
