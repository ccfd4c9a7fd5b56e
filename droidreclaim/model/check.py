"""One line of what ``doctor`` prints."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckState(StrEnum):
    """How a check came out; unknown is not ok."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """
    One thing that was looked at.

    Attributes:
        name: Stays the same over releases, for scripts.
        todo: What to do about it, in this program's own words: a report carries it as it is.
            None when there is nothing to do.
    """

    name: str
    state: CheckState
    fact: str
    todo: str | None = None
