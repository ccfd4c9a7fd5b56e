"""A device leased for a test: it does what a phone does, and is restored afterwards."""

from __future__ import annotations

import logging
import time
from contextlib import AbstractContextManager
from typing import Unpack

from droidreclaim.device.lease import Lease
from droidreclaim.errors import DeviceError, DroidReclaimError, NotAchieved, NotPossible
from droidreclaim.helper.session import HelperError
from droidreclaim.model import DeviceInfo, Process, ReclaimResult, SwapDevice
from droidreclaim.parse.kills.records import KillRecord
from droidreclaim.policy.lmkd import Headroom
from droidreclaim.reclaim.words import Words
from droidreclaim.session import App, AppIdentity, Guard, Phone, Pressure
from droidreclaim.session.footprint import FootprintWatch
from droidreclaim.testing.survive import survives

_log = logging.getLogger("droidreclaim")


class Droid:
    """
    The fixture ``droid``: a `Phone` that is this test's alone.

    Attributes:
        phone: The `droidreclaim.Phone` itself, for its other methods.
    """

    def __init__(self, phone: Phone, lease: Lease) -> None:
        self.phone = phone
        self._lease = lease
        self._begun_s = time.monotonic()
        self._made: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"<Droid {self.serial}>"

    @property
    def serial(self) -> str:
        """Serial as adb prints it."""
        return self.phone.serial

    @property
    def info(self) -> DeviceInfo:
        """What names the device: model, SDK, ABI, kernel, page size."""
        return self.phone.info

    def app(self, package: str) -> App:
        """One app; see `Phone.app`."""
        return self.phone.app(package)

    def home(self) -> None:
        """Press Home."""
        self.phone.home()

    def ps(self, *packages: str) -> tuple[Process, ...]:
        """Processes; see `Phone.ps`."""
        return self.phone.ps(*packages)

    def reclaim(self, *targets: str, **words: Unpack[Words]) -> ReclaimResult:
        """Page out; see `Phone.reclaim`."""
        return self.phone.reclaim(*targets, **words)

    def headroom(self) -> Headroom:
        """How far it is from the next kill; see `Phone.headroom`."""
        return self.phone.headroom()

    def kills(self) -> tuple[KillRecord, ...]:
        """Who was killed since the test began."""
        return self.phone.kills(since=max(1.0, time.monotonic() - self._begun_s)).records

    def survives(self, app: App | str) -> AbstractContextManager[AppIdentity]:
        """Check that *app* lives through the block: its process and its activity."""
        return survives(self.phone, self.app(app) if isinstance(app, str) else app)

    def footprint(self, app: App | str, *, hz: float = 10.0) -> FootprintWatch:
        """Sample the memory of *app* through the block; see `Phone.footprint_during`."""
        package = app if isinstance(app, str) else app.package
        return self.phone.footprint_during(package, hz=hz)

    def guard(self, profile: str | None = None, lasting: float | str = "30m") -> Guard:
        """A guard, as `Phone.guard`; one that still runs when the test ends is stopped."""
        made = self.phone.guard(profile, lasting)
        self._will_undo("guard")
        return made

    def pressure(
        self, until: str = "kill", *, lasting: float | str | None = None, yes: bool = False
    ) -> Pressure:
        """Make memory really short for the length of a ``with`` block; see `Phone.pressure`."""
        return self.phone.pressure(until, lasting=lasting, yes=yes)

    def swap_on(self, size: int | str | None = None) -> SwapDevice:
        """Make an unused zram swap until the test ends; see `Phone.swap_on`."""
        self._will_undo("swap")
        return self.phone.swap_on(size)

    def adopt(self) -> None:
        """Undo what a test has left on the device whose process was killed."""
        self._made = self._lease.left()
        if self._made:
            _log.info("%s: undoing what a test left: %s", self.serial, ", ".join(self._made))
            self._undo()
            self._begun_s = time.monotonic()

    def restore(self) -> None:
        """
        Undo what the test asked for, and end our sessions; a lost device is left as it is.

        Raises:
            DroidReclaimError: something could not be undone; the rest was.
        """
        try:
            self._undo()
        finally:
            self.phone.close()

    def _will_undo(self, what: str) -> None:
        self._made |= {what}
        self._lease.note(self._made)

    def _undo(self) -> None:
        failed: list[DroidReclaimError] = []
        for what, undo in (("guard", self._stop_guard), ("swap", self._swap_off)):
            if what not in self._made:
                continue
            try:
                undo()
                self._made -= {what}
            except DeviceError as error:
                _log.warning("%s: not restored: %s", self.serial, error)
                return  # the note stays: whoever leases the device next undoes it
            except DroidReclaimError as error:
                failed.append(error)
        if not failed:
            self._lease.note(frozenset())
            return
        self._lease.note(self._made)
        first, *others = failed
        for other in others:
            first.add_note(f"nor was this undone: {other}")
        raise first

    def _stop_guard(self) -> None:
        guard = self.phone.guard()
        if not guard.status().guard.running:
            return
        try:
            guard.stop()
        except NotAchieved:
            if guard.status().guard.running:
                raise  # a guard that ended by itself meanwhile is no error

    def _swap_off(self) -> None:
        try:
            self.phone.swap_off()
        except NotPossible as error:
            cause = error.__cause__
            if not (isinstance(cause, HelperError) and cause.errno == "ENOENT"):
                raise  # ENOENT, no swap of ours, is no error: the test has undone it


def artefacts(droid: Droid) -> dict[str, bytes]:
    """Collect what to keep of a failed test, by name of file: kills, exit-info, log, screen."""
    kept: dict[str, bytes] = {}
    commands = {
        "log.txt": ["logcat", "-d", "-v", "threadtime", "-t", "5000"],
        "exit-info.txt": ["dumpsys", "activity", "exit-info"],
        "screen.png": ["screencap", "-p"],
    }
    try:
        lines = [
            f"{one.at} {one.by.value} {one.name} pid {one.pid} "
            f"adj {one.oom_score_adj}: {one.reason}"
            for one in droid.kills()
        ]
        kept["kills.txt"] = "".join(f"{line}\n" for line in lines or ["none"]).encode()
        for name, words in commands.items():
            done = droid.phone.device.run(words, timeout_s=15)
            if done.exit_code == 0 and done.stdout:
                kept[name] = done.stdout
    except DroidReclaimError as error:
        kept["not-kept.txt"] = f"{error}\n".encode()
    return kept
