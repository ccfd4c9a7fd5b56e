"""A full disk of this computer ends a run with the system's words, wherever a round writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from local_shell import LocalShell

from droidreclaim.errors import UsageError
from droidreclaim.qa import steps
from droidreclaim.qa.evidence import Screens
from droidreclaim.qa.player import Player
from droidreclaim.qa.record import Round
from droidreclaim.qa.stage import Stage
from droidreclaim.qa.ui import Dump
from droidreclaim.session import Phone
from qa_rounds import scenario


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A round whose files cannot be written: they are the device that is always full."""
    phone = Phone(LocalShell(), None, timeout_s=5.0)  # type: ignore[arg-type]
    for name in ("log.txt", "command.txt"):
        (tmp_path / name).symlink_to("/dev/full")
    return Stage(phone, Dump(phone), "com.example.game", "none", 1, tmp_path)


def test_of_evidence(stage: Stage) -> None:
    player = Player(
        stage, scenario(), lambda phone, package: "", Round(1, "none"), Screens(stage.phone)
    )
    with pytest.raises(UsageError, match=r"--out .*: No space left on device"):
        player._keep_evidence({"log.txt": b"x"})


def test_of_what_a_program_of_the_user_s_prints(stage: Stage) -> None:
    with pytest.raises(UsageError, match=r"--out .*: No space left on device"):
        steps.command(stage, ("echo", "x"), 5.0)
