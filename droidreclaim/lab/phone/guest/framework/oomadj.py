"""
How important each process is: those rules of ActivityManager's OomAdjuster that can come up here.

Numbers and order are those of ProcessList and OomAdjuster in Android 9 to 13 (interfaces.md 1.7).
"""

from collections.abc import Sequence
from typing import NamedTuple

CACHED_MIN = 900
_STATES = (
    *("PER", "PERU", "TOP", "BTOP", "FGS", "BFGS", "IMPF", "IMPB", "TRNB", "BKUP"),
    *("SVC", "RCVR", "TPSL", "HVY", "HOME", "LAST", "CAC", "CACC", "CRE", "CEM"),
)  # numbered as in Android 11 to 13
_CACHED = frozenset({"CAC", "CACC", "CRE", "CEM"})


def state_number(name: str, sdk: int) -> int:
    """Return the number of a process state; Android 10 had one more, 9 had no BTOP."""
    number = _STATES.index(name)
    if sdk == 29 and number > 2:
        return number + 1
    return number - 1 if sdk < 29 and number > 2 else number


class Role(NamedTuple):
    """What one process is to the user; processes come most recently used first."""

    pid: int
    system: bool = False
    persistent: bool = False
    top: bool = False
    home: bool = False
    previous: bool = False
    perceptible: bool = False
    service: bool = False
    activity: bool = True
    client_of: int | None = None


class Rank(NamedTuple):
    """
    Where ActivityManager puts a process.

    Attributes:
        group: Scheduling group as printed before the slash.
        mark: ``A`` has the screen, ``S`` a foreground service, else blank.
        capabilities: Four letters, from Android 12 on.
        raw: What the rules gave, where another rule then put *adj* lower.
    """

    adj: int
    state: str
    group: str
    mark: str
    capabilities: str
    why: str
    raw: int | None = None

    @property
    def cached(self) -> bool:
        return self.state in _CACHED

    @property
    def raw_adj(self) -> int:
        return self.adj if self.raw is None else self.raw

    def capped(self, highest: int) -> "Rank":
        """Return the rank with an adj of *highest* at most; the state stays as it is."""
        return self._replace(adj=min(self.adj, highest), raw=self.adj)


_SYSTEM = Rank(-900, "PER", "F", " ", "LCMN", "fixed")
_PERSISTENT = Rank(-800, "PER", "F", " ", "LCMN", "fixed")
_TOP = Rank(0, "TOP", "T", "A", "LCMN", "top-activity")
_BOUND_TOP = Rank(0, "BTOP", "F", " ", "---N", "service")
_PERCEPTIBLE = Rank(200, "FGS", "F", "S", "---N", "fg-service")
_SERVICE = Rank(500, "SVC", "b", " ", "----", "started-services")
_HOME = Rank(600, "HOME", "b", " ", "----", "home")
_PREVIOUS = Rank(700, "LAST", "b", " ", "----", "previous")


def _fixed(role: Role) -> Rank | None:
    """Return the rank of a process that is not cached: the first that fits counts most."""
    fits = (
        (role.system, _SYSTEM),
        (role.persistent, _PERSISTENT),
        (role.top, _TOP),
        (role.perceptible, _PERCEPTIBLE),
        (role.service, _SERVICE),
        (role.home, _HOME),
        (role.previous, _PREVIOUS),
    )
    return next((rank for holds, rank in fits if holds), None)


class _Ladder:
    """
    Hands out the cached levels: 900, 910 ... for apps with activities, 905, 915 ... for empty ones.

    Before Android 10 the band ended at 906 and the steps were 2. All that are left share the last.
    """

    def __init__(self, first: int, count: int, sdk: int) -> None:
        self._top, self._step = (999, 10) if sdk >= 29 else (906, 2)
        slots = (self._top - CACHED_MIN + 1) // self._step
        self._a_level = max(1, (count + slots - 1) // slots)
        self._level, self._taken = first, 0

    def next(self) -> int:
        if self._taken == self._a_level:
            self._level, self._taken = min(self._level + self._step, self._top), 0
        self._taken += 1
        return self._level


def rank(roles: Sequence[Role], sdk: int) -> dict[int, Rank]:
    """Return the rank of every process by pid; a bound process goes with the one it works for."""
    ranks: dict[int, Rank] = {}
    leaders = [role for role in roles if role.client_of is None]
    cached = [role for role in leaders if _fixed(role) is None]
    step = 5 if sdk >= 29 else 1
    with_activity = _Ladder(CACHED_MIN, sum(role.activity for role in cached), sdk)
    empty = _Ladder(CACHED_MIN + step, sum(not role.activity for role in cached), sdk)
    for role in leaders:
        fixed = _fixed(role)
        if fixed is not None:
            ranks[role.pid] = fixed
        elif role.activity:
            ranks[role.pid] = Rank(with_activity.next(), "CAC", "b", " ", "----", "cch-act")
        else:
            ranks[role.pid] = Rank(empty.next(), "CEM", "b", " ", "----", "cch-empty")
    for role in roles:
        if role.client_of is not None:
            ranks[role.pid] = _bound(ranks.get(role.client_of), sdk)
    return ranks


def _bound(owner: Rank | None, sdk: int) -> Rank:
    if owner is None:
        return Rank(999, "CEM", "b", " ", "----", "cch-empty")
    if owner.adj == 0:
        return _BOUND_TOP if sdk >= 29 else _BOUND_TOP._replace(state="BFGS")
    if owner.adj >= CACHED_MIN:
        return owner._replace(state="CACC", why="cch-client-act")
    return owner._replace(why="service")
