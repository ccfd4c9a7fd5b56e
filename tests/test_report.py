"""What people and scripts see."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from test_reclaim import _APP, _MOVED, _SWAP

from build_values import phone, process
from droidreclaim import escape, reclaim, report
from droidreclaim.model import DeviceInfo, Memory
from droidreclaim.policy import Plan, Selection, refusal
from droidreclaim.report import reclaim as told

_DEVICE = DeviceInfo("R58", "Pixel_6a", 34, "arm64-v8a", "6.1.0", 4096)
_MIB = 1 << 20
_HOSTILE = "com.evil\x1b[31m\x1b]0;title\x07\n\u202egame\x9b1A"


@pytest.mark.parametrize(
    "char", ["\x1b", "\x00", "\n", "\r", "\x07", "\x7f", "\x9b", "\u202e", "\u2028", "\u200b"]
)
def test_no_control_character_reaches_a_terminal(char: str) -> None:
    assert char not in escape.safe(f"a{char}b")
    assert escape.safe("com.example.game:sync é 漢") == "com.example.game:sync é 漢"


def test_a_hostile_name_stays_one_harmless_row() -> None:
    text = report.render(
        report.ps_table([process(7, _HOSTILE, 10001, 900)]), colour=True, width=200
    )
    assert "\x1b]" not in text
    assert "\u202e" not in text
    assert len(text.splitlines()) == 2


def test_json_has_no_raw_control_byte_and_keeps_the_name() -> None:
    text = report.document(
        report.ps_json(_DEVICE, "device", None, [process(7, _HOSTILE, 10001, 900)])
    )
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text)["processes"][0]["name"] == _HOSTILE


def test_a_pipe_gets_full_names_and_no_escapes() -> None:
    name = "com.example." + "x" * 200
    text = report.render(report.ps_table([process(7, name, 10001, 900)]))
    assert name in text
    assert "\x1b" not in text
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_unknown_is_a_question_mark_and_null_never_zero() -> None:
    unknown = process(7, "x.y", 10001, None, memory=Memory(None, None, None, None))
    assert "?" in report.render(report.ps_table([unknown]))
    [row] = report.ps_json(_DEVICE, "device", None, [unknown])["processes"]
    assert row["rss_bytes"] is None
    assert row["band"] == "unknown"


def test_ps_json_has_the_contracts_keys() -> None:
    value = report.ps_json(
        _DEVICE, "phone", "2026-11-22T10:00:00Z", [process(7, "a.b", 1099001, 905)]
    )
    assert value["device"]["page_bytes"] == 4096
    assert value["source"] == "phone"
    [row] = value["processes"]
    wanted = {
        "pid": 7, "start_ticks": 70, "name": "a.b", "packages": [], "user": 10, "uid": 1099001,
        "isolated": True, "oom_score_adj": 905, "band": "cached",
    }  # fmt: skip
    assert wanted.items() <= row.items()


def test_reclaim_json_has_the_contracts_keys() -> None:
    snapshot = phone()
    skip = refusal(snapshot, snapshot.by_pid[100], 700)
    assert skip is not None
    ran = reclaim.result(
        (reclaim.judge(_APP, _MOVED, reclaim.Request(Selection())),),
        _SWAP,
        Plan((_APP,), (skip,), 700),
        reclaim.Request(Selection()),
    )
    value = told.reclaim_json(_DEVICE, "device", ran)
    [target] = value["targets"]
    assert {"pid", "start_ticks", "name", "packages", "oom_score_adj", "outcome", "reason",
            "advised_bytes", "refused", "before", "after", "shared_bytes", "approximate",
            "refaults", "duration_s"} <= target.keys()  # fmt: skip
    assert value["skipped"][0]["reason"] == "foreground"
    assert value["totals"] == {
        "advised_bytes": 79691776, "reclaimed_bytes": 79691776, "swapped_bytes": 79691776,
        "zram_used_delta_bytes": 27262976, "gained_bytes": 52428800,
        "came_in_bytes": None, "swap_cached_delta_bytes": None,
    }  # fmt: skip
    assert "in the foreground (adj 0)" in report.render(told.reclaim_table(ran))


def test_a_dry_run_carries_its_estimate_and_no_result() -> None:
    request = reclaim.Request(Selection(), dry_run=True)
    advice = replace(_MOVED, advised_bytes=0, after=None)
    ran = reclaim.result(
        (reclaim.judge(_APP, advice, request),), None, Plan((_APP,), (), 700), request
    )
    [target] = told.reclaim_json(_DEVICE, "device", ran)["targets"]
    assert target["outcome"] == "estimated"
    assert target["reclaimable_bytes"] == 79691776
    assert "nothing touched" in told.reclaim_summary(ran)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_narrow_terminal_cuts_no_number(width: int) -> None:
    name = "com.example.browser:sandboxed_process0:org.chromium.content.app.SandboxedService0:0"
    row = process(31124, name, 99002, 920, memory=Memory(_MIB * 1234, _MIB * 1200, None, _MIB))
    text = report.render(report.ps_table([row]), width=width)
    for whole in ("31124", "920", "cached", "1.2 GiB", "1.0 MiB"):
        assert whole in text
    assert "com.ex" in text
    assert "ce0:0" in text
