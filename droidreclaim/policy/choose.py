"""What `reclaim` was asked for, and whom that means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from droidreclaim.errors import NotAchieved, UsageError
from droidreclaim.model import (
    BAND_FLOORS,
    FIRST_APP_ID,
    USER_RANGE,
    Band,
    Process,
    Reason,
    Skip,
    band_of,
)
from droidreclaim.snapshot import Snapshot

DEFAULT_FLOOR = 700  # previous: the app the user just left; lmkd kills from 701 (Android 14+)
ASKED_FLOOR = 500  # services and home: only when asked for by name, band or adj
FORCED_FLOOR = -1000

_PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
_ADJ_RANGE = re.compile(r"(-?[0-9]{1,4})\.\.(-?[0-9]{1,4})")
_PID_TARGET = re.compile(r"pid:([0-9]{1,10})")


@dataclass(frozen=True, slots=True)
class Selection:
    """
    What was asked for; several kinds narrow each other, several values of a kind widen it.

    Attributes:
        adj: Lowest and highest oom_score_adj, both included.
    """

    packages: tuple[str, ...] = ()
    pids: tuple[int, ...] = ()
    bands: tuple[Band, ...] = ()
    adj: tuple[int, int] | None = None
    force: bool = False

    @property
    def named(self) -> bool:
        """Whether packages or pids were named."""
        return bool(self.packages or self.pids)

    @property
    def floor(self) -> int:
        """
        The lowest oom_score_adj this selection may touch.

        Asking for a band or a range of adj opens what it asks for and no more, so that an app that
        moves towards the foreground meanwhile is let go.
        """
        if self.force:
            return FORCED_FLOOR
        floors = [low for low, band in BAND_FLOORS if band in self.bands]
        if self.adj:
            floors.append(self.adj[0])
        lowest = ASKED_FLOOR if self.named else min(floors, default=DEFAULT_FLOOR)
        return min(DEFAULT_FLOOR, max(ASKED_FLOOR, lowest))


@dataclass(frozen=True, slots=True)
class Plan:
    """
    Whom to touch, in this order, and who is left alone.

    Attributes:
        floor: oom_score_adj under which a target is to be dropped, also while work is going on.
    """

    targets: tuple[Process, ...]
    skipped: tuple[Skip, ...]
    floor: int


def parse_targets(words: Iterable[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """
    Split command-line targets into package names and pids (``pid:N``).

    Raises:
        UsageError: a word is neither.
    """
    packages, pids = [], []
    for word in words:
        if pid := _PID_TARGET.fullmatch(word):
            pids.append(int(pid[1]))
        elif _PACKAGE.fullmatch(word) and len(word) <= 255:
            packages.append(word)
        else:
            raise UsageError(f"{word!r} is no package name", hint="a process is given as pid:4321")
    return tuple(packages), tuple(pids)


def parse_adj_range(text: str) -> tuple[int, int]:
    """
    Both ends of ``700..999``.

    Raises:
        UsageError: not a range, empty, or out of the kernel's -1000..1000.
    """
    match = _ADJ_RANGE.fullmatch(text)
    if match is None or not -1000 <= int(match[1]) <= int(match[2]) <= 1000:
        raise UsageError(
            f"{text!r} is no range of oom_score_adj", hint="700..999, within -1000..1000"
        )
    return int(match[1]), int(match[2])


def bands_of(band: str | Iterable[str]) -> tuple[Band, ...]:
    """
    One band, or several.

    Raises:
        UsageError: there is no such band.
    """
    words = (band,) if isinstance(band, str) else tuple(band)
    for word in words:
        if word not in tuple(Band):
            raise UsageError(f"band {word!r}", hint=f"one of {', '.join(Band)}")
    return tuple(map(Band, words))


def choose(snapshot: Snapshot, selection: Selection) -> Plan:
    """
    Pick the targets of *selection*, oldest background app first.

    Raises:
        NotAchieved: a named package or pid is not there; the nearest names are in the message.
    """
    for package in selection.packages:
        require_running(snapshot, package)
    for pid in selection.pids:
        if pid not in snapshot.by_pid:
            raise NotAchieved(f"no process {pid}", hint="it may have exited; see 'droidreclaim ps'")
    targets, skipped = [], []
    for process in snapshot.processes:
        if not _matches(process, selection):
            continue
        skip = refusal(snapshot, process, selection.floor)
        if skip is None:
            targets.append(process)
        else:
            skipped.append(skip)
    return Plan(tuple(sorted(targets, key=_oldest_first)), tuple(skipped), selection.floor)


def leave_java_heaps_in_use(plan: Plan) -> Plan:
    """
    *plan* for the Java heap alone: without the apps whose next garbage collection undoes it.

    A cached app hardly collects, a frozen one (which is cached) never.
    """
    idle = tuple(process for process in plan.targets if process.band is Band.CACHED)
    detail = "its Java heap comes back with the next garbage collection: --force, or once cached"
    busy = tuple(
        Skip(process, Reason.BUSY, detail)
        for process in plan.targets
        if process.band is not Band.CACHED
    )
    return Plan(idle, plan.skipped + busy, plan.floor)


def refusal(snapshot: Snapshot, process: Process, floor: int) -> Skip | None:
    """Why a process may not be touched under *floor*, or None when it may."""
    if never := _never(snapshot, process):
        return Skip(process, Reason.SYSTEM, never)
    adj = process.importance
    if adj is None or adj > 1000:
        return Skip(process, Reason.BELOW_FLOOR, "its oom_score_adj is not known")
    if adj >= floor:
        return None
    stale = "" if adj == process.adj_in_front else ", the lowest of its app"
    band = band_of(adj)
    if band in (Band.FOREGROUND, Band.VISIBLE):
        detail = f"in the foreground (adj {adj}{stale}): press Home, or --force"
        return Skip(process, Reason.FOREGROUND, detail)
    if band is Band.PERCEPTIBLE:
        return Skip(
            process, Reason.PERCEPTIBLE, f"perceptible (adj {adj}{stale}): --force to touch it"
        )
    how = "name it, --band or --adj" if adj >= ASKED_FLOOR else "--force to touch it"
    return Skip(process, Reason.BELOW_FLOOR, f"{band} (adj {adj}{stale}): {how}")


def _never(snapshot: Snapshot, process: Process) -> str | None:
    """Why a process is never touched, even with --force."""
    if process.kernel_thread:
        return "a kernel thread"
    if process.pid == 1:
        return "init"
    if process.pid in snapshot.our_pids:
        return "droidreclaim's own session"
    if process.uid is None or process.uid % USER_RANGE < FIRST_APP_ID:
        return f"a system process (uid {process.uid})"
    if process.pid in snapshot.app_zygotes:
        return "isolated processes of its app are forked from it"
    return None


def _matches(process: Process, selection: Selection) -> bool:
    if selection.named and not (
        process.pid in selection.pids or set(process.packages) & set(selection.packages)
    ):
        return False
    if selection.bands and process.band not in selection.bands:
        return False
    if selection.adj is None:
        return True
    low, high = selection.adj
    return process.adj_in_front is not None and low <= process.adj_in_front <= high


def _oldest_first(process: Process) -> tuple[int, int]:
    return -(process.adj_in_front or 0), -(process.memory.rss_anon_bytes or 0)


def require_running(snapshot: Snapshot, package: str) -> None:
    """
    Raises:
        NotAchieved: *package* has no process; says whether it is installed, or the nearest names.
    """
    if any(package in process.packages for process in snapshot.processes):
        return
    if snapshot.installed(package):
        raise NotAchieved(f"{package} is installed and has no process", hint="start the app first")
    near = snapshot.nearest(package)
    hint = f"did you mean {', '.join(near)}?" if near else "see 'droidreclaim ps'"
    raise NotAchieved(f"no package {package} on this device", hint=hint)
