"""The verb: page out what a selection means, and say what that really did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from droidreclaim.errors import NotAchieved, NotPossible
from droidreclaim.helper import verbs
from droidreclaim.helper.session import HelperSession
from droidreclaim.model import Advice, Process, SwapChange
from droidreclaim.policy import Plan, Selection, Skip
from droidreclaim.snapshot import Snapshot

KEEP_SWAP_FREE = 0.20  # AOSP's own compaction stops here; lmkd calls swap low at 0.10


@dataclass(frozen=True, slots=True)
class Request:
    """
    What to do to whom.

    Attributes:
        how: ``pageout`` or ``cold``.
        what: ``anon``, ``file`` or ``all``.
        budget_bytes: Stop when this much was advised, over all targets; None for no bound.
    """

    selection: Selection
    how: str = "pageout"
    what: str = "anon"
    budget_bytes: int | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class TargetResult:
    """
    One target, judged by what left and not by what the kernel answered.

    Attributes:
        outcome: Word of the command line's list (``reclaimed``, ``nothing``, ``stopped``, ...).
        reason: Fixed word, a sentence may follow after a colon; None when all went well.
    """

    process: Process
    advice: Advice
    outcome: str
    reason: str | None

    @property
    def reclaimed_bytes(self) -> int | None:
        """By how much RSS fell; negative when the app grew meanwhile."""
        return _fall(self.advice, "rss_bytes")

    @property
    def swapped_bytes(self) -> int | None:
        """By how much swap of the process rose."""
        fall = _fall(self.advice, "swap_bytes")
        return None if fall is None else -fall


@dataclass(frozen=True, slots=True)
class Totals:
    """
    Four numbers that are not the same, in bytes; None where one is not known.

    Attributes:
        reclaimed_bytes: Sum of the falls of RSS.
        gained_bytes: What the device really has more: RSS fall less what zram grew by and less
            what sits in the swap cache.
    """

    advised_bytes: int
    reclaimed_bytes: int | None
    swapped_bytes: int | None
    zram_used_delta_bytes: int | None
    gained_bytes: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """What a reclaim did: every target with its outcome, everyone else with a reason."""

    backend: str
    request: Request
    targets: tuple[TargetResult, ...]
    skipped: tuple[Skip, ...]
    swap: SwapChange | None
    totals: Totals

    @property
    def achieved(self) -> bool:
        """Whether anything was done (or, in a dry run, could be)."""
        done = {"reclaimed", "estimated"}
        return any(target.outcome in done for target in self.targets)


def require_backend(how: str, what: str, backends: dict[str, object], swap_bytes: int) -> None:
    """
    Refuse up front what this device cannot do.

    Raises:
        NotPossible: no process_madvise, or anonymous memory without any swap: the kernel would
            report success and move nothing.
    """
    backend = backends.get("process_madvise")
    if backend is None or not getattr(backend, "works", False):
        errno = getattr(backend, "errno", None) or "not probed"
        why = getattr(backend, "why", None)
        raise NotPossible(
            f"process_madvise does not work on this device: {errno}" + (f" ({why})" if why else ""),
            hint="it came with kernel 5.10; 'droidreclaim doctor' lists what works here",
        )
    if how == "pageout" and what == "anon" and swap_bytes == 0:
        raise NotPossible(
            "no_swap: this device has no swap, so anonymous memory has nowhere to go",
            hint="--how cold needs none",
        )


def run(
    session: HelperSession,
    snapshot: Snapshot,
    plan: Plan,
    request: Request,
    swap_total_bytes: int,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Result:
    """
    Advise the plan's targets and judge what happened.

    Args:
        swap_total_bytes: Size of all swap; a page-out keeps a fifth of it free.

    Raises:
        DeviceError: the device was lost or did not answer; what was done until then stands.
    """
    if not plan.targets:
        return Result("process_madvise", request, (), plan.skipped, None, _totals((), None))
    pageout = request.how == "pageout" and request.what != "file"
    progress(f"{request.how}: {len(plan.targets)} processes")
    advices, swap = verbs.advise(
        session,
        request.how,
        plan.targets,
        floor=plan.floor,
        what=request.what,
        budget_bytes=request.budget_bytes,
        swap_floor_bytes=int(swap_total_bytes * KEEP_SWAP_FREE) if pageout else None,
        dry_run=request.dry_run,
    )
    by_id = {process.id: process for process in plan.targets}
    targets = tuple(_judge(by_id[advice.id], advice, request) for advice in advices)
    return Result(
        "process_madvise", request, targets, plan.skipped, swap, _totals(targets, swap, request)
    )


def explain_nothing(result: Result) -> NotAchieved:
    """The error for a run that achieved nothing: one line with the reasons, most common first."""
    reasons = [f"{skip.process.name}: {skip.detail}" for skip in result.skipped]
    reasons += [f"{target.process.name}: {target.reason}" for target in result.targets]
    if not reasons:
        return NotAchieved("no process matches", hint="see 'droidreclaim ps'")
    more = f", and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return NotAchieved("nothing reclaimed: " + "; ".join(reasons[:3]) + more)


def _judge(process: Process, advice: Advice, request: Request) -> TargetResult:
    outcome, reason = _verdict(advice, request)
    return TargetResult(process, advice, outcome, reason)


def _verdict(advice: Advice, request: Request) -> tuple[str, str | None]:
    if advice.outcome == "changed":
        return "gone", "changed: the pid is another process now"
    if advice.outcome in ("gone", "denied"):
        return advice.outcome, advice.reason or advice.outcome
    if request.dry_run and advice.outcome in ("advised", "stopped") and advice.advised_bytes:
        return "estimated", advice.reason
    if advice.outcome == "stopped" and advice.reason in (
        "foreground",
        "perceptible",
        "below_floor",
    ):
        return "stopped", f"{advice.reason}: it came to the foreground (adj {advice.adj})"
    if request.how == "cold" and advice.advised_bytes:
        return "reclaimed", "not_proven: marked cold, nothing moves before memory is short"
    fall = _fall(advice, "rss_bytes")
    if advice.advised_bytes and (fall is None or fall > 0):
        return "reclaimed", advice.reason
    return "nothing", _why_nothing(advice)


def _why_nothing(advice: Advice) -> str:
    """The reason in words for a target of which no page moved."""
    swapped = advice.before.swap_bytes if advice.before else None
    resident = advice.before.rss_anon_bytes if advice.before else None
    if advice.reason == "already_swapped" and swapped is not None and resident is not None:
        share = swapped / (swapped + resident) if swapped + resident else 0.0
        return f"already_swapped: {share:.0%} of its anonymous memory is in swap"
    if advice.reason:
        return advice.reason
    if advice.refused:
        return "locked: " + ", ".join(
            f"{one.errno} on {one.ranges} ranges" for one in advice.refused
        )
    return "not_proven: advised, and nothing left"


def _fall(advice: Advice, field: str) -> int | None:
    if advice.before is None or advice.after is None:
        return None
    before, after = getattr(advice.before, field), getattr(advice.after, field)
    return None if before is None or after is None else before - after


def _sum(values: list[int | None]) -> int | None:
    """A sum of which one part is unknown is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _totals(
    targets: tuple[TargetResult, ...], swap: SwapChange | None, request: Request | None = None
) -> Totals:
    measured = [t for t in targets if t.outcome in ("reclaimed", "nothing", "stopped")]
    reclaimed = _sum([target.reclaimed_bytes for target in measured])
    zram = swap.zram_delta_bytes if swap else None
    gained = None
    if reclaimed is not None and swap is not None and not (request and request.dry_run):
        gained = reclaimed - (zram or 0) - max(0, swap.cached_delta_bytes or 0)
    return Totals(
        advised_bytes=sum(target.advice.advised_bytes for target in targets),
        reclaimed_bytes=reclaimed,
        swapped_bytes=_sum([target.swapped_bytes for target in measured]),
        zram_used_delta_bytes=zram,
        gained_bytes=gained,
    )
