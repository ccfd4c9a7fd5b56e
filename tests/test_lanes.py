"""The test command itself: what it counts, and what a skip means to it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lanes import LANES, counts_of, details, slowest_of

_ROOT = Path(__file__).parents[1]


def run_pytest(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of *folder* under the project's own conftest."""
    for name in ("conftest.py", "fuzzing.py"):
        (folder / name).write_bytes((_ROOT / "tests" / name).read_bytes())
    env = {k: v for k, v in os.environ.items() if not k.startswith(("DROIDRECLAIM_", "PYTEST_"))}
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", *words),
            *(f"--rootdir={folder}", f"--junitxml={folder}/record.xml"),
        ],
        cwd=folder,
        env=env | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def skipping(tmp_path: Path) -> Path:
    """One test that passes, one that reads captures, one that skips for another reason."""
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "def test_good(): pass\n"
        "def test_reads(fixtures): pass\n"
        "def test_machine(): pytest.skip('needs root')\n"
    )
    return tmp_path


def test_a_nightly_run_tries_ten_times_the_examples_of_hypothesis(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "from hypothesis import given, settings, strategies\n"
        "from fuzzing import examples\n"
        "def test_plain(): pass\n"
        "@given(strategies.integers())\n"
        "def test_usual(number): print('usual')\n"
        "@settings(max_examples=examples(7))\n"
        "@given(strategies.integers())\n"
        "def test_own(number): print('own')\n"
    )
    once = run_pytest(tmp_path, "-rP")
    often = run_pytest(tmp_path, "-rP", "-m", "nightly")
    assert counts_of(once.stdout, 0) == {"passed": 3}
    assert "2 passed, 1 deselected" in often.stdout
    assert [once.stdout.count(f"\n{word}") for word in ("usual", "own")] == [100, 7]
    assert [often.stdout.count(f"\n{word}") for word in ("usual", "own")] == [1000, 70]


def test_a_clone_without_captures_is_green(skipping: Path) -> None:
    run = run_pytest(skipping)
    assert run.returncode == 0
    assert counts_of(run.stdout, 0) == {"passed": 1, "skipped": 2}


def test_where_every_test_must_run_a_skip_is_a_failure_but_for_captures(skipping: Path) -> None:
    run = run_pytest(skipping, DROIDRECLAIM_REQUIRE="1")
    assert counts_of(run.stdout, run.returncode) == {"passed": 1, "skipped": 1, "failed": 1}
    assert "must run: needs root" in details(run.stdout)


def test_captures_that_were_named_must_be_there(skipping: Path) -> None:
    named = str(skipping / "nowhere")
    run = run_pytest(skipping, DROIDRECLAIM_REQUIRE="1", DROIDRECLAIM_FIXTURES=named)
    assert counts_of(run.stdout, run.returncode) == {"passed": 1, "failed": 2}


def test_a_whole_module_that_skips_is_a_failure_where_every_test_must_run(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\npytest.skip('not built', allow_module_level=True)\n"
    )
    run = run_pytest(tmp_path, DROIDRECLAIM_REQUIRE="1")
    assert counts_of(run.stdout, run.returncode) == {"failed": 1}


def test_failures_are_told_in_full_and_errors_count(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.fixture\n"
        "def broken(): raise OSError('no such phone')\n"
        "def test_bad(): assert [1] == [2], 'sum'\n"
        "def test_error(broken): pass\n"
    )
    run = run_pytest(tmp_path)
    assert counts_of(run.stdout, run.returncode) == {"failed": 2}
    told = details(run.stdout)
    assert "no such phone" in told
    assert "assert [1] == [2]" in told
    assert "test session starts" not in told


@pytest.mark.parametrize("log", ["", "Killed\n", "== 3 passed in 0.1s ==\nSegmentation fault\n"])
def test_a_pytest_that_died_has_failed(log: str) -> None:
    assert counts_of(log, -9)["failed"] == 1
    assert details(log) == log


def test_the_slowest_come_first_and_a_lane_without_a_record_is_none(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import time\ndef test_quick(): pass\ndef test_slow(): time.sleep(0.2)\n"
    )
    run_pytest(tmp_path)
    slowest = slowest_of([tmp_path / "record.xml", tmp_path / "none.xml"])
    assert [name for _, name in slowest] == ["test_it::test_slow", "test_it::test_quick"]
    assert slowest[0][0] >= 0.2


def test_every_test_file_is_in_a_lane_and_in_one() -> None:
    words = {lane.name: lane.commands[0].words for lane in LANES if lane.tests}
    asked_for = {name: {w for w in told if w.startswith("tests")} for name, told in words.items()}
    left_out = {w.removeprefix("--ignore=") for w in words["unit"] if w.startswith("--ignore=")}
    assert asked_for.pop("unit") == {"tests"}
    assert sorted(left_out) == sorted(folder for told in asked_for.values() for folder in told)
