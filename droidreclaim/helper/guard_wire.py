"""The lines that the guard adds to the helper's (device-scripts/PROTOCOL.md), checked."""

from __future__ import annotations

from droidreclaim.helper.wire import Line, Pid, Size


class GuardLine(Line):
    """
    Whether a guard runs, and while it does, what it sees and has done.

    Attributes:
        started_s: Seconds since 1970 by the device's clock, as *ends_s*.
        left_s: Until it ends by itself; by a clock that nobody sets.
        last_end: Why the last one ended; None while one runs, or where none has.
        signal: What wakes it: ``psi_trigger``, ``psi_poll``, ``vmpressure`` or ``timer``.
        kills: Apps that went away while they were in the background, whoever ended them.
        rss_bytes: Of the guard itself.
    """

    running: bool
    pid: Pid | None = None
    profile: str | None = None
    started_s: int | None = None
    ends_s: int | None = None
    left_s: int | None = None
    last_end: str | None = None
    signal: str | None = None
    available_bytes: Size | None = None
    free_bytes: Size | None = None
    low_watermark_bytes: Size | None = None
    headroom_bytes: int | None = None
    swap_total_bytes: Size | None = None
    swap_free_bytes: Size | None = None
    psi_some_us: Size | None = None
    psi_full_us: Size | None = None
    passes: Size | None = None
    advised_bytes: Size | None = None
    reclaimed_bytes: Size | None = None
    refaulted_bytes: Size | None = None
    kills: Size | None = None
    rss_bytes: Size | None = None
    wakeups: Size | None = None


class AppLine(Line):
    """
    One app process that the guard knows.

    Attributes:
        last_action_s: How long ago; None for never.
        refaulted_bytes: Of what went to swap then, what has come back.
        holdoff_s: How long it is still left alone.
        why: Why it would not be touched now; None when it would.
    """

    pid: Pid
    start: Size
    name: str
    adj: int | None
    rss_anon_bytes: Size | None
    swap_bytes: Size | None
    last_action: str | None
    last_action_s: int | None
    refaulted_bytes: Size | None
    holdoff_s: int | None
    why: str | None


class EventLine(Line):
    """
    One thing that a guard did, or saw.

    Attributes:
        seq: Rises; of one device, over all its guards.
        at_s: Seconds since 1970 by the device's clock at the time, which may be set.
        boot_us: Since the device booted.
    """

    seq: Size
    at_s: int
    boot_us: Size
    what: str
    pid: Pid | None
    name: str | None
    reason: str | None
    advised_bytes: Size | None
    reclaimed_bytes: Size | None
    available_bytes: Size | None
