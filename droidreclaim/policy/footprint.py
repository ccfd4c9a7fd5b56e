"""Play's judgement of an app's memory: state by state, by percentiles, class by class. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from droidreclaim.model.footprint import (
    Bound,
    PlayState,
    ProcessUse,
    Reading,
    StateUse,
    Track,
    Verdict,
)

# By the words of Play's page; TPSL (the top app of a phone that sleeps) is a guess. The memory
# limiter of Android 17 has a map of its own.
_STATES = {
    PlayState.FOREGROUND: ("TOP", "BTOP", "IMPF", "TPSL"),
    PlayState.SERVICES: ("FGS", "BFGS"),
    PlayState.BACKGROUND: (
        *("IMPB", "TRNB", "BKUP", "SVC", "RCVR", "HVY", "HOME", "LAST"),
    ),
    PlayState.CACHED: ("CAC", "CACC", "CRE", "CEM"),
}  # fmt: skip
_BY_NAME = {name: state for state, names in _STATES.items() for name in names}
PLACED = tuple(_STATES)
# Of cached processes Play shows the memory for debugging, and judges bitmaps only.
JUDGED = (PlayState.FOREGROUND, PlayState.SERVICES, PlayState.BACKGROUND)
_BEHIND = (PlayState.SERVICES, PlayState.BACKGROUND)
_GAP_PERIODS = 5
_GB = 10**9
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class RamClass:
    """
    Thresholds of one class of devices, in Google's GB.

    Attributes:
        from_mb, until_mb: MemTotal of its devices in MiB, the first included.
    """

    ram_gb: int
    from_mb: int
    until_mb: int
    foreground_gb: float
    services_gb: float
    background_gb: float

    def limit_bytes(self, state: PlayState) -> int:
        """The threshold of a judged state; GB as 10^9 bytes, the stricter reading."""
        limits = {PlayState.FOREGROUND: self.foreground_gb, PlayState.SERVICES: self.services_gb}
        return round(limits.get(state, self.background_gb) * _GB)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """
    What Play judges by.

    Attributes:
        kind: ``app`` or ``game``.
        second_hand: Quoted by others, not read at the source.
    """

    kind: str
    classes: tuple[RamClass, ...]
    source: str
    read: str
    second_hand: bool
    unit: str
    bitmaps_bytes: Mapping[PlayState, int]


def play_state(proc_state: str | None) -> PlayState:
    """Play's state for ActivityManager's short name of one."""
    return _BY_NAME.get(proc_state or "", PlayState.OTHER)


def ram_class(ram_bytes: int | None, classes: Sequence[RamClass]) -> int | None:
    """
    Return the class of a device by its MemTotal, which is less than what is sold (7.19 GiB of 8).

    None for a device that Play does not judge: under the smallest class, or over the largest.
    """
    if ram_bytes is None or ram_bytes > classes[-1].until_mb * _MIB:
        return None
    fitting = [one.ram_gb for one in classes if one.from_mb * _MIB <= ram_bytes]
    return fitting[-1] if fitting else None


def judged_as(ram_bytes: int | None, classes: Sequence[RamClass]) -> int:
    """Return the class that decides: the device's own, else the one that is nearest."""
    if ram_bytes is not None and ram_bytes > classes[-1].until_mb * _MIB:
        return classes[-1].ram_gb
    return ram_class(ram_bytes, classes) or classes[0].ram_gb


def gap_us(hz: float) -> int:
    """Two samples further apart than this have a gap between them."""
    return round(max(_GAP_PERIODS / hz, 1.0) * 1e6)


def states_of(track: Track, readings: Sequence[Reading]) -> tuple[PlayState, ...]:
    """
    The state of each sample of *track*.

    A reading holds from its end until the next change of adj. What comes after that is unsure until
    the next reading has ended; so is what lies between two readings that differ without one, and
    a reading during which adj changed, or whose adj is not the kernel's, says nothing.
    """
    found = [PlayState.UNSURE] * len(track.at_us)
    valid = [one for one in readings if _covers(track, one)]
    for index, reading in enumerate(valid):
        after = valid[index + 1] if index + 1 < len(valid) else None
        state = play_state(reading.states[track.id.pid].proc_state)
        start = _first_at(track, reading.until_us)
        if start == 0:
            continue
        adj = track.adj[start - 1]
        end = start
        while end < len(track.at_us) and track.adj[end] == adj:
            if after is not None and track.at_us[end] >= after.from_us:
                break
            end += 1
        changed = after is not None and end < len(track.at_us) and (
            track.at_us[end] >= after.from_us
            and play_state(after.states[track.id.pid].proc_state) != state
        )  # fmt: skip
        if not changed:
            stop = _first_at(track, after.until_us) if after is not None else len(found)
            while end < stop and track.adj[end] == adj:
                end += 1  # the next reading says the same: nothing changed while it was taken
            found[start:end] = [state] * (end - start)
    return tuple(found)


def _covers(track: Track, reading: Reading) -> bool:
    """Whether a reading knows the process, and adj stood still while it was taken."""
    if track.id.pid not in reading.states:
        return False
    first, last = _first_at(track, reading.from_us), _first_at(track, reading.until_us)
    around = track.adj[max(0, first - 1) : last]
    adj = reading.states[track.id.pid].adj
    return len(set(around)) == 1 and adj in (None, around[0])


def _first_at(track: Track, at_us: int) -> int:
    """Index of the first sample not before a moment."""
    low, high = 0, len(track.at_us)
    while low < high:
        middle = (low + high) // 2
        if track.at_us[middle] < at_us:
            low = middle + 1
        else:
            high = middle
    return low


def percentile(ascending: Sequence[int], percent: int) -> int:
    """By nearest rank: the smallest value that *percent* of them do not exceed."""
    rank = -(-len(ascending) * percent // 100)
    return ascending[max(rank, 1) - 1]


def judge(
    track: Track, readings: Sequence[Reading], classes: Sequence[RamClass], hz: float
) -> ProcessUse:
    """What one process held in each state, and what the thresholds say to it."""
    states = states_of(track, readings)
    uses, verdicts = [], []
    for state in PlayState:
        own = [index for index, one in enumerate(states) if one is state]
        if not own:
            continue
        held = sorted(track.bytes_[index] for index in own)
        worst = max(own, key=lambda index: track.bytes_[index])
        use = StateUse(
            state=state,
            samples=len(own),
            time_s=_time_s(track, states, state, hz),
            p50_bytes=percentile(held, 50),
            p90_bytes=percentile(held, 90),
            p99_bytes=percentile(held, 99),
            max_bytes=held[-1],
            max_at_us=track.at_us[worst],
        )
        uses.append(use)
        if state in JUDGED:
            verdicts += [_verdict(one, use, held) for one in classes]
    return ProcessUse(track, states, tuple(uses), tuple(verdicts))


def _time_s(track: Track, states: Sequence[PlayState], state: PlayState, hz: float) -> float:
    """Seconds that a sample stands for: until the next one, or one period before a gap."""
    period, most = 1e6 / hz, gap_us(hz)
    spans = [after - at for at, after in pairwise(track.at_us)]
    spans.append(round(period))
    held = (span if span <= most else period
            for span, one in zip(spans, states, strict=True) if one is state)  # fmt: skip
    return sum(held) / 1e6


def _verdict(one: RamClass, use: StateUse, held: Sequence[int]) -> Verdict:
    limit = one.limit_bytes(use.state)
    over = sum(value > limit for value in held)
    return Verdict(one.ram_gb, use.state, limit, use.p90_bytes, use.p90_bytes <= limit,
                   over / len(held))  # fmt: skip


def gaps_of(tracks: Sequence[Track], hz: float) -> tuple[tuple[int, int], ...]:
    """Stretches in which a process was there before and after, and no sample was taken."""
    most = gap_us(hz)
    found = {
        (at, after) for track in tracks for at, after in pairwise(track.at_us) if after - at > most
    }
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return tuple(merged)


def bound_by(uses: Sequence[ProcessUse], readings: Sequence[Reading]) -> tuple[Bound, ...]:
    """Processes that left the foreground and never became cached, and what held them."""
    found = []
    for one in uses:
        behind_s = sum(use.time_s for use in one.uses if use.state in _BEHIND)
        if not behind_s or PlayState.CACHED in {use.state for use in one.uses}:
            continue
        pid, from_us = one.track.id.pid, one.track.at_us[0]
        states = [
            reading.states[pid] for reading in reversed(readings)
            if pid in reading.states and reading.from_us >= from_us
        ]  # fmt: skip
        reasons = [why for state in states if play_state(state.proc_state) in _BEHIND
                   and (why := state.reason)]  # fmt: skip
        found.append(Bound(one.track.id, one.track.name, behind_s, tuple(dict.fromkeys(reasons))))
    return tuple(found)
