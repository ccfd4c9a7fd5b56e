"""ActivityManager's states, read again and again beside the sampling."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable, Mapping

from droidreclaim import snapshot
from droidreclaim.device import Device
from droidreclaim.errors import DroidReclaimError, ParseError
from droidreclaim.inspect.ask import ask_device
from droidreclaim.inspect.footprint.apps import Owners
from droidreclaim.model import USER_RANGE
from droidreclaim.model.footprint import Reading, Told
from droidreclaim.parse.activity.dump import parse_processes
from droidreclaim.snapshot import states

_AGAIN_S = 1.0
_UPTIME = re.compile(r"([0-9]{1,12}\.[0-9]{1,3}) ")


def activity_by_pid(members: Mapping[int, snapshot.Member]) -> dict[int, Told]:
    """What ActivityManager says of each process, by pid."""
    states = {pid: one.state for pid, one in members.items() if one.state is not None}
    return {
        pid: Told(one.proc_state, one.adj, one.why, one.held_by, one.trim_level)
        for pid, one in states.items()
    }


class StateReader:
    """Reads ActivityManager's states in a thread of its own, so that sampling goes on."""

    def __init__(
        self,
        device: Device,
        apps: Mapping[int, Owners],
        *,
        timeout_s: float,
        on_reading: Callable[[Reading], None] | None = None,
    ) -> None:
        self._device = device
        self._apps = apps
        self._on_reading = on_reading or (lambda reading: None)
        self._timeout_s = timeout_s
        self._wanted: queue.Queue[bool] = queue.Queue()
        self.readings: list[Reading] = []
        self.members: Mapping[int, snapshot.Member] = {}
        self.refused: str | None = None
        self._thread = threading.Thread(target=self._work, name="footprint-states", daemon=True)
        self._thread.start()

    def request(self) -> None:
        """Ask for a reading that begins after this call."""
        if self._wanted.qsize() == 0:
            self._wanted.put(True)

    def close(self, wait_s: float) -> None:
        """End the thread, after the reading that it is taking."""
        self._wanted.put(False)
        self._thread.join(wait_s)

    def _is_theirs(self, member: snapshot.Member) -> bool:
        """Whether the process may be sampled: states of all would be tens of MB an hour."""
        uids = (member.uid, member.owner_uid)
        return any(uid is not None and uid % USER_RANGE in self._apps for uid in uids)

    def _work(self) -> None:
        while self._wanted.get():
            try:
                self._read()
            except DroidReclaimError as error:  # the device is away, or prints another dump
                self.refused = str(error)
                time.sleep(_AGAIN_S)

    def _read(self) -> None:
        commands = {"from": "cat /proc/uptime", "dump": "dumpsys activity processes",
                    "until": "cat /proc/uptime"}  # fmt: skip
        answers = ask_device(self._device, commands, None, timeout_s=self._timeout_s)
        members = states.members_of(answers["dump"].read(parse_processes))
        from_us, until_us = (uptime_us(answers[name].text) for name in ("from", "until"))
        self.members = members
        theirs = {pid: one for pid, one in members.items() if self._is_theirs(one)}
        reading = Reading(from_us, until_us, activity_by_pid(theirs))
        self.readings.append(reading)
        self._on_reading(reading)


def uptime_us(text: str) -> int:
    found = _UPTIME.match(text)
    if found is None:
        raise ParseError("/proc/uptime", 1, text[:80])
    # Printed cut to 10 ms: a reading may begin a little earlier than it says, never later.
    return round(float(found[1]) * 1e6)
