"""Requests and reports of `pressure`; tests/linux/test_pressure.py tests the program."""

from __future__ import annotations

import json

import pytest
from local_shell import LocalShell

from droidreclaim.errors import ParseError, UsageError
from droidreclaim.helper.pressure_wire import result_of
from droidreclaim.helper.protocol import Reply
from droidreclaim.model import DeviceInfo
from droidreclaim.model.pressure import PressureResult
from droidreclaim.parse.kills.records import KilledBy, KillRecord
from droidreclaim.policy.pressure import Until, parse_compressible, parse_until
from droidreclaim.report import render
from droidreclaim.report.pressure import deaths_table, pressure_json, pressure_text
from droidreclaim.session.pressure import (
    is_emulator,
    join_deaths,
    lasting_s,
    why_ended,
    why_not_reached,
)
from in_process import droidreclaim

MIB = 1 << 20
DEVICE = DeviceInfo("serial", "Pocket Phone", 33, "x86_64", "6.1", 4096)
LEVEL = {
    "taken_bytes": 300 * MIB,
    "available_bytes": 90 * MIB,
    "free_bytes": 20 * MIB,
    "headroom_bytes": -2 * MIB,
    "swap_free_bytes": 0,
}
LINE = LEVEL | {
    "t": "pressure",
    "phase": "held",
    "until": "kill",
    "reached": True,
    "ended_by": None,
    "pid": 412,
    "watchdog": 411,
    "adj": 0,
    "for_ms": 60000,
    "lasted_ms": 2100,
    "cap_bytes": 592 * MIB,
    "available_before_bytes": 400 * MIB,
    "headroom_before_bytes": 100 * MIB,
    "lowest_available_bytes": 80 * MIB,
    "lowest_headroom_bytes": -5 * MIB,
    "lowest_swap_free_bytes": 0,
    "psi_full_us": 250000,
    "oom_kills": 0,
    "ended": 1,
}
ENDED = LEVEL | {
    "t": "ended",
    "pid": 310,
    "start": 99887,
    "uid": 10123,
    "name": "com.example.mail",
    "adj": 905,
    "at_ms": 2050,
}


def result(*ended: dict[str, object], **values: object) -> PressureResult:
    lines = (LINE | values, *(ended or (ENDED,)))
    return result_of(Reply("1", lines, True, None, None), None)


def kill(pid: int, by: KilledBy, name: str = "com.example.mail") -> KillRecord:
    return KillRecord(
        line_number=1, at=None, by=by, pid=pid, reason="low swap", source="killinfo", name=name
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("kill", Until("kill")),
        ("headroom", Until("headroom")),
        ("headroom <= 0", Until("headroom")),
        ("available<=200MiB", Until("available", 200 * MIB)),
        ("200MiB", Until("available", 200 * MIB)),
        ("taken>=1GiB", Until("taken", 1024 * MIB)),
    ],
)
def test_until_is_read_in_the_words_of_the_command(text: str, wanted: Until) -> None:
    assert parse_until(text) == wanted


@pytest.mark.parametrize("text", ["", "kills", "headroom<=5MiB", "available>=1MiB", "available<="])
def test_another_until_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(UsageError, match=r"available<=200MiB"):
        parse_until(text)


def test_a_ratio_becomes_the_share_of_noise() -> None:
    assert [parse_compressible(text) for text in ("1:1", "3:1", "2.5:1")] == [1000, 333, 400]


@pytest.mark.parametrize("text", ["3", "0:1", "0.5:1", "21:1", "1:3", "a:1", ""])
def test_no_ratio_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="from 1:1 to 20:1"):
        parse_compressible(text)


@pytest.mark.parametrize("lasting", ["0s", "11m", 0, 601])
def test_a_pressure_lasts_ten_minutes_at_most(lasting: str | float) -> None:
    with pytest.raises(UsageError, match="1s to 10m"):
        lasting_s(lasting)


def test_a_death_has_its_killer_from_the_log_and_who_was_not_watched_is_added() -> None:
    records = (
        kill(310, KilledBy.LMKD),
        kill(999, KilledBy.KERNEL_OOM, "native"),
        kill(998, KilledBy.USER),
    )
    deaths = join_deaths(result().deaths, records)
    assert [(one.pid, one.by) for one in deaths] == [(310, "lmkd"), (999, "kernel_oom")]
    assert deaths[0].reason == "low swap"
    assert deaths[0].level is not None
    assert deaths[1].level is None


def test_a_death_that_nobody_spoke_for_is_unknown() -> None:
    assert [one.by for one in join_deaths(result().deaths, ())] == ["unknown"]


@pytest.mark.parametrize("damage", [{"adj": 5000}, {"taken_bytes": "1"}, {"phase": None}])
def test_a_line_that_is_not_of_the_form_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(ParseError):
        result(**damage)


def test_the_text_says_what_was_taken_who_was_killed_and_how_short_it_was() -> None:
    text = pressure_text(result())
    assert "took 300.0 MiB of at most 592.0 MiB in 2.1 s until kill: reached" in text
    assert "headroom 100.0 MiB before, -5.0 MiB at the lowest" in text
    table = render(deaths_table(result()), width=None, colour=False)
    assert "com.example.mail" in table
    assert "90.0 MiB" in table


def test_a_name_of_the_device_does_not_reach_the_terminal_raw() -> None:
    told = result(ENDED | {"name": "com.evil\x1b[2J"})
    assert "\x1b" not in render(deaths_table(told), width=None, colour=False)


def test_our_own_holder_is_not_shown_as_an_app() -> None:
    told = result(ENDED | {"pid": 412, "name": "pressure-1234"}, ended_by="killed", phase="ended")
    assert "(the pressure itself)" in render(deaths_table(told), width=None, colour=False)
    assert why_ended(told) == "the holder itself was killed, with 300.0 MiB taken"


def test_the_document_is_json_with_sizes_in_bytes() -> None:
    told = json.loads(json.dumps(pressure_json(DEVICE, "phone", result(), "3:1", 7)))
    assert (told["source"], told["seed"], told["taken_bytes"]) == ("phone", 7, 300 * MIB)
    assert told["deaths"][0]["level"]["headroom_bytes"] == -2 * MIB


def test_a_kill_that_came_first_is_said() -> None:
    assert "killed before headroom" in why_not_reached(result(until="headroom", reached=False))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--until", "death"], "until 'death' is not known"),
        (["--hold", "5"], "'5' is not a duration"),
        (["--for", "20m"], "1s to 10m"),
        (["--compressible", "9"], "is no ratio"),
        (["--cap", "much"], "'much' is not a size"),
        (["--adj", "-1"], "--adj"),
        (["--adj", "200"], "--adj"),
    ],
)
def test_bad_words_are_one_line_and_exit_status_2(words: list[str], said: str) -> None:
    done = droidreclaim("pressure", *words)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("getprop", "wanted"),
    [
        ("echo 1", True),
        ("echo", False),
        ("echo 0", False),
        ("[ $1 = ro.boot.qemu ] && echo 1", True),
    ],
)
def test_an_emulator_is_known_by_what_it_says_of_itself(getprop: str, wanted: bool) -> None:
    assert is_emulator(LocalShell(f"getprop() {{ {getprop}; }}"), 10.0) is wanted
