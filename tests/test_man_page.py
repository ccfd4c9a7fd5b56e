"""The man page is made from docs/commands.md, and groff reads it without a warning."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from droidreclaim.cli.complete.table import table

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("man") / "droidreclaim.1"
    subprocess.run([sys.executable, "man_page.py", str(path)], cwd=ROOT, check=True)
    return path


@pytest.fixture(scope="module")
def shown(source: Path) -> str:
    """As a reader sees it, without bold and lines."""
    if not shutil.which("groff"):
        pytest.skip("no groff (package groff-base)")
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-P-cbou", "-rLL=200n", str(source)],
        capture_output=True, text=True, check=True, env=os.environ | {"GROFF_NO_SGR": "1"},
    )  # fmt: skip
    assert done.stderr == ""
    plain = done.stdout.replace("\u2212", "-").replace("\u2010\n", "")
    return " ".join(plain.split())


def test_every_command_of_the_command_line_is_in_it(shown: str) -> None:
    commands = [name for name, one in table().items() if name and not one["commands"]]
    assert len(commands) > 15
    for name in commands:
        assert name.split()[0] in shown
        assert name.split()[-1] in shown


def test_it_has_the_parts_that_a_reader_looks_for(shown: str) -> None:
    for words in (
        "NAME droidreclaim - Page background",
        "SYNOPSIS droidreclaim [-s SERIAL] COMMAND",
        "SEVERAL DEVICES AT ONCE droidreclaim ps -s emulator-5554",
        "--sort adj|rss|swap|name|pid",
        "EXIT STATUS 0 done",
        "130 interrupted",
    ):
        assert words in shown


def test_a_line_that_begins_with_a_dot_or_holds_a_backslash_is_text() -> None:
    sys.path.insert(0, str(ROOT))
    try:
        from man_page import roff  # noqa: PLC0415
    finally:
        sys.path.remove(str(ROOT))
    made = list(roff("`.hidden` and\n.more \\n\n\n- 'quoted'\n\n```\n.TH not\n```\n"))
    assert made == [
        ".PP", "\\fB.hidden\\fR and\n\\&.more \\en", r".IP \(bu 3", "\\&'quoted'",
        ".PP", ".EX", "\\&.TH not", ".EE",
    ]  # fmt: skip
