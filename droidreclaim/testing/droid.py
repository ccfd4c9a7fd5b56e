"""A device leased for a test: what a phone can do, and afterwards it is as it was."""

from __future__ import annotations

import logging
import time
from contextlib import AbstractContextManager
from typing import Unpack

from droidreclaim.errors import DeviceError, DroidReclaimError, NotAchieved
from droidreclaim.model import DeviceInfo, Process, ReclaimResult, SwapDevice
from droidreclaim.parse.kills.records import KillRecord
from droidreclaim.policy.lmkd import Headroom
from droidreclaim.reclaim.words import Words
from droidreclaim.session import App, AppIdentity, Guard, Phone
from droidreclaim.testing.survive import survives

_log = logging.getLogger("droidreclaim")


class Droid:
    """
    The fixture ``droid``: a `Phone` that is this test's alone.

    Attributes:
        phone: All else that `droidreclaim.Phone` has.
    """

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self._begun_s = time.monotonic()
        self._guards: list[Guard] = []
        self._made_swap = False

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
        """See that *app* lives through the block, its process and its activity."""
        return survives(self.phone, self.app(app) if isinstance(app, str) else app)

    def guard(self, profile: str | None = None, lasting: float | str = "30m") -> Guard:
        """A guard, as `Phone.guard`; one that still runs when the test ends is stopped."""
        self._guards.append(self.phone.guard(profile, lasting))
        return self._guards[-1]

    def swap_on(self, size: int | str | None = None) -> SwapDevice:
        """An unused zram as swap until the test ends; see `Phone.swap_on`."""
        made = self.phone.swap_on(size)
        self._made_swap = True
        return made

    def restore(self) -> None:
        """Undo what the test asked for, and end our sessions; a lost device is left as it is."""
        try:
            for guard in self._guards:
                if guard.status().guard.running:
                    guard.stop()
            if self._made_swap:
                self.phone.swap_off()
        except NotAchieved:
            pass  # the guard ended meanwhile
        except DeviceError as error:
            _log.warning("%s: not restored: %s", self.serial, error)
        finally:
            self.phone.close()


def artefacts(droid: Droid) -> dict[str, bytes]:
    """What to keep of a failed test, by the name of its file: kills, exit-info, log, screen."""
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
