"""footprint as root: the shell's numbers, exact ones beside them, and what the memory is."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import droidreclaim as dr
from commands import run
from droidreclaim.model.footprint import PlayState
from droidreclaim.policy.footprint_made import worst_look
from droidreclaim.qa.folder import Folder
from handset import ADB_TIMEOUT_S, Handset

pytestmark = [pytest.mark.phone, pytest.mark.timeout(300)]

GAME = "com.example.game"
COUNTER_BYTES = 1 << 20  # RssAnon is counted in batches
MIB = 1 << 20
SCENARIO = """version: 1
name: small
app: com.example.game
arms: [none]
steps: [launch, {wait: 3s}, home, {wait: 2s}, arm, resume]
expect:
  - footprint: {foreground: {p90: "<1GB"}}
  - footprint: {foreground: {p90: "<10MiB"}}
"""


def exact(handset: Handset, pid: int) -> int:
    rows = handset.text(f"cat /proc/{pid}/smaps_rollup").splitlines()
    found = [int(row.split()[1]) for row in rows if row.startswith(("Anonymous:", "Swap:"))]
    assert len(found) == 2
    return sum(found) * 1024


def test_the_worst_moment_is_taken_apart_and_a_trim_gives_back_what_it_says(phone: Handset) -> None:
    with dr.connect(phone.serial, timeout_s=60) as device:
        device.app(GAME).open()
        leave = threading.Timer(6.0, lambda: phone.shell("input keyevent HOME"))
        leave.start()
        seen = device.footprint(GAME, lasting="16s", trim=True)
        leave.join()
    [one] = [one for one in seen.processes if one.track.name == GAME]
    look = worst_look(one, seen.looks)
    assert look is not None
    assert look.source == "smaps"
    assert look.at_us is not None
    near = min(range(len(one.track.at_us)), key=lambda at: abs(one.track.at_us[at] - look.at_us))
    assert abs(look.total_bytes - one.track.bytes_[near]) <= COUNTER_BYTES
    states = {each.state for each in seen.looks if each.source == "meminfo"}
    assert PlayState.FOREGROUND in states
    assert len(states) > 1
    [trimmed] = seen.trimmed
    assert trimmed.why_not is None
    assert trimmed.before_bytes is not None
    assert trimmed.after_bytes is not None
    assert trimmed.after_bytes < trimmed.before_bytes
    assert abs(trimmed.before_bytes - one.track.bytes_[-1]) <= COUNTER_BYTES
    held = exact(phone, one.track.id.pid)
    assert abs(held - trimmed.after_bytes) <= COUNTER_BYTES


def test_a_rooted_sample_is_what_smaps_rollup_counts(phone: Handset) -> None:
    with dr.connect(phone.serial, timeout_s=60) as device:
        device.app(GAME).open()
        rooted = device.footprint(GAME, lasting="3s")
        [one] = rooted.processes
        pid = one.track.id.pid
    assert abs(exact(phone, pid) - one.track.bytes_[-1]) <= COUNTER_BYTES


@pytest.fixture(scope="module")
def own(boot_for_module: Callable[..., Handset]) -> Handset:
    """Boot a phone of this module's own, whose clock may be set and whose link may be cut."""
    return boot_for_module()


def play(phone: Handset, folder: Path, rounds: int) -> int:
    scenario = folder.with_suffix(".yaml")
    scenario.write_text(SCENARIO)
    words = ["--rounds", str(rounds), "--no-control", "-o", str(folder)]
    return run(phone, "run", str(scenario), *words).returncode


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_two_builds_are_played_and_the_one_that_holds_20_mib_more_is_found(
    own: Handset, tmp_path: Path
) -> None:
    for name, mib in (("before", 24), ("after", 44)):
        own.text(f"am force-stop {GAME}; pocket install {GAME} {mib} 1 --game")
        assert play(own, tmp_path / name, rounds=8) == 7  # 10 MiB are too little
        rounds = Folder.load(tmp_path / name)[2]
        assert all(10 * MIB < one.footprint["foreground"]["p90"] < 10**9 for one in rounds)
        document = json.loads((tmp_path / name / "result.json").read_text())
        held = [each["passed"] for each in document["expectations"]]
        assert (held.count(True), held.count(False)) == (8, 8)
        assert all(
            len(path.read_text().splitlines()) > 20
            for path in (tmp_path / name).glob("rounds/*/footprint.csv")
        )
    done = run(own, "compare", str(tmp_path / "before"), str(tmp_path / "after"), "--json")
    grown = {one["state"]: one for one in json.loads(done.stdout)["footprint"]
             if one["figure"] == "p90"}  # fmt: skip
    assert abs(grown["foreground"]["more_bytes"] - 20 * MIB) <= 2 * COUNTER_BYTES
    assert grown["foreground"]["low_bytes"] > 15 * MIB
    print(run(own, "compare", str(tmp_path / "before"), str(tmp_path / "after")).stdout)


@pytest.mark.nightly
def test_a_clock_that_is_set_meanwhile_moves_no_sample_and_hides_no_death(
    own: Handset, caplog: pytest.LogCaptureFixture
) -> None:
    def meddle() -> None:
        time.sleep(5)
        own.text(f"am force-stop {GAME}")
        own.text(f"date -s @{round(time.time()) + 7200}")

    own.text(f"am start -W {GAME}")
    with dr.connect(own.serial, timeout_s=60) as device:
        other = threading.Thread(target=meddle)
        other.start()
        with caplog.at_level("WARNING", "droidreclaim"):
            seen = device.footprint(GAME, "com.android.systemui", lasting="12s")
        other.join()
    own.text(f"date -s @{round(time.time())}")
    assert seen.gaps == ()
    assert seen.until_us - seen.from_us < 20_000_000
    assert [death.by for death in seen.deaths] not in ([], [None])
    assert any("clock was set by +72" in line for line in caplog.messages), caplog.messages


@pytest.mark.nightly
def test_a_device_that_is_away_for_a_minute_leaves_one_gap_and_is_sampled_on(
    own: Handset, caplog: pytest.LogCaptureFixture
) -> None:
    def unplug() -> None:
        time.sleep(8)
        own.run("disconnect", own.serial, timeout_s=ADB_TIMEOUT_S)
        time.sleep(60)
        own.run("connect", own.serial, timeout_s=ADB_TIMEOUT_S)

    own.text(f"am start -W {GAME}")
    cable = threading.Thread(target=unplug)
    with dr.connect(own.serial, timeout_s=60) as device:
        cable.start()
        with caplog.at_level("WARNING", "droidreclaim"):
            seen = device.footprint(GAME, lasting="90s")
        cable.join()
    [(start, end)] = seen.gaps
    assert 55_000_000 < end - start < 80_000_000
    [one] = [one for one in seen.processes if one.track.name == GAME]
    assert sum(at > end for at in one.track.at_us) > 20
    assert len([line for line in caplog.messages if "goes on when it is back" in line]) == 1
    assert seen.deaths == ()
