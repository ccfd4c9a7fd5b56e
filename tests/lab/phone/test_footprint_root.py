"""footprint as root: the same numbers as the shell's, exact ones beside them, and what they are."""

from __future__ import annotations

import threading

import pytest

import droidreclaim as dr
from droidreclaim.model.footprint import PlayState
from droidreclaim.policy.footprint_made import worst_look
from handset import Handset

pytestmark = [pytest.mark.phone, pytest.mark.timeout(300)]

GAME = "com.example.game"
COUNTER_BYTES = 1 << 20  # RssAnon is counted in batches


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
