"""An app at its own limit of swap (cgroup v2), on a kernel that keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from commands import run, run_json
from handset import Handset, until

pytestmark = pytest.mark.phone

MIB = 1 << 20
GAME = "com.example.game"
APPS = "/sys/fs/cgroup/apps"


@dataclass(frozen=True)
class Limited:
    """The game in the background; *group* is the memory cgroup of its main process alone."""

    phone: Handset
    group: str

    def limit(self, name: str, value: int | str) -> None:
        self.phone.text(f"echo {value} > {self.group}/memory.{name}")

    def number(self, name: str) -> int:
        return int(self.phone.text(f"cat {self.group}/memory.{name}"))


def main_process(phone: Handset) -> dict[str, Any]:
    [row] = [row for row in run_json(phone, "ps", GAME)["processes"] if row["name"] == GAME]
    return dict(row)


@pytest.fixture
def game(phone: Handset) -> Iterator[Limited]:
    """Start the game anew: cgroup v2 does not move memory that was charged before."""
    phone.text("echo +memory > /sys/fs/cgroup/cgroup.subtree_control")
    phone.text(f"mkdir {APPS}; echo +memory > {APPS}/cgroup.subtree_control")
    phone.text(f"am force-stop {GAME}; am start -W {GAME}; input keyevent HOME")
    until(lambda: main_process(phone)["oom_score_adj"] >= 700, timeout_s=60)
    phone.text("pocket beat off")
    pid = main_process(phone)["pid"]
    yield Limited(phone, APPS + phone.text(f"cat /proc/{pid}/cgroup").partition("/apps")[2])
    phone.text(f"pocket beat on; am force-stop {GAME}")
    removed = f"rmdir {APPS}/*/pid_* {APPS}/uid_* {APPS}"
    until(lambda: phone.shell(removed).returncode == 0 or phone.shell(f"ls {APPS}").returncode != 0)
    phone.text("echo -memory > /sys/fs/cgroup/cgroup.subtree_control")


def test_a_page_out_ends_at_the_app_s_own_limit_of_swap_and_says_so(game: Limited) -> None:
    game.limit("swap.max", 4 * MIB)
    dry = run_json(game.phone, "reclaim", GAME, "--dry-run")
    assert (dry["estimate"]["limited_by"], dry["estimate"]["leaves_bytes"]) == (
        "swap_limit",
        pytest.approx(4 * MIB, abs=16384),
    )
    [target] = run_json(game.phone, "reclaim", GAME)["targets"]
    assert (target["outcome"], target["reason"]) == ("reclaimed", "swap_limit")
    assert game.number("swap.current") == pytest.approx(4 * MIB, abs=16384)
    assert target["advised_bytes"] == pytest.approx(4 * MIB, abs=16384)

    again = run(game.phone, "reclaim", GAME)
    assert again.returncode == 7
    assert "swap_limit" in again.stderr


def test_headroom_tells_an_app_s_own_limits_beside_the_device_s(game: Limited) -> None:
    game.limit("swap.max", 4 * MIB)
    game.limit("high", 512 * MIB)
    run_json(game.phone, "reclaim", GAME)
    seen = run_json(game.phone, "headroom", GAME)
    [row] = [row for row in seen["limits"] if row["name"] == GAME]
    assert row["group"] == game.group.removeprefix("/sys/fs/cgroup")
    assert (row["swap_max_bytes"], row["high_bytes"]) == (4 * MIB, 512 * MIB)
    assert row["swap_left_bytes"] < 16384
    assert 0 < row["kill_left_bytes"] < 512 * MIB
    assert seen["memory_limiter"] is None
    assert "a page-out moves nothing" in run(game.phone, "headroom", GAME).stdout


def test_without_a_limit_all_of_it_goes(game: Limited) -> None:
    [target] = run_json(game.phone, "reclaim", GAME)["targets"]
    assert (target["outcome"], target["reason"]) == ("reclaimed", None)
    assert game.number("swap.current") > 8 * MIB
