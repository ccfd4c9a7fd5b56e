"""Claims about every command; commands are listed by the app, so a new one is covered."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from fcntl import ioctl
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.core
from zygote import STDOUTS, Zygote

from droidreclaim.cli.app import command_line
from droidreclaim.cli.app import run as run_here
from droidreclaim.cli.failure import describe

_SCENARIO = Path(__file__).parents[1] / "scenarios" / "game.yaml"
_GIVEN = {
    "PROFILE": "keep-games",
    "TARGET": "com.a.b",
    "PACKAGE|pid:N": "com.a.b",
    "SCENARIO": str(_SCENARIO),
}
_EXIT_CODES = {0, 1, 2, 3, 4, 5, 6, 7, 130}


@cache
def root() -> Any:
    """The whole command line, built once: building it takes longer than most of what is asked."""
    return typer.main.get_command(command_line())


def commands(path: tuple[str, ...] = (), command: Any = None) -> Iterator[tuple[str, ...]]:
    """The words of every command, with the arguments it must have."""
    command = command or root()
    for name, one in getattr(command, "commands", {}).items():
        yield from commands((*path, name), one)
    if not getattr(command, "commands", None):
        arguments = [p for p in command.params if isinstance(p, typer.core.TyperArgument)]
        needed = [p for p in arguments if p.required or p.display_name_raw in _GIVEN]
        # What a scenario or a run must be, nobody knows here: a name that is not there.
        yield (*path, *(_GIVEN.get(p.display_name_raw, "nowhere") for p in needed))


def has_json(words: tuple[str, ...]) -> bool:
    command: Any = root()
    for word in words:
        command = getattr(command, "commands", {}).get(word, command)
    return any("--json" in p.opts for p in command.params)


EVERY = [(), *commands()]
WITH_JSON = [words for words in EVERY if words and has_json(words)]
every_one = pytest.mark.parametrize("words", EVERY, ids=lambda words: " ".join(words) or "bare")


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """An environment without adb, QEMU, phone image and adb server: no command can do much."""
    kept = {k: os.environ[k] for k in ("PYTHONPATH", "COVERAGE_PROCESS_START") if k in os.environ}
    return kept | {
        "PATH": str(tmp_path / "empty"),
        "HOME": str(tmp_path),
        "ADB_SERVER_SOCKET": "tcp:127.0.0.2:9",
    }


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """Runs command lines in forks: a process of its own for each took minutes to import."""
    warm = Zygote()
    yield warm
    warm.close()


def judged(words: tuple[str, ...], done: subprocess.CompletedProcess[bytes]) -> str:
    """Return stderr; fail on a traceback and on an exit code that is not documented."""
    said = done.stderr.decode("utf-8")
    for never in ("Traceback", "a defect of droidreclaim", "Exception ignored", "\x1b"):
        assert never not in said, (words, said)
    assert done.returncode in _EXIT_CODES, (words, said)
    return said


@dataclass(frozen=True)
class Runner:
    """Runs every command in one environment."""

    zygote: Zygote
    environment: dict[str, str]

    def each(
        self,
        stdout: str = "file",
        *,
        only: Sequence[tuple[str, ...]] = EVERY,
        add: str = "",
        cwd: Path | None = None,
        **more: str,
    ) -> Iterator[tuple[tuple[str, ...], Any, str]]:
        """Every command's words, how it ended, and what it said on stderr."""
        for words in only:
            done = self.zygote.run(
                (*words, *add.split()), self.environment | more, stdout=stdout, cwd=cwd
            )
            yield words, done, judged(words, done)


@pytest.fixture
def nowhere(zygote: Zygote, surroundings: dict[str, str]) -> Runner:
    return Runner(zygote, surroundings)


def own_process(
    words: tuple[str, ...], environment: dict[str, str], **more: Any
) -> subprocess.CompletedProcess[bytes]:
    """The command *words* as a process of its own."""
    streams = {"stdout": subprocess.PIPE, "stdin": subprocess.DEVNULL} | more
    return subprocess.run(
        [sys.executable, "-m", "droidreclaim", *words],
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
        env=environment,
        **streams,
    )


@pytest.mark.parametrize("words", [("ps",), ("profile", "schema")], ids=" ".join)
@pytest.mark.parametrize("stdout", STDOUTS)
def test_a_process_of_its_own_ends_as_a_fork_does(
    stdout: str, words: tuple[str, ...], nowhere: Runner
) -> None:
    with contextlib.ExitStack() as opened:
        more: dict[str, Any] = {}
        if stdout == "full":
            more = {"stdout": opened.enter_context(Path("/dev/full").open("wb"))}
        elif stdout == "gone":
            reading, writing = os.pipe()
            os.close(reading)
            opened.callback(os.close, writing)
            more = {"stdout": writing}
        elif stdout == "closed":
            more = {"stdout": None, "preexec_fn": lambda: os.close(1)}
        elif stdout == "none at all":
            more = {"stdin": None, "stdout": None, "preexec_fn": lambda: os.closerange(0, 3)}
        own = own_process(words, nowhere.environment, **more)
    fork = nowhere.zygote.run(words, nowhere.environment, stdout=stdout)
    assert (own.returncode, own.stderr) == (fork.returncode, fork.stderr)
    assert (own.stdout or b"") == fork.stdout


def leaf(words: tuple[str, ...]) -> Any:
    """The command itself."""
    command: Any = root()
    for word in words:
        command = getattr(command, "commands", {}).get(word, command)
    return command


def test_stdout_that_is_closed_is_an_error_in_one_line(nowhere: Runner) -> None:
    for words, done, said in nowhere.each("closed"):
        assert done.returncode != 0, words
        assert len(said.splitlines()) == 1, said
        assert "cannot write the output: Bad file descriptor" in said or done.returncode != 1


def test_stdout_that_is_full_is_an_error_in_one_line(nowhere: Runner) -> None:
    for words, done, said in nowhere.each("full"):
        assert done.returncode != 0, words
        assert len(said.splitlines()) == 1, said
        assert "cannot write the output: No space left on device" in said or done.returncode != 1


@pytest.mark.parametrize("add", ["", "--help"])
def test_a_reader_that_is_gone_is_no_error(add: str, nowhere: Runner) -> None:
    for words, done, said in nowhere.each("gone", add=add):
        assert "roken pipe" not in said, words
        assert done.returncode == 0 or not add, words


def test_without_any_stream_the_exit_code_still_speaks(nowhere: Runner) -> None:
    for _, _, said in nowhere.each("none at all"):
        assert said == ""


_POOR = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}


def test_a_stream_without_unicode_ends_no_command(nowhere: Runner) -> None:
    assert len(list(nowhere.each(**_POOR))) == len(EVERY)


@pytest.mark.parametrize("words", [(), ("ps",), ("doctor",)], ids=" ".join)
def test_a_locale_without_unicode_ends_no_command(
    words: tuple[str, ...], surroundings: dict[str, str]
) -> None:
    judged(words, own_process(words, surroundings | _POOR))


def test_a_working_directory_that_is_gone_ends_no_command(nowhere: Runner, tmp_path: Path) -> None:
    assert len(list(nowhere.each(cwd=tmp_path / "gone"))) == len(EVERY)


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null/home"])
def test_a_home_that_cannot_be_written_is_at_most_one_line(home: str, nowhere: Runner) -> None:
    for words, _, said in nowhere.each(HOME=home):
        assert len(said.splitlines()) <= 1, (words, said)


def test_an_android_serial_of_nonsense_is_at_most_a_device_that_is_not_there(
    nowhere: Runner,
) -> None:
    for words, done, said in nowhere.each(ANDROID_SERIAL="a\x1b[31m b;reboot"):
        assert done.returncode in (0, 3, 4) or "nowhere" in words, (words, said)


def test_with_json_an_error_is_a_document_on_stdout(nowhere: Runner) -> None:
    for words, done, said in nowhere.each(only=WITH_JSON, add="--json"):
        document = json.loads(done.stdout)
        if done.returncode == 0:
            assert "error" not in document, words
            continue
        error = document["error"]
        assert set(error) == {"message", "hint", "exit_code"}, words
        assert error["exit_code"] == done.returncode
        assert error["message"].splitlines()[0] in said


def test_with_json_words_that_make_no_sense_are_a_document_too(nowhere: Runner) -> None:
    for words, done, _ in nowhere.each(only=WITH_JSON, add="--json --frobnicate"):
        assert done.returncode == 2, words
        hint = json.loads(done.stdout)["error"]["hint"]
        assert hint == f"see '{name_of(words)} --help'"


@every_one
def test_a_number_that_no_machine_can_count_to_is_usage(words: tuple[str, ...]) -> None:
    for option in leaf(words).params:
        kind = option.type_descriptor.annotation
        nonsense = {float: ("inf", "nan", "1e300"), int: ("9" * 30, "9" * 5000)}.get(kind, ())
        for value in nonsense:
            with pytest.raises(typer.TyperException) as refused:
                leaf(words).make_context(name_of(words), [option.opts[-1], value])
            assert refused.value.exit_code == 2


@every_one
def test_help_fits_80_columns_and_speaks_no_python(words: tuple[str, ...]) -> None:
    with redirect_stdout(io.StringIO()) as out:
        assert run_here([*words, "--help"]) == 0
    assert max(map(len, out.getvalue().splitlines())) <= 80
    assert not re.search(r"list\[|\[\[|\.\.\.\]\.\.\.|<(?:str|int|float|bool)\b", out.getvalue())


def name_of(words: tuple[str, ...]) -> str:
    """Return the command's words as a user types them, without arguments."""
    given = ("nowhere", *_GIVEN.values())
    return " ".join(["droidreclaim", *(word for word in words if word not in given)])


def test_a_command_that_is_told_to_end_cleans_up_and_says_so(surroundings: dict[str, str]) -> None:
    code = (
        "import sys, time; from droidreclaim.cli import app, main\n"
        "def sleep(words):\n"
        "    try: print('begun', flush=True); time.sleep(30)\n"
        "    finally: print('cleaned', flush=True)\n"
        "app.run = sleep; main.main()"
    )
    for number, exit_code, said in (
        (signal.SIGTERM, 143, b"droidreclaim: ended by SIGTERM\n"),
        (signal.SIGHUP, 129, b"droidreclaim: ended by SIGHUP\n"),
        (signal.SIGINT, 130, b"droidreclaim: interrupted\n"),
    ):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env=surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(number)
        output, words = process.communicate(timeout=20)
        assert (process.returncode, output, words) == (exit_code, b"cleaned\n", said)


def test_a_ctrl_c_while_modules_are_imported_is_one_line(
    surroundings: dict[str, str], tmp_path: Path
) -> None:
    # A slow import of one module that the command line needs, in front of all others.
    (tmp_path / "typer.py").write_text(
        "print('importing', flush=True)\nimport time\ntime.sleep(30)\n"
    )
    path = os.pathsep.join([str(tmp_path), surroundings.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-m", "droidreclaim", "ps"],
        env=surroundings | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"importing\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=20)
    assert (process.returncode, words) == (130, b"droidreclaim: interrupted\n")


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        ("raise KeyError('x')", "KeyError: 'x'"),
        ("raise RecursionError", "RecursionError"),
        ("raise MemoryError", "MemoryError"),
        ("raise ValueError('two\\nlines \\x1b[2J')", "ValueError: two"),
        ("def f(): f()\n    f()", "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_what_nobody_expected_is_one_line_that_asks_for_a_report_and_v_adds_the_traceback(
    broken: str, kind: str, nowhere: Runner
) -> None:
    def run(option: str) -> subprocess.CompletedProcess[bytes]:
        return nowhere.zygote.run([option], nowhere.environment, body=broken)

    done = run("--json")
    words = done.stderr.decode()
    assert done.returncode == 1
    assert words.startswith(f"droidreclaim: {kind}")
    assert "please report it" in words
    assert len(words.splitlines()) == 1
    assert json.loads(done.stdout)["error"]["exit_code"] == 1
    talkative = run("-v")
    assert b"Traceback" in talkative.stderr
    assert b"\x1b" not in talkative.stderr


@pytest.mark.skipif(
    not (shutil.which("apt-get") and shutil.which("qemu-system-x86_64")), reason="needs QEMU here"
)
@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null/home"])
@pytest.mark.parametrize("words", ["demo --setup", "phone setup", "phone start"])
def test_a_phone_needs_a_home_and_says_in_one_line_where_else(
    words: str, home: str, nowhere: Runner
) -> None:
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "DROID"))
    }
    done = nowhere.zygote.run(words.split(), kept | {"HOME": home})
    said = done.stderr.decode()
    assert done.returncode == 4, said
    assert len(said.splitlines()) == 1
    assert "DROIDRECLAIM_CACHE_DIR" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("demo --apps 0", "invalid value for '--apps': 4 is the least"),
        ("-P 99999 ps", "invalid value for '-P': 65535 is the most"),
        ("ps --user x", "invalid value for '--user': a whole number is wanted"),
        ("--timeout x ps", "invalid value for '--timeout': a number is wanted"),
        ("ps --bnd cached", "no such option: --bnd (did you mean --band)"),
    ],
)
def test_a_wrong_value_is_said_in_words_for_people(words: str, said: str) -> None:
    with pytest.raises(typer.TyperException) as refused:
        run_here(words.split())

    assert describe(refused.value).message.startswith(said)


@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_a_list_of_commands_says_whole_sentences(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    for words in ([], ["guard"], ["phone"], ["profile"], ["swap"]):
        with redirect_stdout(io.StringIO()) as out:
            assert run_here([*words, "--help"]) == 0
        assert "..." not in out.getvalue().partition("Commands:")[2]


def test_an_error_on_a_terminal_breaks_between_words(surroundings: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    words = [sys.executable, "-m", "droidreclaim", "reclaim"]
    kept = {key: value for key, value in surroundings.items() if key not in ("COLUMNS", "LINES")}
    done = subprocess.run(words, stdout=theirs, stderr=theirs, env=kept, timeout=60, check=False)
    os.close(theirs)
    said = os.read(ours, 65536).decode().replace("\r\n", "\n")
    os.close(ours)

    assert done.returncode == 2
    whole = "droidreclaim: nothing to reclaim (name a package, pid:N, --band or --adj)"
    assert " ".join(said.split()) == whole
    assert max(map(len, said.splitlines())) <= 40
