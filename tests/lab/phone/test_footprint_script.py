"""footprint of an app whose heap follows a script, and of a second user's app."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

import droidreclaim as dr
from commands import run, run_json
from droidreclaim.model.footprint import Footprint, PlayState, ProcessUse
from droidreclaim.policy.footprint import percentile
from handset import Handset, until

pytestmark = [pytest.mark.phone, pytest.mark.nightly, pytest.mark.timeout(300)]

SCRIPTED, CHAT, NOTES = "com.example.scripted", "com.example.chat", "com.example.notes"
COUNTER_BYTES = MIB = 1 << 20  # RssAnon is counted in batches
FRONT, BEHIND, CACHED = PlayState.FOREGROUND, PlayState.BACKGROUND, PlayState.CACHED
HOLD = f"pocket hold {SCRIPTED}"
# What is done, what the app then holds beside its heap, the state it is in, and for how long.
SCRIPT = (
    (f"{HOLD} 40", 40, FRONT, 4.0),
    (f"{HOLD} 8", 8, FRONT, 3.0),
    ("input keyevent HOME", 8, BEHIND, 4.0),
    (f"{HOLD} 56", 56, BEHIND, 2.0),
    (f"{HOLD} 24", 24, BEHIND, 3.0),
    (f"am start -W {NOTES}; input keyevent HOME", 24, CACHED, 4.0),
    (f"{HOLD} 64", 64, CACHED, 1.5),
    (f"{HOLD} 16", 16, CACHED, 3.0),
    (f"am start -W {SCRIPTED}", 16, FRONT, 4.0),
    (f"{HOLD} 72", 72, FRONT, 1.0),  # the peak
    (f"{HOLD} 0", 0, FRONT, 3.0),
)


class Step(NamedTuple):
    """One line of the script as it went: the device's time around it, and what is true then."""

    began_us: int
    done_us: int
    bytes_: int
    state: PlayState


@pytest.fixture(scope="module")
def own(boot_for_module: Callable[..., Handset]) -> Handset:
    handset = boot_for_module(once=True)
    until(lambda: handset.text("getprop pocket.settled") == "1", timeout_s=60)
    return handset


def exact(handset: Handset, pid: int) -> int:
    rows = handset.text(f"cat /proc/{pid}/smaps_rollup").splitlines()
    found = [int(row.split()[1]) for row in rows if row.startswith(("Anonymous:", "Swap:"))]
    assert len(found) == 2
    return sum(found) * 1024


def full(handset: Handset) -> int:
    """Start the app; return what it holds when it has filled its heap and grows no more."""
    handset.text(f"pocket install {SCRIPTED} 16 7; am start -W {SCRIPTED}; pocket beat off")
    pid = int(handset.text(f"pidof {SCRIPTED}"))
    sizes = [0]

    def settled() -> bool:
        sizes.append(exact(handset, pid))
        time.sleep(1)
        return sizes[-1] == sizes[-2] > 16 * MIB * 95 // 100

    until(settled, timeout_s=30)
    return sizes[-1]


def play(handset: Handset, base: int) -> list[Step]:
    """Play the script; at each step root reads what is exactly held."""
    pid = int(handset.text(f"pidof {SCRIPTED}"))
    steps = [Step(0, 0, base, FRONT)]
    for words, mib, state, stay_s in SCRIPT:
        told = handset.text(f"cat /proc/uptime; {{ {words}; }} >/dev/null; cat /proc/uptime")
        began_us, done_us = (round(float(line.split()[0]) * 1e6) for line in told.splitlines())
        steps.append(Step(began_us, done_us + 10_000, base + mib * MIB, state))
        time.sleep(stay_s)
        assert exact(handset, pid) == base + mib * MIB, words
    return steps


def truths(steps: Sequence[Step], at_us: int) -> list[Step]:
    """The steps that may be true at a moment: one, or two while one follows the other."""
    last = max(at for at, step in enumerate(steps) if step.began_us <= at_us)
    first = last - 1 if last and at_us < steps[last].done_us else last
    return list(steps[first : last + 1])


def bounds(steps: Sequence[Step], at_us: int) -> tuple[int, int]:
    """Least and most that may be held: from one step to the next it is given back, then filled."""
    true = truths(steps, at_us)
    low = true[0].bytes_ if len(true) == 1 else steps[0].bytes_
    return low, max(step.bytes_ for step in true)


def check_samples(one: ProcessUse, steps: Sequence[Step]) -> None:
    """Each sample within the kernel's error, and in the right state or unsure."""
    for at_us, size, state in zip(one.track.at_us, one.track.bytes_, one.states, strict=True):
        true = truths(steps, at_us)
        assert any(state in (PlayState.UNSURE, step.state) for step in true), (at_us, state, true)
        low, high = bounds(steps, at_us)
        assert low - COUNTER_BYTES <= size <= high + COUNTER_BYTES, (at_us, size, true)


def check_figures(one: ProcessUse, steps: Sequence[Step]) -> None:
    """Percentiles and peaks against those of what is known to have been held then."""
    for use in one.uses:
        own = [bounds(steps, at_us) for at_us, state
               in zip(one.track.at_us, one.states, strict=True) if state is use.state]  # fmt: skip
        low, high = sorted(least for least, _ in own), sorted(most for _, most in own)
        for percent, told in ((50, use.p50_bytes), (90, use.p90_bytes), (99, use.p99_bytes)):
            assert percentile(low, percent) - COUNTER_BYTES <= told, (use, percent)
            assert told <= percentile(high, percent) + COUNTER_BYTES, (use, percent)
        assert low[-1] - COUNTER_BYTES <= use.max_bytes <= high[-1] + COUNTER_BYTES, use


def test_a_heap_that_follows_a_script_is_told_to_a_mib_and_its_states_to_a_sample(
    own: Handset,
) -> None:
    base = full(own)
    with dr.connect(own.serial, timeout_s=60) as phone, phone.footprint_during(SCRIPTED) as watch:
        time.sleep(1)
        steps = play(own, base)
    seen: Footprint = watch.seen
    [one] = seen.processes
    check_samples(one, steps)
    check_figures(one, steps)
    peaks = {use.state: use.max_bytes for use in one.uses}
    assert {state: round((size - base) / MIB) for state, size in peaks.items()
            if state is not PlayState.UNSURE} == {FRONT: 72, BEHIND: 56, CACHED: 64}  # fmt: skip
    sure = sum(use.time_s for use in one.uses if use.state is not PlayState.UNSURE)
    assert sure > 0.7 * sum(use.time_s for use in one.uses)
    print({use.state.value: use for use in one.uses}, len(one.track.at_us))


def test_a_second_user_s_app_is_a_row_of_its_own_and_is_paged_out_apart(own: Handset) -> None:
    own.text(f"am start -W {CHAT}; am start -W --user 10 {CHAT}")
    assert "{10:Work profile" in own.text("pm list users")
    with dr.connect(own.serial, timeout_s=60) as phone:
        seen = phone.footprint(CHAT, lasting="5s")
    tracks = {one.track.user: one for one in seen.processes}
    assert set(tracks) == {0, 10}
    assert FRONT in tracks[10].states
    assert FRONT not in tracks[0].states
    own.text("input keyevent HOME")
    rows = {row["user"]: row for row in run_json(own, "ps", CHAT)["processes"]}
    assert {user: row["uid"] // 100_000 for user, row in rows.items()} == {0: 0, 10: 10}
    assert [row["user"] for row in run_json(own, "ps", "--user", "10")["processes"]] == [10]
    assert {one["user"] for one in run_json(own, "footprint", CHAT, "--for", "2s")["processes"]} \
        == {0, 10}  # fmt: skip
    words = run(own, "footprint", CHAT, "--for", "2s").stdout
    assert f"{CHAT} (user 10): background P90" in words
    targets = run_json(own, "reclaim", CHAT)["targets"]
    assert {one["pid"] for one in targets} == {row["pid"] for row in rows.values()}
    assert {one["outcome"] for one in targets} == {"reclaimed"}
    own.text(f"kill -9 {rows[10]['pid']}")
    until(lambda: len(run_json(own, "ps", CHAT)["processes"]) == 1)
    assert "LaunchState: HOT" in own.text(f"am start -W {CHAT}")
    assert '"bad": 0' in own.text(f"pocket verify {CHAT}")
