"""Reclaim through an app's own memory cgroup (v1): the whole group is paged out, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import MIB, Victim, Zram, ask

pytestmark = pytest.mark.linux


def reclaim(helper: Path, *victims: Victim, what: str = "all") -> list[dict[str, Any]]:
    """Page out *victims* through their memory cgroups; return a line for each."""
    targets = ",".join(victim.target() for victim in victims)
    words = (f"targets={targets}", "backend=memcg", f"what={what}")
    return ask(helper, "pageout", *words).all("target")


def test_a_memcg_of_ones_own_goes_out_whole_and_every_byte_returns(
    helper: Path, zram: Zram, members: Any
) -> None:
    victim = members("anon=32")
    (target,) = reclaim(helper, victim)
    assert (target["outcome"], target["reason"]) == ("advised", None)
    assert target["before"]["rss_anon_bytes"] - target["after"]["rss_anon_bytes"] >= 28 * MIB
    assert victim.memory("VmSwap") >= 28 * MIB
    assert victim.bad_pages() == 0


def test_a_memcg_that_holds_a_stranger_is_left_alone(
    helper: Path, zram: Zram, members: Any
) -> None:
    victim, stranger = members("anon=8"), members("anon=8")
    (target,) = reclaim(helper, victim)
    assert (target["outcome"], target["reason"]) == ("denied", "shared_cgroup")
    assert victim.memory("VmSwap") == stranger.memory("VmSwap") == 0


def test_a_memcg_all_of_whom_are_targets_goes_out(helper: Path, zram: Zram, members: Any) -> None:
    one, other = members("anon=8"), members("anon=8")
    lines = reclaim(helper, one, other)
    assert lines[0]["outcome"] == "advised"
    assert min(one.memory("VmSwap"), other.memory("VmSwap")) >= 6 * MIB


def test_a_target_in_use_protects_those_who_share_its_memcg(
    helper: Path, zram: Zram, members: Any
) -> None:
    idle, used = members("anon=8"), members("anon=8")
    used.set_adj(0)
    lines = reclaim(helper, idle, used)
    assert [line["reason"] for line in lines] == ["shared_cgroup", "foreground"]
    assert idle.memory("VmSwap") == used.memory("VmSwap") == 0


def test_a_memcg_with_another_below_it_is_left_alone(
    helper: Path, zram: Zram, group: Path, members: Any
) -> None:
    victim = members("anon=8")
    (group / "child").mkdir()
    (target,) = reclaim(helper, victim)
    assert (target["outcome"], target["reason"]) == ("denied", "shared_cgroup")


def test_a_process_in_a_memcg_of_many_is_left_alone(helper: Path, zram: Zram, victims: Any) -> None:
    victim = victims("anon=8")
    (target,) = reclaim(helper, victim)
    assert (target["outcome"], target["reason"]) == ("denied", "shared_cgroup")
    assert victim.memory("VmSwap") == 0


def test_version_1_cannot_take_anonymous_memory_alone_and_takes_nothing_then(
    helper: Path, zram: Zram, members: Any
) -> None:
    victim = members("anon=8")
    (target,) = reclaim(helper, victim, what="anon")
    assert (target["outcome"], target["reason"]) == ("unsupported", "unsupported")
    assert victim.memory("VmSwap") == 0
