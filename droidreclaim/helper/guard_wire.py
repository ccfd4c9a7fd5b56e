"""The lines that the guard adds to the helper's (device-scripts/PROTOCOL.md), checked."""

from __future__ import annotations

from dataclasses import dataclass

from droidreclaim.helper.wire import Line
from droidreclaim.model.bounded import Adj, Difference, Pid, Size, Text, Uid, Word
from droidreclaim.model.profile import Profile, Rule


class GuardLine(Line, frozen=True):
    """
    Whether a guard runs, and while it does, what it sees and has done.

    Attributes:
        started_s: Seconds since 1970 by the device's clock, as *ends_s*.
        left_s: Until it ends by itself; by a clock that nobody sets.
        bound_to: A cgroup that it could not leave and that ends with adbd; None is good.
        last_end: Why the last one ended; None while one runs, or where none has.
        signal: What wakes it: ``psi_trigger``, ``psi_poll``, ``vmpressure`` or ``timer``.
        launch_bytes: What the largest of the last launches needed; None before the first.
        missing: The condition of the profile that is fulfilled; None when nothing is missing.
        forbidden: Why nobody may be touched; *paused* why not just now.
        gone: Apps that ended while in the background, whoever ended them.
        apps_left_out: Processes that its table had no room for.
        cpu_us: CPU time of the guard itself, *rss_bytes* its memory.
    """

    running: bool
    pid: Pid | None = None
    profile: Text | None = None
    started_s: Difference | None = None
    ends_s: Difference | None = None
    left_s: Difference | None = None
    bound_to: Text | None = None
    last_end: Text | None = None
    signal: Word | None = None
    available_bytes: Size | None = None
    free_bytes: Size | None = None
    low_watermark_bytes: Size | None = None
    headroom_bytes: Difference | None = None
    launch_bytes: Size | None = None
    swap_total_bytes: Size | None = None
    swap_free_bytes: Size | None = None
    psi_some_us: Size | None = None
    psi_full_us: Size | None = None
    missing: Word | None = None
    forbidden: Word | None = None
    paused: Word | None = None
    wakeups: Size | None = None
    looks: Size | None = None
    passes: Size | None = None
    actions: Size | None = None
    advised_bytes: Size | None = None
    reclaimed_bytes: Size | None = None
    refaulted_bytes: Size | None = None
    brought_bytes: Size | None = None
    gone: Size | None = None
    oom_kills: Size | None = None
    apps_left_out: Size | None = None
    cpu_us: Size | None = None
    rss_bytes: Size | None = None


class AppLine(Line, frozen=True):
    """
    One app process that the guard knows.

    Attributes:
        importance: What it is ranked by: *adj*, or the lowest of its app where nobody keeps that.
        match: Pattern of the rule that decides about it; None when none does.
        background_s: Since when out of the foreground; None while it is in it.
        last_action_s: How long ago; None for never.
        refaulted_bytes: Of what went to swap, what came back within ten seconds; summed.
        holdoff_s: How long it is still left alone.
        spared: Why it would not be touched now; None when it would.
        resumes: Of how many it is known what they needed; None where its rule keeps nothing.
        hot_bytes: How much that is.
    """

    pid: Pid
    start: Size
    name: Text
    uid: Uid
    adj: Adj | None
    importance: Adj | None
    match: Text | None
    background_s: Size | None
    rss_anon_bytes: Size | None
    swap_bytes: Size | None
    last_action: Word | None
    last_action_s: Size | None
    refaulted_bytes: Size | None
    holdoff_s: Size | None
    spared: Word | None
    resumes: Size | None
    hot_bytes: Size | None


class ExplainLine(Line, frozen=True):
    """
    What the device has, as a guard that would start now sees it.

    Attributes:
        low_watermark_bytes: Low watermarks of all zones, with their protection.
        launch_bytes: What the largest app holds: so much the next launch may need.
        forbidden: Why nobody may be touched.
        apps_left_out: Processes that its table had no room for.
    """

    available_bytes: Size | None
    free_bytes: Size | None
    low_watermark_bytes: Size | None
    headroom_bytes: Difference | None
    launch_bytes: Size | None
    swap_total_bytes: Size | None
    swap_free_bytes: Size | None
    forbidden: Word | None
    apps_left_out: Size


class ConditionLine(Line, frozen=True):
    """
    One of the things that make a guard act.

    Attributes:
        missing_bytes: 0 when it would not act by this now; None for what one look cannot show.
    """

    name: Word
    missing_bytes: Size | None


class TurnLine(AppLine, frozen=True):
    """
    One app process, as a guard that would start now sees it.

    Attributes:
        turn: From 1 on, in the order in which they would be touched; None for who is left alone.
    """

    turn: Size | None


@dataclass(frozen=True)
class Explanation:
    """
    What a guard would do.

    Attributes:
        profile: As it holds on this device: it keeps more swap free than lmkd calls low.
        now: What the device has.
        conditions: Those that the profile goes by.
        turns: In the order in which it would page out, as long as one of the conditions lasts.
        skipped: Apps that are left alone. What belongs to the system is not even listed.
    """

    profile: Profile
    now: ExplainLine
    conditions: tuple[ConditionLine, ...]
    turns: tuple[TurnLine, ...]
    skipped: tuple[TurnLine, ...]

    def rule_of(self, app: TurnLine) -> Rule | None:
        """The rule that decides about *app*; None when none does."""
        return next((rule for rule in self.profile.rules if rule.match == app.match), None)


class EventLine(Line, frozen=True):
    """
    One thing that a guard did, or saw.

    Attributes:
        seq: Rises; of one device, over all its guards.
        at_s: Seconds since 1970 by the device's clock at the time, which may be set.
        boot_us: Since the device booted.
        refaulted_bytes: That came back, of what this is about.
        holdoff_s: How long the app is left alone.
    """

    seq: Size
    at_s: Difference
    boot_us: Size
    what: Word
    pid: Pid | None
    name: Text | None
    reason: Text | None
    advised_bytes: Size | None
    reclaimed_bytes: Size | None
    available_bytes: Size | None
    refaulted_bytes: Size | None
    holdoff_s: Size | None
