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
_PERCEPTIBLE_ADJ = 200  # below it adj is believed against all others
_NO_ADJ = 1001  # over all that the kernel knows
_INIT_PID = 1


@dataclass(frozen=True)
class Snapshot:
    """
    All processes of a device at one moment, each with the packages it serves.

    Attributes:
        processes: By pid.
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
        """App processes of which neither uid nor parent tells whose they are."""
        return tuple(one for one in self.processes if one.owner is Owner.UNPROVEN)

    def asking(self, ask: Callable[[], Mapping[int, Member]]) -> Snapshot:
        """The same with ActivityManager's word on whose the unproven are; unasked without any."""
        told = ask() if self.unproven else {}
        members = {one.pid: told[one.pid] for one in self.unproven if one.pid in told}
        if not members:
            return self
        return build(self.processes, self.packages, helper_pid=self.helper_pid, members=members)

    @cached_property
    def app_zygotes(self) -> frozenset[int]:
        """Apps' processes that isolated ones of theirs are forked from: no other may fork such."""
        forked = (one for one in self.processes if one.isolated and one.ppid in self.by_pid)
        parents = (self.by_pid[one.ppid] for one in forked if one.ppid is not None)
        return frozenset(one.pid for one in parents if is_app(one) and not one.isolated)

    def installed(self, package: str) -> bool | None:
        """Whether a package is installed; None when the list could not be read."""
        if not self.packages:
            return None
        return any(package in names for names in self.packages.values())

    def nearest(self, package: str) -> list[str]:
        """Names close to one that is not there, best first, at most three."""
        known = {name for names in self.packages.values() for name in names}
        known.update(name for process in self.processes for name in process.packages)
        return difflib.get_close_matches(package, sorted(known), n=3, cutoff=0.5)

    def effective_adj(self, process: Process) -> int | None:
        """
        The oom_score_adj that says how close a process is to the user.

        ActivityManager writes the adj of the processes it started. A native child of an app
        inherits the adj of the moment it was forked and keeps it, so it takes the lowest among
        its ancestors within the app and the processes of its packages.
        """
        if process.oom_score_adj is None or is_managed(process, self.by_pid):
            return process.adj_in_front
        of_packages = self._lowest_of_packages[process.packages, process.uid]
        return min(self._lowest_of_chain[process.pid], of_packages)

    @cached_property
    def _lowest_of_chain(self) -> dict[int, int]:
        """By pid the lowest adj of a process and its ancestors within the uid; 1001 for none."""
        lowest: dict[int, int] = {}
        for process in self.processes:
            path: list[Process] = []
            one: Process | None = process
            on_path: set[int] = set()
            while one is not None and one.pid not in lowest and one.pid not in on_path:
                path.append(one)
                on_path.add(one.pid)
                parent = self.by_pid.get(one.ppid) if one.ppid is not None else None
                one = parent if parent is not None and parent.uid == one.uid else None
            floor = lowest.get(one.pid, _NO_ADJ) if one is not None else _NO_ADJ
            if one is not None and one.pid in on_path:  # a loop: each is above each other one
                loop = path[[step.pid for step in path].index(one.pid) :]
                floor = min(map(_adj_or_none, loop))
            for step in reversed(path):
                floor = min(floor, _adj_or_none(step))
                lowest[step.pid] = floor
        return lowest

    @cached_property
    def _lowest_of_packages(self) -> dict[tuple[tuple[str, ...], int | None], int]:
        """
        By packages and uid the lowest adj of the processes that serve one of them there.

        Of processes whose packages are not known: of all of the uid.
        """
        groups: dict[tuple[tuple[str, ...], int | None], int] = {}
        for process in self.processes:
            group = (process.packages, process.uid)
            groups[group] = min(groups.get(group, _NO_ADJ), _adj_or_none(process))
        lowest: dict[tuple[str | None, int | None], int] = {}
        for (packages, uid), adj in groups.items():
            for name in (None, *packages):
                lowest[name, uid] = min(lowest.get((name, uid), _NO_ADJ), adj)
        return {
            (packages, uid): min(lowest[name, uid] for name in packages or (None,))
            for packages, uid in groups
        }

    def _chain(self, pid: int | None) -> list[Process]:
        """A process and its ancestors; a scan is not atomic, so a loop is possible."""
        chain: list[Process] = []
        seen: set[int] = set()
        while pid is not None and pid in self.by_pid and pid not in seen:
            seen.add(pid)
            chain.append(self.by_pid[pid])
            pid = self.by_pid[pid].ppid
        return chain


def _adj_or_none(process: Process) -> int:
    return _NO_ADJ if process.adj_in_front is None else process.adj_in_front


def cached_by_state(process: Process) -> Process:
    """*process* as a cached one where ActivityManager's state says so and its adj does not."""
    adj, state = process.oom_score_adj, process.state
    if adj is None or not _PERCEPTIBLE_ADJ <= adj < CACHED_ADJ or state is None:
        return process
    if state.proc_state not in _CACHED_STATES:
        return process
    return replace(process, band=Band.CACHED, cached_anyway=True)


def is_managed(process: Process, by_pid: Mapping[int, Process]) -> bool:
    """
    Whether ActivityManager keeps a process' adj up to date: somebody outside its uid started it.

    A parent's name would prove nothing; the helper and the guard go by the same.
    """
    parent = by_pid.get(process.ppid) if process.ppid is not None else None
    return parent is not None and parent.pid > _INIT_PID and parent.uid != process.uid


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
        names_do: Of captured text alone: what a name says is listed where nothing tells more.
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
