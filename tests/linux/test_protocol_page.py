"""What PROTOCOL.md shows as exchanges against the real helper, guard and pressure."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from .conftest import ROOT

PROGRAMS = {"": "helper", "guard-": "guard", "pressure-": "pressure"}
EXCHANGES = [
    (PROGRAMS[kind], text)
    for kind, text in re.findall(
        r"^```((?:guard-|pressure-)?)exchange\n(.*?)^```",
        (ROOT / "device-scripts" / "PROTOCOL.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
]


@pytest.mark.parametrize(("name", "exchange"), EXCHANGES)
@pytest.mark.parametrize("abi", ["x86_64", "x86"])
def test_the_page_shows_what_the_program_answers(
    name: str, exchange: str, abi: str, helpers: dict[str, Path], tmp_path: Path
) -> None:
    # A guard looks for another beside itself.
    program = shutil.copy(helpers[abi].with_name(f"droidreclaim-{name}"), tmp_path)
    lines = exchange.splitlines()
    requests = "".join(line[2:] + "\n" for line in lines if line.startswith("> "))
    answers = "".join(line[2:] + "\n" for line in lines if line.startswith("< "))
    run = subprocess.run(
        [program, "serve"], input=requests.encode(), capture_output=True, timeout=30, check=True
    )
    assert run.stdout.decode() == answers


def test_the_page_has_exchanges_of_each() -> None:
    assert {name: count >= 4 for name, count in Counter(name for name, _ in EXCHANGES).items()} == {
        "helper": True, "guard": True, "pressure": True,
    }  # fmt: skip
