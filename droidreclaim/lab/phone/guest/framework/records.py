"""What the dumps print from: the state of the phone at one moment, as plain values."""

from typing import NamedTuple

from .oomadj import Rank


class Proc(NamedTuple):
    """
    One process of an app, as ActivityManager knows it.

    Attributes:
        identity: The hash that Android prints for an object, here any number that stays with it.
        owner_uid: The app's uid when *uid* is an isolated one.
        activity: Component of its activity (``pkg/.Main``) or None.
        cause: ``pkg/.Service<=Proc{...}`` of the client that keeps it, or None.
        started_s: Uptime when it was forked; *active_s* when it was last used.
    """

    pid: int
    name: str
    uid: int
    rank: Rank
    identity: int
    packages: tuple[str, ...]
    apk: str
    owner_uid: int | None = None
    persistent: bool = False
    activity: str | None = None
    task: int = 0
    cause: str | None = None
    started_s: float = 0.0
    active_s: float = 0.0
    pss_bytes: int = 0
    rss_bytes: int = 0
    swap_bytes: int = 0
    trim_level: int = 0
    start_seq: int = 0
    lru_seq: int = 0
    frozen: bool = False


class Phone(NamedTuple):
    """
    Everything ``dumpsys activity`` knows, at *uptime_s*.

    Attributes:
        procs: Most recently used first; the system process is among them.
        home_pid: Pid of the launcher's process or None; *previous_pid* likewise.
    """

    sdk: int
    uptime_s: float
    procs: tuple[Proc, ...]
    home_pid: int | None = None
    previous_pid: int | None = None
    top_pid: int | None = None
    lru_seq: int = 0
    adj_seq: int = 0


class Exit(NamedTuple):
    """One entry of ``dumpsys activity exit-info``; *at_s* is wall clock time."""

    at_s: float
    pid: int
    uid: int
    package_uid: int
    process: str
    packages: tuple[str, ...]
    reason: int
    subreason: int
    status: int
    importance: int
    pss_bytes: int
    rss_bytes: int
    description: str | None


class Package(NamedTuple):
    """One installed package."""

    name: str
    uid: int
    apk: str
    users: tuple[int, ...] = (0,)
    shared_user: str | None = None
    system: bool = False
    version: int = 1
    identity: int = 0
    gids: tuple[int, ...] = ()
    debuggable: bool = False
