"""Page-out keeps its promise with the kernel's new LRU (MGLRU), as with the old one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from commands import run_json
from handset import Handset, until

pytestmark = pytest.mark.phone

MIB = 1 << 20
GAME = "com.example.game"
ENABLED = "/sys/kernel/mm/lru_gen/enabled"


@pytest.fixture(params=["y", "n"], ids=["generations", "two-lists"])
def lru(phone: Handset, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the phone with one of the two LRUs, and the game idle in the background."""
    before = phone.text(f"cat {ENABLED}")
    phone.text(f"echo {request.param} > {ENABLED}")
    phone.text(f"am start -W {GAME}; input keyevent HOME; pocket beat off")
    until(lambda: all(row["oom_score_adj"] >= 700 for row in game(phone)), timeout_s=60)
    phone.text(f"pocket verify {GAME}")
    yield "on" if request.param == "y" else "off"
    phone.text(f"pocket beat on; echo {before} > {ENABLED}")


def game(phone: Handset) -> list[dict[str, int]]:
    return list(run_json(phone, "ps", GAME)["processes"])


def test_what_is_paged_out_leaves_and_stays_out(phone: Handset, lru: str) -> None:
    document = run_json(phone, "reclaim", GAME, "--refault", "1s")
    [target] = document["targets"]
    assert (target["outcome"], target["reason"]) == ("reclaimed", None)
    left = target["before"]["rss_bytes"] - target["after"]["rss_bytes"]
    assert left >= 0.9 * target["advised_bytes"] > 8 * MIB
    assert target["came_back_share"] < 0.1
    [line] = [one for one in run_json(phone, "doctor")["checks"] if one["name"] == "mglru"]
    assert line["fact"].startswith(f"{lru}, ")


def test_cold_moves_nothing_by_itself(phone: Handset, lru: str) -> None:
    [target] = run_json(phone, "reclaim", GAME, "--how", "cold")["targets"]
    assert target["outcome"] == "advised"
    assert target["after"]["rss_bytes"] >= 0.95 * target["before"]["rss_bytes"]
