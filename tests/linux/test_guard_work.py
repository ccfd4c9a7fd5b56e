"""What the guard does to real processes: whom, in which order, and whom never."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import ALWAYS, MIB, NEVER, Guard, Victim, Zram, until

NAME = "com.example.guarded"
LEAVE = "match=* rung=leave"
TRIM = "trim_below_permille=1000"  # however much of swap is free


def is_out(victim: Victim, mib: int) -> bool:
    return victim.memory("VmSwap") >= mib * MIB


def spared(guard: Guard, victim: Victim) -> str | None:
    """Why a process is left alone; None also while it is not known yet."""
    lines = [line for line in guard.ask("guard_status").all("app") if line["pid"] == victim.pid]
    return lines[0]["spared"] if lines else None


def start_and_leave(guard: Guard, victim: Victim, when: str) -> None:
    """A guard that trims *victim* sees it in the foreground, and then leave it."""
    victim.set_adj(0)
    guard.start(f"{when} {TRIM}", f"match={NAME} rung=trim", LEAVE)
    until(lambda: spared(guard, victim) == "foreground")
    victim.set_adj(900)


def test_it_pages_out_when_memory_is_missing_and_says_what_it_did(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=48", name=NAME)
    guard.start(ALWAYS, f"match={NAME} cooldown_ms=60000", LEAVE)
    until(lambda: is_out(victim, 47))
    until(lambda: guard.events("action"))
    (event,) = guard.events("action")
    assert (event["pid"], event["name"], event["reason"]) == (victim.pid, NAME, "available")
    assert 47 * MIB <= event["reclaimed_bytes"] <= 49 * MIB
    assert event["advised_bytes"] >= 47 * MIB
    app = guard.app(victim.pid)
    assert (app["last_action"], app["match"]) == ("pageout", NAME)
    assert app["spared"] == "small"
    assert app["swap_bytes"] >= 47 * MIB
    status = guard.status()
    assert status["advised_bytes"] == event["advised_bytes"]
    assert status["missing"] == "available"
    assert victim.bad_pages() == 0


def test_it_leaves_everybody_alone_while_nothing_is_missing(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=16", name=NAME)
    guard.start(NEVER, f"match={NAME}", LEAVE)
    time.sleep(2.5)
    assert victim.memory("VmSwap") == 0
    assert guard.app(victim.pid)["spared"] is None
    assert guard.actions() == []


@pytest.mark.parametrize(
    ("adj", "why"), [(0, "foreground"), (100, "foreground"), (200, "perceptible"), (600, "adj")]
)
def test_it_never_touches_what_is_near_the_user(
    guard: Guard, zram: Zram, victims: Any, adj: int, why: str
) -> None:
    victim = victims("anon=16", name=NAME)
    other = victims("anon=16", name=f"{NAME}.other")
    guard.start(ALWAYS, f"match={NAME}*", LEAVE)
    until(lambda: is_out(other, 15))
    other.touch()
    victim.touch()
    victim.set_adj(adj)
    guard.ask("guard_stop")
    victim.touch()
    guard.start(ALWAYS, f"match={NAME}*", LEAVE)
    until(lambda: is_out(other, 15))
    time.sleep(0.5)
    assert victim.memory("VmSwap") < MIB
    known = [line for line in guard.ask("guard_status").all("app") if line["pid"] == victim.pid]
    assert [line["spared"] for line in known] in ([why], [])


def test_it_stops_within_a_step_when_the_app_comes_to_the_foreground(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=64", name=NAME)
    guard.start(ALWAYS, f"match={NAME} rate_bytes_per_s={8 * MIB} cooldown_ms=1000", LEAVE)
    until(lambda: is_out(victim, 8))
    victim.set_adj(0)
    at_the_switch = victim.memory("VmSwap")
    until(lambda: guard.events("action"))
    assert guard.events("action")[0]["reason"] == "foreground"
    assert victim.memory("VmSwap") <= at_the_switch + 2 * MIB


def test_a_pace_is_kept(guard: Guard, zram: Zram, victims: Any) -> None:
    victim = victims("anon=64", name=NAME)
    guard.start(ALWAYS, f"match={NAME} rate_bytes_per_s={16 * MIB}", LEAVE)
    until(lambda: victim.memory("VmSwap") > 0)
    began = time.monotonic()
    until(lambda: is_out(victim, 63))
    assert time.monotonic() - began > 3


def test_a_rule_that_says_leave_and_a_bare_process_are_left(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    left = victims("anon=16", name=f"{NAME}.bank:push")
    taken = victims("anon=16", name=f"{NAME}.mail:sync")
    guard.start(ALWAYS, f"match={NAME}.bank rung=leave", f"match={NAME}.mail")
    until(lambda: is_out(taken, 15))
    time.sleep(0.5)
    assert left.memory("VmSwap") == 0
    assert guard.app(left.pid)["spared"] == "leave"


def test_an_eager_profile_takes_an_app_when_it_leaves_and_no_other(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    leaves, stays = victims("anon=16", name=f"{NAME}.a"), victims("anon=16", name=f"{NAME}.b")
    guard.start(f"{NEVER} leaving=1 look_every_ms=200", f"match={NAME}.*", LEAVE)
    leaves.set_adj(0)
    until(lambda: guard.app(leaves.pid)["background_s"] is None)
    assert leaves.memory("VmSwap") == 0
    leaves.set_adj(900)
    until(lambda: is_out(leaves, 15))
    until(lambda: guard.events("action"))
    assert guard.events("action")[0]["reason"] == "leaving"
    time.sleep(1)
    assert stays.memory("VmSwap") == 0


def test_the_holdoff_doubles_for_an_app_that_comes_back(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=24", name=NAME)
    guard.start(f"{ALWAYS} look_every_ms=200", f"match={NAME} cooldown_ms=10000", LEAVE)
    until(lambda: is_out(victim, 23))
    victim.touch()
    until(lambda: guard.events("holdoff"))
    (event,) = guard.events("holdoff")
    assert event["reason"] == "refaulted"
    assert event["refaulted_bytes"] > 24 * MIB / 4  # what is needed; it may still be coming back
    assert event["holdoff_s"] == 20
    assert guard.app(victim.pid)["spared"] == "holdoff"
    assert guard.status()["refaulted_bytes"] == event["refaulted_bytes"]


def test_a_minute_has_a_budget(guard: Guard, zram: Zram, victims: Any) -> None:
    a, b = victims("anon=24", name=f"{NAME}.a"), victims("anon=24", name=f"{NAME}.b")
    guard.start(f"{ALWAYS} per_minute_bytes={32 * MIB}", f"match={NAME}.*", LEAVE)
    until(lambda: guard.events("skip"))
    assert guard.events("skip")[0]["reason"] == "minute_budget"
    assert guard.status()["forbidden"] == "minute_budget"
    out = a.memory("VmSwap") + b.memory("VmSwap")
    assert 31 * MIB <= out <= 32 * MIB


def test_swap_is_never_filled_beyond_its_floor(
    guard: Guard, zram_device: Zram, victims: Any
) -> None:
    zram_device.enable(size_bytes=64 * MIB)
    victim = victims("anon=96", name=NAME)
    guard.start(f"{ALWAYS} keep_swap_free_permille=500", f"match={NAME} cooldown_ms=500", LEAVE)
    until(lambda: guard.events("skip"))
    assert guard.events("skip")[0]["reason"] == "swap_floor"
    time.sleep(1)
    assert 28 * MIB <= victim.memory("VmSwap") <= 33 * MIB
    assert victim.bad_pages() == 0


def test_a_smaller_swap_in_place_of_one_that_was_full_is_used(
    guard: Guard, zram_device: Zram, victims: Any
) -> None:
    zram_device.enable(size_bytes=128 * MIB)
    victims("anon=96", name=NAME)
    guard.start(f"{ALWAYS} keep_swap_free_permille=500", f"match={NAME}*", LEAVE)
    until(lambda: guard.events("skip"))
    zram_device.enable(size_bytes=48 * MIB)
    victim = victims("anon=16", name=f"{NAME}.next")
    until(lambda: victim.memory("VmSwap") >= 15 * MIB)


def test_swap_that_is_taken_away_ends_it_for_good(
    guard: Guard, zram_device: Zram, victims: Any
) -> None:
    zram_device.enable(size_bytes=64 * MIB)
    victims("anon=8", name=NAME)
    guard.start(ALWAYS, f"match={NAME}", LEAVE)
    until(lambda: guard.events("action"))
    zram_device.disable()
    until(lambda: not guard.runs())
    assert [event["what"] for event in guard.events()][-2:] == ["exhausted", "stop"]
    assert guard.status()["last_end"] == "swap_exhausted"


def test_cold_moves_nothing_and_only_chooses_the_kind(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    cold = victims("anon=16", name=f"{NAME}.cold")
    code = victims("anon=16", name=f"{NAME}.code")
    rules = (f"match={NAME}.cold rung=cold", f"match={NAME}.code only=code at_least_bytes=1")
    guard.start(ALWAYS, *rules, LEAVE)
    until(lambda: set(guard.actions()) == {cold.pid, code.pid})
    assert cold.memory("VmSwap") == 0
    assert code.memory("VmSwap") < MIB
    assert guard.app(cold.pid)["last_action"] == "cold"


def test_one_that_ends_while_it_is_paged_out_is_gone(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=64", name=NAME)
    guard.start(ALWAYS, f"match={NAME} rate_bytes_per_s={8 * MIB}", LEAVE)
    until(lambda: is_out(victim, 4))
    victim.kill()
    until(lambda: guard.events("action"))
    assert guard.events("action")[0]["reason"] == "gone"
    until(lambda: guard.forgot(victim.pid))
    assert guard.status()["gone"] >= 1  # apps of other tests end as well
    assert guard.status()["running"]


def test_one_that_was_only_asked_to_trim_is_no_loss_of_the_guards(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=8", name=NAME)
    start_and_leave(guard, victim, NEVER)
    until(lambda: guard.events("action"))
    victim.kill()
    until(lambda: guard.forgot(victim.pid))
    assert guard.status()["gone"] >= 1  # apps of other tests end as well
    assert [event["what"] for event in guard.events()] == ["start", "action"]


def test_one_that_is_to_be_trimmed_is_asked_as_it_leaves_and_nothing_moves(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=16", name=NAME)
    kept = victims("anon=16", name=f"{NAME}.kept")
    for one in (victim, kept):
        one.set_adj(0)
    guard.start(f"{NEVER} {TRIM}", f"match={NAME} rung=trim", f"match={NAME}.kept", LEAVE)
    until(lambda: spared(guard, victim) == spared(guard, kept) == "foreground")
    for one in (victim, kept):
        one.set_adj(900)
    until(lambda: guard.events("action"))
    time.sleep(2.5)  # longer than it would wait between a trim and a page-out
    assert [(event["pid"], event["reason"]) for event in guard.events("action")] == [
        (victim.pid, "trim")
    ]
    assert guard.app(victim.pid)["last_action"] == "trim"
    assert victim.memory("VmSwap") == kept.memory("VmSwap") == 0


def test_full_swap_keeps_nobody_from_being_asked_to_trim(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    old, new = (victims("anon=16", name=f"{NAME}.{which}") for which in ("old", "new"))
    new.set_adj(0)
    guard.start(f"{ALWAYS} {TRIM} keep_swap_free_permille=1000", f"match={NAME}.* rung=trim", LEAVE)
    until(lambda: guard.events("skip"))  # the old one would have to be paged out
    assert guard.actions() == []
    new.set_adj(900)
    until(lambda: guard.actions() == [new.pid])
    time.sleep(0.5)
    assert [event["reason"] for event in guard.events("action")] == ["trim"]
    assert [event["reason"] for event in guard.events("skip")] == ["swap_floor"]
    assert old.memory("VmSwap") == new.memory("VmSwap") == 0


def test_what_was_trimmed_is_paged_out_in_its_turn_and_asked_again_when_it_left_again(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=16", name=NAME)
    start_and_leave(guard, victim, ALWAYS)
    until(lambda: is_out(victim, 15))
    until(lambda: guard.app(victim.pid)["last_action"] == "pageout")
    assert [event["reason"] for event in guard.events("action")] == ["trim", "available"]
    victim.set_adj(0)
    victim.touch()
    until(lambda: spared(guard, victim) == "foreground")
    victim.set_adj(900)
    until(lambda: len(guard.events("action")) == 3)
    assert guard.events("action")[-1]["reason"] == "trim"


def test_a_mass_return_does_not_stop_it(guard: Guard, zram: Zram, victims: Any) -> None:
    them = [victims("anon=16", name=f"{NAME}.{number}") for number in range(6)]
    guard.start(ALWAYS, f"match={NAME}.* cooldown_ms=500", LEAVE)
    until(lambda: all(is_out(victim, 15) for victim in them))
    for victim in them:
        victim.touch()
    until(lambda: all(is_out(victim, 15) for victim in them))
    assert sum(victim.bad_pages() for victim in them) == 0


def test_a_new_app_is_known_by_its_package_within_a_beat(
    guard: Guard, zram: Zram, victims: Any
) -> None:
    guard.start(f"{ALWAYS} look_every_ms=200", f"match={NAME}", LEAVE)
    time.sleep(1)
    victim = victims("anon=16", name=NAME)
    until(lambda: is_out(victim, 15))
    assert Path(f"/proc/{victim.pid}").exists()


def watches(pid: int) -> int:
    """How many files a process has the kernel watch for it."""
    number = 0
    for path in Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            number += path.read_text().count("inotify wd:")
    return number


def test_it_watches_nobody_who_has_ended(guard: Guard, zram: Zram, victims: Any) -> None:
    stays = victims("anon=1", name=f"{NAME}.stays")
    pid = guard.start(f"{NEVER} look_every_ms=100", f"match={NAME}.*", LEAVE)
    until(lambda: stays.pid in {app["pid"] for app in guard.ask("guard_status").all("app")})
    before = watches(pid)  # of this machine's own processes under an app's uid, too
    assert before > 0
    for number in range(3):
        victim = victims("anon=1", name=f"{NAME}.{number}")
        until(lambda: watches(pid) == before + 1)
        victim.kill()
        until(lambda: watches(pid) == before)
