"""Arms that cannot be played are refused before the first round; a guard does not outlive it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from droidreclaim.errors import NotPossible, NotRoot, UsageError
from droidreclaim.qa import arms
from droidreclaim.qa.form import StepForm


def phone(sdk: int = 34, *, root: bool = True) -> Any:
    def start() -> None:
        if not root:
            raise NotRoot("x: su: not found", hint="try adb root")

    return SimpleNamespace(serial="x", start=start, info=SimpleNamespace(sdk=sdk))


@pytest.mark.parametrize("arm", ["kill9", "reclaim", "cold", "guard:gentle"])
def test_an_arm_of_roots_is_refused_without_root(arm: str) -> None:
    arms.require(phone(), [arm])
    with pytest.raises(NotRoot, match=f"arm {arm} needs root: x: su: not found") as refused:
        arms.require(phone(root=False), ["kill", arm])
    assert "am_compact" in (refused.value.hint or "")


def test_the_others_need_none() -> None:
    arms.require(phone(root=False), ["kill", "none", "trim", "am_compact"])


def test_what_this_android_has_not_is_refused() -> None:
    with pytest.raises(NotPossible, match="am_compact needs Android 12L, not API 31"):
        arms.require(phone(31), ["am_compact"])


def test_a_guard_without_such_a_profile_is_refused() -> None:
    with pytest.raises(UsageError, match="no-such"):
        arms.require(phone(), ["guard:no-such"])


def test_a_guard_runs_no_longer_than_its_round_may() -> None:
    steps = [StepForm.model_validate(one) for one in ("launch", {"wait": "90s"}, "resume")]
    assert arms.longest_s(steps) == 60 + 90 + 60 + 180
