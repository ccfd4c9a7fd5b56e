"""The verb: page out what a selection means, and say what that really did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from droidreclaim import snapshot
from droidreclaim.errors import NotAchieved, NotPossible
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.session import HelperSession
from droidreclaim.model import (
    Advice,
    DeviceInfo,
    Process,
    ReclaimResult,
    SwapChange,
    TargetResult,
    Totals,
)
from droidreclaim.parse.kernel import parse_meminfo
from droidreclaim.policy import Plan, Selection, choose
from droidreclaim.units import KIB

KEEP_SWAP_FREE = 0.20  # AOSP's own compaction stops here; lmkd calls swap low at 0.10

# Reading a name from cmdline brings a page back; less than this of a swapped app is our own doing.
_NOISE_BYTES = 64 * KIB

_BACKEND = "process_madvise"
_CAME_FORWARD = ("foreground", "perceptible", "below_floor")


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

    @property
    def needs_swap(self) -> bool:
        """Whether pages of anonymous memory are to go somewhere."""
        return self.how == "pageout" and self.what != "file"


def run(
    helper: RunningHelper,
    request: Request,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[DeviceInfo, ReclaimResult]:
    """
    Find the targets of *request*, advise them, and judge what happened.

    Two round trips: one to see the device, one to act.

    Raises:
        NotPossible: no process_madvise here, or no swap for anonymous memory.
        NotAchieved: a named package or pid is not there.
        DeviceError: the device was lost or did not answer; what was done until then stands.
    """
    asked = [verbs.HELLO, verbs.PROBE, verbs.SCAN, verbs.read_files("meminfo")]
    replies = helper.session.call_all(asked)
    hello, scan = verbs.hello_of(replies[0]), verbs.scan_of(replies[2])
    _require_backend(verbs.backends_of(replies[1]).get(_BACKEND))
    seen = snapshot.build(
        scan.processes, snapshot.packages_by_app_id(scan.packages_list), helper_pid=hello.pid
    )
    plan = choose(seen, request.selection)
    swap_bytes = _swap_total_bytes(verbs.files_of(replies[3]))
    if request.needs_swap and request.what == "anon" and swap_bytes == 0:
        raise NotPossible(
            "no_swap: this device has no swap, so anonymous memory has nowhere to go",
            hint="--how cold needs none",
        )
    progress(f"{request.how}: {len(plan.targets)} processes")
    return helper.device_info(hello), _advise(helper.session, plan, request, swap_bytes)


def explain_nothing(result: ReclaimResult) -> NotAchieved:
    """The error for a run that achieved nothing: one line with the reasons."""
    reasons = [f"{skip.process.name}: {skip.detail}" for skip in result.skipped]
    reasons += [f"{target.process.name}: {target.reason}" for target in result.targets]
    if not reasons:
        return NotAchieved("no process matches", hint="see 'droidreclaim ps'")
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return NotAchieved("nothing reclaimed: " + "; ".join(reasons[:3]) + more)


def _require_backend(backend: verbs.Backend | None) -> None:
    if backend is not None and backend.works:
        return
    why = f": {backend.errno} {backend.why or ''}".rstrip() if backend else ""
    raise NotPossible(
        f"unsupported: process_madvise does not work on this device{why}",
        hint="it came with kernel 5.10; 'droidreclaim doctor' lists what works here",
    )


def _swap_total_bytes(files: dict[str, str | None]) -> int:
    text = files.get("/proc/meminfo")
    return (parse_meminfo(text).swap_total_bytes or 0) if text else 0


def _advise(session: HelperSession, plan: Plan, request: Request, swap_bytes: int) -> ReclaimResult:
    if not plan.targets:
        return result((), None, plan, request)
    advices, swap = verbs.advise(
        session,
        request.how,
        plan.targets,
        floor=plan.floor,
        what=request.what,
        budget_bytes=request.budget_bytes,
        swap_floor_bytes=int(swap_bytes * KEEP_SWAP_FREE) if request.needs_swap else None,
        dry_run=request.dry_run,
    )
    by_id = {process.id: process for process in plan.targets}
    targets = tuple(judge(by_id[advice.id], advice, request) for advice in advices)
    return result(targets, swap, plan, request)


def result(
    targets: tuple[TargetResult, ...], swap: SwapChange | None, plan: Plan, request: Request
) -> ReclaimResult:
    """Everything about one run in one value."""
    return ReclaimResult(
        backend=_BACKEND,
        how=request.how,
        dry_run=request.dry_run,
        targets=targets,
        skipped=plan.skipped,
        swap=swap,
        totals=totals(targets, swap),
    )


def judge(process: Process, advice: Advice, request: Request) -> TargetResult:
    """The outcome of one target: what left, or the reason why nothing did."""
    outcome, reason = _verdict(advice, request)
    return TargetResult(process, advice, outcome, reason)


def _verdict(advice: Advice, request: Request) -> tuple[str, str | None]:
    if advice.outcome == "changed":
        return "gone", "changed: the pid is another process now"
    if advice.outcome in ("gone", "denied"):
        return advice.outcome, advice.reason or advice.outcome
    if advice.outcome == "stopped" and advice.reason in _CAME_FORWARD:
        return "stopped", f"{advice.reason}: it came to the foreground (adj {advice.adj})"
    if request.dry_run:
        return ("estimated", advice.reason) if advice.exclusive_bytes else _nothing(advice)
    if not advice.advised_bytes:
        return _nothing(advice)
    if request.how == "cold":
        return "advised", "not_proven: first in line now, nothing moves before memory is short"
    fall = advice.rss_fall_bytes
    if fall is None or fall > (_NOISE_BYTES if _mostly_swapped(advice) else 0):
        return "reclaimed", advice.reason
    return _nothing(advice)


def _nothing(advice: Advice) -> tuple[str, str]:
    """Nothing moved, and the reason: the helper's, or what the numbers say."""
    if advice.reason == "already_swapped" or (advice.reason is None and _mostly_swapped(advice)):
        share = advice.swapped_share or 0.0
        return "nothing", f"already_swapped: {share:.0%} of its anonymous memory is in swap"
    if advice.reason:
        return "nothing", advice.reason
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
    touched = [target for target in targets if target.advice.advised_bytes]
    reclaimed = _sum([target.advice.rss_fall_bytes for target in touched])
    zram = swap.zram_delta_bytes if swap else None
    cached = swap.cached_delta_bytes if swap else None
    gained = None
    if touched and reclaimed is not None:
        gained = reclaimed - (zram or 0) - max(0, cached or 0)
    return Totals(
        advised_bytes=sum(target.advice.advised_bytes for target in targets),
        reclaimed_bytes=reclaimed,
        swapped_bytes=_sum([target.advice.swap_rise_bytes for target in touched]),
        zram_used_delta_bytes=zram,
        gained_bytes=gained,
    )
