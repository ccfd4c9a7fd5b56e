"""What ActivityManager does by itself from Android 15 on, once a second and when a rank changed."""

import threading
from typing import Protocol

from .freezer import FIRST_SDK

LOOK_S = 1.0


class Watched(Protocol):
    """An object that is told to look around."""

    sdk: int

    def look_around(self) -> None: ...


class Watch:
    """Has *watched* look around, in a thread of its own."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._soon = threading.Event()
        if watched.sdk >= FIRST_SDK:
            threading.Thread(target=self._run, daemon=True).start()

    def soon(self) -> None:
        """Have *watched* look around now, before the next second."""
        self._soon.set()

    def _run(self) -> None:
        while True:
            self._soon.wait(LOOK_S)
            self._soon.clear()
            self._watched.look_around()
