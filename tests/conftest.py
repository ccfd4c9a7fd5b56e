"""Captures of real devices, read where they lie; the tests that need them skip without them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

_BESIDE_THE_PROJECT = Path(__file__).parents[1].parent / "shared" / "fixtures"


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of captures: DROIDRECLAIM_FIXTURES, or shared/fixtures beside the project."""
    folder = Path(os.environ.get("DROIDRECLAIM_FIXTURES", _BESIDE_THE_PROJECT))
    if not folder.is_dir():
        reason = f"no captures at {folder}: set DROIDRECLAIM_FIXTURES"
        if "DROIDRECLAIM_REQUIRE" in os.environ:
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture(scope="session")
def capture(fixtures: Path) -> Callable[[str], str]:
    """Reads one capture by its path in the folder, bytes that are no UTF-8 replaced."""
    return lambda name: (fixtures / name).read_bytes().decode("utf-8", "replace")
