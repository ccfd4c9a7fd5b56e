"""The view on a terminal of its own: it leaves that as it was, whatever ends it."""

from __future__ import annotations

import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PATIENCE_S = 40.0
# What a command of the user's would be: the bench's phone in place of the one that -s names.
PROGRAM = """
import sys
sys.path[:0] = [{tests!r}, {tests!r} + "/device"]
from pathlib import Path
from bench_phone import bench_phone
from droidreclaim.cli import failure, main, top
from droidreclaim.top.live import Live

class Crashing(Live):
    @property
    def picture(self):
        picture = super().picture
        if {crash} and picture.frame and len(picture.frame.head.past) > 2:
            raise RuntimeError("a defect")
        return picture

main._end_by_signals()
code = 0
try:
    with bench_phone(Path({home!r})) as bench:
        bench.start("com.bench.terminal", adj=940)
        with Crashing(bench.phone(), bench.phone, every_s=0.3) as live:
            top._with_keys(live, "adj", "com.bench.t")
except (Exception, KeyboardInterrupt) as error:
    code = failure.tell(error, [])
raise SystemExit(code)
"""


# A shell with jobs on a terminal of its own: says what became of the job, fg takes it again.
SHELL = """
exec <"$0" >"$0" 2>&1
set -m
"$@"
echo "put aside $?"
read _
fg
exit $?
"""


class Terminal:
    """A program on a pseudo-terminal."""

    def __init__(
        self, program: str, columns: int, *, shell: bool = False, **environment: str
    ) -> None:
        """
        Args:
            shell: Run it as a job of a shell, which `SHELL` is, so that Ctrl-Z can put it aside.
        """
        self.ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
        self.before = termios.tcgetattr(theirs)
        kept = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        words = [sys.executable, "-c", program]
        if shell:
            words = ["sh", "-c", SHELL, os.ttyname(theirs), *words]
        self.process = subprocess.Popen(
            words, stdin=theirs, stdout=theirs, stderr=theirs,
            env=kept | {"TERM": "xterm-256color", "COLORTERM": "truecolor"} | environment,
            start_new_session=True,
        )  # fmt: skip
        self._theirs = theirs
        self.shown = b""

    def until(self, words: bytes, after: int = 0) -> None:
        ends_s = time.monotonic() + PATIENCE_S
        while words not in self.shown[after:]:
            assert time.monotonic() < ends_s, self.shown[-2000:]
            assert self.process.poll() is None, self.shown[-2000:]
            self._take(0.2)

    def _take(self, timeout_s: float) -> bool:
        ready, _, _ = select.select([self.ours], [], [], timeout_s)
        if ready:
            self.shown += os.read(self.ours, 65536)
        return bool(ready)

    def end(self) -> int:
        """Its exit code, once all that it wrote is here."""
        ends_s = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < ends_s, "it did not end"
            self._take(0.2)
        while self._take(0.1):
            pass
        return self.process.wait()

    def settings_now(self) -> list[object]:
        return termios.tcgetattr(self._theirs)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self._theirs)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    if os.geteuid() != 0:
        pytest.skip("needs root to be another app's uid")
    return tmp_path


@pytest.fixture
def opened() -> Iterator[list[Terminal]]:
    terminals: list[Terminal] = []
    yield terminals
    for one in terminals:
        one.close()


def program(home: Path, *, crash: bool = False) -> str:
    return PROGRAM.format(tests=str(TESTS), home=str(home), crash=crash)


def is_as_it_was(terminal: Terminal) -> None:
    """The other screen is left, the cursor is seen, lines are lines again."""
    for off in (b"\x1b[?1049l", b"\x1b[?25h"):
        assert off in terminal.shown[terminal.shown.rindex(b"\x1b[?1049h") :], off
    assert terminal.settings_now() == terminal.before


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)],
)
def test_a_signal_leaves_the_terminal_as_it_was(
    home: Path, opened: list[Terminal], number: signal.Signals, code: int
) -> None:
    opened.append(terminal := Terminal(program(home), 100))
    terminal.until(b"com.bench.t")
    terminal.process.send_signal(number)
    assert terminal.end() == code
    is_as_it_was(terminal)
    assert b"Traceback" not in terminal.shown


def test_a_defect_leaves_the_terminal_as_it_was_and_is_one_line(
    home: Path, opened: list[Terminal]
) -> None:
    opened.append(terminal := Terminal(program(home, crash=True), 100))
    assert terminal.end() == 1
    is_as_it_was(terminal)
    after = terminal.shown[terminal.shown.rindex(b"\x1b[?1049l") :]
    assert b"RuntimeError: a defect" in after
    assert b"a defect of droidreclaim" in after
    assert b"Traceback" not in terminal.shown


def test_q_ends_it_well_and_sixteen_colours_and_none_are_all_that_is_written(
    home: Path, opened: list[Terminal]
) -> None:
    for environment in ({"COLORTERM": "", "TERM": "xterm"}, {"NO_COLOR": "1"}):
        place = home / environment.get("TERM", "plain")
        place.mkdir()
        opened.append(terminal := Terminal(program(place), 80, **environment))
        terminal.until(b"com.bench.t")
        os.write(terminal.ours, b"q")
        assert terminal.end() == 0
        is_as_it_was(terminal)
        assert b"38;2;" not in terminal.shown
        assert b"48;5;" not in terminal.shown


def test_ctrl_z_gives_the_terminal_back_and_fg_takes_it_again(
    home: Path, opened: list[Terminal]
) -> None:
    opened.append(terminal := Terminal(program(home), 80, shell=True))
    terminal.until(b"com.bench.t")
    os.write(terminal.ours, b"\x1a")
    terminal.until(b"put aside")
    is_as_it_was(terminal)
    aside = len(terminal.shown)
    os.write(terminal.ours, b"\n")
    terminal.until(b"\x1b[?1049h", after=aside)
    terminal.until(b"com.bench.t", after=aside)
    assert terminal.settings_now() != terminal.before
    os.write(terminal.ours, b"q")
    assert terminal.end() == 0
    is_as_it_was(terminal)


def test_without_textual_it_is_said_what_to_install_before_a_device_is_asked(
    opened: list[Terminal],
) -> None:
    words = 'import sys; sys.modules["textual"] = None; sys.argv = ["droidreclaim", "top"]\n'
    words += "from droidreclaim.cli.main import main; main()"
    opened.append(terminal := Terminal(words, 80, ADB_SERVER_SOCKET="tcp:127.0.0.2:1"))
    assert terminal.end() == 2
    said = b" ".join(terminal.shown.split())  # broken between words
    assert b"pip install 'droidreclaim[tui]'" in said
    assert b"top --plain" in said


def test_what_is_no_terminal_gets_pictures_and_a_lost_device_exit_3() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "droidreclaim", "top"], capture_output=True, text=True, timeout=60,
        env=os.environ | {"ADB_SERVER_SOCKET": "tcp:127.0.0.2:1"}, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


STREAM = """
import sys, threading
sys.path[:0] = [{tests!r}, {tests!r} + "/device"]
from pathlib import Path
from bench_phone import bench_phone
from droidreclaim.cli import main, top
from droidreclaim.top.live import Live

main._end_by_signals()
with bench_phone(Path({home!r})) as bench:
    bench.start("com.bench.terminal", adj=940)
    with Live(bench.phone(), bench.phone, every_s=0.2) as live:
        def unplug():
            sys.stdin.readline()
            bench.lose()
            sys.stdin.readline()
            bench.lost = False
        threading.Thread(target=unplug, daemon=True).start()
        top._stream(live, "R58M12", "adj", "com.bench.t") if {json} else top._draw(
            live, "R58M12", "adj", "com.bench.t")
"""


@pytest.mark.parametrize("as_json", [True, False])
def test_a_stream_says_that_the_device_is_lost_and_goes_on_when_it_is_back(
    home: Path, as_json: bool
) -> None:
    words = STREAM.format(tests=str(TESTS), home=str(home), json=as_json)
    with subprocess.Popen(
        [sys.executable, "-c", words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdin
        assert running.stdout

        def until(*wanted: str) -> str:
            assert running.stdout
            return next(line for line in running.stdout if all(one in line for one in wanted))

        row = '"com.bench.terminal"' if as_json else "com.bench.terminal"
        until(row)
        running.stdin.write("\n")
        running.stdin.flush()
        until('"lost"', "R58M12") if as_json else until("lost, waiting")
        running.stdin.write("\n")
        running.stdin.flush()
        line = until(row)
        assert "\x1b" not in line
        running.kill()
