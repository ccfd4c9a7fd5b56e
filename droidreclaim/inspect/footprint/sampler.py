"""Memory of some apps over time, sampled by the helper."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from droidreclaim.errors import DeviceError, DroidReclaimError, NotPossible, UsageError
from droidreclaim.helper import verbs, wire
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.session import HelperSession
from droidreclaim.inspect.footprint.apps import Owners
from droidreclaim.inspect.footprint.states import StateReader
from droidreclaim.model import USER_RANGE, Process, ProcessId
from droidreclaim.model.footprint import Track
from droidreclaim.snapshot import Member

HZ_MAX = 100
_BATCH_S = 0.5  # new processes are looked for once in a batch
_RECONNECT_S = 1.0
_TARGETS_MAX = 64
_LOG = logging.getLogger("droidreclaim")


def hz_of(hz: float) -> float:
    """
    How often to sample.

    Raises:
        UsageError: more often than is possible, or not at all.
    """
    if not 0.1 <= hz <= HZ_MAX:
        raise UsageError(
            f"{hz:g} samples a second", hint=f"0.1 to {HZ_MAX}, which is {HZ_MAX * 60} a minute"
        )
    return hz


@dataclass
class Sampler:
    """
    Samples every process of some apps until it is told to stop.

    Attributes:
        open_helper: Gives a running helper, a new one after *drop_helper*.
        apps: Packages by app id.
        sampled: Called with a process after each sample of it; must not wait.
        read_every_s: How often to read states where no adj changes.
        unreadable: Why some process could not be read when sampling began, by errno; None of none.
    """

    open_helper: Callable[[], RunningHelper]
    drop_helper: Callable[[], None]
    reader: StateReader
    apps: Mapping[int, Owners]
    hz: float
    sampled: Callable[[Track], None] = lambda track: None
    read_every_s: float = 10.0
    tracks: dict[ProcessId, Track] = field(default_factory=dict)
    asked: bool = False  # whether a look at all processes has come back
    unreadable: str | None = None
    _refused: dict[ProcessId, str] = field(default_factory=dict)
    _compared: int = 0  # readings whose processes were all looked for
    _strangers: dict[ProcessId, Process] = field(default_factory=dict)
    _boot_id: str | None = None
    _read_s: float = 0.0
    _told_many: bool = False

    def run(self, until: Callable[[], bool]) -> None:
        """
        Sample until *until* says so, or Ctrl-C; a device that is away for a while leaves a gap.

        Raises:
            DeviceError: it was not there when this began, or has booted anew meanwhile.
            NotPossible: the helper may read none of the apps' processes.
        """
        away_since_s: float | None = None
        while not until():
            try:
                helper = self._session()
                if away_since_s is not None:
                    gone_s = time.monotonic() - away_since_s
                    _LOG.warning("%s is back after %.0f s", helper.serial, gone_s)
                away_since_s = None
                self._sample(helper, until)
                return
            except DeviceError as error:
                if self._boot_id is None or "booted anew" in error.message:
                    raise
                if away_since_s is None:
                    away_since_s = time.monotonic()
                    _LOG.warning("%s; sampling goes on when it is back", error)
                with suppress(DroidReclaimError):
                    self.drop_helper()
                time.sleep(_RECONNECT_S)

    def _session(self) -> RunningHelper:
        """A helper that runs, and every process that is there: it tells new ones alone."""
        helper = self.open_helper()
        hello, scanned = helper.session.call_all([verbs.HELLO, verbs.SCAN])
        boot_id = verbs.hello_of(hello).boot_id or ""
        if self._boot_id not in (None, boot_id):
            raise DeviceError(f"{helper.serial}: it has booted anew: what was sampled ends there")
        self._boot_id = boot_id
        scan = verbs.scan_of(scanned)
        if scan.hidden:
            raise NotPossible(
                f"{helper.serial}: the adb shell sees only its own processes (hidepid)",
                hint="root sees all of them; see 'droidreclaim doctor'",
            )
        self.unreadable = scan.unreadable_errno
        self._meet(list(scan.processes))
        return helper

    def _sample(self, helper: RunningHelper, until: Callable[[], bool]) -> None:
        """Ask for samples two batches ahead, so that the helper never waits for the link."""
        session, patience_s = helper.session, 3 * self._batch_s
        waiting = [session.send("sample", **self._request()) for _ in range(2)]
        self._ask_states()
        while True:
            reply = session.receive(waiting.pop(0), patience_s=patience_s)
            self._take(wire.lines_of(reply, "sample", wire.Sample))
            self._meet([verbs.process_of(one) for one in wire.lines_of(reply, "proc", wire.Proc)])
            self.asked = True
            self._look_again(session)
            if time.monotonic() - self._read_s > self.read_every_s:
                self._ask_states()
            if until():
                return
            waiting.append(session.send("sample", **self._request()))

    @property
    def _batch_s(self) -> float:
        return max(_BATCH_S, 1 / self.hz)

    def _request(self) -> dict[str, str | int | None]:
        living = [str(one.id) for one in self.tracks.values() if one.ended_us is None]
        if len(living) > _TARGETS_MAX and not self._told_many:
            self._told_many = True
            _LOG.warning("%d processes: only the first %d are sampled", len(living), _TARGETS_MAX)
        return {
            "targets": ",".join(living[:_TARGETS_MAX]) or None,
            "period_us": round(1e6 / self.hz),
            "count": max(1, round(self._batch_s * self.hz)),
            "new": 1,
        }

    def _take(self, lines: tuple[wire.Sample, ...]) -> None:
        for line in lines:
            track = self.tracks.get(ProcessId(line.pid, line.start))
            if track is None or track.ended_us is not None:
                continue
            if line.rss_anon_bytes is None or line.adj is None:
                if line.errno in (None, "ESRCH"):  # gone, or a zombie
                    track.ended_us = line.at_us
                    _LOG.info("%s (pid %d) ended", track.name, track.id.pid)
                else:
                    self._refuse(track, line.errno)
                continue
            if not track.adj or track.adj[-1] != line.adj:
                self._ask_states()
            swap = line.swap_bytes or 0
            track.at_us.append(line.at_us)
            track.bytes_.append(line.rss_anon_bytes + swap)
            track.swap_bytes.append(swap)
            track.adj.append(line.adj)
            self.sampled(track)

    def _look_again(self, session: HelperSession) -> None:
        """
        Scan again when ActivityManager names a process that no scan has shown as the app's.

        It was new while it still had the uid and name of what it was forked or started from.
        """
        if len(self.reader.readings) == self._compared:
            return
        self._compared = len(self.reader.readings)
        met = {one.pid for one in (*self.tracks, *self._strangers)}
        members = self.reader.members.items()
        if any(pid not in met and self._owner_of(member) for pid, member in members):
            self._meet(list(verbs.scan_of(session.call_all([verbs.SCAN])[0]).processes))

    def _owner_of(self, member: Member) -> str | None:
        """Which of the packages a process is of, in ActivityManager's words."""
        if member.packages:
            return self._of_packages(member.packages)
        app = self.apps.get((member.uid or 0) % USER_RANGE)
        return app.owner(member.name) if app else None

    def _refuse(self, track: Track, errno: str) -> None:
        """Say once that a process may not be read; end where none may be read."""
        if track.id in self._refused:
            return
        self._refused[track.id] = errno
        _LOG.warning("%s (pid %d) cannot be read: %s", track.name, track.id.pid, errno)
        tracks = self.tracks.values()
        if all(one.id in self._refused for one in tracks) and not any(one.at_us for one in tracks):
            raise NotPossible(
                f"memory of {track.name} cannot be read: {errno}",
                hint="root reads it; see 'droidreclaim doctor'",
            )

    def _meet(self, came: list[Process]) -> None:
        """Take the apps' processes among new ones; of isolated ones only ActivityManager knows."""
        for process in came:
            if process.id is None:
                continue
            if process.uid is None:  # its status is refused: ActivityManager tells whose it is
                self._strangers[process.id] = process
                continue
            if (track := self.tracks.get(process.id)) is not None:
                track.name = process.name  # seen before while it had its zygote's
                continue
            app_id = process.uid % USER_RANGE
            owner = self.apps[app_id].owner(process.name) if app_id in self.apps else None
            if owner is None and (app_id in self.apps or process.isolated):
                self._strangers[process.id] = process
                continue
            self._strangers.pop(process.id, None)
            if owner:
                self._track(process, owner)
        for stranger in list(self._strangers.values()):
            member = self.reader.members.get(stranger.pid)
            if member is None:
                continue
            del self._strangers[_known(stranger)]
            known = stranger if stranger.uid is not None else replace(stranger, uid=member.uid)
            if member.is_about(known) and (owner := self._of_packages(member.packages)):
                self._track(known, owner)

    def _of_packages(self, packages: tuple[str, ...]) -> str | None:
        names = {name for one in self.apps.values() for name in one.asked}
        return next((name for name in packages if name in names), None)

    def _track(self, process: Process, package: str) -> None:
        name = process.name
        self.tracks[_known(process)] = Track(
            _known(process), name, package, process.user or 0, process.isolated
        )
        _LOG.info("sampling %s (pid %d)", name, process.pid)

    def _ask_states(self) -> None:
        self._read_s = time.monotonic()
        self.reader.request()


def _known(process: Process) -> ProcessId:
    assert process.id is not None
    return process.id
