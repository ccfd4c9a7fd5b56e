"""This machine as a phone, with a few apps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench_phone import Bench, bench_phone


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_phone(tmp_path) as one:
        yield one
