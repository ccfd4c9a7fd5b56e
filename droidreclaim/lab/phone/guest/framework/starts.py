"""``dumpsys activity start-info``, since Android 15: how apps were started and resumed."""

import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from .text import USER_UIDS

FIRST_SDK = 35
STARTS_A_PACKAGE = 16
_FIRST_FRAME_DRAWN = 2  # of ApplicationStartInfo.STARTUP_STATE_*


class Start(NamedTuple):
    """One start of an activity; *pid* is 0 when it made the process: it is recorded before that."""

    pid: int
    uid: int
    package: str
    kind: str
    launch_ns: int
    first_frame_ns: int


class Starts:
    """The newest starts of each package."""

    def __init__(self) -> None:
        self._by_package: dict[str, deque[Start]] = {}

    def add(self, start: Start) -> None:
        kept = self._by_package.setdefault(start.package, deque(maxlen=STARTS_A_PACKAGE))
        kept.appendleft(start)

    def text(self, package: str | None = None) -> str:
        """Print all, or those of *package*; the heading says LRU, as AOSP's does."""
        lines = ["ACTIVITY MANAGER LRU PROCESSES (dumpsys activity start-info)"]
        for name, starts in list(self._by_package.items()):
            if package in (None, name):
                lines += _rows(name, list(starts))
        return "\n".join(lines) + "\n"


def begun_ns() -> int:
    """Return the time now, on the clock of the timestamps."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def _rows(package: str, starts: list[Start]) -> Iterator[str]:
    yield f"  package: {package}"
    yield f"    Historical Process Start for userId={starts[0].uid}"
    for number, start in enumerate(starts):
        uid = start.uid
        yield f"        ApplicationStartInfo #{number}:"
        yield (
            f"         pid={start.pid} realUid={uid} packageUid={uid} definingUid=-1"
            f" user={uid // USER_UIDS}"
        )
        yield (
            f"         package={package} process={package} startupState={_FIRST_FRAME_DRAWN}"
            f" reason=START ACTIVITY startType={start.kind} launchMode=0"
            " wasForceStopped=false"
        )
        yield (
            "         intent=Intent { act=android.intent.action.MAIN flg=0x10000000"
            f" cmp={package}/.Main }}"
        )
        yield f"         timestamps: 0={start.launch_ns} 4={start.first_frame_ns}"
