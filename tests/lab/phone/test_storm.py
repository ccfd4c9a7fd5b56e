"""The storm on pocket phones: what must be true whichever arm wins."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from commands import interrupted_in_page_out
from droidreclaim.lab.phone.vm import running
from droidreclaim.lab.storm.arms import USUAL
from droidreclaim.lab.storm.folder import Folder
from droidreclaim.units import MIB
from handset import Handset

pytestmark = [pytest.mark.phone, pytest.mark.timeout(900)]


def storm(*words: str) -> list[str]:
    return [sys.executable, "-m", "droidreclaim", "storm", *words]


@pytest.mark.usefixtures("phones")
@pytest.mark.parametrize(
    ("asked", "apps", "rounds"),
    [(("lowmemorykiller", "lazy"), 5, 2), pytest.param(USUAL, 8, 3, marks=pytest.mark.nightly)],
    ids=["two arms", "all arms"],
)
def test_a_quick_storm_holds_what_must_hold(
    tmp_path: Path, asked: tuple[str, ...], apps: int, rounds: int
) -> None:
    words = ["--quick", "--json", "--apps", str(apps), "--rounds", str(rounds)]
    words += ["--out", str(tmp_path / "out")]
    if asked != USUAL:
        words += ["--arms", ",".join(asked)]
    before = running()
    start_s = time.monotonic()
    done = subprocess.run(storm(*words), capture_output=True, text=True, timeout=600, check=False)
    took_s = time.monotonic() - start_s
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    arms = {one["arm"]: one for one in told["arms"]}
    assert sorted(arms) == sorted(asked)  # each seed plays them in another order
    assert told["comparable"]
    for name, one in arms.items():
        assert one["complete"], name
        assert one["launches"] == told["apps"] * told["rounds"] == apps * rounds, name
        opened = one["hot_resumes"] + one["cold_starts"] + one["failed_launches"]
        assert opened == one["launches"], name
        assert (one["checksum_faults"], one["checked_pages"] > 0) == (0, True), name
        # Each process that vanished has its line in a log, and nobody is killed who is still there.
        assert (sum(one["kills"].values()), one["unexplained"]) == (one["vanished"], 0), name
    if asked == USUAL:
        assert arms["no_swap"]["paged_out_bytes"] == 0
        assert arms["kernel_swap"]["kills"]["lmkd"] == 0
    for name in {"eager", "lazy"} & arms.keys():
        one = arms[name]
        assert one["reported_bytes"] > 0
        assert one["reported_bytes"] == pytest.approx(one["counted_bytes"], rel=0.05), name
    assert arms["lazy"]["avoidable_cold_starts"] <= arms["lowmemorykiller"]["avoidable_cold_starts"]
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files == {"run.json", "samples.ndjson", "storm.json", "report.html"}
    assert json.loads((tmp_path / "out" / "storm.json").read_text()) == told
    assert len(Folder.load(tmp_path / "out")[1]) == len(asked)
    assert running() == before
    print(f"a quick storm took {took_s:.0f} s")


@pytest.mark.nightly
@pytest.mark.usefixtures("phones")
def test_a_storm_with_write_back_tells_what_came_back_from_flash_and_every_page_is_right() -> None:
    words = ["--quick", "--api", "37", "--writeback", "--arms", "eager", "--rounds", "2", "--json"]
    done = subprocess.run(storm(*words), capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    [one] = json.loads(done.stdout)["arms"]
    assert (one["checksum_faults"], one["checked_pages"] > 0) == (0, True)
    assert 8 * MIB < one["from_flash_bytes"] <= one["faulted_back_bytes"] + MIB
    assert one["hot_resumes"] > 0


@pytest.mark.usefixtures("phones")
def test_ctrl_c_inside_a_page_out_ends_the_storm_keeps_what_was_measured_and_leaves_no_phone(
    adb_server: int, tmp_path: Path
) -> None:
    before = running()
    words = ("storm", "--quick", "--json", "--arms", "eager,lazy", "--out", str(tmp_path))
    with interrupted_in_page_out(adb_server, words, number=3) as process:
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    [arm] = json.loads(output)["arms"]  # the next arm did not begin
    assert (arm["arm"], arm["launches"], arm["page_outs"]) == ("eager", 3, 2)
    assert not arm["complete"]
    assert "cut short" in (tmp_path / "report.html").read_text()
    assert running() == before


def test_on_a_device_that_was_chosen_the_named_apps_are_opened(
    boot: Callable[..., Handset], tmp_path: Path
) -> None:
    handset = boot()
    packages = ("com.example.chat", "com.example.notes", "com.example.game")
    words = ("-s", handset.serial, "--packages", ",".join(packages), "--rounds", "2", "--json")
    chosen = ("--arms", "lowmemorykiller,eager", "--out", str(tmp_path))
    argv = storm(*words, *chosen)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [one["arm"] for one in told["arms"]] == ["lowmemorykiller", "eager"]
    for one in told["arms"]:
        # Ended before each arm, so each app starts once, and there is room for three.
        assert (one["cold_starts"], one["hot_resumes"]) == (3, 3)
        assert (one["kills"], one["avoidable_cold_starts"]) == ({"lmkd": 0}, 0)
        # What only the pocket phone of our own tells is not made up.
        assert one["checksum_faults"] is one["longest_stall_s"] is one["lost_scores"] is None
    assert handset.text("getprop sys.boot_completed") == "1"
