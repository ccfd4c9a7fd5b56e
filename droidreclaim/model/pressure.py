"""Memory made short on purpose: what was asked for, what was taken, and who ended meanwhile."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Level:
    """
    How short of memory a device is.

    Attributes:
        taken_bytes: Written by us so far, paged out meanwhile or not.
        headroom_bytes: Free memory over the low watermarks; negative where it is under them.
    """

    taken_bytes: int | None
    available_bytes: int | None
    free_bytes: int | None
    headroom_bytes: int | None
    swap_free_bytes: int | None


@dataclass(frozen=True, slots=True)
class Death:
    """
    A process that ended while memory was short.

    Attributes:
        oom_score_adj: At the last look before its end.
        at_s: Since the pressure began.
        by: Who killed it, in the words of ``kills``; ``unknown`` where nobody has said.
        level: How things stood then; None of a process that was not watched (no app's, or short).
    """

    pid: int
    start_ticks: int | None
    name: str | None
    uid: int | None
    oom_score_adj: int | None
    at_s: float | None
    by: str
    reason: str
    level: Level | None


@dataclass(frozen=True, slots=True)
class PressureResult:
    """
    A pressure as it stands, or as it ended.

    Attributes:
        until: ``kill``, ``headroom``, ``available`` or ``taken``; *until_bytes* of the last two.
        reached: That condition held.
        held: Memory is still held.
        holder_pid: Of our process that holds it; it can be killed as any other.
        ended_by: ``released``, or why it ended otherwise (PROTOCOL.md, ``ended_by``).
        for_s: When it would have ended by itself.
        now: After its end: with the memory given back.
        lowest: Each number for itself; its *taken_bytes* is the most.
        psi_full_s: Of the worst second, how long every process waited for memory.
        oom_kills: By the kernel meanwhile; None where it does not count.
        deaths: Oldest first, of *deaths_count* as many as were kept.
    """

    until: str
    until_bytes: int | None
    reached: bool
    held: bool
    holder_pid: int
    ended_by: str | None
    oom_score_adj: int
    for_s: float
    lasted_s: float
    cap_bytes: int | None
    available_before_bytes: int | None
    headroom_before_bytes: int | None
    now: Level
    lowest: Level
    psi_full_s: float
    oom_kills: int | None
    deaths: tuple[Death, ...]
    deaths_count: int
