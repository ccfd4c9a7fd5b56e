"""Steps of a round: bounded in time and in what is kept of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from local_shell import LocalShell

from droidreclaim.qa import steps
from droidreclaim.qa.clock import Clocks
from droidreclaim.qa.evidence import Screens
from droidreclaim.qa.form import StepForm
from droidreclaim.qa.player import Player
from droidreclaim.qa.record import Round
from droidreclaim.qa.stage import Stage, StepFailed
from droidreclaim.qa.ui import Dump
from droidreclaim.session import Phone
from qa_rounds import scenario


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    phone = Phone(LocalShell(), None, timeout_s=5.0)  # type: ignore[arg-type]
    return Stage(phone, Dump(phone), "com.example.game", "none", 1, tmp_path)


def test_a_program_that_never_ends_fails_its_step_at_the_deadline(stage: Stage) -> None:
    with pytest.raises(StepFailed, match=r"^sleep was not done within 0\.05 s$"):
        steps.command(stage, ("sleep", "1000"), 0.05)


def test_of_a_program_that_prints_without_end_a_mebibyte_is_kept(stage: Stage) -> None:
    steps.command(stage, ("head", "-c", "100000000", "/dev/zero"), 60.0)
    assert (stage.folder / "command.txt").stat().st_size == 1 << 20


def test_a_program_that_is_not_there_is_named(stage: Stage) -> None:
    with pytest.raises(StepFailed, match=r"^no-such-program: No such file or directory$"):
        steps.command(stage, ("no-such-program",), 5.0)


def timed(stage: Stage, step: object) -> str | None:
    """Play a step of a round; what failed."""
    one = Round(1, "none")
    player = Player(stage, scenario(), lambda phone, package: "", one, Screens(stage.phone))
    player.clocks = Clocks(0.0, 0.0, 0.0)
    return player._timed(StepForm.model_validate(step), "1 it")


@pytest.mark.parametrize("step", [{"wait": "30ms"}, {"command": ["sleep", "0.03"]}])
def test_any_step_that_took_longer_than_its_own_deadline_has_failed(
    stage: Stage, step: dict[str, object]
) -> None:
    fault = timed(stage, step | {"deadline": "10ms"})
    assert fault is not None
    assert fault.startswith("step 1 it: ")
    assert "0.01 s" in fault
    assert timed(stage, step) is None
    assert timed(stage, step | {"deadline": "1h"}) is None
