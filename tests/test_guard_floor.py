"""How much swap a guard keeps free on a device, by that device's own lmkd."""

from __future__ import annotations

import pytest

from droidreclaim import profiles
from droidreclaim.guard.floor import above_lmkds_limit
from droidreclaim.model.profile import Profile


def profile(text: str) -> Profile:
    found = profiles.check(f"version: 1\nname: x\n{text}".encode())
    assert isinstance(found, Profile), found
    return found


@pytest.mark.parametrize(
    ("asked", "properties", "permille"),
    [
        ("10%", {}, 150),  # AOSP's tenth, and the margin
        ("30%", {}, 300),
        ("10%", {"ro.lmk.swap_free_low_percentage": "20"}, 250),
        ("22%", {"ro.lmk.swap_free_low_percentage": "20"}, 250),
        ("10%", {"ro.lmk.swap_free_low_percentage": "5"}, 100),
        ("10%", {"ro.lmk.swap_free_low_percentage": "0"}, 100),  # no such rule
        ("10%", {"ro.lmk.swap_free_low_percentage": "100"}, 1000),
        ("10%", {"ro.lmk.swap_free_low_percentage": "rubbish"}, 100),
        (
            "10%",
            {
                "ro.build.version.sdk": "33",
                "ro.lmk.swap_free_low_percentage": "5",
                "persist.device_config.lmkd_native.swap_free_low_percentage": "15",
            },
            200,
        ),
    ],
)
def test_a_guard_stays_above_what_the_device_s_own_lmkd_calls_low(
    asked: str, properties: dict[str, str], permille: int
) -> None:
    wanted = profile(f"when: {{next_launch: true, keep_swap_free: {asked}}}\n")
    assert above_lmkds_limit(wanted, properties).when.keep_swap_free_permille == permille
