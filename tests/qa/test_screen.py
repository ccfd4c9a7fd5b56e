"""Steps and oracles that go by what is on the screen, against a stand-in of ``uiautomator``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from local_shell import LocalShell

from droidreclaim.errors import ParseError, UsageError
from droidreclaim.lab.phone.guest.framework import screen as guest
from droidreclaim.parse.activity.views import parse_views
from droidreclaim.qa import scenario as reader
from droidreclaim.qa import screen, steps
from droidreclaim.qa.expect import expectations
from droidreclaim.qa.form import StepForm
from droidreclaim.qa.screen_form import SelectorForm
from droidreclaim.qa.setup import require_files
from droidreclaim.qa.stage import Stage, StepFailed
from droidreclaim.qa.touch import touch
from droidreclaim.qa.ui import Dump
from droidreclaim.session import Phone
from qa_rounds import kept, scenario

APP = "com.example.game"
SHELL = """
uiautomator() {
    echo x >> "$ASKED"
    [ -s "$SCREEN" ] || echo "ERROR: could not get idle state." >&2
}
cat() { [ -s "$SCREEN" ] && command cat "$SCREEN"; }
rm() { :; }

"""


def shown(score: int = 5, typed: str = "", package: str = APP) -> str:
    """The screen of the pocket phone's game."""
    process: Any = SimpleNamespace(
        app=SimpleNamespace(game=True, name=APP), main=True, typed=typed, focused=False,
        ask=lambda _: ["score", str(score)],
    )  # fmt: skip
    return guest.hierarchy(package, guest.views(process))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("screen", "asked", "heard"):
        monkeypatch.setenv(name.upper(), str(tmp_path / name))
    (tmp_path / "screen").write_text(shown())
    return tmp_path


def stage(tmp_path: Path) -> Stage:
    phone = Phone(LocalShell(SHELL), None, timeout_s=5.0)  # type: ignore[arg-type]
    return Stage(phone, Dump(phone), APP, "none", 3, tmp_path, tmp_path)


def play(tmp_path: Path, step: dict[str, object]) -> str:
    """Do a step; what ``input`` was asked."""
    touch(stage(tmp_path), StepForm.model_validate(step))
    return (tmp_path / "heard").read_text()


@pytest.fixture
def programs(files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs that come first, ``input`` and ``maestro`` among them."""
    folder = files / "bin"
    folder.mkdir()
    for name in ("input", "maestro"):
        (folder / name).write_text('#!/bin/sh\nprintf \'<%s>\' "$@" >> "$HEARD"\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return files


@pytest.mark.parametrize(
    "what", ["Play", {"text": "Play"}, {"id": "play"}, {"id": "com.example.game:id/play"}]
)
def test_a_tap_by_selector_touches_the_middle_of_what_is_meant(
    programs: Path, what: object
) -> None:
    assert play(programs, {"tap": what}) == "<tap><160><240>"


def test_text_goes_into_the_field_that_is_named(programs: Path) -> None:
    step = {"text": {"type": "two words", "into": {"id": "player"}}}
    assert play(programs, step) == "<tap><160><340><text><two%swords>"


def test_a_selector_that_matches_nothing_fails_the_step_and_names_what_is_there(
    programs: Path,
) -> None:
    with pytest.raises(StepFailed, match=r"nothing on the screen has id 'scor'; there are: ") as it:
        play(programs, {"tap": {"id": "scor"}, "deadline": "0s"})
    assert "'Score: 5' (id score), 'Play' (id play)" in str(it.value)
    assert not (programs / "heard").exists()


def test_a_screen_that_cannot_be_read_says_so_in_the_device_s_words(programs: Path) -> None:
    (programs / "screen").write_text("")
    with pytest.raises(StepFailed, match="could not get idle state"):
        play(programs, {"tap": "Play", "deadline": "300ms"})
    assert len((programs / "asked").read_text().split()) > 1  # asked again while it may change


def test_another_app_s_screen_is_not_taken_for_the_app_s(files: Path) -> None:
    (files / "screen").write_text(shown(package="com.android.systemui"))
    with pytest.raises(StepFailed, match=r"does not show: the screen is com\.android\.systemui's"):
        screen.find(stage(files).ui, APP, SelectorForm(text="Play"), time.monotonic())


def remembered(files: Path, wanted: str | None = None, **more: object) -> str | None:
    form = {"name": "score", "screen": {"id": "score"}, **more}
    step = StepForm.model_validate({"remember": form})
    assert step.remember is not None
    return steps.recall(stage(files), step.remember, 0.0, wanted=wanted)


def test_a_text_on_the_screen_is_remembered(files: Path) -> None:
    assert remembered(files) == "Score: 5"
    assert remembered(files, match="([0-9]+)", wanted="5") == "5"
    (files / "screen").write_text(shown(0))
    assert remembered(files, match="([0-9]+)", wanted="5") == "0"


def test_what_is_not_there_any_more_is_lost_and_no_missing_witness(files: Path) -> None:
    (files / "screen").write_text(shown().replace("/score", "/menu"))
    with pytest.raises(screen.NotOnScreen):
        remembered(files, wanted="Score: 5")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Killed",
        shown()[:-40],
        shown().replace("bounds", "bonds"),
        "<hierarchy></hierarchy>",
        '<!DOCTYPE h [<!ENTITY a "aa">]>' + shown().partition("?>")[2],
    ],
)
def test_text_that_is_no_screen_is_no_empty_screen(text: str) -> None:
    with pytest.raises(ParseError):
        parse_views(text)


def test_a_screen_nested_without_end_is_read() -> None:
    head, node = shown().partition("<node")[0], 'bounds="[0,0][1,1]">'
    deep = 20_000
    assert len(parse_views(f"{head}{('<node ' + node) * deep}{'</node>' * deep}</hierarchy>"))


def test_an_expected_text_must_be_on_the_screen() -> None:
    wanted = scenario({"text": "Score: 5"})
    rounds = [kept(1), kept(2), kept(3)]
    rounds[0].screen, rounds[1].screen = ["Score: 5", "Play"], ["Score: 0"]
    found = list(expectations(wanted, {"reclaim": rounds}))
    assert [(one.passed, one.saw) for one in found] == [
        (True, "'Score: 5', 'Play'"),
        (False, "'Score: 0'"),
        (False, "the screen was not read"),
    ]


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        ("tap: {}", "exactly one is wanted here of text, id, desc"),
        ("tap: {id: a, text: b}", "exactly one is wanted here of text, id, desc"),
        ("remember: {name: x}", "exactly one is wanted here of shell, screen"),
        ("remember: {name: x, shell: a, screen: b}", "exactly one is wanted here of shell, screen"),
        ("text: {type: a}", "into"),
        ("maestro: {env: {A: b}}", "flow"),
    ],
)
def test_a_faulty_step_is_told_with_its_rule(tmp_path: Path, step: str, wanted: str) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        f"version: 1\nname: x\napp: {APP}\narms: [none]\nsteps: [launch, {{{step}}}, arm, resume]\n"
    )
    found = reader.check(path)
    assert isinstance(found, tuple)
    assert any(wanted in f"{one.path}: {one.message}" for one in found), found


def test_without_the_extra_a_scenario_of_uiautomator2_is_refused_before_the_run(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "uiautomator2", None)  # as Python finds what is not installed
    wanted = scenario().model_copy(update={"ui": "uiautomator2"})
    with pytest.raises(UsageError, match="ui: uiautomator2 cannot be used here") as refused:
        require_files(wanted, files)
    assert refused.value.hint == "pip install 'droidreclaim[ui]'"


def test_maestro_is_given_the_device_the_round_and_the_flow(programs: Path) -> None:
    (programs / "flow.yaml").write_text("appId: x\n---\n- tapOn: Play\n")
    step = StepForm.model_validate({"maestro": {"flow": "flow.yaml", "env": {"NAME": "a b"}}})
    steps.plain(stage(programs), step)
    assert (programs / "heard").read_text() == (
        "<--device><local><test><-e><NAME=a b><-e><DROIDRECLAIM_SERIAL=local>"
        "<-e><DROIDRECLAIM_ROUND=3><-e><DROIDRECLAIM_ARM=none>"
        f"<-e><DROIDRECLAIM_DIR={programs}><{programs}/flow.yaml>"
    )


def test_a_flow_that_fails_fails_the_step_and_is_kept(programs: Path) -> None:
    (programs / "bin" / "maestro").write_text("#!/bin/sh\necho Element not found; exit 1\n")
    step = StepForm.model_validate({"maestro": "flow.yaml"})
    with pytest.raises(StepFailed, match="maestro exited with 1"):
        steps.plain(stage(programs), step)
    assert (programs / "command.txt").read_text() == "Element not found\n"


def test_a_flow_or_a_maestro_that_is_not_there_is_said_before_the_run(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = scenario().model_copy(
        update={"steps": (StepForm.model_validate({"maestro": "no.yaml"}),)}
    )
    with pytest.raises(UsageError, match=r"no\.yaml is not beside the scenario"):
        require_files(wanted, programs)
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(UsageError, match="no program maestro on PATH"):
        require_files(wanted, programs)
