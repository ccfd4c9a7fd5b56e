"""What a user sees of each device command: narrow terminal, unwritable home, closed stdout."""

from __future__ import annotations

import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path

import pytest
from rich.cells import cell_len

from commands import COMMAND_TIMEOUT_S, command, run
from handset import Handset, until

pytestmark = pytest.mark.phone

_COLUMNS = 60
_STYLE = re.compile("\x1b\\[[0-9;]*m")
# In this order: a guard is started before it is asked, what was paged out comes first.
COMMANDS = (
    "devices", "ps", "ps --states", "ps --all", "ps com.example.game", "doctor", "headroom",
    "headroom com.example.game", "kills", "top --once", "reclaim --band cached --dry-run",
    "reclaim com.example.mail", "reclaim com.android.launcher3", "reclaim com.example.nope",
    "swap on", "swap off", "profile explain keep-games", "guard start --for 2m", "guard status",
    "guard log", "guard stop", "uninstall",
)  # fmt: skip
# Each writes in a way of its own; the others do the same without a device, in test_cli_kinds.py.
_WRITING = ("devices", "ps", "doctor", "headroom")
_REFUSED = {
    "reclaim com.android.launcher3": 7, "reclaim com.example.nope": 7, "swap on": 4, "swap off": 4,
}  # fmt: skip


@pytest.fixture(scope="module")
def mine(boot_for_module: Callable[..., Handset]) -> Handset:
    started = boot_for_module()
    until(lambda: run(started, "ps", "com.example.game").returncode == 0, timeout_s=60)
    return started


def on_terminal(mine: Handset, words: str, home: str) -> tuple[int, str, str]:
    """Return the exit code, what a terminal of 60 columns received from stdout, and stderr."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, _COLUMNS, 0, 0))
    unset = ("COLUMNS", "LINES", "NO_COLOR")
    kept = {key: value for key, value in os.environ.items() if key not in unset}
    with subprocess.Popen(
        command(mine, *words.split()), stdin=subprocess.DEVNULL, stdout=theirs,
        stderr=subprocess.PIPE, env=kept | {"HOME": home, "TERM": "xterm-256color"},
    ) as running:  # fmt: skip
        os.close(theirs)
        shown = b""
        while True:
            try:
                came = os.read(ours, 65536)
            except OSError:  # EIO: nobody has the other end any more
                break
            if not came:
                break
            shown += came
        _, said = running.communicate(timeout=COMMAND_TIMEOUT_S)
    os.close(ours)
    return running.returncode, shown.decode().replace("\r\n", "\n"), said.decode()


@pytest.mark.parametrize("words", COMMANDS)
def test_sixty_columns_and_a_home_of_nobody(mine: Handset, words: str) -> None:
    code, shown, said = on_terminal(mine, words, "/proc/nowhere")
    assert code == _REFUSED.get(words, 0), said
    plain = _STYLE.sub("", shown)
    assert "\x1b" not in plain
    for line in plain.splitlines():
        assert cell_len(line) <= _COLUMNS or " " not in line.strip(), line
    for line in said.splitlines():
        assert line.startswith(("droidreclaim: ", "no kills", "lmkd itself")), line


@pytest.mark.parametrize("stdout", ["closed", "full"])
def test_nowhere_to_write_is_one_line_and_never_a_traceback(mine: Handset, stdout: str) -> None:
    for words in _WRITING:
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                command(mine, *words.split()),
                stdout=full,
                stderr=subprocess.PIPE,
                preexec_fn=(lambda: os.close(1)) if stdout == "closed" else None,
                timeout=COMMAND_TIMEOUT_S,
                check=False,
            )
        said = done.stderr.decode()
        assert done.returncode in (1, _REFUSED.get(words)), (words, said)
        assert "Traceback" not in said, (words, said)
        assert "cannot write the output" in said or done.returncode != 1, (words, said)
