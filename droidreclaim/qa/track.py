"""An app's memory over the time of a round, sampled on the device by a second helper."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from droidreclaim.errors import DroidReclaimError
from droidreclaim.helper import verbs, wire
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.inspect.footprint.apps import owners
from droidreclaim.model import USER_RANGE, Process, ProcessId
from droidreclaim.qa.record import Point
from droidreclaim.session import Phone

_PERIOD_US = 250_000
_FIRST_US = 10_000
_SEARCH_US = 50_000  # while the app does not run: a quick round is back at its app after 1.5 s
_LATE_S = 5.0  # a link so slow costs its round a number
_LOOK_S = 0.05
_COUNT = 2  # samples a request: how soon a round's end is heard
_JOIN_S = 20.0
_log = logging.getLogger("droidreclaim")


class Tracker:
    """
    Samples the app's main process while a round is played; a device that cannot has no samples.

    The helper that samples is another than the one that pages out, so that neither waits for the
    other; it is started once and begins anew where it was lost.
    """

    def __init__(self, phone: Phone, package: str) -> None:
        self._phone = phone
        self._package = package
        self._helper: RunningHelper | None = None
        self._uid: int | None = None
        self._target: ProcessId | None = None  # the app's main process, as far as is known
        self._refused = False
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None
        self._points: list[Point] = []

    def begin(self) -> None:
        """Sample from now on, unless this device has shown that it cannot."""
        self._points, self._ends = [], threading.Event()
        if self._refused:
            return
        try:
            self._start()
        except DroidReclaimError as error:
            self._refused = True
            _log.info("memory over time is not sampled: %s", error)
            return
        if self._helper is None:
            return
        self._thread = threading.Thread(target=self._work, name="qa-track", daemon=True)
        self._thread.start()

    def sample_until(self, boot_s: float) -> None:
        """Wait until a sample is later than *boot_s* of the device's clock, or none comes."""
        deadline_s = time.monotonic() + _LATE_S
        while (
            self._thread is not None and self._thread.is_alive() and time.monotonic() < deadline_s
        ):
            if self._points and self._points[-1].boot_s >= boot_s:
                return
            self._ends.wait(_LOOK_S)

    def end(self) -> list[Point]:
        """End sampling; returns what was sampled, in its order."""
        self._ends.set()
        if (
            self._thread is not None and self._thread.is_alive()
        ):  # not where its start was cut short
            self._thread.join(_JOIN_S)
        self._thread = None
        return self._points

    def close(self) -> None:
        """End the helper, too."""
        self.end()
        if self._helper is not None:
            self._helper.session.close()
            self._helper = None

    def _start(self) -> None:
        if self._uid is None:
            asked = (self._package,)
            found = owners(self._phone.device, asked, timeout_s=self._phone.timeout_s)
            self._uid = next(iter(found))
        if self._helper is None:
            self._helper, self._target = self._phone.start_reader(), None
            # It tells of every process first, and a quick round would be over meanwhile.
            self._until_lost(lambda: self._ask(_FIRST_US, 1))

    def _work(self) -> None:
        self._until_lost(self._sample)

    def _until_lost(self, work: Callable[[], None]) -> None:
        """Do *work*; a device that is lost in it the round that is played finds out by itself."""
        assert self._helper is not None
        session = self._helper.session
        try:
            work()
        except DroidReclaimError as error:
            _log.debug("memory over time ends here: %s", error)
            with suppress(DroidReclaimError):
                session.close()
            self._helper = None

    def _sample(self) -> None:
        while not self._ends.is_set():
            if self._target is None:
                self._ask(_SEARCH_US, 1)
            else:
                self._ask(_PERIOD_US, _COUNT)

    def _ask(self, period_us: int, count: int) -> None:
        """Sample the app where it runs, and hear of processes that are new to the helper."""
        assert self._helper is not None
        reply = self._helper.session.call(
            "sample", targets=None if self._target is None else str(self._target),
            period_us=period_us, count=count, new=1, patience_s=period_us * count / 1e6,
        )  # fmt: skip
        for line in wire.lines_of(reply, "sample", wire.Sample):
            if (point := _point(line)) is None:
                self._target = None  # it has ended
            else:
                self._points.append(point)
        for one in map(verbs.process_of, wire.lines_of(reply, "proc", wire.Proc)):
            if self._is_main(one) and isinstance(one.id, ProcessId):
                self._target = one.id

    def _is_main(self, one: Process) -> bool:
        return (
            one.name == self._package and one.uid is not None and one.uid % USER_RANGE == self._uid
        )


def _point(line: wire.Sample) -> Point | None:
    if line.rss_anon_bytes is None:
        return None
    return Point(line.at_us / 1e6, line.pid, line.rss_anon_bytes, line.swap_bytes or 0, line.adj)
