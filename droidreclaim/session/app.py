"""One app of a device: opened and left as a user does, named, paged out."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from droidreclaim.device import Device
from droidreclaim.errors import DeviceError, DeviceTimeout, NotAchieved, ParseError, UsageError
from droidreclaim.inspect import why as why_of
from droidreclaim.model import USER_RANGE, Process, ProcessId, ReclaimResult
from droidreclaim.parse.activity.history import parse_history
from droidreclaim.parse.activity.launch import Launch, parse_launch
from droidreclaim.parse.activity.starts import ProcessStart, parse_start_info
from droidreclaim.parse.proc.process import parse_stat
from droidreclaim.policy import parse_targets
from droidreclaim.policy.why import Story
from droidreclaim.reclaim.words import Words
from droidreclaim.units import seconds_of

if TYPE_CHECKING:
    from droidreclaim.session.phone import Phone

KILLABLE_ADJ = 500  # am kill ends no process below this
_HELD_ADJ = 249  # of an app written back to flash, which Android 17's am kill leaves alone
STEP_TIMEOUT_S = 60.0  # a launch takes 2 s emulated; memory that is short stretches it
_MAX_OUTPUT_BYTES = 1 << 20  # of a launch, which says ten lines
_MEANWHILE_S = 1.0
_DIE_S = 20.0
_IN_FRONT_S = 5.0  # an app that was just left has another adj by then
_FRONT_ADJ = "0"
_LOOK_S = 0.3
_LAUNCHER = ("-a", "android.intent.action.MAIN", "-c", "android.intent.category.LAUNCHER")
_COMPONENT = re.compile(r"[\w.]{1,255}/[\w.$]{1,255}")
# One line a process of that name: its uid, then its stat. Two users may run the same app.
_PROCESSES = r"""
for pid in $(pidof "$1"); do
  while read -r key uid rest; do [ "$key" = Uid: ] && break; done 2>/dev/null </proc/$pid/status
  read -r stat 2>/dev/null </proc/$pid/stat && echo "$uid $stat"
done
true
"""


@dataclass(frozen=True, slots=True)
class AppIdentity:
    """
    One life of an app: two equal values are the same process with the same activity.

    Attributes:
        process: Pid and start time of its main process; None when it does not run.
        activity: Token of its uppermost activity (``1f72345`` of ``ActivityRecord{1f72345 ...}``):
            another one in the same process means that the activity was destroyed. None when it
            has none, or the device does not say.
    """

    process: ProcessId | None
    activity: str | None


class App:
    """
    One app, from `Phone.app`; nothing is asked of the device before a method is.

        >>> import droidreclaim as dr
        >>> with dr.connect() as phone:
        ...     game = phone.app("com.example.game")
        ...     launch = game.open()
        ...     before = game.identity()
        ...     phone.home()
        ...     result = game.page_out()
        ...     again = game.open()
        ...     print(game.identity().process == before.process, again.launch_state)
        True HOT
    """

    def __init__(self, phone: Phone, package: str) -> None:
        names, _ = parse_targets([package])
        if not names:
            raise UsageError(f"{package!r} is no package name")
        self._phone = phone
        self.package = package

    def __repr__(self) -> str:
        return f"<App {self.package} of {self._phone.serial}>"

    def open(
        self,
        component: str | None = None,
        *,
        meanwhile: Callable[[], object] | None = None,
    ) -> Launch:
        """
        Bring the app to the front as a tap on its icon does, and wait until it shows.

        Args:
            component: What to start instead (``PACKAGE/ACTIVITY``).
            meanwhile: Called about once a second while the app starts.

        Raises:
            UsageError: it is not installed, or has no icon to tap.
            ParseError: it cannot be started; the hint says why.
            DeviceError: the device was lost, or the app did not show within a minute.
        """
        words = ["am", "start", "-W", *_LAUNCHER, "-n", component or self.component()]
        return parse_launch(watched(self._phone.device, words, meanwhile or _nothing))

    def component(self) -> str:
        """
        What a tap on its icon starts: ``PACKAGE/ACTIVITY``.

        Raises:
            UsageError: it is not installed, or has no icon to tap.
        """
        words = ["cmd", "package", "resolve-activity", "--brief", *_LAUNCHER, self.package]
        found = self._run(words).strip().splitlines()[-1:]
        if not found or not _COMPONENT.fullmatch(found[0]):
            raise UsageError(f"{self.package}: nothing to open: not installed, or without an icon")
        return found[0]

    def home(self) -> None:
        """Leave the app, as Home does; the same as `Phone.home`."""
        self._phone.home()

    def starts(self) -> tuple[ProcessStart, ...]:
        """
        The app's starts and resumes as Android 15 and later remembers them, the newest first.

        Raises:
            ParseError: an older release, or it was never started.
        """
        return parse_start_info(self._run(["dumpsys", "activity", "start-info", self.package]))

    def force_stop(self) -> None:
        """End the app with all its processes."""
        self._run(["am", "force-stop", self.package])

    def die(self) -> ProcessId:
        """
        End the app as Android ends background apps when memory is short: state that was not saved
        is lost, and the next `open` is a new process.

        ``am kill`` does not say whether it did anything, so it is repeated until the process is
        gone. An app that was just left takes some seconds until it may be killed.

        Returns the process that was ended.

        Raises:
            NotAchieved: it did not run, or is used too much to be killed: in front, or a service.
        """
        before = self.identity().process
        if before is None:
            raise NotAchieved(f"{self.package} did not run: nothing to kill")
        begun_s = time.monotonic()
        while self.identity().process == before:
            took_s = time.monotonic() - begun_s
            if took_s > _IN_FRONT_S and self._will_stay(before, took_s):
                raise NotAchieved(
                    f"{self.package} stayed at oom_score_adj {self._adj(before)} for {took_s:.0f} "
                    f"s, pid {before.pid}: am kill ends nothing under {KILLABLE_ADJ}",
                    hint="it ends what is in the background alone: leave it first, home()",
                )
            self._run(["am", "kill", self.package])
            time.sleep(_LOOK_S)
        return before

    def _will_stay(self, process: ProcessId, waited_s: float) -> bool:
        return waited_s > _DIE_S or self._adj(process) == _FRONT_ADJ

    def _adj(self, process: ProcessId) -> str:
        path = f"/proc/{process.pid}/oom_score_adj"
        adj = self._phone.device.run(["cat", path], timeout_s=STEP_TIMEOUT_S).text.strip()
        if not re.fullmatch(r"-?[0-9]{1,4}", adj):
            return "?"
        return f"{adj} (written back to flash)" if int(adj) == _HELD_ADJ else adj

    def identity(self, user: int = 0) -> AppIdentity:
        """
        Pid and start time of its main process, and its uppermost activity; needs no root.

        Args:
            user: Android user (0 owner, 10 a work profile).
        """
        listed = self._run(["sh", "-c", _PROCESSES, "sh", self.package])
        process = next((one for uid, one in map(_process, listed.splitlines())
                        if uid // USER_RANGE == user), None)  # fmt: skip
        if process is None:
            return AppIdentity(None, None)
        try:
            records = parse_history(self._run(["dumpsys", "activity", "activities"]))
        except ParseError:
            records = ()
        tokens = (one.token for one in records if (one.package, one.user) == (self.package, user))
        return AppIdentity(process, next(tokens, None))

    def processes(self) -> tuple[Process, ...]:
        """Its processes that run now, as `Phone.ps` returns them; empty where there are none."""
        try:
            return self._phone.ps(self.package)
        except NotAchieved:
            return ()

    def why(self, since: float | str | None = None) -> Story:
        """
        Why its processes ended: by whom, when, in which state, with each line that says so.

            >>> import droidreclaim as dr
            >>> with dr.connect(root=False) as phone:
            ...     story = phone.app("com.example.game").why(since="10m")
            >>> all(death.cause and death.sentences for death in story.deaths)
            True

        Args:
            since: Only the last seconds, ``10m`` or ``2h``.

        Raises:
            DeviceError, ParseError: the device was lost, or its answer cannot be read.
        """
        return why_of.of_device(
            self._phone.device,
            self._phone.way_if_any(),
            self.package,
            since_s=None if since is None else seconds_of(since),
            timeout_s=STEP_TIMEOUT_S,
        )

    def page_out(self, **words: Unpack[Words]) -> ReclaimResult:
        """Page the app out; *words* and errors as those of `Phone.reclaim`."""
        return self._phone.reclaim(self.package, **words)

    def prefetch(self, **words: Unpack[Words]) -> ReclaimResult:
        """Bring back what the app has in swap; as ``page_out(how="prefetch")``."""
        words["how"] = "prefetch"
        return self._phone.reclaim(self.package, **words)

    def _run(self, words: list[str]) -> str:
        return run(self._phone.device, words)


def run(device: Device, words: list[str]) -> str:
    """
    Run a command on the device for at most `STEP_TIMEOUT_S`; returns what it printed.

    Raises:
        DeviceError: it failed, did not end in time, or the device was lost.
    """
    done = device.run(words, timeout_s=STEP_TIMEOUT_S)
    if done.exit_code != 0:
        raise DeviceError(f"{device.serial}: {' '.join(words)[:60]!r}: {done.complaint}")
    return done.text


def watched(device: Device, words: list[str], meanwhile: Callable[[], object]) -> str:
    """As `run`, with *meanwhile* called about once a second until the command ends."""
    deadline_s = time.monotonic() + STEP_TIMEOUT_S
    output = b""
    channel = device.open(words, timeout_s=STEP_TIMEOUT_S)
    try:
        while True:
            try:
                piece = channel.read(_MEANWHILE_S)
            except DeviceTimeout:
                if time.monotonic() > deadline_s:
                    raise
                meanwhile()
                continue
            if not piece:
                return output.decode("utf-8", "replace")
            output += piece
            if time.monotonic() > deadline_s or len(output) > _MAX_OUTPUT_BYTES:
                raise DeviceTimeout(
                    f"{device.serial}: {words[0]} went on talking for {STEP_TIMEOUT_S:g} s or 1 MiB"
                )
    finally:
        channel.close()


def _nothing() -> None:
    pass


def _process(line: str) -> tuple[int, ProcessId]:
    uid, _, rest = line.partition(" ")
    if not uid.isdecimal() or len(uid) > 10:
        raise ParseError("/proc/PID/status", 1, line)
    stat = parse_stat(rest)
    return int(uid), ProcessId(stat.pid, stat.start_ticks)
