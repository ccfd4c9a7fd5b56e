"""What holds a host's workers and phones: a pipe that beats, and how it ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from droidreclaim.fleet import channel

LONG_S = 600.0


@contextmanager
def held(silence_s: float) -> Iterator[tuple[IO[bytes], threading.Thread]]:
    """A pipe, and a thread that holds its other end."""
    here, there = os.pipe()
    with os.fdopen(here, "rb") as reads, os.fdopen(there, "wb", buffering=0) as writes:
        thread = threading.Thread(
            target=channel.hold, args=(reads,), kwargs={"silence_s": silence_s}
        )
        thread.start()
        yield writes, thread
        thread.join(30)
        assert not thread.is_alive()


def test_the_end_of_the_pipe_ends_what_it_holds() -> None:
    with held(LONG_S) as (pipe, thread):
        os.write(pipe.fileno(), channel.BEAT)
        assert thread.is_alive()
        pipe.close()


def test_silence_ends_what_a_pipe_holds_although_it_is_open() -> None:
    with held(0.01) as (pipe, thread):
        thread.join(30)
        assert not pipe.closed


def test_beats_come_until_they_are_ended_and_a_reader_that_is_gone_is_no_fault() -> None:
    here, there = os.pipe()
    ended = threading.Event()
    with os.fdopen(here, "rb", buffering=0) as reads, os.fdopen(there, "wb", buffering=0) as writes:
        beat = channel.keep_beating(writes, ended, every_s=0.001)
        assert len(reads.read(20)) > 0
        reads.close()
        beat.join(30)
        assert not beat.is_alive()


def test_what_nobody_wants_any_more_is_not_held() -> None:
    here, there = os.pipe()
    with os.fdopen(here, "rb") as reads, os.fdopen(there, "wb"):
        channel.hold(reads, lambda: False)
