"""Conditions of a round: read where a device says them, and which do not count."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from local_shell import LocalShell

from droidreclaim.errors import NotPossible
from droidreclaim.qa.conditions import parse, read, require, unfit
from droidreclaim.qa.look import meter

NOTHING = {"thermal": "", "power": "Can't find service: power\n", "battery": "", "front": ""}
FRONT = "  topResumedActivity=ActivityRecord{1f72345 u0 com.example.game/.Main t12}\n"


def test_what_a_device_does_not_say_is_unknown_and_counts() -> None:
    found = parse(NOTHING)
    assert set(found.values()) == {None}
    assert unfit(found) is None


def test_conditions_are_read_in_their_units() -> None:
    found = parse(
        {
            "thermal": "Thermal Status: 1\n",
            "power": "  mWakefulness=Awake\n",
            "battery": "  level: 85\n  temperature: 315\n",
            "front": f"  KeyguardShowing=false AodShowing=false\n{FRONT}",
        }
    )
    assert found == {
        "thermal": 1.0,
        "screen": "on",
        "battery_percent": 85.0,
        "battery_c": 31.5,
        "front": "com.example.game",
    }
    assert unfit(found) is None


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ({"power": "mWakefulness=Asleep"}, "the screen is off"),
        ({"power": "mWakefulness=Dozing"}, "the screen is off"),
        ({"power": "mWakefulness=Awake", "front": "mKeyguardShowing=true"}, "the screen is locked"),
        ({"front": "mKeyguardShowing=true"}, "the screen is locked"),
        ({"thermal": "Thermal Status: 3"}, "the device is too hot: thermal status severe"),
        ({"thermal": "Thermal Status: 9"}, "the device is too hot: thermal status shutdown"),
    ],
)
def test_a_round_under_such_conditions_does_not_count(texts: dict[str, str], why: str) -> None:
    assert unfit(parse({**NOTHING, **texts})) == why


def phone(**answers: str) -> Any:
    """A device whose own shell greps what dumpsys prints."""
    cases = " ".join(f"{name}) echo '{text}' ;;" for name, text in answers.items())
    missing = "*) echo Can not find service: $1 ;;"
    shell = LocalShell(f"dumpsys() {{ case $1 in {cases} {missing} esac; }}")
    return SimpleNamespace(device=shell, serial="R58M12")


def test_a_run_does_not_begin_on_a_dark_or_locked_phone() -> None:
    require(phone())
    require(phone(power="  mWakefulness=Awake", activity="  KeyguardShowing=false"))
    for answers, why in (
        ({"power": "  mWakefulness=Asleep"}, "the screen is off"),
        ({"power": "  mWakefulness=Awake", "activity": "  mKeyguardShowing=true"}, "is locked"),
        ({"thermalservice": "Thermal Status: 4"}, "too hot"),
    ):
        with pytest.raises(NotPossible, match=why) as refused:
            require(phone(**answers))
        assert refused.value.exit_code == 4
        assert refused.value.hint


def test_counters_are_read_in_one_question_and_what_is_missing_is_unknown() -> None:
    here = phone()
    here.way_if_any = lambda: None
    begun = meter(here)
    cost = begun.cost(meter(here))
    assert begun.vmstat is not None
    assert cost.paged_in is not None
    assert cost.paged_in >= 0
    files = 'cat() { return 1; }; head() { echo "1024 10 30"; }\n'
    flash = SimpleNamespace(device=LocalShell(files), way_if_any=lambda: None)
    only = meter(flash)
    assert (only.vmstat, only.pressure, only.flash_read_bytes) == (None, None, 10 * 4096)
    assert only.cost(only).psi_some_s is None


def test_after_a_round_only_heat_and_the_screen_are_asked_for() -> None:
    hot = phone(thermalservice="Thermal Status: 4", power="  mWakefulness=Awake")
    found = read(hot, ("thermal", "power"))
    assert (found["thermal"], found["screen"], found["front"]) == (4.0, "on", None)
