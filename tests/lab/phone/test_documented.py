"""Every command and program that README and the docs show, run on a pocket phone as written."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import documented
from handset import Handset, until

pytestmark = [pytest.mark.phone, pytest.mark.nightly, pytest.mark.timeout(300)]

_SOME_OUTPUT_S = 20  # of a command that goes on until Ctrl-C
_ANSI_ESCAPE = "\x1b"


@pytest.fixture(scope="module")
def mine(boot_for_module: Callable[..., Handset]) -> Handset:
    return boot_for_module()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a copy of a clone, into which commands may write."""
    made = tmp_path_factory.mktemp("reader")
    (made / "scenarios").symlink_to(documented.ROOT / "scenarios")
    (made / "system.pftrace").write_bytes(b"")
    return made


@pytest.fixture
def environment(mine: Handset, folder: Path) -> dict[str, str]:
    """Return a reader's shell; all apps are in the background and not paged out."""
    mine.shell("am start -W -n com.example.game/.Main")
    mine.shell("input keyevent HOME")
    mine.shell("pocket verify all")
    return documented.shell(folder) | {"ANDROID_SERIAL": mine.serial}


@pytest.mark.parametrize(
    ("page", "commands"),
    [*documented.on_the_phone()],
    ids=lambda one: one if isinstance(one, str) else one[0],
)
def test_the_commands_of_a_block_run_one_after_the_other(
    folder: Path, environment: dict[str, str], page: str, commands: list[str]
) -> None:
    for command in commands:
        done = play(documented.shortened(command), folder, environment, endless=command)
        expected = next(
            (codes for part, codes in documented.CODES.items() if part in command), (0,)
        )
        said = f"{page}: {command}\n{done.stdout}\n{done.stderr}"
        assert done.returncode in expected, said
        assert "Traceback" not in done.stderr, said
        assert _ANSI_ESCAPE not in done.stdout, said
        into_a_file = ">" in command or "--perfetto" in command
        assert done.stdout or done.stderr or into_a_file, said


def play(
    command: str, folder: Path, environment: dict[str, str], endless: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; interrupt an endless one after it had time to print."""
    if not documented.is_endless(endless):
        return documented.run(command, folder, environment, timeout_s=240)
    with subprocess.Popen(
        command.split(), cwd=folder, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        executable=str(folder / "bin" / command.split(maxsplit=1)[0]),
    ) as running:  # fmt: skip
        time.sleep(_SOME_OUTPUT_S)
        assert running.poll() is None, "it ended by itself"
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    return subprocess.CompletedProcess(command, running.returncode, out, err)


@pytest.mark.parametrize(("page", "program"), [*documented.programs()], ids=lambda one: one[:15])
def test_a_program_runs_as_it_is_shown(
    folder: Path, environment: dict[str, str], mine: Handset, page: str, program: str
) -> None:
    until(lambda: "com.example.game" in mine.text("ps -A -o NAME"))
    file = folder / "test_program.py"
    file.write_text(documented.shortened(program), "utf-8")
    is_test = "def test_" in program
    plugins = ["-p", "droidreclaim.pytest_plugin", "-p", "no:cacheprovider"]
    words = ["-m", "pytest", "-q", *plugins, "--droid-required"] if is_test else []
    done = subprocess.run(
        [sys.executable, *words, str(file)], cwd=folder,
        env=environment | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{page}\n{done.stdout}\n{done.stderr}"
