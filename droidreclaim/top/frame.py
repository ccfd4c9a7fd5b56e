"""What one tick of the live view shows: a frozen value. Nothing here does anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from droidreclaim.model import Band, DeviceInfo, KindUse, Memory, ProcessId, Skip
from droidreclaim.parse.kills.records import KillRecord
from droidreclaim.policy.lmkd import Headroom


@dataclass(frozen=True, slots=True)
class Part:
    """
    One process of an app.

    Attributes:
        adj: As the policy counts: for a process that its app started, the lowest of that app.
        refusal: Why it may not be touched even when it is named; None when it may.
        leaves_bytes: What a page-out would move; None where nobody has looked.
        back_bytes: What is in memory again of what its last page-out moved, whoever did that.
        frozen: Held by a cgroup freezer; None where nobody has looked.
        kinds: What it holds by kind of mapping; empty where nobody has looked.
    """

    id: ProcessId
    name: str
    adj: int | None
    band: Band
    memory: Memory
    refusal: Skip | None
    leaves_bytes: int | None = None
    back_bytes: int | None = None
    frozen: bool | None = None
    kinds: tuple[KindUse, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """
    What was done to an app last.

    Attributes:
        what: ``pageout`` or ``prefetch``; of the guard also ``cold`` and ``trim``.
        outcome: In the words of ``reclaim --json``.
        moved_bytes: What left memory, or came back into it.
        gained_bytes: What the device really had more.
        by_guard: Whether the guard did it, not a key of this view; the guard tells no size.
    """

    what: str
    at_s: float
    outcome: str
    moved_bytes: int | None = None
    gained_bytes: int | None = None
    by_guard: bool = False


@dataclass(frozen=True, slots=True)
class Death:
    """
    A process that is gone.

    Attributes:
        at_s: When it was found gone, by the host's clock.
        record: Who killed it and why; None while no log has said so.
    """

    id: ProcessId
    name: str
    packages: tuple[str, ...]
    user: int | None
    adj: int | None
    band: Band
    rss_bytes: int | None
    at_s: float
    record: KillRecord | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """
    One app of one user, with all its processes; or a process of an app that was killed.

    Attributes:
        adj: The lowest of its processes, by which it is judged.
        gain_bytes: What a page-out of it would really gain: what leaves, less what zram takes.
        away_s: How long it has been out of the foreground (adj 500 and above); None in it.
        away_at_least: Whether it was away when the view began: then *away_s* counts from there.
        pss_bytes: None until it was asked for.
    """

    package: str
    user: int | None
    parts: tuple[Part, ...]
    adj: int | None
    band: Band
    rss_bytes: int | None
    swap_bytes: int | None
    gain_bytes: int | None = None
    back_bytes: int | None = None
    frozen: bool | None = None
    away_s: float | None = None
    away_at_least: bool = False
    pss_bytes: int | None = None
    action: Action | None = None
    death: Death | None = None

    @property
    def key(self) -> str:
        """The name of the row, which stays from one frame to the next."""
        if self.death is not None:
            return f"{self.death.id} ended"
        return f"{self.user} {self.package}"

    @property
    def refusal(self) -> Skip | None:
        """Why none of it may be touched; None when some of it may."""
        refusals = [part.refusal for part in self.parts]
        return None if None in refusals or not refusals else refusals[0]


@dataclass(frozen=True, slots=True)
class Swap:
    """
    Swap of the device, in bytes.

    Attributes:
        zram_bytes: Memory that zram takes for what it holds; None without zram.
        ratio: How much zram holds for each byte it takes; None while it holds next to nothing.
        flash_bytes: What zram has written back to flash; None where it writes none.
    """

    total_bytes: int
    used_bytes: int
    zram_bytes: int | None
    ratio: float | None
    flash_bytes: int | None


@dataclass(frozen=True, slots=True)
class Moment:
    """
    The device at one tick, as graphs show it; None where not known.

    Attributes:
        at_s: By the host's clock.
        some_share: Share of the time since the tick before in which some task waited for memory.
        refaults_per_s: Pages that came back after they were evicted, of apps and files.
    """

    at_s: float
    available_bytes: int | None
    swap_used_bytes: int | None
    some_share: float | None
    full_share: float | None
    refaults_per_s: float | None
    in_bytes_per_s: float | None
    out_bytes_per_s: float | None


@dataclass(frozen=True, slots=True)
class GuardState:
    """The guard that runs on the device; *profile* None while it was not asked yet."""

    pid: int
    profile: str | None = None
    actions: int | None = None
    left_s: int | None = None


@dataclass(frozen=True)
class Head:
    """
    What is known of the whole device.

    Attributes:
        root: The way to root; None without.
        past: Moments of the last five minutes, oldest first, the newest is now.
        kills: How many since the view began, by who killed.
    """

    device: DeviceInfo
    source: str
    root: str | None
    total_bytes: int | None
    swap: Swap
    past: tuple[Moment, ...]
    headroom: Headroom
    guard: GuardState | None
    kills: Mapping[str, int]

    @property
    def now(self) -> Moment:
        """This tick's moment."""
        return self.past[-1]


@dataclass(frozen=True)
class Frame:
    """
    One tick.

    Attributes:
        at: The device's wall clock in ISO 8601; None where it does not say.
        at_s: When the answer came, by the host's clock.
        trip_s: How long the round trip took.
        rows: Apps, in no order; those that were killed in the last minute too.
        left_out: Processes of the system, which have no rows.
    """

    at: str | None
    at_s: float
    trip_s: float
    head: Head
    rows: tuple[Row, ...]
    left_out: int
