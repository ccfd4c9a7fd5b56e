"""Commands that take several devices, on two pocket phones at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handset import Handset

pytestmark = [pytest.mark.phone, pytest.mark.nightly, pytest.mark.timeout(300)]

SCENARIO = """
version: 1
name: leave
app: com.example.game
arms: [reclaim]
rounds: 1
steps: [launch, home, arm, resume]
expect: [same_pid]
"""


@pytest.fixture(scope="module")
def two(boot_for_module: Callable[..., Handset]) -> tuple[Handset, Handset]:
    return boot_for_module(), boot_for_module()


def run(two: tuple[Handset, Handset], *words: str) -> subprocess.CompletedProcess[str]:
    chosen = [word for one in two for word in ("-s", one.serial)]
    return subprocess.run(
        [sys.executable, "-m", "droidreclaim", *words, *chosen],
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip


def documents(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """Each device's document by its serial."""
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return {one["device"]["serial"]: one for one in found}


def test_each_looks_at_both(two: tuple[Handset, Handset]) -> None:
    serials = {one.serial for one in two}
    for words in (["ps"], ["headroom"], ["kills"]):
        assert set(documents(run(two, *words, "--json"))) == serials, words
    for words in (["ps"], ["headroom"]):
        shown = run(two, *words)
        assert shown.returncode == 0, shown.stderr
        assert serials <= {line.split()[0] for line in shown.stdout.splitlines()}, shown.stdout
        assert all(f"{serial}: done in" in shown.stderr for serial in serials)


def test_both_are_doctored_and_paged_out_at_once(two: tuple[Handset, Handset]) -> None:
    assert len(documents(run(two, "doctor", "--json"))) == 2
    shown = run(two, "doctor")
    assert shown.returncode == 0, shown.stderr
    for serial in (one.serial for one in two):
        own = [line for line in shown.stdout.splitlines() if line.split()[0] == serial]
        assert any("root" in line for line in own), shown.stdout
    results = documents(run(two, "reclaim", "--band", "cached", "--json"))
    assert len(results) == 2
    for one in results.values():
        assert one["totals"]["swapped_bytes"] > 0, one["totals"]
        outcomes = {target["outcome"] for target in one["targets"]}
        assert "reclaimed" in outcomes, one["targets"]


def test_a_guard_is_started_asked_and_stopped_on_both(two: tuple[Handset, Handset]) -> None:
    started = documents(run(two, "guard", "start", "--profile", "gentle", "--json"))
    assert {one["guard"]["running"] for one in started.values()} == {True}
    again = run(two, "guard", "start")
    assert again.returncode == 7
    print(run(two, "guard", "status").stdout)
    stopped = documents(run(two, "guard", "stop", "--json"))
    assert len(stopped) == 2
    left = documents(run(two, "guard", "status", "--json"))
    assert {one["guard"]["running"] for one in left.values()} == {False}


def test_a_run_on_both_has_a_folder_each(two: tuple[Handset, Handset], tmp_path: Path) -> None:
    scenario = tmp_path / "leave.yaml"
    scenario.write_text(SCENARIO)
    out = tmp_path / "out"
    words = ["run", str(scenario), "--no-control", "-o", str(out), "--junit", f"{out}.xml"]
    done = run(two, *words)
    assert done.returncode == 0, done.stderr
    names = {one.serial.replace(":", "_") for one in two}
    assert {one.name for one in out.iterdir()} == names
    assert all((out / name / "result.json").exists() for name in names)
    assert {one.name for one in tmp_path.glob("*.xml")} == {f"out-{name}.xml" for name in names}
    print(done.stdout)
