"""What an app held over time, and which state it was in: samples, readings of states, verdicts."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from droidreclaim.model.process import DeviceInfo, ProcessId


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


@dataclass(frozen=True, slots=True)
class Reading:
    """
    ActivityManager's word on every process, read between two moments of the device's boot clock.

    Attributes:
        states: By pid: process state (``TOP``), adj where it was exact, and the reason for it.
    """

    from_us: int
    until_us: int
    states: Mapping[int, tuple[str | None, int | None, str | None]]


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
        ram_bytes: MemTotal; *ram_gb* the class of devices it belongs to, None under the smallest.
        judged_gb: The class that decides: the device's own, else the smallest.
        gaps: Stretches without a sample, in the boot clock.
        bound: Why a process that never became cached was held, by process name.
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
    bound: Mapping[str, str]

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
