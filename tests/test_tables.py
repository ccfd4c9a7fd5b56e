"""Tables and lines in terminals of every width."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from droidreclaim.report.table import fitted_line, folded, new_table, render, shortened

_TITLES = ("PROCESS", "PID>", "USER>", "ADJ>", "BAND", "RSS>", "ANON>", "SWAP>", "REASON")
_NAME = "com.example.very.long.package.name.of.a.maker:remote_service"
_ROW = (_NAME, "12345", "10", "-1000", "perceptible", "1023.9 MiB", "1023.9 MiB", "99.9 MiB")
_REASON = "below_floor: what is on the screen is not touched without --force"


@pytest.mark.parametrize("width", range(20, 200, 7))
def test_no_line_is_wider_than_the_terminal_and_no_number_is_cut(width: int) -> None:
    table = new_table(*_TITLES)
    table.add_row(*_ROW, _REASON)
    table.caption = "12 system processes not shown: --all"
    text = render(table, width=width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "12345" in text
    assert "-1000" in text
    assert "1023.9 MiB" in text


def test_a_name_gives_way_in_the_middle_and_is_whole_into_a_pipe() -> None:
    table = new_table(*_TITLES)
    table.add_row(*_ROW, "")
    narrow = render(table, width=80)
    assert _NAME not in narrow
    assert "com." in narrow
    assert "…" in narrow
    assert "service" in narrow
    assert _NAME in render(table)


def test_what_has_no_room_is_named_and_what_still_has_none_becomes_paragraphs() -> None:
    table = new_table(*_TITLES)
    table.add_row(*_ROW, _REASON)
    assert "no room for USER, ANON" in render(table, width=80)
    assert "USER 10" in render(table, width=30)


@given(
    st.lists(st.lists(st.text(max_size=40), min_size=3, max_size=3), max_size=6),
    st.integers(24, 120),
)
def test_whatever_stands_in_a_table_fits(rows: list[list[str]], width: int) -> None:
    from rich.text import Text  # noqa: PLC0415

    from droidreclaim.escape import safe  # noqa: PLC0415

    table = new_table("PROCESS", "PID>", "REASON")
    for row in rows:
        table.add_row(*(Text(safe(cell)) for cell in row))
    assert all(cell_len(line) <= width for line in render(table, width=width).split("\n"))


@given(st.text(max_size=60), st.integers(3, 80))
def test_a_shortened_name_keeps_its_ends(name: str, width: int) -> None:
    assert cell_len(shortened(name, width)) <= width
    assert cell_len(name) > width or shortened(name, width) == name


@given(st.lists(st.text("abc漢 ", max_size=30), max_size=8).map("  ".join), st.integers(1, 140))
def test_a_followed_line_never_wraps(line: str, width: int) -> None:
    assert cell_len(fitted_line(line, width)) <= width
    assert cell_len(line) > width or fitted_line(line, width) == line


def on_a_terminal(*words: str, columns: int, **environment: str) -> str:
    """What *words* print on a terminal of *columns* columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    kept = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        [sys.executable, "-m", "droidreclaim", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env=kept | environment,
    ):
        os.close(theirs)
        output = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # EIO: the other end is closed
                part = b""
            if not part:
                break
            output += part
    os.close(ours)
    return output.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("columns", [40, 60, 80, 0])
def test_on_a_real_terminal_a_table_fits(columns: int, tmp_path: Path) -> None:
    capture = tmp_path / "ps.txt"
    row = f"u0_a123      12345   321 15000000 234567 0                   0 S {_NAME}"
    capture.write_text(
        "USER           PID  PPID     VSZ    RSS WCHAN            ADDR S NAME\n" + row + "\n"
    )
    text = on_a_terminal("ps", "--all", "--from", str(capture), columns=columns, NO_COLOR="1")
    assert "12345" in text
    assert max(map(cell_len, text.splitlines())) <= (columns or 80)
    assert (
        _NAME
        in subprocess.run(
            [sys.executable, "-m", "droidreclaim", "ps", "--all", "--from", str(capture)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )


_WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=30
)


@example(["0" * 20 + "\U00020000"], 20)
@example(["0" * 9, "", "0" * 10, "", ""], 22)
@example(["0" * 9, "", *["0" * 10] * 5], 22)  # a label of half the width
@given(st.lists(_WORDS, max_size=12), st.integers(20, 120))
def test_a_sentence_is_broken_between_words_and_loses_none(words: list[str], width: int) -> None:
    line = " ".join(words)
    lines = folded(line, width).splitlines()
    assert " ".join(lines).split() == line.split()
    longest = max((cell_len(one) for one in line.split(" ")), default=0)
    assert all(cell_len(one) <= max(width, longest + width // 2 + 1) for one in lines)


def test_what_is_said_of_a_label_goes_on_under_itself() -> None:
    text = (
        "swap free   67% as lmkd counts: no more than what is easily available\nadj floor   201\n"
    )
    assert folded(text, 40) == (
        "swap free   67% as lmkd counts: no more\n"
        "            than what is easily\n"
        "            available\n"
        "adj floor   201\n"
    )
    assert folded(text, 200) == text


def test_a_serial_is_never_shortened() -> None:
    table = new_table("SERIAL", "STATE", "MODEL", "SDK>", "ABI", "ROOT", "READY")
    serial = "adb-1A2B3C4D5E6F7G-AbCdEf._adb-tls-connect._tcp"
    table.add_row(serial, "device", "Pocket Phone", "33", "x86_64", "adbd", "yes")
    for width in (48, 60, 80, 120):
        assert serial in render(table, width=width)
