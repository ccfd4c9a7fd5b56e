"""The pytest plugin as other people's suites have it, on a pocket phone; and examples/."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from handset import Handset

pytestmark = [pytest.mark.phone, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[3]
GAME = "com.example.game"


@pytest.fixture(scope="module")
def handset(boot_for_module: Callable[..., Handset]) -> Handset:
    return boot_for_module()


def pytest_words(*words: str, plugins: tuple[str, ...] = ()) -> list[str]:
    more = [word for name in plugins for word in ("-p", name)]
    return [sys.executable, "-m", "pytest", "-p", "droidreclaim.pytest_plugin", *more, *words]


def run(
    folder: Path, *words: str, plugins: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """pytest in *folder*, with our plugin alone."""
    return subprocess.run(
        pytest_words(*words, plugins=plugins),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env=environment_of(**environment),
    )


def environment_of(**more: str) -> dict[str, str]:
    return os.environ | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ANDROID_SERIAL": "",
    } | more  # fmt: skip


def test_the_example_suite_passes_as_it_is_printed(handset: Handset, tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    done = run(
        ROOT / "examples/pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={junit}",
        "--droid-required", "--droid-serial", handset.serial,
    )  # fmt: skip
    assert "5 passed" in done.stdout, done.stdout + done.stderr
    properties = {
        (one.get("name"), one.get("value")) for one in ElementTree.parse(junit).iter("property")
    }
    assert ("droid_serial", handset.serial) in properties
    assert {"droid_model", "droid_sdk", "droid_kills"} <= {name for name, _ in properties}


def test_a_failure_says_who_killed_the_app_when_at_which_adj_and_keeps_why(
    handset: Handset, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(
        f"""
def test_game(droid):
    game = droid.app("{GAME}")
    game.open()
    with droid.survives(game):
        droid.home()
        game.die()
"""
    )
    done = run(tmp_path, "--droid-serial", handset.serial, "--droid-artifacts", "kept")
    assert done.returncode == 1
    for words in (
        f"{GAME} did not survive on {handset.serial}",
        "is gone; it does not run now",
        "killed    by activity_manager, 20",
        "at adj ",
        "reason    kill background",
        "headroom  ",
    ):
        assert words in done.stdout, done.stdout
    kept = {one.name: one.read_text("utf-8", "replace") for one in tmp_path.glob("kept/*/*/*.txt")}
    assert GAME in kept["kills.txt"]
    assert GAME in kept["exit-info.txt"]
    assert kept["log.txt"]


def test_a_marker_that_no_device_meets_skips_or_is_one_error_that_says_what_there_is(
    handset: Handset, tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(
        """
import pytest

@pytest.mark.droid(sdk=">=99")
def test_future(droid):
    pass

@pytest.mark.droid(sdk=">=30,<99", root=True, swap=True, page_kib=4)
def test_now(droid):
    assert droid.info.sdk < 99
"""
    )
    words = ("-rsE", "--droid-serial", handset.serial)
    done = run(tmp_path, *words)
    assert "1 passed, 1 skipped" in done.stdout, done.stdout
    assert f"there is: {handset.serial}" in done.stdout
    required = run(tmp_path, *words, "--droid-required")
    assert "1 passed, 1 error" in required.stdout, required.stdout
    assert f"there is: {handset.serial}" in required.stdout
