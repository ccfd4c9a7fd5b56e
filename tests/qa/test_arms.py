"""Arms that cannot be played are refused before the first round; a guard does not outlive it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from droidreclaim.errors import NotPossible, NotRoot, UsageError
from droidreclaim.helper.guard_wire import EventLine
from droidreclaim.qa import arms
from droidreclaim.qa.form import StepForm
from droidreclaim.qa.record import Mark
from qa_rounds import kept


def phone(sdk: int = 34, *, root: bool = True, guard_runs: bool = False) -> Any:
    def start() -> None:
        if not root:
            raise NotRoot("x: su: not found", hint="try adb root")

    guard = SimpleNamespace(running=guard_runs, profile="gentle")
    status = SimpleNamespace(status=lambda: SimpleNamespace(guard=guard))
    info = SimpleNamespace(sdk=sdk)
    return SimpleNamespace(serial="x", start=start, info=info, guard=lambda profile: status)


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


def test_a_guard_that_runs_already_is_refused() -> None:
    with pytest.raises(NotPossible, match="a guard runs there already"):
        arms.require(phone(guard_runs=True), ["guard:gentle"])


def event(what: str, pid: int, boot_s: float, size: int | None) -> EventLine:
    return EventLine(
        seq=1, at_s=0, boot_us=round(boot_s * 1e6), what=what, pid=pid, name="a.b", reason=None,
        advised_bytes=size, reclaimed_bytes=size, available_bytes=None, refaulted_bytes=None,
        holdoff_s=None,
    )  # fmt: skip


def test_a_guards_round_says_what_the_guard_did_to_the_app() -> None:
    one = replace(kept(1, "guard:gentle"), marks=[Mark("launch", 100.0, 1.0)], did="left alone")
    arms._tell(one, [event("action", 300, 50.0, 9 << 20), event("refault", 300, 101.0, None)])
    assert one.did == "guard:gentle acted on it not at all: 0 B left memory"
    arms._tell(one, [event("action", 300, 102.0, 9 << 20), event("action", 9, 103.0, 1 << 20)])
    assert one.did == "guard:gentle acted on it 1 time: 9.0 MiB left memory"
