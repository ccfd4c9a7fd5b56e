"""A pipe between two ends of a fleet: what one end started at the other lives while it beats."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import IO

SILENCE_S = 30.0  # a host whose cable was pulled gets no end of its stdin, only silence
BEAT_S = 5.0
BEAT = b"\n"
_LOOK_S = 1.0
_MOST_BYTES = 4096


def hold(
    pipe: IO[bytes], wanted: Callable[[], bool] = lambda: True, *, silence_s: float = SILENCE_S
) -> None:
    """Return when *pipe* ends, when nothing came for *silence_s*, or nothing is *wanted* here."""
    silent_s = 0.0
    look_s = min(_LOOK_S, silence_s)
    while wanted() and silent_s < silence_s:
        if not select.select([pipe], [], [], look_s)[0]:
            silent_s += look_s  # counted, not measured: of a host that slept nothing is over
        elif os.read(pipe.fileno(), _MOST_BYTES):
            silent_s = 0.0
        else:
            return


def keep_beating(
    pipe: IO[bytes], ended: threading.Event, every_s: float = BEAT_S
) -> threading.Thread:
    """Beat in a thread of its own until *ended*, or until nobody reads any more."""

    def beat() -> None:
        with suppress(OSError, ValueError):  # ValueError: closed meanwhile
            while not ended.wait(every_s):
                os.write(pipe.fileno(), BEAT)

    thread = threading.Thread(target=beat, name="beat", daemon=True)
    thread.start()
    return thread
