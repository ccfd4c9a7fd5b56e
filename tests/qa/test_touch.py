"""Steps that touch an app, against stand-ins of Android's programs on this machine's shell."""

from __future__ import annotations

from pathlib import Path

import pytest
from local_shell import LocalShell

from droidreclaim.qa.form import StepForm
from droidreclaim.qa.stage import Stage, StepFailed
from droidreclaim.qa.touch import touch
from droidreclaim.qa.ui import Dump
from droidreclaim.session import Phone

HEARD = """#!/bin/sh
printf '<%s>' "$@" >> "$HEARD"
"""
INJECTED = "Events injected: 50\n## Network stats: elapsed time=12ms\n"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that come first, and what they were asked in ``heard``."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("HEARD", str(tmp_path / "heard"))
    return folder


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def play(tmp_path: Path, step: dict[str, object]) -> str:
    """Do a step in round 3 of an app; what its program was asked."""
    phone = Phone(LocalShell(), None, timeout_s=5.0)  # type: ignore[arg-type]
    stage = Stage(phone, Dump(phone), "com.example.game", "none", 3, tmp_path)
    touch(stage, StepForm.model_validate(step))
    return (tmp_path / "heard").read_text()


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        ({"tap": [160, 240]}, "<tap><160><240>"),
        ({"text": "two words; $(reboot)"}, "<text><two%swords;%s$(reboot)>"),
        ({"key": "BACK"}, "<keyevent><KEYCODE_BACK>"),
        ({"key": "KEYCODE_BACK"}, "<keyevent><KEYCODE_BACK>"),
        ({"key": "66"}, "<keyevent><66>"),
    ],
)
def test_input_is_asked_in_its_own_words(
    tmp_path: Path, programs: Path, step: dict[str, object], wanted: str
) -> None:
    program(programs, "input", HEARD)
    assert play(tmp_path, step) == wanted


def test_what_input_refuses_fails_the_step_in_its_words(tmp_path: Path, programs: Path) -> None:
    program(programs, "input", "#!/bin/sh\necho 'Error: Unknown command' >&2\nexit 255\n")
    with pytest.raises(StepFailed, match="Unknown command"):
        play(tmp_path, {"key": "BACK"})


def test_a_monkey_is_kept_in_the_app_and_seeded_by_the_round(
    tmp_path: Path, programs: Path
) -> None:
    program(programs, "monkey", f"{HEARD}printf '{INJECTED}'\n")
    step = {"monkey": {"events": 50, "seed": 7, "throttle": "20ms"}}
    assert play(tmp_path, step) == "<-p><com.example.game><-s><10><--throttle><20><50>"


@pytest.mark.parametrize(
    ("said", "code", "wanted"),
    [
        ("// CRASH: com.example.game (pid 4711)\nEvents injected: 12\n", 1, "CRASH: com.example"),
        ("// NOT RESPONDING: com.example.game (pid 4711)\nEvents injected: 50\n", 0, "NOT RESP"),
        ("Events injected: 12\n", 0, "12 of 50"),
        ("** No activities found to run, monkey aborted.\n", 252, "No activities found"),
        ("", 0, "monkey: "),
    ],
)
def test_a_monkey_that_did_not_play_to_its_end_fails_the_step(
    tmp_path: Path, programs: Path, said: str, code: int, wanted: str
) -> None:
    program(programs, "monkey", f"#!/bin/sh\nprintf '{said}'\nexit {code}\n")
    with pytest.raises(StepFailed, match=wanted):
        play(tmp_path, {"monkey": {"events": 50}})
