"""What was achieved: from the helper's numbers to outcomes, reasons and sums. Pure."""

from __future__ import annotations

from typing import TypeAlias

from droidreclaim.errors import NotAchieved
from droidreclaim.model import (
    Advice,
    Outcome,
    Process,
    Reason,
    ReclaimResult,
    SwapChange,
    TargetResult,
    Totals,
)
from droidreclaim.reclaim.request import Request
from droidreclaim.units import KIB, format_size, plural

# Reading a name from cmdline brings a page back; less than this of a swapped app is our own doing.
_NOISE_BYTES = 64 * KIB

_Verdict: TypeAlias = "tuple[Outcome, Reason | None, str | None]"  # with the detail

_SENTENCES = {
    Reason.BUSY: "another droidreclaim or the guard is at it: try again in a moment",
    Reason.SHARED_CGROUP: "its memory cgroup holds others, too",
    Reason.NOT_SWAPPED: "nothing that a prefetch reaches is in swap (of ashmem nothing is)",
    Reason.SWAP_LIMIT: "the system lets its cgroup hold no more in swap (memory.swap.max)",
    Reason.HOT: "all that is left in memory its next resume needs: --keep hot",
    Reason.NOT_LEARNED: "what its resumes need is not known: it is learned from what comes back",
    Reason.NO_MEMORY: "less than a tenth of the memory would stay available",
}
_NO_MEMCG = "it has no memory cgroup of its own, or this kernel's takes file pages, too: --what all"
_NOT_REACHED = "the session ended before its turn, nothing was done to it"
_UNTOLD = "the session ended before the device told what was done to it"
_CAME_FORWARD = (Reason.FOREGROUND, Reason.PERCEPTIBLE, Reason.BELOW_FLOOR)


def explain_nothing(result: ReclaimResult) -> NotAchieved:
    """The error for a run that achieved nothing: one line with the reasons, and the result."""
    error = _nothing_error(result)
    error.result = result
    return error


def _nothing_error(result: ReclaimResult) -> NotAchieved:
    reasons = [f"{skip.process.name}: {skip.detail}" for skip in result.skipped]
    reasons += [f"{target.process.name}: {target.why}" for target in result.targets]
    if not reasons:
        return NotAchieved("no process matches", hint="see 'droidreclaim ps'")
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return NotAchieved("nothing reclaimed: " + "; ".join(reasons[:3]) + more)


def judge(process: Process, advice: Advice, request: Request) -> TargetResult:
    """The outcome of one target: what left, or the reason why nothing did."""
    return TargetResult(process, advice, *_verdict(advice, request))


def _verdict(advice: Advice, request: Request) -> _Verdict:
    if untouched := _untouched(advice, request):
        return untouched
    if request.how == "prefetch":
        return _brought_back(advice, request)
    if request.dry_run:
        reason = Reason.SWAP_LIMIT if advice.at_swap_limit else advice.reason
        return _with_reason(Outcome.ESTIMATED, reason) if advice.movable_bytes else _nothing(advice)
    if not advice.advised_bytes:
        return _nothing(advice)
    if request.how == "cold":
        detail = "first in line now, nothing moves before memory is short"
        return Outcome.ADVISED, Reason.NOT_PROVEN, detail
    return _moved(advice)


def _with_reason(outcome: Outcome, reason: Reason | None) -> _Verdict:
    """The outcome with the helper's reason as a word, and as a sentence where there is one."""
    return outcome, reason, _SENTENCES.get(reason) if reason else None


def _untouched(advice: Advice, request: Request) -> _Verdict | None:
    """Why a target was not reached, or left before the end; None when it was advised in full."""
    reason = advice.reason
    if advice.outcome == "changed":
        return Outcome.GONE, Reason.CHANGED, "the pid is another process now"
    if advice.outcome in ("gone", "denied"):
        return _with_reason(Outcome(advice.outcome), reason or Reason(advice.outcome))
    if advice.outcome == "unsupported" and request.backend == "memcg":
        return Outcome.NOTHING, Reason.UNSUPPORTED, _NO_MEMCG
    if advice.outcome == "stopped" and reason in _CAME_FORWARD:
        return Outcome.STOPPED, reason, f"it came to the foreground (adj {advice.adj})"
    if advice.advised_bytes is None:
        return Outcome.STOPPED, Reason.NOT_PROVEN, _UNTOLD
    if advice.outcome == "stopped" and reason == Reason.CANCELLED and not advice.advised_bytes:
        return Outcome.STOPPED, Reason.CANCELLED, _NOT_REACHED
    return None


def _brought_back(advice: Advice, request: Request) -> _Verdict:
    """The outcome of a prefetch; that anything came, the device's counters tell."""
    if advice.advised_bytes or (request.dry_run and advice.swapped_bytes):
        return _with_reason(
            Outcome.ESTIMATED if request.dry_run else Outcome.PREFETCHED, advice.reason
        )
    if advice.resumes == 0 and not advice.reason:
        return _with_reason(Outcome.NOTHING, Reason.NOT_LEARNED)
    reason = advice.reason or (Reason.LOCKED if advice.refused else Reason.NOT_SWAPPED)
    return _with_reason(Outcome.NOTHING, reason)


def _moved(advice: Advice) -> _Verdict:
    """The outcome of a target that was advised, by what left memory."""
    fall = advice.rss_fall_bytes
    if fall is None:
        detail = "its memory could not be read before or after"
        return Outcome.NOTHING, Reason.NOT_PROVEN, detail
    if fall > (_NOISE_BYTES if _mostly_swapped(advice) else 0):
        return _with_reason(Outcome.RECLAIMED, advice.reason)
    return _nothing(advice)


def _nothing(advice: Advice) -> _Verdict:
    """The outcome where nothing moved; the reason is the helper's, or follows from the numbers."""
    reason = advice.reason
    if advice.left_out_bytes and reason in (None, Reason.ALREADY_SWAPPED):
        return _with_reason(Outcome.NOTHING, Reason.HOT)
    if reason == Reason.ALREADY_SWAPPED or (reason is None and _mostly_swapped(advice)):
        share = advice.swapped_share or 0.0
        detail = f"{share:.0%} of its anonymous memory is in swap"
        return Outcome.NOTHING, Reason.ALREADY_SWAPPED, detail
    if reason:
        return _with_reason(Outcome.NOTHING, reason)
    if advice.at_swap_limit or (advice.advised_bytes and advice.swap_room_bytes == 0):
        return _with_reason(Outcome.NOTHING, Reason.SWAP_LIMIT)
    locked = sum(kind.locked_bytes or 0 for kind in advice.kinds)
    if locked:
        return Outcome.NOTHING, Reason.LOCKED, f"{format_size(locked)} by mlock()"
    if advice.refused:
        ranges = ", ".join(
            f"{one.errno} on {plural(one.ranges, 'range')}" for one in advice.refused
        )
        return Outcome.NOTHING, Reason.LOCKED, ranges
    return Outcome.NOTHING, Reason.NOT_PROVEN, "advised, and nothing left"


def _mostly_swapped(advice: Advice) -> bool:
    exclusive, swapped = advice.exclusive_bytes, advice.swapped_bytes
    return exclusive is not None and swapped is not None and swapped > exclusive


def _sum(values: list[int | None]) -> int | None:
    """A sum of which one part is unknown is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def totals(targets: tuple[TargetResult, ...], swap: SwapChange | None) -> Totals:
    """The sums over *targets*; without any advice there is no gain."""
    touched = [target for target in targets if target.advice.advised_bytes != 0]
    reclaimed = _sum([target.advice.rss_fall_bytes for target in touched])
    zram = swap.zram_delta_bytes if swap else None
    cached = swap.cached_delta_bytes if swap else None
    gained = None
    if touched and reclaimed is not None:
        gained = reclaimed - (zram or 0) - max(0, cached or 0)
    return Totals(
        advised_bytes=_sum([target.advice.advised_bytes for target in targets]),
        reclaimed_bytes=reclaimed,
        swapped_bytes=_sum([target.advice.swap_rise_bytes for target in touched]),
        zram_used_delta_bytes=zram,
        gained_bytes=gained,
    )
