"""
How many examples Hypothesis tries: ten times as many with ``-m nightly``.

Only pytest limits a test's time: a deadline for one example would measure how busy the machine is.
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
    """Mark every test of Hypothesis, so that ``-m nightly`` chooses it too."""
    for item in items:
        if hasattr(getattr(item, "obj", None), "hypothesis"):
            item.add_marker(NIGHTLY)
