"""The package-process map: which app each process of a scan belongs to. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from droidreclaim.model import CACHED_ADJ, Band, Owner, Process
from droidreclaim.parse.activity.packages import parse_packages_list
from droidreclaim.snapshot.owners import Attribution, Member, is_app

# ProcessList.makeProcStateString: with activities, client of one, recent, empty.
_CACHED_STATES = frozenset({"CAC", "CACC", "CRE", "CEM"})
_PERCEPTIBLE_ADJ = 200  # a process below this adj is in use, whatever its state says


@dataclass(frozen=True)
class Snapshot:
    """
    All processes of a device at one moment, each with the packages it serves.

    Attributes:
        processes: Sorted by pid.
        packages: Installed packages by app id (the uid without its user); empty when
            /data/system/packages.list could not be read.
        helper_pid: Pid of the helper that took it; it and its ancestors are ours.
    """

    processes: tuple[Process, ...]
    packages: Mapping[int, tuple[str, ...]]
    helper_pid: int | None = None

    @cached_property
    def by_pid(self) -> dict[int, Process]:
        """The processes by pid."""
        return {process.pid: process for process in self.processes}

    @cached_property
    def our_pids(self) -> frozenset[int]:
        """The helper and its ancestors up to init."""
        return frozenset(process.pid for process in self._chain(self.helper_pid))

    @cached_property
    def unproven(self) -> tuple[Process, ...]:
        """App processes of which neither uid nor parent tells the package."""
        return tuple(one for one in self.processes if one.owner is Owner.UNPROVEN)

    def asking(self, ask: Callable[[], Mapping[int, Member]]) -> Snapshot:
        """Have ActivityManager name the packages of unproven processes, if there are any."""
        named = ask() if self.unproven else {}
        members = {one.pid: named[one.pid] for one in self.unproven if one.pid in named}
        if not members:
            return self
        return build(self.processes, self.packages, helper_pid=self.helper_pid, members=members)

    @cached_property
    def app_zygotes(self) -> frozenset[int]:
        """Pids of app zygotes: apps' processes that have forked isolated ones, as only they may."""
        forked = (one for one in self.processes if one.isolated and one.ppid in self.by_pid)
        parents = (self.by_pid[one.ppid] for one in forked if one.ppid is not None)
        return frozenset(one.pid for one in parents if is_app(one) and not one.isolated)

    def installed(self, package: str) -> bool | None:
        """Whether a package is installed; None when the list could not be read."""
        if not self.packages:
            return None
        return any(package in names for names in self.packages.values())

    def nearest(self, package: str) -> list[str]:
        """Names close to *package*, which is not there: best first, at most three."""
        known = {name for names in self.packages.values() for name in names}
        known.update(name for process in self.processes for name in process.packages)
        return difflib.get_close_matches(package, sorted(known), n=3, cutoff=0.5)

    def _chain(self, pid: int | None) -> list[Process]:
        """A process and its ancestors; a scan is not atomic, so a loop is possible."""
        chain: list[Process] = []
        seen: set[int] = set()
        while pid is not None and pid in self.by_pid and pid not in seen:
            seen.add(pid)
            chain.append(self.by_pid[pid])
            pid = self.by_pid[pid].ppid
        return chain


def cached_by_state(process: Process) -> Process:
    """Put *process* into the cached band where its state says so and its adj does not."""
    adj, state = process.oom_score_adj, process.state
    if adj is None or not _PERCEPTIBLE_ADJ <= adj < CACHED_ADJ or state is None:
        return process
    if state.proc_state not in _CACHED_STATES:
        return process
    return replace(process, band=Band.CACHED, cached_anyway=True)


def packages_by_app_id(packages_list: str | None) -> dict[int, tuple[str, ...]]:
    """
    Package names by app id from the text of /data/system/packages.list; empty for None.

    Raises:
        ParseError: a line cannot be read.
    """
    by_app_id: dict[int, list[str]] = {}
    for entry in parse_packages_list(packages_list) if packages_list else ():
        by_app_id.setdefault(entry.uid, []).append(entry.name)
    return {app_id: tuple(names) for app_id, names in by_app_id.items()}


def build(
    processes: Iterable[Process],
    packages: Mapping[int, tuple[str, ...]],
    *,
    helper_pid: int | None = None,
    members: Mapping[int, Member] | None = None,
    names_do: bool = False,
) -> Snapshot:
    """
    Attribute each process to the packages it serves.

    Args:
        packages: Installed packages by app id.
        members: What ActivityManager says, by pid. Its packageList beats all else where uid and
            name agree; where they do not, the pid is another's by now.
        names_do: For captured text alone: take the package that a process's name says, where
            nothing else tells.
    """
    ordered = sorted(processes, key=lambda process: process.pid)
    attribution = Attribution(
        {one.pid: one for one in ordered}, packages, members or {}, names_do=names_do
    )
    found = (_attributed(attribution, process) for process in ordered)
    return Snapshot(tuple(found), packages, helper_pid)


def _attributed(attribution: Attribution, process: Process) -> Process:
    """*process* with its packages, and with ActivityManager's word where there is one."""
    packages, owner = attribution.found(process)
    member = attribution.member_of(process)
    state = member.state if member is not None else None
    return cached_by_state(replace(process, packages=packages, owner=owner, state=state))
