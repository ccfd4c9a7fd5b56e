"""What is read live, on phones that claim other releases: two in CI, all by -m campaign."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from commands import run, run_json
from droidreclaim.units import MIB
from handset import Handset, until

pytestmark = pytest.mark.phone

_NAMES = {"com.android.systemui", "com.example.one", "com.example.two:remote"}
_NEW_STRATEGY_SDK = 30  # Android 10 kills by how long tasks waited, and by nothing else
_LOW_MEM_SDK = 34  # the release since which lmkd kills for low memory alone


@pytest.mark.parametrize(
    "api",
    [
        pytest.param(29, marks=pytest.mark.nightly),
        pytest.param(31, marks=pytest.mark.campaign),
        pytest.param(34, marks=pytest.mark.campaign),
        pytest.param(35, marks=pytest.mark.nightly),
        36,
    ],
)
def test_everything_is_read_live(boot: Callable[..., Handset], api: int) -> None:
    handset = boot(ram_bytes=448 * MIB, zram_bytes=128 * MIB, apps="none", api=api, once=True)
    for words in ("one 24", "two 8 --remote"):
        handset.text(f"pocket install com.example.{words}")
        handset.text(f"am start -W com.example.{words.split()[0]}")
    _apps_are_listed_with_their_states(handset, api)
    _a_kill_is_told(handset)
    _headroom_and_doctor_know_the_release(handset, api)


def _apps_are_listed_with_their_states(handset: Handset, api: int) -> None:
    listed = run_json(handset, "ps")
    assert listed["device"]["sdk"] == api
    assert {row["name"] for row in listed["processes"]} >= _NAMES
    rows = {row["name"]: row for row in run_json(handset, "ps", "--states")["processes"]}
    assert rows["com.example.two"]["state"]["proc_state"] == "TOP"
    remote = rows["com.example.two:remote"]
    assert remote["packages"] == ["com.example.two"]
    assert remote["state"]["adj"] == remote["oom_score_adj"]


def _a_kill_is_told(handset: Handset) -> None:
    handset.text("am force-stop com.example.one")

    def kills_of_pid() -> list[dict[str, object]]:
        kills = run_json(handset, "kills", "--since", "1m")["kills"]
        return [one for one in kills if one["name"] == "com.example.one"]

    until(lambda: bool(kills_of_pid()))
    [kill] = kills_of_pid()
    assert kill["by"] == "user"
    assert str(kill["at"]).startswith("20")


def _headroom_and_doctor_know_the_release(handset: Handset, api: int) -> None:
    seen = run_json(handset, "headroom")
    assert seen["headroom_bytes"] == seen["free_bytes"] - seen["low_watermark_bytes"]
    floors = {"low_mem": 701, "low_mem_and_swap": 201, "pressure_medium": 800}
    assert seen["adj_floor"] == floors[seen["next_rule"]]
    known = {"low_mem_and_swap"} | ({"low_mem"} if api >= _LOW_MEM_SDK else set())
    assert seen["next_rule"] in (known if api >= _NEW_STRATEGY_SDK else {"pressure_medium"})
    checks = {check["name"]: check for check in run_json(handset, "doctor")["checks"]}
    assert checks["backend pageout"]["state"] == "ok"
    assert checks["swap"]["fact"].startswith("zram0")
    assert run(handset, "doctor").returncode == 0
