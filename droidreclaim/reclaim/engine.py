"""From a request to a result: look at the device, choose, advise, judge, follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from droidreclaim import snapshot
from droidreclaim.errors import NotPossible
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.session import HelperSession
from droidreclaim.model import DeviceInfo, ReclaimResult, SwapChange, TargetResult
from droidreclaim.parse.kernel import parse_meminfo
from droidreclaim.policy import Plan, choose
from droidreclaim.reclaim.judge import judge, totals
from droidreclaim.reclaim.refault import follow
from droidreclaim.reclaim.request import Request
from droidreclaim.reclaim.thrashing import require_calm

KEEP_SWAP_FREE = 0.20  # AOSP's own compaction stops here; lmkd calls swap low at 0.10

_BACKEND = "process_madvise"


@dataclass(frozen=True, slots=True)
class Finished:
    """
    What came of a request.

    Attributes:
        ended_by: What cut the measuring of refaults short (Ctrl-C, a lost device); to be raised
            once the result has been shown.
    """

    device: DeviceInfo
    result: ReclaimResult
    ended_by: BaseException | None = None


def run(
    helper: RunningHelper,
    request: Request,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Finished:
    """
    Find the targets of *request*, advise them, and judge what happened.

    Two round trips: one to see the device, one to act. Measuring refaults takes two more for each
    of its times.

    Raises:
        NotPossible: no process_madvise here, or no swap for anonymous memory.
        NotAchieved: a named package or pid is not there, or file pages are coming back too fast.
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
    if request.evicts_files and plan.targets:
        require_calm(helper, progress)
    progress(f"{request.how}: {len(plan.targets)} processes")
    device = helper.device_info(hello)
    done = _advise(helper.session, plan, request, swap_bytes)
    if not request.refault_times_s or request.dry_run:
        return Finished(device, done)
    done, ended_by = follow(
        helper.session,
        done,
        request.refault_times_s,
        page_bytes=hello.page_bytes,
        progress=progress,
    )
    return Finished(device, done, ended_by)


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
    orders = verbs.Orders(
        floor=plan.floor,
        what=request.what,
        budget_bytes=request.budget_bytes,
        swap_floor_bytes=int(swap_bytes * KEEP_SWAP_FREE) if request.needs_swap else None,
        max_bytes_per_s=request.max_bytes_per_s,
        dry_run=request.dry_run,
    )
    advices, swap = verbs.advise(session, request.how, plan.targets, orders)
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
