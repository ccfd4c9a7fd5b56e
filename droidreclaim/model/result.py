"""What a reclaim came to, as it is told."""

from __future__ import annotations

from dataclasses import dataclass

from droidreclaim.model.outcome import Advice, Outcome, Reason, SwapChange
from droidreclaim.model.process import Process
from droidreclaim.model.refault import DeviceRefault, Refault

WORTH_IT_SHARE = 0.5  # more than this back within the window: the way out was for nothing


@dataclass(frozen=True, slots=True)
class Skip:
    """
    A process that was asked for and is left alone.

    Attributes:
        reason: Fixed word of the command line's list.
        detail: What to say to a person besides the word.
    """

    process: Process
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class TargetResult:
    """
    One target, judged by what left and not by what the kernel answered.

    Attributes:
        reason: None when all went well.
        detail: The reason as a sentence for a person; None where the word says it all.
        refaults: What came back, in the order of time; empty when nobody asked.
    """

    process: Process
    advice: Advice
    outcome: Outcome
    reason: Reason | None
    detail: str | None = None
    refaults: tuple[Refault, ...] = ()

    @property
    def why(self) -> str:
        """Reason and detail for a person; empty when all went well."""
        return ": ".join(part for part in (self.reason, self.detail) if part)

    @property
    def came_back_share(self) -> float | None:
        """
        The most of what left that was back at one of the times; None when not measured.

        What was in swap already comes back too, hence at most 1.0.
        """
        left = self.advice.rss_fall_bytes
        back = [one.came_back_bytes for one in self.refaults if one.came_back_bytes is not None]
        return min(1.0, max(back) / left) if back and left and left > 0 else None

    @property
    def worth_it(self) -> bool | None:
        """Whether at least half stayed out; None when not measured."""
        share = self.came_back_share
        return None if share is None else share <= WORTH_IT_SHARE


@dataclass(frozen=True, slots=True)
class Totals:
    """
    Four numbers that are not the same, in bytes; None where one is not known.

    Attributes:
        reclaimed_bytes: Sum of the falls of RSS while we acted, whoever caused them: the kernel, a
            second reclaim or the app itself may have moved the same pages.
        gained_bytes: What the device really has more: RSS fall less what zram grew by and less
            what sits in the swap cache.
        came_in_bytes: Of a prefetch, what the device read from swap; None after anything else.
        swap_cached_delta_bytes: Likewise, how much more waits in memory to be touched.
    """

    advised_bytes: int | None
    reclaimed_bytes: int | None
    swapped_bytes: int | None
    zram_used_delta_bytes: int | None
    gained_bytes: int | None
    came_in_bytes: int | None = None
    swap_cached_delta_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """
    What a page-out would come to, in bytes; None where not known.

    Attributes:
        leaves_bytes: What would leave memory: exclusively owned, not locked, within the budget and
            the free swap that may be used.
        zram_bytes: What zram would take for it, at the ratio it has on what it holds now.
        limited_by: ``budget``, ``swap_budget`` or ``swap_limit`` (of a target's own cgroup) when
            that is less than what could move.
    """

    leaves_bytes: int
    zram_bytes: int | None
    limited_by: str | None

    @property
    def gained_bytes(self) -> int | None:
        """What the device would really have more."""
        return None if self.zram_bytes is None else self.leaves_bytes - self.zram_bytes


@dataclass(frozen=True, slots=True)
class ReclaimResult:
    """
    What a reclaim did: every target with its outcome, everyone else with a reason.

    Attributes:
        backend: Interface of the kernel that did it (``process_madvise``).
        how: ``pageout``, ``cold`` or ``prefetch``.
        swap: None when no target was touched.
        device_refaults: As the targets' refaults, of the device.
        estimate: After a dry run.
        swap_algorithms: By swap device, what compresses there: ``zram0: lzo-rle``.
    """

    backend: str
    how: str
    dry_run: bool
    targets: tuple[TargetResult, ...]
    skipped: tuple[Skip, ...]
    swap: SwapChange | None
    totals: Totals
    device_refaults: tuple[DeviceRefault, ...] = ()
    estimate: Estimate | None = None
    swap_algorithms: tuple[tuple[str, str], ...] = ()

    @property
    def achieved(self) -> bool:
        """Whether anything was done (or, in a dry run, could be)."""
        done = {Outcome.RECLAIMED, Outcome.ESTIMATED, Outcome.ADVISED, Outcome.PREFETCHED}
        return any(target.outcome in done for target in self.targets)

    @property
    def all_gone(self) -> bool:
        """Whether every target exited before it was reached: daily life, and nobody's refusal."""
        gone = [target.outcome is Outcome.GONE for target in self.targets]
        return bool(gone) and all(gone) and not self.skipped
