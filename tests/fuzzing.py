"""
Which examples Hypothesis tries: the same each time, and ten times as many new ones at night.

So a change is judged by what it changes, and ``-m nightly`` finds what nobody has thought of.
Only pytest limits a test's time: a deadline for one example would measure how busy the machine is.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

NIGHTLY = "nightly"
TIMES = 10


def register(config: pytest.Config) -> None:
    """Choose the profile, before any test module is imported."""
    usual = settings(deadline=None, derandomize=True)
    more = usual.max_examples * TIMES
    settings.register_profile("usual", usual)
    settings.register_profile(NIGHTLY, usual, derandomize=False, max_examples=more)
    settings.load_profile(NIGHTLY if is_nightly(config) else "usual")


def is_nightly(config: pytest.Config) -> bool:
    return bool(config.getoption("markexpr") == NIGHTLY)


def examples(usual: int) -> int:
    """*usual* examples, or as many more as the profile has."""
    return usual * settings.default.max_examples // settings.get_profile("usual").max_examples


def mark(items: list[pytest.Item]) -> None:
    """Mark every test of Hypothesis, so that ``-m nightly`` chooses it too."""
    for item in items:
        if hasattr(getattr(item, "obj", None), "hypothesis"):
            item.add_marker(NIGHTLY)
