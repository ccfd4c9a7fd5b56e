"""What is written down of each round."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """
    What became of the app's state.

    Kept: the same process and activity came back at once, with all that was remembered. Restored:
    made anew, and all that was remembered is there. Unknown: the witnesses disagree, or a step
    failed before the app was back.
    """

    KEPT = "kept"
    RESTORED = "restored"
    LOST = "lost"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Life:
    """
    Which life of the app runs; equal ones are the same process and activity.

    Attributes:
        pid, start_ticks: Of its main process.
        activity: Token of its uppermost activity; None where the device does not say.
    """

    pid: int
    start_ticks: int
    activity: str | None


@dataclass(frozen=True, slots=True)
class Memory:
    """
    Memory of the app's main process, by smaps_rollup.

    Attributes:
        major_faults: Since the process began.
    """

    rss_bytes: int
    pss_bytes: int
    swap_bytes: int
    major_faults: int | None


@dataclass(frozen=True, slots=True)
class Killed:
    """
    One process that was killed in a round, and by whom.

    Attributes:
        boot_s: When, on the device's boot clock; None where the log's time could not be read.
    """

    by: str
    pid: int
    name: str | None
    oom_score_adj: int | None
    reason: str
    boot_s: float | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """One step that was played: when it began on the device's boot clock, and how long it took."""

    what: str
    boot_s: float
    took_s: float


@dataclass(frozen=True, slots=True)
class Point:
    """Memory of the app's main process at one moment of the device's boot clock."""

    boot_s: float
    pid: int
    anon_bytes: int
    swap_bytes: int
    oom_score_adj: int | None


@dataclass(frozen=True, slots=True)
class Cost:
    """
    What a stretch of time cost the whole device; None for what it does not count.

    Attributes:
        psi_some_s: How long some task waited for memory; *psi_full_s*: all of them at once.
        paged_in: Pages read from swap; *paged_out*: written to it.
    """

    psi_some_s: float | None
    psi_full_s: float | None
    paged_in: int | None
    paged_out: int | None


@dataclass(frozen=True, slots=True)
class Drawn:
    """Frames that an app drew in a stretch of time; *janky* ones came after their deadline."""

    frames: int
    janky: int


@dataclass(slots=True)
class Round:
    """
    One arm of one round.

    Attributes:
        number: 1-based; all arms have each once.
        at_s: Seconds since the run began.
        before: As the user left the app; None where it did not run then.
        after: When it was back.
        am_kind: What ``am start -W`` called the resume.
        start_kind: What ``dumpsys activity start-info`` filed, since Android 15; None where it
            filed nothing new.
        kind: ``HOT``, ``WARM``, ``COLD``, ``RELAUNCH``, or ``UNKNOWN`` where witnesses disagree.
        back_s: Until the app showed again, whatever the kind.
        remembered, found: What was remembered, and what was found when the app was back; None for
            what could not be read.
        memory: By ``before``, ``arm``, ``resume``; what could not be read is not in it.
        from_flash_bytes: What the device read from flash in the resume, where zram had written it;
            None where it does not say. Such a resume is none from zram.
        marks: The steps, in the order in which they were played.
        track: Memory over the time of the round; empty where it could not be sampled.
        cost: By ``resume`` (until the app was back) and ``round``.
        drawn: In the first two seconds of the resume; None where the device counts no frames.
        conditions: What else bears on times, by `conditions.read`, as the round began.
        footprint: By state, RssAnon + VmSwap of the app's largest process through the round: p50,
            p90, p99 and max; empty where no scenario expects something of it.
        screen: Texts on the screen when the app was back, where one is expected there; None where
            it was not read.
        did: What the arm did, in a few words.
        fault: The step that failed, and why; the round counts.
        discarded: Why this does not count: a reason outside the app.
    """

    number: int
    arm: str
    at_s: float = 0.0
    took_s: float = 0.0
    before: Life | None = None
    after: Life | None = None
    am_kind: str | None = None
    start_kind: str | None = None
    kind: str = "UNKNOWN"
    back_s: float | None = None
    remembered: dict[str, str | None] = field(default_factory=dict)
    found: dict[str, str | None] = field(default_factory=dict)
    memory: dict[str, Memory] = field(default_factory=dict)
    killed: list[Killed] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    track: list[Point] = field(default_factory=list)
    cost: dict[str, Cost] = field(default_factory=dict)
    drawn: Drawn | None = None
    conditions: dict[str, str | float | None] = field(default_factory=dict)
    state: State = State.UNKNOWN
    from_flash_bytes: int | None = None
    footprint: dict[str, dict[str, int]] = field(default_factory=dict)
    screen: list[str] | None = None
    did: str = ""
    fault: str | None = None
    notes: list[str] = field(default_factory=list)
    discarded: str | None = None

    @property
    def key(self) -> tuple[int, str]:
        """Number and arm of the round."""
        return self.number, self.arm

    @property
    def folder_name(self) -> str:
        """Folder of the round's evidence, below the folder of rounds."""
        return f"{self.number:02}-{self.arm.replace(':', '-')}"

    @property
    def survived(self) -> bool:
        """Whether the process that was left is the one that came back."""
        ours, theirs = self.before, self.after
        return bool(
            ours and theirs and (ours.pid, ours.start_ticks) == (theirs.pid, theirs.start_ticks)
        )

    @property
    def resume_major_faults(self) -> int | None:
        """Major faults of the app from the arm to when it was back; None of another process."""
        before, after = self.memory.get("arm"), self.memory.get("resume")
        if not self.survived or before is None or after is None:
            return None
        if before.major_faults is None or after.major_faults is None:
            return None
        return after.major_faults - before.major_faults

    @property
    def _resume(self) -> Mark | None:
        return next((mark for mark in self.marks if mark.what == "resume"), None)

    @property
    def back_boot_s(self) -> float | None:
        """When the app was back, on the device's clock; None where it was never resumed."""
        return self._resume.boot_s + self._resume.took_s if self._resume else None

    def came_back_bytes(self, after_s: float) -> int | None:
        """
        How much of the app left swap from its resume until *after_s* after it was back.

        None where it was not sampled until then, or where another process came back.
        """
        resume = self._resume
        if resume is None or not self.survived or self.after is None:
            return None
        own = [point for point in self.track if point.pid == self.after.pid]
        before = [point for point in own if point.boot_s <= resume.boot_s]
        until_s = resume.boot_s + resume.took_s + after_s
        later = next((point for point in own if point.boot_s >= until_s), None)
        return before[-1].swap_bytes - later.swap_bytes if before and later else None
