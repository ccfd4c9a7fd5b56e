"""What was achieved: from the helper's numbers to outcomes, reasons and sums. Pure."""

from __future__ import annotations

from droidreclaim.errors import NotAchieved
from droidreclaim.model import Advice, Process, ReclaimResult, SwapChange, TargetResult, Totals
from droidreclaim.reclaim.request import Request
from droidreclaim.units import KIB, format_size

# Reading a name from cmdline brings a page back; less than this of a swapped app is our own doing.
_NOISE_BYTES = 64 * KIB

_SENTENCES = {
    "shared_cgroup": "shared_cgroup: its memory cgroup holds others, too",
    "not_swapped": "not_swapped: nothing that a prefetch reaches is in swap (of ashmem nothing is)",
    "no_memory": "no_memory: less than a tenth of the memory would stay available",
}
_NO_MEMCG = (
    "unsupported: it has no memory cgroup of its own, or this kernel's takes file pages, too: "
    "--what all"
)
_NOT_REACHED = "cancelled: the session ended before its turn, nothing was done to it"
_UNTOLD = "not_proven: the session ended before the device told what was done to it"
_CAME_FORWARD = ("foreground", "perceptible", "below_floor")


def explain_nothing(result: ReclaimResult) -> NotAchieved:
    """The error for a run that achieved nothing: one line with the reasons, and the result."""
    error = _nothing_error(result)
    error.result = result
    return error


def _nothing_error(result: ReclaimResult) -> NotAchieved:
    reasons = [f"{skip.process.name}: {skip.detail}" for skip in result.skipped]
    reasons += [f"{target.process.name}: {target.reason}" for target in result.targets]
    if not reasons:
        return NotAchieved("no process matches", hint="see 'droidreclaim ps'")
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return NotAchieved("nothing reclaimed: " + "; ".join(reasons[:3]) + more)


def judge(process: Process, advice: Advice, request: Request) -> TargetResult:
    """The outcome of one target: what left, or the reason why nothing did."""
    outcome, reason = _verdict(advice, request)
    return TargetResult(process, advice, outcome, reason)


def _verdict(advice: Advice, request: Request) -> tuple[str, str | None]:
    if untouched := _untouched(advice, request):
        return untouched
    if request.how == "prefetch":
        return _brought_back(advice, request)
    if request.dry_run:
        return ("estimated", advice.reason) if advice.movable_bytes else _nothing(advice)
    if not advice.advised_bytes:
        return _nothing(advice)
    if request.how == "cold":
        return "advised", "not_proven: first in line now, nothing moves before memory is short"
    return _moved(advice)


def _untouched(advice: Advice, request: Request) -> tuple[str, str] | None:
    """Why nobody got at it, or not to the end; None when that was not so."""
    if advice.outcome == "changed":
        return "gone", "changed: the pid is another process now"
    if advice.outcome in ("gone", "denied"):
        word = advice.reason or advice.outcome
        return advice.outcome, _SENTENCES.get(word, word)
    if advice.outcome == "unsupported" and request.backend == "memcg":
        return "nothing", _NO_MEMCG
    if advice.outcome == "stopped" and advice.reason in _CAME_FORWARD:
        return "stopped", f"{advice.reason}: it came to the foreground (adj {advice.adj})"
    if advice.advised_bytes is None:
        return "stopped", _UNTOLD
    if advice.outcome == "stopped" and advice.reason == "cancelled" and not advice.advised_bytes:
        return "stopped", _NOT_REACHED
    return None


def _brought_back(advice: Advice, request: Request) -> tuple[str, str | None]:
    """What was asked back, if anything was in swap; that it came, the device's counters tell."""
    if advice.advised_bytes or (request.dry_run and advice.swapped_bytes):
        return ("estimated" if request.dry_run else "prefetched"), advice.reason
    word = advice.reason or ("locked" if advice.refused else "not_swapped")
    return "nothing", _SENTENCES.get(word, word)


def _moved(advice: Advice) -> tuple[str, str | None]:
    """What was advised, judged by what left."""
    fall = advice.rss_fall_bytes
    if fall is None:
        return "nothing", "not_proven: its memory could not be read before or after"
    if fall > (_NOISE_BYTES if _mostly_swapped(advice) else 0):
        return "reclaimed", advice.reason
    return _nothing(advice)


def _nothing(advice: Advice) -> tuple[str, str]:
    """Nothing moved, and the reason: the helper's, or what the numbers say."""
    if advice.reason == "already_swapped" or (advice.reason is None and _mostly_swapped(advice)):
        share = advice.swapped_share or 0.0
        return "nothing", f"already_swapped: {share:.0%} of its anonymous memory is in swap"
    if advice.reason:
        return "nothing", advice.reason
    locked = sum(kind.locked_bytes or 0 for kind in advice.kinds)
    if locked:
        return "nothing", f"locked: {format_size(locked)} by mlock()"
    if advice.refused:
        ranges = ", ".join(f"{one.errno} on {one.ranges} ranges" for one in advice.refused)
        return "nothing", f"locked: {ranges}"
    return "nothing", "not_proven: advised, and nothing left"


def _mostly_swapped(advice: Advice) -> bool:
    exclusive, swapped = advice.exclusive_bytes, advice.swapped_bytes
    return exclusive is not None and swapped is not None and swapped > exclusive


def _sum(values: list[int | None]) -> int | None:
    """A sum of which one part is unknown is unknown."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def totals(targets: tuple[TargetResult, ...], swap: SwapChange | None) -> Totals:
    """The sums over *targets*; what none was advised of has no gain to speak of."""
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
