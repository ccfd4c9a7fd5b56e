"""One look at a device: everything a tick shows, in one round trip to the helper."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from droidreclaim import snapshot as snapshots
from droidreclaim.helper import verbs
from droidreclaim.helper.again import SCAN_AGAIN, scan_again_of
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.session import HelperError
from droidreclaim.model import USER_RANGE, Advice, DeviceInfo, Process
from droidreclaim.policy.choose import FORCED_FLOOR
from droidreclaim.policy.lmkd import Sample, sample_of
from droidreclaim.snapshot import Member, Snapshot

_FILES = (
    "meminfo", "vmstat", "zoneinfo", "pressure/memory", "uptime", "swaps", "zram", "zram_flash",
)  # fmt: skip
# Looks in between do not read names and uids again: see device-scripts/PROTOCOL.md.
WHOLE_EVERY = 60
# For all processes on the screen: a dry run only reads, and the rows say what may be touched.
_ESTIMATE = verbs.Orders(floor=FORCED_FLOOR, what="anon", dry_run=True)


@dataclass(frozen=True)
class Look:
    """
    What one round trip brought.

    Attributes:
        at_s: When the answer came, by the host's clock.
        files: Texts of the kernel by path.
        estimates: What a page-out of the processes asked for would do.
        guards: Pids of guards.
    """

    at_s: float
    trip_s: float
    device: DeviceInfo
    snapshot: Snapshot
    sample: Sample
    files: Mapping[str, str | None]
    estimates: tuple[Advice, ...]
    guards: tuple[int, ...]


class Looker:
    """
    Looks at one device through a session with its helper, which ends with a link that is lost.

    Attributes:
        members: ActivityManager's word on processes, by pid, for what uid and parent do not tell.
        estimates: Whether the helper there can say what a page-out would do.
    """

    def __init__(self, helper: RunningHelper, *, rooted: bool) -> None:
        self.members: Mapping[int, Member] = {}
        self.estimates = rooted
        self._helper = helper
        self._hello: verbs.Hello | None = None
        self._device: DeviceInfo | None = None
        self._scan: verbs.Scan | None = None
        self._packages: Mapping[int, tuple[str, ...]] = {}
        self._looks = 0
        self._strangers: set[int] = set()

    def take(self, targets: Sequence[Process] = ()) -> Look:
        """
        Look once.

        Args:
            targets: Processes for which to estimate what a page-out would move.

        Raises:
            DeviceError: the device was lost, or did not answer in time.
            ParseError: its answer cannot be read.
        """
        session, looks = self._helper.session, self._looks
        whole, self._looks = looks % WHOLE_EVERY == 0, 0  # after a look that fails: all anew
        calls = [verbs.SCAN if whole else SCAN_AGAIN, verbs.read_files(*_FILES)]
        calls += [verbs.HELLO] if self._hello is None else []
        wanted = tuple(targets) if self.estimates else ()
        calls += [verbs.advice_call("pageout", wanted, _ESTIMATE)] if wanted else []
        began_s = time.monotonic()
        ids = session.send_all(calls)
        scanned, read = session.receive(ids[0]), session.receive(ids[1])
        if self._hello is None:
            self._hello = verbs.hello_of(session.receive(ids[2]))
            self._device = self._helper.device_info(self._hello)
        estimates = self._estimates(ids[-1], wanted) if wanted else ()
        at_s = time.monotonic()
        if whole or self._scan is None:
            self._scan = verbs.scan_of(scanned)
            self._packages = snapshots.packages_by_app_id(self._scan.packages_list)
        else:
            self._scan = scan_again_of(scanned, self._scan)
        self._looks = 0 if self._has_strangers() and not whole else looks + 1
        files = verbs.files_of(read)
        assert self._device is not None
        return Look(
            at_s=at_s,
            trip_s=at_s - began_s,
            device=self._device,
            snapshot=self._attributed(self._hello.pid),
            sample=sample_of(files, at_s),
            files=files,
            estimates=estimates,
            guards=verbs.guards_of(self._scan),
        )

    def _attributed(self, helper_pid: int) -> Snapshot:
        assert self._scan is not None
        members = {
            pid: self.members[pid]
            for pid in (process.pid for process in self._scan.processes)
            if pid in self.members
        }
        return snapshots.build(
            self._scan.processes, self._packages, helper_pid=helper_pid, members=members
        )

    def _has_strangers(self) -> bool:
        """Whether an app runs that may have been installed after packages.list was read."""
        assert self._scan is not None
        ids = {(one.uid or 0) % USER_RANGE for one in self._scan.processes if _is_own(one)}
        strangers = ids - self._packages.keys() if self._packages else set()
        are_new = not strangers <= self._strangers
        self._strangers |= strangers
        return are_new

    def _estimates(self, request_id: str, targets: Sequence[Process]) -> tuple[Advice, ...]:
        """What a dry run says; a helper that refuses one is not asked again."""
        try:
            reply = self._helper.session.receive(request_id)
        except HelperError:
            self.estimates = False
            return ()
        return verbs.advices_of(reply, {process.id for process in targets})


def _is_own(process: Process) -> bool:
    """Whether *process* runs under an app's own uid, which packages.list has."""
    return snapshots.is_app(process) and not process.isolated
