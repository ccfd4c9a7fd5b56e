"""The screen read by uiautomator2: its real library, and a stand-in of its server on the phone."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from commands import command
from droidreclaim.qa.folder import Folder
from droidreclaim.qa.record import Round
from handset import Handset, until

pytestmark = [pytest.mark.phone, pytest.mark.nightly, pytest.mark.timeout(500)]

STAND_IN = Path(__file__).with_name("ui_server.py")
JAR = "/data/local/tmp/u2.jar"
SCENARIO = """version: 1
name: x
app: com.example.game
ui: uiautomator2
arms: [none]
steps:
  - launch
  - tap: Play
  - text: {type: Ann B, into: {id: player}}
  - remember: {name: score, screen: {id: score}, match: "([0-9]+)"}
  - tap: {id: plya}
    continue_on_failure: true
    deadline: 1s
  - shell: pgrep -f uia2[.]Main
  - home
  - arm
  - shell: '! pgrep -f uia2[.]Main'
  - resume
expect:
  - text: "Score: 1"
    arm: none
"""


@pytest.fixture(scope="module")
def mine(boot_for_module: Callable[..., Handset]) -> Handset:
    pytest.importorskip("uiautomator2", reason="pip install 'droidreclaim[ui]'")
    phone = boot_for_module()
    assert phone.run("push", str(STAND_IN), "/system/bin/app_process").returncode == 0
    phone.text("chmod 755 /system/bin/app_process")
    return phone


@pytest.fixture(autouse=True)
def nothing_is_left(mine: Handset) -> Iterator[None]:
    yield
    mine.text("rm -f /data/local/tmp/ui-mood")
    until(lambda: mine.shell("ls -A /data/local/tmp; pgrep -f uia2[.]Main").stdout == b"")


def play(mine: Handset, tmp_path: Path, mood: str = "") -> Folder:
    if mood:
        mine.text(f"echo {mood} > /data/local/tmp/ui-mood")
    path = tmp_path / "scenario.yaml"
    path.write_text(SCENARIO)
    out = tmp_path / "out"
    words = ("--rounds", "1", "--no-control", "-o", str(out))
    done = subprocess.run(
        command(mine, "run", str(path), *words),
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == (7 if mood else 0), done.stderr
    return Folder.load(out)[0]


def the_round(mine: Handset, tmp_path: Path, mood: str = "") -> Round:
    folder = play(mine, tmp_path, mood)
    [one] = Folder.load(folder.path)[2]
    return one


def test_it_reads_taps_types_and_remembers_and_runs_in_the_foreground_only(
    mine: Handset, tmp_path: Path
) -> None:
    one = the_round(mine, tmp_path)
    assert one.fault is None
    assert one.remembered == one.found == {"score": "1"}
    assert one.state.value == "kept"
    assert one.screen == ["Score: 1", "Play", "Ann B"]
    [note] = one.notes
    assert "nothing on the screen has id 'plya'; there are: 'Score: 1' (id score)" in note


@pytest.mark.parametrize(
    ("mood", "words"),
    [
        ("refuses", "no root in window"),
        ("noise", "the screen could not be read: uiautomator2: "),
        ("empty", "the screen could not be read: "),
        ("registered", "already registered"),
        ("silent", "uiautomator2 did not answer within 45 s"),
    ],
)
def test_a_server_that_cannot_tell_fails_the_step_in_its_words(
    mine: Handset, tmp_path: Path, mood: str, words: str
) -> None:
    one = the_round(mine, tmp_path, mood)
    assert one.fault is not None
    assert one.fault.startswith("step 2 tap: ")
    assert words in one.fault


def test_a_killed_host_leaves_neither_its_file_nor_its_server(
    mine: Handset, tmp_path: Path
) -> None:
    path = tmp_path / "scenario.yaml"
    path.write_text(SCENARIO.replace("  - home", "  - shell: sleep 60\n  - home"))
    words = ("--rounds", "1", "--no-control", "-o", str(tmp_path / "out"))
    host = subprocess.Popen(command(mine, "run", str(path), *words), stderr=subprocess.DEVNULL)
    until(lambda: mine.shell("pgrep -f uia2[.]Main").returncode == 0, 60)
    host.send_signal(signal.SIGKILL)
    host.wait()
    until(lambda: mine.shell(f"ls {JAR}; pgrep -f uia2[.]Main").stdout == b"", 60)


def test_the_users_own_file_stays(mine: Handset, tmp_path: Path) -> None:
    mine.text(f"echo mine > {JAR}; touch {JAR}")
    try:
        play(mine, tmp_path)
        assert mine.shell(f"ls {JAR}").returncode == 0
    finally:
        mine.text(f"rm {JAR}")
