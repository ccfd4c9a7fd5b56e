"""What a scenario expects of an app's memory by state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from droidreclaim.qa import scenario
from droidreclaim.qa.expect import expectations
from droidreclaim.qa.record import Round
from droidreclaim.qa.scenario import Scenario
from in_process import droidreclaim

HEAD = "version: 1\nname: x\napp: com.example.game\narms: [kill, reclaim]\n"
STEPS = "steps: [launch, home, arm, resume]\n"
GB = 10**9


def of(tmp_path: Path, expect: str) -> Scenario | list[str]:
    path = tmp_path / "s.yaml"
    path.write_text(f"{HEAD}{STEPS}expect: [{expect}]\n")
    found = scenario.check(path)
    return found if isinstance(found, Scenario) else [one.message for one in found]


def held(tmp_path: Path, expect: str, footprint: dict[str, dict[str, int]]) -> tuple[bool, str]:
    written = of(tmp_path, expect)
    assert isinstance(written, Scenario), written
    [checked] = expectations(written, {"reclaim": [Round(1, "reclaim", footprint=footprint)]})
    assert (checked.expect, checked.round) == ("footprint", 1)
    return checked.passed, checked.saw


@pytest.mark.parametrize(
    ("limit", "size", "passes"),
    [
        ("<1.25GB", 1_249_999_999, True),
        ("<1.25GB", 1_250_000_000, False),
        ("<300MB", 299_999_999, True),
        ("<300MiB", 300 << 20, False),
        ("<300MiB", (300 << 20) - 1, True),
        ("< 1GiB", GB, True),
    ],
)
def test_a_limit_is_in_its_own_unit(tmp_path: Path, limit: str, size: int, passes: bool) -> None:
    expect = f'{{footprint: {{background: {{p90: "{limit}"}}}}}}'
    assert held(tmp_path, expect, {"background": {"p90": size}})[0] is passes


def test_every_state_and_figure_that_is_named_must_hold(tmp_path: Path) -> None:
    expect = '{footprint: {foreground: {max: "<2GB"}, cached: {p50: "<200MB", p99: "<300MB"}}}'
    seen = {"foreground": {"max": GB}, "cached": {"p50": 10**8, "p99": 310 * 10**6}}
    passed, saw = held(tmp_path, expect, seen)
    assert not passed
    assert "cached p99 310.0 MB of 300 MB" in saw
    seen["cached"]["p99"] = 10**8
    assert held(tmp_path, expect, seen)[0]


def test_a_state_that_was_not_seen_does_not_pass(tmp_path: Path) -> None:
    passed, saw = held(tmp_path, '{footprint: {cached: {p90: "<2GB"}}}', {})
    assert not passed
    assert "cached p90 not seen" in saw


@pytest.mark.parametrize("limit", ["1.25GB", "<1.25", "<-1GB", "<1.25 gigabytes", ">1GB", "<1e9GB"])
def test_what_is_no_limit_is_a_fault_at_its_place(tmp_path: Path, limit: str) -> None:
    found = of(tmp_path, f'{{footprint: {{background: {{p90: "{limit}"}}}}}}')
    assert isinstance(found, list)
    assert any("is no limit: write" in one for one in found), found


def test_the_schema_knows_it() -> None:
    schema = json.loads(droidreclaim("run", "--schema").stdout)
    assert "user_perceived_services" in json.dumps(schema)
