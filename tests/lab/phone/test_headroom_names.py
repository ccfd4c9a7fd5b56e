"""Whether headroom's last sample before a kill named the rule that fired, over several rules."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from droidreclaim.units import MIB
from handset import Handset
from headroom_record import NamedKill, record

pytestmark = [pytest.mark.phone, pytest.mark.campaign, pytest.mark.timeout(900)]

_KILLS_EACH = 11  # of five kinds: more than 50 together
_WITHIN_S = 150.0
_NO_STALL = {"psi_complete_stall_ms": "1000"}  # an emulated phone stalls: leave that to one case
_NO_SWAP_LOW = {"swap_free_low_percentage": "0"}
_NO_THRASHING = {"thrashing_limit": "100000"}


@dataclass(frozen=True)
class Pressed:
    """
    A phone and lmkd's settings on it, under which one rule is likely.

    Attributes:
        read_mib: A file of this size is read over and over, so that file pages come back.
    """

    rule: str
    zram_bytes: int
    api: int = 33
    settings: dict[str, str] = field(default_factory=dict)
    read_mib: int = 0


_CASES = (
    Pressed("low_mem_and_swap", 128 * MIB, settings=_NO_STALL),
    Pressed("low_mem", 128 * MIB, api=34, settings=_NO_STALL | _NO_SWAP_LOW),
    Pressed(
        "low_mem_and_swap_util",
        256 * MIB,
        settings=_NO_STALL | _NO_SWAP_LOW | _NO_THRASHING | {"swap_util_max": "30"},
    ),
    Pressed(
        "low_mem_and_thrashing", 0, settings=_NO_STALL | {"thrashing_limit": "30"}, read_mib=100
    ),
    Pressed(
        "not_responding",
        128 * MIB,
        settings=_NO_SWAP_LOW | _NO_THRASHING | {"psi_complete_stall_ms": "100"},
    ),
)


_recorded: list[NamedKill] = []


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.rule)
def test_kills_are_recorded_under_pressure_of_each_kind(
    case: Pressed, boot: Callable[..., Handset]
) -> None:
    handset = boot(
        ram_bytes=320 * MIB, zram_bytes=case.zram_bytes, apps="none", api=case.api, once=True
    )
    if case.read_mib:
        _read_for_ever(handset, case.read_mib)
    kills = record(handset, case.settings, _KILLS_EACH, _WITHIN_S)
    for kill in kills:
        said = kill.sample and kill.sample["next_rule"]
        print(f"{case.rule}: {kill.rule}, {kill.sample_age_s:.2f} s before: {said}")
    print(f"{case.rule}: {sum(kill.named for kill in kills)} of {len(kills)} named")
    _recorded.extend(kills)
    assert any(kill.rule == case.rule for kill in kills)


def test_45_of_50_kills_were_named_by_the_sample_before() -> None:
    named, rules = sum(kill.named for kill in _recorded), Counter(kill.rule for kill in _recorded)
    print(f"{named} of {len(_recorded)} named; rules that fired: {dict(rules)}")
    if len(_recorded) < 50:
        pytest.skip("only some kinds of pressure were run")
    assert named >= 0.9 * len(_recorded)
    assert len(rules) >= 4


def _read_for_ever(handset: Handset, mib: int) -> None:
    """Read a file in a loop; it ends with the phone. kswapd is woken early, as on real phones."""
    handset.text("echo 600 > /proc/sys/vm/watermark_scale_factor")
    handset.text(f"head -c {mib}M /dev/vda > /data/big; sync")
    words = ["shell", "while :; do cat /data/big > /dev/null; done"]
    subprocess.Popen([handset.adb, "-s", handset.serial, *words])
