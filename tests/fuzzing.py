"""
How many examples Hypothesis tries: ten times as many with ``-m nightly``.

A test's limit in time is pytest's own: a deadline for one example says how busy the machine was.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

NIGHTLY = "nightly"
TIMES = 10


def register(config: pytest.Config) -> None:
    """Choose the profile, before any test module is imported."""
    usual = settings(deadline=None)
    settings.register_profile("usual", usual)
    settings.register_profile(NIGHTLY, usual, max_examples=usual.max_examples * TIMES)
    settings.load_profile(NIGHTLY if is_nightly(config) else "usual")


def is_nightly(config: pytest.Config) -> bool:
    return bool(config.getoption("markexpr") == NIGHTLY)


def examples(usual: int) -> int:
    """*usual* examples, or as many more as the profile has."""
    return usual * settings.default.max_examples // settings.get_profile("usual").max_examples


def mark(items: list[pytest.Item]) -> None:
    """Have every test of Hypothesis among those that ``-m nightly`` chooses."""
    for item in items:
        if hasattr(getattr(item, "obj", None), "hypothesis"):
            item.add_marker(NIGHTLY)
