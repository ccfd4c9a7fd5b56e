"""Find a process's packages by its uid, its parent or ActivityManager, not by its name. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from droidreclaim.model import (
    FIRST_APP_ID,
    FIRST_SDK_SANDBOX_ID,
    LAST_SDK_SANDBOX_ID,
    SDK_SANDBOX_OFFSET,
    USER_RANGE,
    ActivityState,
    Owner,
    Process,
    is_isolated,
)

# Parents of app processes; never apps themselves, whatever package their name begins with.
_ZYGOTES = frozenset({"zygote", "zygote64", "zygote_secondary", "webview_zygote"})
_ZYGOTE_PREFIXES = ("usap32", "usap64")
_ZYGOTE_SUFFIX = "_zygote"

Found = tuple[tuple[str, ...], Owner | None]


def is_app(process: Process) -> bool:
    """Whether the uid is an app's (not one of the system's, in any user)."""
    return process.uid is not None and process.uid % USER_RANGE >= FIRST_APP_ID


def is_zygote(process: Process) -> bool:
    """
    Whether a process is a zygote of the system's, from which apps are forked.

    An app may call its processes anything: under an app's uid such a name says nothing.
    """
    name = process.name
    return not is_app(process) and (
        name in _ZYGOTES
        or name.startswith(_ZYGOTE_PREFIXES)
        or name.endswith(_ZYGOTE_SUFFIX)
        or name == "<pre-initialized>"
    )


@dataclass(frozen=True, slots=True)
class Member:
    """
    A process as ActivityManager lists it.

    Attributes:
        uid: The uid it runs under; *owner_uid* that of the app it serves, where it is isolated.
        packages: Its packageList; empty where the dump had only rows.
        state: None where only the packages were asked for.
        band_adj: Its adj, or the floor of its band where only that is known.
    """

    name: str
    uid: int | None
    owner_uid: int | None
    packages: tuple[str, ...]
    state: ActivityState | None
    band_adj: int | None = None

    def is_about(self, process: Process) -> bool:
        """
        Whether *process*, found under the same pid, is this one and not a later owner of the pid.

        Zygote writes a name into the room of its own command line, which cuts long names; the
        kernel's comm has the last 15 characters of an app's name. An isolated uid belongs to one
        process alone, whatever its name.
        """
        if process.isolated and self.uid == process.uid:
            return True
        known = _SYSTEM_SERVER.get(process.name, process.name)
        same = self.name.startswith(known) or (len(known) == _COMM and self.name.endswith(known))
        return bool(known) and same and self.uid in (None, process.uid)


# system_server's name in ps and in ActivityManager's dumps.
_SYSTEM_SERVER = {"system_server": "system"}
_COMM = 15


class Attribution:
    """
    Which packages each of the processes serves.

    Args:
        packages: Installed packages by app id; empty where the list is not known.
        names_do: Take the package that a name says where nothing tells more: captured text, which
            nobody acts upon. It stays unproven.
    """

    def __init__(
        self,
        by_pid: Mapping[int, Process],
        packages: Mapping[int, tuple[str, ...]],
        members: Mapping[int, Member],
        *,
        names_do: bool,
    ) -> None:
        self._by_pid = by_pid
        self._packages = packages
        self._members = members
        self._names_do = names_do
        self._known: dict[int, tuple[str, ...]] = {}  # packages from the parent, by pid

    def member_of(self, process: Process) -> Member | None:
        """What ActivityManager says of *process*; None where it says nothing."""
        member = self._members.get(process.pid)
        return member if member is not None and member.is_about(process) else None

    def found(self, process: Process) -> Found:
        """The packages of a process, and what proves them: None for a process of no app."""
        if packages := self._packages_told(process):
            return packages, Owner.ACTIVITY_MANAGER
        if not is_app(process) or process.kernel_thread:
            return (), None
        certain, likely = self._by_uid(process)
        if certain:
            return certain, Owner.UID
        if inherited := self._inherited(process):
            return inherited, Owner.PARENT
        if likely:
            return likely, Owner.UID
        return (_named(process) if self._names_do else ()), Owner.UNPROVEN

    def _packages_told(self, process: Process) -> tuple[str, ...]:
        """The packages that ActivityManager names, or those of the app it says to be the owner."""
        member = self.member_of(process)
        if member is None:
            return ()
        if member.packages or not process.isolated:
            return member.packages
        return self._owners(member.owner_uid)

    def _owners(self, uid: int | None) -> tuple[str, ...]:
        """The packages of an app's uid; none for an isolated uid, which tells nothing alone."""
        if uid is None or is_isolated(uid):
            return ()
        app_id = uid % USER_RANGE
        if FIRST_SDK_SANDBOX_ID <= app_id <= LAST_SDK_SANDBOX_ID and app_id not in self._packages:
            app_id -= SDK_SANDBOX_OFFSET
        return self._packages.get(app_id, ())

    def _by_uid(self, process: Process) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Certain packages, and likely ones (all of a shared uid) for want of a parent's."""
        owners = self._owners(process.uid)
        base = process.name.partition(":")[0]
        if base in owners:  # the name chooses among packages that share a uid
            return (base,), ()
        return (owners, ()) if len(owners) == 1 else ((), owners)

    def _inherited(self, process: Process) -> tuple[str, ...]:
        """
        The packages that a native child, or an isolated one of an app zygote, has from its parent.

        One walk up answers for all on the way. A scan is not atomic, so a loop is possible.
        """
        passed: list[int] = [process.pid]
        found: tuple[str, ...] = ()
        likely: list[tuple[str, ...]] = [()]
        seen = {process.pid}
        one = process
        while (known := self._known.get(one.pid)) is None:
            parent = self._by_pid.get(one.ppid or 0)
            if parent is None or parent.pid in seen:
                break
            if one.isolated and is_app(parent) and not parent.isolated:
                found = self._owners(parent.uid)  # only a zygote of the app's own forks these
                break
            if parent.uid != one.uid:
                break
            certain, perhaps = self._by_uid(parent)
            if certain := self._packages_told(parent) or certain:
                found = certain
                break
            passed.append(parent.pid)
            likely.append(perhaps)
            seen.add(parent.pid)
            one = parent
        found = found if known is None else known
        for pid, perhaps in zip(reversed(passed), reversed(likely), strict=True):
            self._known[pid] = found
            found = found or perhaps
        return self._known[process.pid]


def _named(process: Process) -> tuple[str, ...]:
    """The package that a process's name says, where it says one."""
    base = process.name.partition(":")[0]
    return (base,) if "." in base and "/" not in base else ()
