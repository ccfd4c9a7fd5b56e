"""What a scenario requires of a device: refused with what is there instead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from droidreclaim.qa import scenario
from droidreclaim.qa.form import RequireForm
from droidreclaim.qa.require import Has, check
from droidreclaim.qa.scenario import Scenario

MIB = 1 << 20
PHONE = Has(sdk=33, ram_bytes=640 * MIB, swap_bytes=512 * MIB, thermal=0.0, screen="on")
TEXT = """version: 1
name: x
app: com.example.game
arms: [kill]
require: {REQUIRE}
steps: [launch, home, arm, resume]
"""


def wanted(**values: object) -> RequireForm:
    return RequireForm.model_validate(values)


@pytest.mark.parametrize(
    "form",
    [
        {"sdk": 33},
        {"sdk": ">=30,<34"},
        {"ram": "640MiB", "swap": "512MiB"},
        {"thermal": "none", "screen": "unlocked"},
        {},
    ],
)
def test_a_device_that_has_it_all_lacks_nothing(form: dict[str, object]) -> None:
    assert check(wanted(**form), PHONE) == []


@pytest.mark.parametrize(
    ("form", "has", "said"),
    [
        ({"sdk": ">=34"}, {}, "sdk >=34: it is 33"),
        ({"sdk": 30}, {"sdk": None}, "sdk 30: it is not known"),
        ({"ram": "2GiB"}, {}, "ram of 2.0 GiB: it is 640.0 MiB"),
        ({"swap": "1GiB"}, {"swap_bytes": 0}, "swap of 1.0 GiB: it is 0 B"),
        ({"thermal": "light"}, {"thermal": 3.0}, "thermal light at most: it is severe"),
        ({"thermal": "light"}, {"thermal": None}, "thermal light at most: it is not known"),
        ({"screen": "unlocked"}, {"screen": None}, "screen unlocked: it is not known"),
    ],
)
def test_what_is_missing_is_said_with_what_is(
    form: dict[str, object], has: dict[str, object], said: str
) -> None:
    assert check(wanted(**form), replace(PHONE, **has)) == [said]  # type: ignore[arg-type]


def test_all_that_is_missing_is_said_at_once() -> None:
    assert len(check(wanted(sdk=30, ram="9GiB", swap="9GiB"), PHONE)) == 3


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        ("{sdk: new}", "sdk='new'"),
        ("{sdk: true}", "sdk=True"),
        ("{ram: much}", "is not a size"),
        ("{thermal: severe}", "must be 'none', 'light' or 'moderate'"),
        ("{colour: red}", "no such key"),
        ("{screen: locked}", "must be"),
    ],
)
def test_a_requirement_that_makes_no_sense_is_a_fault(
    tmp_path: Path, form: str, fault: str
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(TEXT.replace("{REQUIRE}", form))
    found = scenario.check(path)
    assert not isinstance(found, Scenario)
    assert [one.line for one in found] == [5]
    assert fault in found[0].message
