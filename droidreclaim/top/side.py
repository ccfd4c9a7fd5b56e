"""What is asked of a device beside the ticks, one after the other, in a thread of its own."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from droidreclaim.errors import DroidReclaimError
from droidreclaim.session import Guard, Phone

_log = logging.getLogger("droidreclaim")


class Side:
    """
    A second session with the device; it is begun when something is asked, and anew after a loss.

    Args:
        phone: Gives the device as it is reached now.
    """

    def __init__(self, phone: Callable[[], Phone]) -> None:
        self._first = phone
        self._phone: Phone | None = None
        self._of: Phone | None = None
        self._guard: Guard | None = None
        self._jobs: queue.SimpleQueue[Callable[[Side], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="top-side", daemon=True).start()

    @property
    def phone(self) -> Phone:
        """The device; only for jobs."""
        first = self._first()
        if self._phone is None or self._of is not first:
            self.forget()
            self._of, self._phone = first, first.another()
        return self._phone

    @property
    def guard(self) -> Guard:
        """The device's guard; only for jobs. Its program is started once, for all of them."""
        phone = self.phone
        if self._guard is None:
            self._guard = phone.guard()
        return self._guard

    def enqueue(self, job: Callable[[Side], None]) -> None:
        """Put *job* behind those that wait already; returns at once."""
        self._jobs.put(job)

    def close(self) -> None:
        """Do what was asked before, then end the sessions."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job(self)
            except DroidReclaimError as error:
                _log.debug("beside the view: %s", error)
                self.forget()
        self.forget()

    def forget(self) -> None:
        """End the sessions; the next job begins others."""
        if self._phone is not None:
            self._phone.close()
        self._phone, self._of, self._guard = None, None, None
