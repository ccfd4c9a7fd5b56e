"""Rounds of a QA run as tests of its figures, files and comparisons take them."""

from __future__ import annotations

from collections.abc import Iterable

from droidreclaim.qa.form import ScenarioForm
from droidreclaim.qa.record import Killed, Life, Round, State

LEFT, BACK, OTHER = Life(300, 1000, "a1"), Life(300, 1000, "a1"), Life(400, 2000, "b2")


def scenario(*expect: object, arms: Iterable[str] = ("kill", "none", "reclaim")) -> ScenarioForm:
    return ScenarioForm.model_validate(
        {
            "version": 1,
            "name": "game",
            "app": "com.example.game",
            "arms": list(arms),
            "rounds": 5,
            "steps": ["launch", {"remember": {"name": "score", "shell": "x"}}, "arm", "resume"],
            "expect": list(expect),
        }
    )


def kept(number: int, arm: str = "reclaim", back_s: float = 0.1) -> Round:
    return Round(
        number, arm, before=LEFT, after=BACK, am_kind="HOT", kind="HOT", back_s=back_s,
        remembered={"score": "5"}, found={"score": "5"}, state=State.KEPT,
    )  # fmt: skip


def lost(number: int, arm: str = "kill") -> Round:
    return Round(
        number, arm, before=LEFT, after=OTHER, am_kind="COLD", kind="COLD", back_s=0.3,
        remembered={"score": "5"}, found={"score": "0"}, state=State.LOST,
        killed=[Killed("activity_manager", 300, "com.example.game", 900, "kill background")],
    )  # fmt: skip


def rounds_of(count: int) -> list[Round]:
    return [
        one
        for number in range(1, count + 1)
        for one in (lost(number), kept(number, "none", 0.05), kept(number))
    ]
