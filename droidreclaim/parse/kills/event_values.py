"""What the event log says about processes, as values; ``at`` is the time as printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProcessStarted:
    """
    am_proc_start.

    Attributes:
        user: Android user; None before Android 4.2.
        kind: ``service``, ``next-activity``, ``broadcast``...; empty for some system processes.
        component: What it was started for, braces gone.
    """

    at: str | None
    user: int | None
    pid: int
    uid: int
    name: str
    kind: str
    component: str


@dataclass(frozen=True, slots=True)
class ProcessBound:
    """am_proc_bound: the process has attached to ActivityManager."""

    at: str | None
    user: int | None
    pid: int
    name: str


@dataclass(frozen=True, slots=True)
class ProcessDied:
    """
    am_proc_died, which follows a kill of any origin.

    Attributes:
        oom_score_adj: At the end; None before Android 8 or so.
        proc_state: Number of the process state; None before Android 9.
    """

    at: str | None
    user: int | None
    pid: int
    name: str
    oom_score_adj: int | None
    proc_state: int | None


@dataclass(frozen=True, slots=True)
class ProcessKilled:
    """
    am_kill: ActivityManager decided so; lmkd's kills are not here.

    Attributes:
        oom_score_adj: On the scale of its release (0 to 16 until Android 6); None if not set yet.
        rss_bytes: Android 16 and some vendors before it; else None.
    """

    at: str | None
    user: int | None
    pid: int
    name: str
    oom_score_adj: int | None
    reason: str
    rss_bytes: int | None


@dataclass(frozen=True, slots=True)
class ProcessFailed:
    """
    am_anr or am_crash.

    Attributes:
        kind: ``anr`` or ``crash``.
        reason: What was waited for, or the exception and its message.
    """

    at: str | None
    kind: str
    user: int | None
    pid: int
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class FreezerSwitched:
    """am_freeze (``frozen``) or am_unfreeze; the reason is a number or a word, or None."""

    at: str | None
    frozen: bool
    pid: int
    name: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Compacted:
    """
    am_compact, the proof that ActivityManager's compaction ran.

    The tag file declares bytes, but the values come from Process.getRss and getZramFreeKb, which
    count KiB (CachedAppOptimizer.java); they are converted here.

    Attributes:
        action: ``file``, ``anon``, ``all`` or ``SOME``, ``ANON``, ``FULL``.
        before_bytes, delta_bytes: By ``rss``, ``file``, ``anon``, ``swap``; delta is negative for
            what left.
        zram_free_before_bytes, zram_free_delta_bytes: Whole device; None on early releases.
    """

    at: str | None
    pid: int
    name: str
    action: str
    before_bytes: Mapping[str, int]
    delta_bytes: Mapping[str, int]
    duration_ms: int
    oom_score_adj: int | None
    proc_state: int | None
    zram_free_before_bytes: int | None
    zram_free_delta_bytes: int | None


@dataclass(frozen=True, slots=True)
class LowMemory:
    """am_low_memory: no cached process is left; how many processes there are."""

    at: str | None
    processes: int


@dataclass(frozen=True, slots=True)
class PssSampled:
    """
    am_pss; swap and RSS are None on releases that do not print them.

    Attributes:
        details: statType, procState and timeMs, as far as printed.
    """

    at: str | None
    pid: int
    uid: int
    name: str
    pss_bytes: int
    uss_bytes: int
    swap_pss_bytes: int | None
    rss_bytes: int | None
    details: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MemorySampled:
    """am_meminfo, of the whole device."""

    at: str | None
    cached_bytes: int
    free_bytes: int
    zram_bytes: int
    kernel_bytes: int
    native_bytes: int


@dataclass(frozen=True, slots=True)
class LmkdKilled:
    """
    killinfo, written by lmkd; it has no name, only a pid.

    Attributes:
        min_oom_score_adj: lmkd's floor for this kill.
        freed_bytes: Resident memory of the victim.
        swap_bytes: Its swap; None before Android 12.
        reason: Number of lmkd's kill_reasons, -1 for none; vendors add their own.
        sizes_bytes: meminfo at that moment, by the kernel's keys.
        values: Every field as printed; releases append.
        truncated: The record was cut, by whoever copied it.
    """

    at: str | None
    pid: int
    uid: int
    oom_score_adj: int
    min_oom_score_adj: int
    freed_bytes: int
    swap_bytes: int | None
    reason: int
    sizes_bytes: Mapping[str, int]
    values: tuple[str, ...]
    truncated: bool = False


Event = (
    ProcessStarted
    | ProcessBound
    | ProcessDied
    | ProcessKilled
    | ProcessFailed
    | FreezerSwitched
    | Compacted
    | LowMemory
    | PssSampled
    | MemorySampled
    | LmkdKilled
)
