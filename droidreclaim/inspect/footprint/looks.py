"""What sampled processes are made of: looked at beside the sampling, never in it."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from droidreclaim.device import Device
from droidreclaim.device.root import RootWay
from droidreclaim.errors import DroidReclaimError, ParseError
from droidreclaim.inspect.ask import ask_device
from droidreclaim.inspect.footprint.states import uptime_us
from droidreclaim.model.footprint import Made, PlayState, Reading, Track
from droidreclaim.parse.activity.meminfo_app import parse_meminfo_app
from droidreclaim.parse.proc.smaps import parse_smaps
from droidreclaim.policy.footprint import play_state
from droidreclaim.policy.footprint_made import made_of_meminfo, made_of_smaps
from droidreclaim.units import MIB

_AGAIN_US = 5_000_000  # a look stalls its process for some milliseconds
_MORE_BYTES, _MORE_SHARE = 4 * MIB, 1.05
_NOT_LOOKED_AT = (PlayState.UNSURE, PlayState.OTHER)
_LOG = logging.getLogger("droidreclaim")


@dataclass(slots=True)
class _Seen:
    """When a process was last looked at for its state or its size, and what it was then."""

    state: PlayState | None = None
    state_us: int = -_AGAIN_US
    most_bytes: int = 0
    most_us: int = -_AGAIN_US


@dataclass
class Looker:
    """
    Looks at a process when its state is another, or it holds more than ever before.

    By ``dumpsys meminfo`` at a new state, by ``smaps`` at a new maximum: that needs root, or an app
    that is debuggable.

    Attributes:
        tracks: The processes that are sampled.
        way: To root, None without.
    """

    device: Device
    way: RootWay | None
    tracks: Callable[[], Iterable[Track]]
    timeout_s: float
    looks: list[Made] = field(default_factory=list)
    _jobs: queue.Queue[Callable[[], None] | None] = field(default_factory=queue.Queue)
    _seen: dict[int, _Seen] = field(default_factory=dict)
    _refused: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._work, name="footprint-looks", daemon=True)
        self._thread.start()

    def look_after(self, reading: Reading) -> None:
        """ActivityManager has been read: look at processes whose state is another than before."""
        for track in list(self.tracks()):
            now = reading.states.get(track.id.pid)
            if now is None or track.ended_us is not None:
                continue
            seen, state = self._seen_of(track), play_state(now.proc_state)
            due = reading.until_us - seen.state_us >= _AGAIN_US
            if state not in (seen.state, *_NOT_LOOKED_AT) and due:
                seen.state, seen.state_us = state, reading.until_us
                self._jobs.put(lambda track=track, state=state: self._meminfo(track, state))  # type: ignore[misc]

    def sampled(self, track: Track) -> None:
        """A sample was taken: look at a process that holds clearly more than at the last look."""
        seen, held = self._seen_of(track), track.bytes_[-1]
        if held < seen.most_bytes * _MORE_SHARE + _MORE_BYTES or track.package in self._refused:
            return
        if track.at_us[-1] - seen.most_us >= _AGAIN_US:
            seen.most_bytes, seen.most_us = held, track.at_us[-1]
            self._jobs.put(lambda: self._smaps(track))

    def close(self, wait_s: float) -> None:
        """End, after the look that is being taken."""
        self._jobs.put(None)
        self._thread.join(wait_s)

    def _seen_of(self, track: Track) -> _Seen:
        return self._seen.setdefault(track.id.pid, _Seen())

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except DroidReclaimError as error:  # it ended, or the device is away
                _LOG.debug("not looked at: %s", error)

    def _meminfo(self, track: Track, state: PlayState) -> None:
        commands = {"at": "cat /proc/uptime", "memory": f"dumpsys meminfo {track.id.pid}"}
        answers = ask_device(self.device, commands, None, timeout_s=self.timeout_s)
        apps = answers["memory"].read(parse_meminfo_app)
        at_us = uptime_us(answers["at"].text)
        self.looks += [
            made_of_meminfo(one, state, at_us) for one in apps if one.pid == track.id.pid
        ]

    def _smaps(self, track: Track) -> None:
        pid = track.id.pid
        words = f"cat /proc/{pid}/smaps"
        if self.way is None:
            user = f" --user {track.user}" if track.user else ""
            words = f"run-as {track.package}{user} {words}"  # a package's name needs no quotes
        commands = {"smaps": words, "at": "cat /proc/uptime"}
        answers = ask_device(self.device, commands, self.way, timeout_s=self.timeout_s)
        try:
            mappings = answers["smaps"].read(parse_smaps)
        except ParseError:
            if track.ended_us is None and self.way is None:
                self._refused.add(track.package)  # not debuggable
            raise
        state = self._seen_of(track).state or PlayState.UNSURE
        self.looks.append(made_of_smaps(pid, mappings, state, uptime_us(answers["at"].text)))
