"""Tab, as shells ask for it: what fits, at once, without an import that is not needed."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adb_server import AdbServer, Peer
from droidreclaim.cli import complete
from droidreclaim.cli.complete import cache, serials, shells, table
from droidreclaim.cli.complete.words import Table, read_line
from droidreclaim.device.server import find_server
from droidreclaim.model import Band

READY = "READY> "
START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
SETUP = {
    "bash": "PS1='READY'; PS1+='> '; source {script}\n",
    "zsh": "autoload -Uz compinit; compinit -u -D; source {script}; PS1='READY'; PS1+='> '\n",
    "fish": "source {script}; function fish_prompt; printf 'READY'; printf '> '; end\n",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, with packages of one device; no adb server."""
    monkeypatch.setenv("DROIDRECLAIM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("ADB_SERVER_SOCKET", "tcp:127.0.0.1:1")
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    cache.keep_packages("R58M12", ["com.example.game", "com.example.mail"])
    return tmp_path


@pytest.fixture(scope="module")
def commands() -> Table:
    return table.table()


def fitting(*words: str, **environment: str) -> list[str]:
    """Return the completions of *words*, without their descriptions."""
    return [one.partition("\t")[0] for one in complete.answer(words, environment)]


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        (["kil"], ["kills"]),
        (["guard", "sto"], ["stop"]),
        (["ps", "--band", "per"], ["persistent", "perceptible"]),
        (["ps", "--band=ca"], ["--band=cached"]),
        (["reclaim", "--how", ""], ["trim", "cold", "pageout", "prefetch"]),
        (["reclaim", "com.example.g"], ["com.example.game"]),
        (["reclaim", "com.example.game", "com.ex"], ["com.example.mail"]),
        (["-s", "R58M12", "ps", "com."], ["com.example.game", "com.example.mail"]),
        (["-s", "OTHER", "ps", "com."], []),
        (["guard", "start", "--profile", "gen"], ["gentle", ":files"]),
        (["kills", "--from", "x"], [":files"]),
        (["reclaim", "--budget", ""], []),
        (["ps", "--", "--ba"], []),
        (["frobnicate", ""], complete.answer([""], {})),
        ([], complete.answer([""], {})),
    ],
)  # fmt: skip
def test_a_word_goes_on_as_its_place_allows(here: Path, words: list[str], fits: list[str]) -> None:
    assert fitting(*words) == [one.partition("\t")[0] for one in fits]


def test_every_option_of_every_command_is_offered_and_none_that_help_hides(
    commands: Table,
) -> None:
    assert set(commands[""]["commands"]) >= {"ps", "reclaim", "guard", "phone"}
    assert set(Band) == {word for word, _ in read_line(commands, ["ps", "--band", ""]).words}
    for path, command in commands.items():
        offered = {word for word, _ in read_line(commands, [*path.split(), "-"]).words}
        assert offered == set(command["options"])
        assert set(command["takes"]) <= offered


def test_packages_are_those_that_ps_saw_and_hostile_ones_are_left_out(here: Path) -> None:
    cache.keep_packages("OTHER", ["com.b", "com.a;reboot", "com.$(id)", "", "com.\x1b[2J"])
    assert fitting("-s", "OTHER", "ps", "com") == ["com.b"]
    assert "com.b" in fitting("reclaim", "com")  # of every device where none is chosen
    for number in range(40):
        cache.keep_packages(f"S{number}", ["com.c"])
    assert fitting("-s", "OTHER", "ps", "com") == []
    assert fitting("-s", "S39", "ps", "com") == ["com.c"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"R58M12": 1}', '{"R58M12": [1, null, "a b"]}', "[" * 100_000]
)
def test_a_cache_that_holds_nonsense_is_as_good_as_none(here: Path, text: str) -> None:
    (here / "cache" / "packages.json").write_text(text)
    assert fitting("reclaim", "") == []
    (here / "cache" / "completion.json").write_text(text)
    assert fitting("kil") == ["kills"]


def test_a_table_of_another_command_line_is_made_anew(here: Path) -> None:
    cache.keep_table({"": {"commands": {"old": ""}}})
    assert fitting("o") == ["old"]
    path = here / "cache" / "completion.json"
    path.write_text(path.read_text().replace(cache.key(), "another"))
    assert fitting("o") == []
    assert cache.table() is not None


def test_a_cache_that_cannot_be_written_costs_time_alone(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "a-file").touch()
    monkeypatch.setenv("DROIDRECLAIM_CACHE_DIR", str(here / "a-file"))
    cache.keep_packages("S", ["com.c"])
    assert fitting("kil") == ["kills"]


def test_serials_come_from_the_server_that_the_line_or_the_environment_names(
    here: Path,
) -> None:
    with AdbServer() as adb:
        rows = "R58M12\tdevice\nemulator-5554\toffline\n10.0.0.2:5555\tdevice\na b;c\tdevice\nx\n"
        adb.handlers["host:devices"] = lambda peer, _: peer.block(rows)
        address = f"tcp:127.0.0.1:{adb.port}"
        assert fitting("-s", "", ADB_SERVER_SOCKET=address) == [
            "R58M12", "emulator-5554", "10.0.0.2:5555",
        ]  # fmt: skip
        assert fitting("-P", str(adb.port), "ps", "-s", "R") == ["R58M12"]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"ANDROID_ADB_SERVER_PORT": "5114"},
        {"ANDROID_ADB_SERVER_ADDRESS": "10.0.0.9"},
        {"ADB_SERVER_SOCKET": "tcp:5099"},
        {"ADB_SERVER_SOCKET": "tcp:10.0.0.9:5099", "ANDROID_ADB_SERVER_PORT": "1"},
        {"ADB_SERVER_SOCKET": "tcp:[::1]:5099"},
    ],
)
@pytest.mark.parametrize(("host", "port"), [(None, None), ("h", None), (None, 99), ("h", 99)])
def test_the_server_is_the_one_that_commands_use(
    environment: dict[str, str], host: str | None, port: int | None
) -> None:
    server = find_server(host, port, environment)
    asked = serials.address(host, None if port is None else str(port), environment)
    assert asked == (server.host, str(server.port))


@pytest.mark.parametrize("host", ["", "nowhere.invalid", "::zz", "\udc80", "a" * 300])
@pytest.mark.parametrize("port", ["", "no", "99999999999999999999", "-1", "1"])
def test_a_server_that_cannot_be_asked_offers_nothing(here: Path, host: str, port: str) -> None:
    begun = time.monotonic()
    assert fitting("-H", host, "-P", port, "-s", "") == []
    assert time.monotonic() - begun < 4.0  # no resolver is waited for: they give up after 5 s


def test_a_server_that_is_silent_or_trickles_ends_after_80_ms(here: Path) -> None:
    def trickle(peer: Peer, _: str) -> None:
        peer.okay()
        for _ in range(1000):
            peer.send(b"0")
            time.sleep(0.02)

    with AdbServer() as adb:
        for handler in (trickle, lambda peer, _: time.sleep(20)):
            adb.handlers["host:devices"] = handler
            begun = time.monotonic()
            assert fitting("-P", str(adb.port), "-s", "") == []
            assert time.monotonic() - begun < 10  # a busy machine; without a limit it is 20


def test_no_adb_is_started(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adb = here / "bin" / "adb"
    adb.parent.mkdir()
    adb.write_text(f"#!/bin/sh\ntouch {here}/started\n")
    adb.chmod(0o755)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    environment = {"PATH": f"{adb.parent}:{os.environ['PATH']}"}
    assert run("-P", str(port), "-s", "", **environment).stdout == ""
    assert not (here / "started").exists()


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process as a shell starts it."""
    return subprocess.run(
        [sys.executable, "-m", "droidreclaim", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {complete.VARIABLE: "bash"} | environment,
    )


def test_a_key_press_imports_nothing_of_the_command_line(here: Path) -> None:
    assert run("ps", "--band", "ca").stdout == "cached\n"  # and the table is there now
    code = """
import sys
sys.argv = ["droidreclaim", "reclaim", "com.example."]
from droidreclaim.cli.main import main
try:
    main()
except SystemExit:
    print("LOADED", *sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {complete.VARIABLE: "bash"},
    )
    assert done.stdout.startswith("com.example.game\ncom.example.mail\nLOADED")
    loaded = set(done.stdout.split())
    heavy = {"typer", "rich", "pydantic", "adbutils", "socket", "dataclasses", "subprocess"}
    assert loaded & heavy == set()


def test_a_key_press_takes_less_than_60_ms_of_processor_time(here: Path) -> None:
    run("")

    def best(command: list[str], **environment: str) -> float:
        def cpu() -> float:
            used = os.times()
            return used.children_user + used.children_system

        begun = cpu()
        for _ in range(10):
            subprocess.run(
                command, check=False, stdout=subprocess.DEVNULL, env=os.environ | environment
            )
        return (cpu() - begun) / 10

    ours = {complete.VARIABLE: "bash"}
    python = best([sys.executable, "-c", "pass"])
    for words in (["ps", ""], ["reclaim", "com."], ["-s", ""]):
        took = best([sys.executable, "-m", "droidreclaim", *words], **ours)
        assert took < max(0.06, 5 * python), (words, took, python)


def test_what_goes_wrong_prints_nothing(here: Path) -> None:
    done = run("ps", "--band", "c", DROIDRECLAIM_CACHE_DIR="/dev/null/x")
    assert (done.stdout, done.stderr) == ("cached\n", "")


def test_the_powershell_script_says_that_it_was_never_run() -> None:
    assert "never run" in shells.script("powershell")


# The shells themselves


class Terminal:
    """A shell under a pseudo-terminal."""

    def __init__(self, name: str, folder: Path) -> None:
        self._folder = folder
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 40, 200, 0, 0))
        path = f"{folder}/bin:{os.environ['PATH']}"
        self._process = subprocess.Popen(
            START[name],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 (no thread yet)
            cwd=folder,
            env=os.environ | {"PATH": path, "TERM": "dumb", "HOME": str(folder), "LANG": "C.UTF-8"},
        )
        os.close(theirs)
        self._terminal = ours
        self._said = ""
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        while True:
            try:
                select.select([self._terminal], [], [])
                came = os.read(self._terminal, 65536)
            except OSError:
                return
            self._said += came.decode("utf-8", "replace")

    def send(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def wait_for(self, text: str) -> None:
        end = time.monotonic() + 20
        while text not in self._said:
            assert time.monotonic() < end, self._said
            time.sleep(0.02)

    def complete(self, line: str, shows: str = "") -> list[str]:
        """
        Type *line*, Tab and Enter; the words that the program got.

        Args:
            shows: How the line ends once it is completed; without, a second has to do.
        """
        words = self._folder / "words"
        words.unlink(missing_ok=True)
        begun = len(self._said)
        self.send(f"{line}\t")
        end = time.monotonic() + 1.0  # fish takes keys that come at once for a paste
        while not (shows and shows in self._plain(begun)) and time.monotonic() < end:
            time.sleep(0.02)
        self.send("\r")
        end = time.monotonic() + 20
        while not words.exists():
            assert time.monotonic() < end, self._said
            time.sleep(0.02)
        return words.read_text().splitlines()

    def _plain(self, begun: int) -> str:
        """What was said from *begun* on, as it stands on the screen."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self._said[begun:])

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)


@pytest.fixture(params=START)
def shell(request: pytest.FixtureRequest, here: Path) -> Iterator[Terminal]:
    """Start a shell with our completion script; its ``droidreclaim`` records its arguments."""
    name = request.param
    if not shutil.which(name):
        pytest.skip(f"no {name}")
    run("")
    script = here / f"script.{name}"
    script.write_text(shells.script(name))
    program = here / "bin" / "droidreclaim"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\n[ -n "${complete.VARIABLE}" ] && exec {sys.executable} -m droidreclaim "$@"\n'
        f'for word in "$@"; do echo "$word"; done >{here}/words.new\n'
        f"mv {here}/words.new {here}/words\n"
    )
    program.chmod(0o755)
    (here / "capture.txt").touch()
    terminal = Terminal(name, here)
    try:
        terminal.send(SETUP[name].format(script=script))
        terminal.wait_for(READY)
        yield terminal
    finally:
        terminal.close()


def test_a_shell_completes_words_packages_and_files(shell: Terminal) -> None:
    for typed, done in (
        ("ps --band cach", ["ps", "--band", "cached"]),
        ("ps --band=cach", ["ps", "--band=cached"]),
        ("reclaim com.example.g", ["reclaim", "com.example.game"]),
        ("kills --from capt", ["kills", "--from", "capture.txt"]),
        ("guard start --profile gent", ["guard", "start", "--profile", "gentle"]),
        ("hea", ["headroom"]),
    ):
        assert shell.complete(f"droidreclaim {typed}", shows=done[-1]) == done
    assert shell.complete("droidreclaim reclaim capt") == ["reclaim", "capt"]  # no file there
