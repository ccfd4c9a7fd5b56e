"""The command line as a script sees it: exit codes, one clear line, quick to start."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from zygote import run_warm

_HEAVY = ("adbutils", "pydantic", "jinja2", "yaml")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """droidreclaim with *arguments*, at an adb server's port where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    surroundings = {"ADB_SERVER_SOCKET": f"tcp:127.0.0.2:{port}", "ANDROID_SERIAL": ""}
    return run_warm(arguments, os.environ | surroundings | environment)


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--help"], 0), (["--version"], 0), (["-H", "127.0.0.2", "-s", "R58M12", "ps"], 3)],
)
def test_a_command_is_quick_because_nothing_heavy_is_imported(words: list[str], code: int) -> None:
    program = f"""
import sys
sys.argv = ["droidreclaim", *{words!r}]
from droidreclaim.cli.main import main
try:
    main()
except SystemExit as done:
    print("EXIT", done.code, [name for name in {_HEAVY!r} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert f"EXIT {code} []" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["ps", "--band", "nonsense"],
        ["reclaim"],
        ["reclaim", "com.a;reboot"],
        ["reclaim", "--adj", "1..x"],
        ["reclaim", "com.a.b", "--budget", "much"],
        ["reclaim", "com.a.b", "--budget", "0"],
        ["reclaim", "com.a.b", "--budget", "99999999999999TiB"],
        ["reclaim", "com.a.b", "--what", "everything"],
        ["ps", "pid:12"],
        ["ps", "-s", "a", "-d"],
        ["frobnicate"],
        ["phone", "start", "--ram", "lots"],
        ["guard", "start", "--for", "soon"],
        ["guard", "start", "--for", "200h"],
        ["guard", "start", "--for", ""],
        ["kills", "--since", ""],
        ["swap", "on", "--size", ""],
        ["reclaim", "--adj", ""],
        ["reclaim", "com.a.b", "--budget", ""],
        ["reclaim", "com.a.b", "--max-rate", ""],
        ["reclaim", "com.a.b", "--only", ""],
        ["reclaim", "com.a.b", "--range", ""],
        ["reclaim", "com.a.b", "--refault", ""],
        ["reclaim", "com.a.b", "--budget", "\u0661\u0662MiB"],
        ["reclaim", "com.a.b", "--how", "trim", "--budget", "1MiB"],
        ["reclaim", "com.a.b", "--backend", "am_compact", "--max-rate", "1MiB"],
        ["reclaim", "com.a.b", "--backend", "memcg", "--only", "code"],
        ["guard", "start", "--profile", "nowhere"],
        ["top", "--every", "5m"],
        ["top", "--every", "often"],
        ["top", "--sort", "luck"],
    ],
)
def test_bad_input_is_usage_and_never_a_traceback(words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


@pytest.mark.parametrize(
    "words", [["ps"], ["reclaim", "com.a.b"], ["devices"], ["guard", "status"]]
)
def test_without_an_adb_server_the_exit_code_is_3_and_one_line_says_why(words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 3, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "127.0.0.2" in done.stderr


def test_bare_droidreclaim_says_what_is_missing_and_what_to_type_and_exits_0() -> None:
    done = run()
    assert done.returncode == 0, done.stderr
    assert "127.0.0.2" in done.stdout
    assert "droidreclaim phone start" in done.stdout


def test_a_profile_with_faults_is_6_with_a_line_for_each_and_needs_no_device(
    tmp_path: Path,
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 1\nname: off\nwhen: {available: lots}\n")
    done = run("profile", "check", str(bad), "--json")
    assert done.returncode == 6
    assert [fault["line"] for fault in json.loads(done.stdout)["faults"]] == [2, 3]
    assert [line.split(": ")[0] for line in done.stderr.splitlines()] == [
        "droidreclaim", f"{bad}:2:7", f"{bad}:3:19",
    ]  # fmt: skip
    assert run("profile", "check", "gentle").returncode == 0
    assert run("profile", "check", "nowhere").returncode == 2
    assert json.loads(run("profile", "schema").stdout)["title"] == "ProfileForm"


def test_no_escape_sequence_goes_into_a_pipe_even_on_a_ci_that_forces_colour() -> None:
    done = run("ps", "--help", GITHUB_ACTIONS="true")
    assert "\x1b" not in done.stdout


def test_a_reader_that_is_gone_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run_into(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_is_one_line_and_no_traceback() -> None:
    done = run_into(os.open("/dev/full", os.O_WRONLY))
    assert done.returncode == 1
    assert done.stderr == "droidreclaim: cannot write the output: No space left on device\n"


def run_into(stdout: int) -> subprocess.CompletedProcess[str]:
    """Bare droidreclaim with *stdout*, which is closed afterwards."""
    try:
        return subprocess.run(
            [sys.executable, "-m", "droidreclaim", "-H", "127.0.0.2"],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(stdout)


def test_what_another_process_prints_is_not_drawn_for_this_terminal() -> None:
    """With several devices each line is printed after a serial, so no cursor movement is used."""
    code = """
from droidreclaim.cli import output
print(output.on_terminal())
output.elsewhere.sink = object()
print(output.on_terminal())
"""
    ours, terminal = os.openpty()
    subprocess.run([sys.executable, "-c", code], stdout=terminal, check=True)
    os.close(terminal)
    assert os.read(ours, 100).split() == [b"True", b"False"]
    os.close(ours)
