"""From a request to a result: look at the device, choose, advise, judge, follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from droidreclaim import snapshot
from droidreclaim.errors import NotPossible, UsageError
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.session import HelperSession
from droidreclaim.model import (
    Advice,
    DeviceInfo,
    Process,
    ProcessId,
    ReclaimResult,
    SwapChange,
    TargetResult,
)
from droidreclaim.policy import Plan, choose, leave_java_heaps_in_use
from droidreclaim.reclaim.estimate import estimate
from droidreclaim.reclaim.judge import judge, totals
from droidreclaim.reclaim.prefetch import COUNTERS, came_in_bytes, memory_floor_bytes, prefetched
from droidreclaim.reclaim.refault import follow
from droidreclaim.reclaim.request import MADVISE, MEMCG, PROC_RECLAIM, Request
from droidreclaim.reclaim.swap_state import FILES, SwapState, read_swap_state, require_swap
from droidreclaim.reclaim.thrashing import require_calm
from droidreclaim.units import plural

_WILLNEED = "willneed"  # the probe of process_madvise's advice to prefetch


@dataclass(frozen=True, slots=True)
class Finished:
    """
    What came of a request.

    Attributes:
        ended_by: What cut the page-out or the measuring of refaults short (Ctrl-C, a lost device,
            an uninstall beside it); to be raised once the result has been shown, in which every
            target stands all the same.
    """

    device: DeviceInfo
    result: ReclaimResult
    ended_by: BaseException | None = None


def run(
    helper: RunningHelper,
    request: Request,
    *,
    progress: Callable[[str], None] = lambda _: None,
    ask: Callable[[], Mapping[int, snapshot.Member]] = dict,
) -> Finished:
    """
    Find the targets of *request*, advise them, and judge what happened.

    Two round trips: one to see the device, one to act. Measuring refaults takes two more for each
    of its times.

    Args:
        ask: Who asks ActivityManager whose processes are that neither uid nor parent tells of; only
            done where packages are named and there are such.

    Raises:
        NotPossible: nothing here pages a process out, or no swap for anonymous memory.
        NotAchieved: a named package or pid is not there, or file pages are coming back too fast.
        DeviceError: the device was lost or did not answer before anything was done.
    """
    requests = [verbs.HELLO, verbs.PROBE, verbs.SCAN, verbs.read_files(*FILES)]
    replies = helper.session.call_all(requests)
    hello, scan = verbs.hello_of(replies[0]), verbs.scan_of(replies[2])
    request = replace(request, backend=best_backend(verbs.backends_of(replies[1]), request))
    seen = snapshot.build(
        scan.processes, snapshot.packages_by_app_id(scan.packages_list), helper_pid=hello.pid
    )
    if request.selection.packages:
        seen = seen.asking(ask)
    plan = _plan(seen, request)
    files = verbs.files_of(replies[3])
    swap = read_swap_state(files)
    require_swap(request, swap)
    _require_range(request, plan, hello.page_bytes)
    if request.evicts_files and plan.targets:
        require_calm(helper, progress)
    progress(f"{request.how}: {plural(len(plan.targets), 'process', 'processes')}")
    device = helper.device_info(hello)
    orders = _orders(plan, request, swap, files)
    if request.how == "prefetch":
        return Finished(device, *_prefetch(helper.session, plan, request, orders, hello.page_bytes))
    done, ended_by = _advise(helper.session, plan, request, orders, swap)
    if ended_by or not request.refault_times_s or request.dry_run:
        return Finished(device, done, ended_by)
    done, ended_by = follow(
        helper.session,
        done,
        request.refault_times_s,
        page_bytes=hello.page_bytes,
        progress=progress,
    )
    return Finished(device, done, ended_by)


def best_backend(backends: Mapping[str, verbs.Backend], request: Request) -> str:
    """
    The interface of the kernel that will do *request*, the better one first.

    Raises:
        NotPossible: none that was asked for works, with what denied each.
    """
    if request.backend == MEMCG and request.how == "pageout":
        return MEMCG  # whether a target has one of its own, that target tells
    is_plain = request.how == "pageout" and request.hot is None
    usable = (MADVISE, PROC_RECLAIM) if is_plain else (MADVISE,)
    names = [name for name in usable if request.backend in (None, name)]
    if request.how == "prefetch":
        names = names and [_WILLNEED]
    for name in names:
        if name in backends and backends[name].works:
            return MADVISE if name == _WILLNEED else name
    tried = [backends[name] for name in names if name in backends]
    whys = ", ".join(f"{one.name}: {one.errno or ''} {one.why or ''}".rstrip() for one in tried)
    raise NotPossible(
        f"unsupported: nothing here does {request.how} to a process ({whys or 'no backend fits'})",
        hint="process_madvise came with kernel 5.10 (prefetch with 5.15); "
        "--backend am_compact asks Android instead",
    )


def _require_range(request: Request, plan: Plan, page_bytes: int) -> None:
    if request.addresses is None:
        return
    if any(address % page_bytes for address in request.addresses):
        raise UsageError(f"a range is of whole pages, {page_bytes} bytes each here")
    if len(plan.targets) > 1:
        names = ", ".join(f"pid:{process.pid} ({process.name})" for process in plan.targets[:4])
        raise UsageError(f"a range is of one process, and this means {names}", hint="pid:N")


def _plan(seen: snapshot.Snapshot, request: Request) -> Plan:
    """Whom to touch; a prefetch takes nothing from anybody, so the app in front may have it."""
    selection = request.selection
    if request.how == "prefetch":
        return choose(seen, replace(selection, force=True))
    plan = choose(seen, selection)
    return (
        leave_java_heaps_in_use(plan) if "dalvik" in request.only and not selection.force else plan
    )


def _orders(
    plan: Plan, request: Request, swap: SwapState, files: Mapping[str, str | None]
) -> verbs.Orders:
    return verbs.Orders(
        floor=plan.floor,
        what=request.what,
        only=request.only,
        hot=request.hot,
        addresses=request.addresses,
        budget_bytes=request.budget_bytes,
        swap_floor_bytes=_swap_floor_bytes(swap, request) if request.needs_swap else None,
        memory_floor_bytes=(
            memory_floor_bytes(files.get("/proc/meminfo")) if request.how == "prefetch" else None
        ),
        max_bytes_per_s=request.max_bytes_per_s,
        backend=request.backend or MADVISE,
        dry_run=request.dry_run,
    )


def _swap_floor_bytes(swap: SwapState, request: Request) -> int:
    return int(swap.total_bytes * request.keep_swap_free)


def _advise(
    session: HelperSession, plan: Plan, request: Request, orders: verbs.Orders, swap: SwapState
) -> tuple[ReclaimResult, BaseException | None]:
    """Advise the targets, or count in a dry run; returns also the interrupt that cut it short."""
    if not plan.targets:
        return result((), None, plan, request), None
    advised = verbs.advise(session, request.how, plan.targets, orders)
    done = _judged(advised, plan, request)
    done = replace(done, swap_algorithms=swap.algorithms)
    if not request.dry_run:
        return done, advised.ended_by
    expected = estimate(
        advised.advices,
        swap,
        swap_floor_bytes=_swap_floor_bytes(swap, request),
        budget_bytes=request.budget_bytes,
    )
    return replace(done, estimate=expected), advised.ended_by


def _prefetch(
    session: HelperSession, plan: Plan, request: Request, orders: verbs.Orders, page_bytes: int
) -> tuple[ReclaimResult, BaseException | None]:
    """Have the targets read from swap, between two looks at the device's counters."""
    if not plan.targets:
        return result((), None, plan, request), None
    counters = [verbs.read_files(COUNTERS)]
    before = verbs.files_of(session.call_all(counters)[0])
    advised = verbs.advise(session, request.how, plan.targets, orders)
    done = _judged(advised, plan, request)
    if request.dry_run or advised.ended_by:
        return done, advised.ended_by
    after = verbs.files_of(session.call_all(counters)[0])
    came_in = came_in_bytes(before, after, page_bytes)
    return prefetched(done, came_in, advised.swap), advised.ended_by


def _judged(advised: verbs.Advised, plan: Plan, request: Request) -> ReclaimResult:
    """Every target of *plan* in the helper's order, those without an answer at the end."""
    by_id = {process.id: process for process in plan.targets}
    pairs = [(by_id.pop(one.id), one) for one in advised.advices if one.id in by_id]
    # A reply that adds up is the whole truth, also one that was cut short: no line, not touched.
    advised_bytes = 0 if advised.swap else None
    pairs += [(process, untold(process, advised_bytes)) for process in by_id.values()]
    targets = tuple(judge(process, advice, request) for process, advice in pairs)
    return result(targets, advised.swap, plan, request)


def untold(process: Process, advised_bytes: int | None) -> Advice:
    """The advice on *process* where no answer came; see `Advice.untold`."""
    target = process.id or ProcessId(process.pid, 0)
    return Advice.untold(target, process.oom_score_adj, advised_bytes)


def result(
    targets: tuple[TargetResult, ...], swap: SwapChange | None, plan: Plan, request: Request
) -> ReclaimResult:
    """Put everything about one run into one value."""
    return ReclaimResult(
        backend=request.backend or MADVISE,
        how=request.how,
        dry_run=request.dry_run,
        targets=targets,
        skipped=plan.skipped,
        swap=swap,
        totals=totals(targets, swap),
    )
