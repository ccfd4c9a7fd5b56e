"""The package-process map: which app each process of a scan belongs to. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from droidreclaim.model import CACHED_ADJ, FIRST_APP_ID, USER_RANGE, ActivityState, Band, Process
from droidreclaim.parse.activity.packages import parse_packages_list

# Parents of app processes; never apps themselves, whatever package their name begins with.
_ZYGOTES = frozenset({"zygote", "zygote64", "zygote_secondary", "webview_zygote"})
_ZYGOTE_PREFIXES = ("usap32", "usap64")
_ZYGOTE_SUFFIX = "_zygote"
# ProcessList.makeProcStateString: with activities, client of one, recent, empty.
_CACHED_STATES = frozenset({"CAC", "CACC", "CRE", "CEM"})
_PERCEPTIBLE_ADJ = 200  # below it adj is believed against all others
_NO_ADJ = 1001  # over all that the kernel knows


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
        """By packages and uid the lowest adj of the processes that serve one of them there."""
        groups: dict[tuple[tuple[str, ...], int | None], int] = {}
        for process in self.processes:
            group = (process.packages, process.uid)
            groups[group] = min(groups.get(group, _NO_ADJ), _adj_or_none(process))
        lowest: dict[tuple[str, int | None], int] = {}
        for (packages, uid), adj in groups.items():
            for name in packages:
                lowest[name, uid] = min(lowest.get((name, uid), _NO_ADJ), adj)
        return {
            (packages, uid): min((lowest[name, uid] for name in packages), default=_NO_ADJ)
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


def is_app(process: Process) -> bool:
    """Whether the uid is an app's (not one of the system's, in any user)."""
    return process.uid is not None and process.uid % USER_RANGE >= FIRST_APP_ID


def is_zygote(process: Process) -> bool:
    """Whether a process is one that apps are forked from."""
    name = process.name
    return (
        name in _ZYGOTES
        or name.startswith(_ZYGOTE_PREFIXES)
        or name.endswith(_ZYGOTE_SUFFIX)
        or name == "<pre-initialized>"
    )


def is_managed(process: Process, by_pid: Mapping[int, Process]) -> bool:
    """Whether ActivityManager started a process: it is a child of a zygote."""
    parent = by_pid.get(process.ppid) if process.ppid is not None else None
    return parent is not None and is_zygote(parent)


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


@dataclass(frozen=True, slots=True)
class Member:
    """
    A process as ActivityManager lists it.

    Attributes:
        uid: The uid it runs under; *owner_uid* that of the app it serves, where it is isolated.
        packages: Its packageList; empty where the dump had only rows.
        band_adj: Its adj, or the floor of its band where only that is known.
    """

    name: str
    uid: int | None
    owner_uid: int | None
    packages: tuple[str, ...]
    state: ActivityState
    band_adj: int | None = None

    def is_about(self, process: Process) -> bool:
        """
        Whether *process*, found under the same pid, is this one and not a later owner of the pid.

        Zygote writes a name into the room its own command line had, so long ones are cut there;
        the kernel's comm keeps the last 15 characters of an app's name.
        """
        known = _SYSTEM_SERVER.get(process.name, process.name)
        same = self.name.startswith(known) or (len(known) == _COMM and self.name.endswith(known))
        return bool(known) and same and self.uid in (None, process.uid)


# system_server's name in ps and in ActivityManager's dumps.
_SYSTEM_SERVER = {"system_server": "system"}
_COMM = 15


def build(
    processes: Iterable[Process],
    packages: Mapping[int, tuple[str, ...]],
    *,
    helper_pid: int | None = None,
    members: Mapping[int, Member] | None = None,
) -> Snapshot:
    """
    Attribute each process to the packages it serves.

    Args:
        packages: Installed packages by app id.
        members: What ActivityManager says, by pid. Its packageList beats guessing from names
            where name and uid agree; where they do not, the pid is another's by now.
    """
    ordered = sorted(processes, key=lambda process: process.pid)
    attribution = _Attribution({one.pid: one for one in ordered}, packages, members or {})
    return Snapshot(tuple(map(attribution.attributed, ordered)), packages, helper_pid)


class _Attribution:
    """Which packages each of the processes serves."""

    def __init__(
        self,
        by_pid: Mapping[int, Process],
        packages: Mapping[int, tuple[str, ...]],
        members: Mapping[int, Member],
    ) -> None:
        self._by_pid = by_pid
        self._packages = packages
        self._members = members
        self._installed = {name for names in packages.values() for name in names}
        self._known: dict[int, tuple[str, ...]] = {}  # what a pid's process has from its parent

    def attributed(self, process: Process) -> Process:
        """*process* with its packages, and with ActivityManager's word where there is one."""
        member = self._members.get(process.pid)
        if member is not None and member.is_about(process):
            packages = member.packages or self._served(process, member.owner_uid)
            return cached_by_state(replace(process, packages=packages, state=member.state))
        return replace(process, packages=self._served(process, process.uid))

    def _served(self, process: Process, uid: int | None) -> tuple[str, ...]:
        certain, likely = self._without_parent(process, uid)
        return self._inherited(process) or likely if certain is None else certain

    def _without_parent(
        self, process: Process, uid: int | None
    ) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
        """By uid and name: certain packages, or None and those it has if its parent has none."""
        if not is_app(process) or is_zygote(process) or process.kernel_thread:
            return (), ()
        base = process.name.partition(":")[0]
        named = (base,) if "." in base and "/" not in base else ()
        if not self._packages:
            return named, ()
        owners = self._packages.get((uid or 0) % USER_RANGE, ())
        if base in owners or (process.isolated and not owners and base in self._installed):
            # A uid shared by several packages, or one lent for isolation: the name says which.
            return (base,), ()
        if len(owners) == 1:
            return owners, ()
        return None, owners or (() if process.isolated else named)

    def _inherited(self, process: Process) -> tuple[str, ...]:
        """
        What a child has from its parent: native children, and isolated ones of an app zygote.

        Walked up once for all on the way; a scan is not atomic, so a loop is possible.
        """
        passed: list[tuple[int, tuple[str, ...]]] = [(process.pid, ())]
        seen = {process.pid}
        found: tuple[str, ...] = ()
        one = process
        while (known := self._known.get(one.pid)) is None:
            parent = self._by_pid.get(one.ppid or 0)
            if parent is None or parent.pid in seen:
                break
            if one.isolated and is_app(parent) and parent.name.endswith(_ZYGOTE_SUFFIX):
                found = self._packages.get((parent.uid or 0) % USER_RANGE, ())
                break
            if parent.uid != one.uid or is_zygote(parent):
                break
            certain, likely = self._without_parent(parent, parent.uid)
            if certain is not None:
                found = certain
                break
            passed.append((parent.pid, likely))
            seen.add(parent.pid)
            one = parent
        found = found if known is None else known
        for pid, likely in reversed(passed):
            self._known[pid] = found
            found = found or likely
        return self._known[process.pid]
