"""When the pocket phone's ActivityManager compacts an app, by Android's own throttles."""

from __future__ import annotations

import pytest

from droidreclaim.lab.phone.guest.framework.compaction import Last, is_due
from droidreclaim.lab.phone.guest.framework.memory import Status
from droidreclaim.units import MIB

_HELD = Status(rss_bytes=60 * MIB, anon_bytes=40 * MIB, file_bytes=20 * MIB)
_LEFT = Status(rss_bytes=24 * MIB, anon_bytes=4 * MIB, file_bytes=20 * MIB, swap_bytes=36 * MIB)


@pytest.mark.parametrize(
    ("held", "swap_free", "due"),
    [
        (_HELD, 1.0, True),
        (_HELD, None, True),  # without swap Android's test is of 0/0, and it goes on
        (_HELD, 0.2, True),
        (_HELD, 0.19, False),
        (Status(anon_bytes=12_000 * 1024), 1.0, True),
        (Status(anon_bytes=12_000 * 1024 - 1, file_bytes=99 * MIB), 1.0, False),
        (Status(), 1.0, False),  # gone meanwhile
    ],
)
def test_an_app_is_compacted_where_there_is_enough_of_it_and_of_swap(
    held: Status, swap_free: float | None, due: bool
) -> None:
    assert is_due(None, 100.0, held, swap_free) == due


@pytest.mark.parametrize(
    ("now_s", "held", "due"),
    [
        (110.0, _HELD, True),
        (109.9, _HELD, False),
        (200.0, _LEFT._replace(anon_bytes=13 * MIB), True),
        (200.0, _LEFT._replace(anon_bytes=4 * MIB + 8_000 * 1024), False),
        # What came back is less of swap, too, and counts twice.
        (
            200.0,
            Status(anon_bytes=12 * MIB, file_bytes=20 * MIB, swap_bytes=28 * MIB),
            True,
        ),
    ],
)
def test_one_that_was_compacted_is_due_again_in_ten_seconds_if_it_changed(
    now_s: float, held: Status, due: bool
) -> None:
    assert is_due(Last(100.0, _LEFT), now_s, held, 1.0) == due
