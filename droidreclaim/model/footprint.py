"""What an app held over time, and which state it was in: samples, readings of states, verdicts."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from droidreclaim.model.process import DeviceInfo, ProcessId

FIGURES = ("p50", "p90", "p99", "max")


class PlayState(StrEnum):
    """
    The states that Google Play judges, and two that it does not.

    ``UNSURE`` is a sample between a change and the reading that says what it became, ``OTHER`` a
    process state that Play's words do not place (a persistent process).
    """

    FOREGROUND = "foreground"
    SERVICES = "user_perceived_services"
    BACKGROUND = "background"
    CACHED = "cached"
    UNSURE = "unsure"
    OTHER = "other"


class Told(NamedTuple):
    """
    ActivityManager's word on one process.

    Attributes:
        proc_state: Short name (``TOP``).
        adj: None where the dump had only the floor of its band.
        why: Reason for the adj; *held_by* what of it is bound, and by whom.
        trim_level: Last onTrimMemory level it was sent, 0 for none.
    """

    proc_state: str | None
    adj: int | None
    why: str | None
    held_by: str | None = None
    trim_level: int = 0

    @property
    def reason(self) -> str | None:
        """Why it is not cached, as far as the dump says."""
        return f"{self.why}: {self.held_by}" if self.why and self.held_by else self.why


@dataclass(frozen=True, slots=True)
class Reading:
    """ActivityManager's word on each process by pid, read between two moments of the boot clock."""

    from_us: int
    until_us: int
    states: Mapping[int, Told]


@dataclass(slots=True)
class Track:
    """
    Samples of one process, in the order they were taken; arrays, since an hour has 36,000.

    Attributes:
        package: Which of those asked for it belongs to.
        isolated: Under an isolated uid (WebView sandbox): whether Play counts it, nobody says.
        at_us: Device's time since boot, sleep included.
        bytes_: RssAnon + VmSwap; *swap_bytes* is the swapped part of it.
        ended_us: When it was first seen to be gone.
    """

    id: ProcessId
    name: str
    package: str
    user: int
    isolated: bool
    at_us: array[int] = field(default_factory=lambda: array("q"))
    bytes_: array[int] = field(default_factory=lambda: array("q"))
    swap_bytes: array[int] = field(default_factory=lambda: array("q"))
    adj: array[int] = field(default_factory=lambda: array("h"))
    ended_us: int | None = None


@dataclass(frozen=True, slots=True)
class StateUse:
    """
    What a process held while it was in one state.

    Attributes:
        time_s: How long it was seen there, gaps left out.
        max_at_us: When it held most.
    """

    state: PlayState
    samples: int
    time_s: float
    p50_bytes: int
    p90_bytes: int
    p99_bytes: int
    max_bytes: int
    max_at_us: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    One state of one process against the threshold of one class of devices.

    Attributes:
        limit_bytes: Their GB, read as 10^9 bytes.
        passes: P90 is not over it.
        over_share: Share of the samples that are.
    """

    ram_gb: int
    state: PlayState
    limit_bytes: int
    p90_bytes: int
    passes: bool
    over_share: float


@dataclass(frozen=True, slots=True)
class Death:
    """A process that ended; *by* and *reason* as `kills` has them, None where it knows nothing."""

    id: ProcessId
    name: str
    at_us: int
    by: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Bitmaps:
    """
    What is known of the pixels of a process; None where the device prints no such thing.

    Attributes:
        at_most_bytes: Native heap and graphics together, which hold more than pixels.
        count, counted_bytes: As dumpsys meminfo counts them (Android 16).
    """

    at_most_bytes: int | None
    count: int | None
    counted_bytes: int | None


@dataclass(frozen=True, slots=True)
class Made:
    """
    What a process's memory was made of at one moment.

    Attributes:
        at_us: None in captured text.
        state: As ActivityManager had told it last.
        source: ``meminfo`` (PSS and what is in swap, by dumpsys' classes) or ``smaps`` (anonymous
            memory and swap, by the names of mappings).
        parts: Bytes by class, the largest first.
    """

    pid: int
    at_us: int | None
    state: PlayState
    source: str
    parts: Mapping[str, int]
    bitmaps: Bitmaps | None

    @property
    def total_bytes(self) -> int:
        """All parts together."""
        return sum(self.parts.values())


@dataclass(frozen=True, slots=True)
class ProcessMoment:
    """
    One process at the one moment of a capture; None where the text does not say.

    Attributes:
        proc_state, reason: As ActivityManager printed them.
        at_least_bytes: Private dirty memory and swap: RssAnon + VmSwap is that or more, by what is
            shared with the zygote.
    """

    pid: int
    name: str
    user: int | None
    proc_state: str | None
    state: PlayState | None
    reason: str | None
    at_least_bytes: int | None
    made: Made | None


@dataclass(frozen=True, slots=True)
class Moment:
    """What captured text tells of some apps' memory: one moment, no P90."""

    packages: tuple[str, ...]
    kind: str
    taken_at: str | None
    ram_bytes: int | None
    ram_gb: int | None
    judged_gb: int
    processes: tuple[ProcessMoment, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """
    A process that left the foreground and never became cached.

    Attributes:
        behind_s: How long it was seen behind.
        reasons: Why, in ActivityManager's words, the latest first.
    """

    id: ProcessId
    name: str
    behind_s: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trimmed:
    """
    What a process gave back when it was asked to as one that went out of sight (HIDDEN).

    Attributes:
        before_bytes, after_bytes: RssAnon + VmSwap; None where it was not asked or not seen.
        why_not: Why it was not asked, or what Android said instead of asking it.
    """

    id: ProcessId
    name: str
    before_bytes: int | None
    after_bytes: int | None
    why_not: str | None


@dataclass(frozen=True, slots=True)
class Limiter:
    """
    Android 17's limiter: it kills 30 s after anonymous memory and swap exceed both limits.

    Attributes:
        enabled: None where it does not say.
        front_bytes: Both limits of an app in front together; *behind_bytes* of one behind, which
            a cached app has not.
        left_bytes: By pid, what each process may still grow by, as its group says at the end.
    """

    enabled: bool | None
    front_bytes: int | None
    behind_bytes: int | None
    left_bytes: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """One process judged: its samples, the state of each, and what that comes to."""

    track: Track
    states: tuple[PlayState, ...]
    uses: tuple[StateUse, ...]
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Footprint:
    """
    What was seen of some apps' memory.

    Attributes:
        booted_at_s: Device's wall clock at its boot, seconds since 1970; None where not told.
        ram_bytes: MemTotal; *ram_gb* the class of devices it belongs to, None where Play judges
            no such device.
        judged_gb: The class that decides: the device's own, else the nearest.
        gaps: Stretches without a sample, in the boot clock.
        bound: Processes that left the foreground and never became cached.
        looks: What processes were made of, at each change of state and, where smaps may be read,
            when they held more than ever before.
        limiter: None where the device has none.
        bitmap_limits: Play's limits of bitmap memory; none in the foreground.
    """

    device: DeviceInfo
    packages: tuple[str, ...]
    kind: str
    hz: float
    from_us: int
    until_us: int
    booted_at_s: float | None
    ram_bytes: int | None
    ram_gb: int | None
    judged_gb: int | None
    processes: tuple[ProcessUse, ...]
    readings: tuple[Reading, ...]
    deaths: tuple[Death, ...]
    gaps: tuple[tuple[int, int], ...]
    bound: tuple[Bound, ...]
    looks: tuple[Made, ...] = ()
    limiter: Limiter | None = None
    trimmed: tuple[Trimmed, ...] = ()
    bitmap_limits: Mapping[PlayState, int] = field(default_factory=dict)

    @property
    def failing(self) -> tuple[tuple[ProcessUse, Verdict], ...]:
        """What is over the threshold of the class that decides; isolated processes do not count."""
        return tuple(
            (one, verdict)
            for one in self.processes
            if not one.track.isolated
            for verdict in one.verdicts
            if verdict.ram_gb == self.judged_gb and not verdict.passes
        )

    def most(self, state: PlayState, figure: str) -> int | None:
        """
        The largest ``p50``, ``p90``, ``p99`` or ``max`` of a state, of processes that count.

        None where none was seen in that state.
        """
        return max(
            (
                int(getattr(use, f"{figure}_bytes"))
                for one in self.processes
                if not one.track.isolated
                for use in one.uses
                if use.state is state
            ),
            default=None,
        )
