"""The commands about the apps of a device: devices, ps, reclaim, uninstall, and bare status."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from droidreclaim.cli.options import (
    LONGEST_S,
    AsJson,
    Capture,
    Connection,
    Force,
    with_connection,
)
from droidreclaim.cli.output import emit, now_utc, say, show, write
from droidreclaim.errors import DroidReclaimError, NotAchieved, NotRoot, UsageError
from droidreclaim.model import Band, DeviceInfo, Process, ReclaimResult
from droidreclaim.units import parse_range, parse_rate, parse_size, parse_times

if TYPE_CHECKING:
    from droidreclaim.helper.connect import RunningHelper
    from droidreclaim.reclaim import Request
    from droidreclaim.snapshot import Snapshot

Bands = Annotated[
    list[Band] | None,
    typer.Option(
        "--band",
        metavar="BAND",
        help=f"Only this band; may be repeated: {', '.join(Band)}.",
    ),
]
_Seen: TypeAlias = "tuple[DeviceInfo | None, str, str | None, Snapshot]"
_KINDS = ("dalvik", "native", "stack", "code")
SortKey = Literal["adj", "rss", "swap", "name", "pid"]


@with_connection
def devices(
    as_json: AsJson = False,
    wait_s: Annotated[
        float | None,
        typer.Option(
            "--wait",
            metavar="S",
            min=0,
            max=LONGEST_S,
            help="Wait until one device is booted and rooted.",
        ),
    ] = None,
    *,
    connection: Connection,
) -> None:
    """List attached devices: state, model, SDK, ABI, root, ready or why not."""
    from droidreclaim import report
    from droidreclaim.cli import connect

    if wait_s is not None:
        connect.wait(connection, wait_s)
    found = connect.devices(connection)
    if as_json:
        emit(report.devices_json(found))
    else:
        show(report.devices_table(found))


@with_connection
def ps(
    packages: Annotated[
        list[str] | None, typer.Argument(metavar="PACKAGE", help="Only these.")
    ] = None,
    band: Bands = None,
    user: Annotated[
        int | None, typer.Option("--user", min=0, max=21_474, help="Only this user.")
    ] = None,
    sort: Annotated[SortKey, typer.Option("--sort", help="Order of the rows.")] = "adj",
    everything: Annotated[
        bool, typer.Option("--all", help="Also system processes and kernel threads.")
    ] = False,
    states: Annotated[
        bool,
        typer.Option("--states", help="Also ActivityManager's state and reason: one dumpsys more."),
    ] = False,
    capture: Capture = None,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """List apps and their processes with oom_score_adj, band, RSS and swap."""
    from droidreclaim import report
    from droidreclaim.inspect import apps
    from droidreclaim.policy import parse_targets, require_running

    names, pids = parse_targets(packages or ())
    if pids:
        raise UsageError("ps takes package names", hint="pid:N is for reclaim")
    device, source, taken_at, seen = (
        _captured(capture, connection) if capture else _live(connection, states=states)
    )
    for name in names:
        require_running(seen, name)
    rows = apps.matching(seen.processes, packages=names, bands=tuple(band or ()), user=user)
    rows = sorted(rows, key=lambda process: _sort_key(process, sort))
    if as_json:
        emit(report.ps_json(device, source, taken_at, rows))
        return
    asked = everything or bool(names or band)
    shown = rows if asked else [process for process in rows if process.packages]
    show(report.ps_table(shown, hidden=len(rows) - len(shown)))


@with_connection
def reclaim(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="PACKAGE|pid:N", help="Whom; or choose with --band, --adj."),
    ] = None,
    band: Bands = None,
    adj: Annotated[
        str | None, typer.Option("--adj", metavar="LOW..HIGH", help="Only these oom_score_adj.")
    ] = None,
    what: Annotated[
        Literal["anon", "file", "all"] | None,
        typer.Option("--what", help="Pages [anon]; 'file' and 'all' evict code that comes back."),
    ] = None,
    how: Annotated[
        Literal["trim", "cold", "pageout", "prefetch"],
        typer.Option(
            "--how",
            help="'cold' only moves them in line, 'trim' asks the app itself, "
            "'prefetch' brings back what is in swap.",
        ),
    ] = "pageout",
    backend: Annotated[
        Literal["process_madvise", "proc_reclaim", "memcg", "am_compact"] | None,
        typer.Option("--backend", help="[best]; 'am_compact' needs no root, and Android decides."),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option("--only", metavar="KINDS", help="Of these: dalvik,native,stack,code."),
    ] = None,
    address_range: Annotated[
        str | None,
        typer.Option("--range", metavar="START+SIZE", help="Of one process: 7f12340000+8MiB."),
    ] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="SIZE", help="Stop after this much: 256MiB.")
    ] = None,
    max_rate: Annotated[
        str | None,
        typer.Option("--max-rate", metavar="SIZE", help="No faster than this a second: 64MiB."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Select and count, touch nothing.")
    ] = False,
    refault: Annotated[
        str | None,
        typer.Option("--refault", metavar="TIMES", help="Measure what comes back: 1s,10s,60s."),
    ] = None,
    allow_flash: Annotated[
        bool, typer.Option("--allow-flash", help="Also where swap wears the storage.")
    ] = False,
    force: Force = False,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """Page out packages, processes or a selection, and say what that really did."""
    from droidreclaim import reclaim as engine
    from droidreclaim.cli import connect
    from droidreclaim.policy import Selection, parse_adj_range, parse_targets
    from droidreclaim.report import reclaim as told

    names, pids = parse_targets(targets or ())
    if not (names or pids or band or adj is not None):
        raise UsageError("nothing to reclaim", hint="name a package, pid:N, --band or --adj")
    request = engine.Request(
        selection=Selection(
            packages=names,
            pids=pids,
            bands=tuple(band or ()),
            adj=parse_adj_range(adj) if adj is not None else None,
            force=force,
        ),
        how=how,
        backend=backend,
        what=what or "anon",
        only=_kinds(only, what) if only is not None else (),
        addresses=parse_range(address_range) if address_range is not None else None,
        allow_flash=allow_flash,
        budget_bytes=_budget(budget) if budget is not None else None,
        max_bytes_per_s=parse_rate(max_rate) if max_rate is not None else None,
        dry_run=dry_run,
        refault_times_s=parse_times(refault) if refault is not None else (),
    )
    _require_sense(request)
    if how == "trim" or backend == engine.COMPACT:
        done = engine.run_unrooted(
            connect.chosen_device(connection),
            request,
            engine.TRIM if how == "trim" else engine.COMPACT,
            timeout_s=connect.timeout_s(connection),
            progress=lambda line: say(line, connection),
        )
        source = connect.source_of(done.device.model)
    else:
        with _rooted(connection) as helper:
            done = engine.run(helper, request, progress=lambda line: say(line, connection))
        source = helper.source
    error = done.ended_by
    if error is None and not done.result.achieved:
        error = engine.explain_nothing(done.result)
    if as_json:
        emit(told.reclaim_json(done.device, source, done.result), error)
    else:
        _show_reclaim(done.result)
    if error is not None:
        raise error


def _rooted(connection: Connection) -> RunningHelper:
    """The helper; a refusal for want of root names what needs none."""
    from droidreclaim.cli import connect

    try:
        return connect.helper(connection)
    except NotRoot as error:
        without = "without root: --backend am_compact (Android 12L and later), --how trim"
        hint = f"{error.hint}; {without}" if error.hint else without
        raise NotRoot(str(error.args[0]), hint=hint) from error


def _require_sense(request: Request) -> None:
    """
    Raises:
        UsageError: options contradict each other.
    """
    from droidreclaim import reclaim as engine

    compact, follows = request.backend == engine.COMPACT, bool(request.refault_times_s)
    if request.how == "prefetch" and (follows or request.what != "anon" or compact):
        raise UsageError(
            "'prefetch' reads anonymous memory from swap, and is no page-out to follow"
        )
    if request.backend == engine.MEMCG and (request.only or request.addresses):
        raise UsageError("a memcg is reclaimed whole: neither --only nor --range")
    if not compact and request.how != "trim":
        return
    if request.how == "cold" or follows:
        raise UsageError("'am compact' and 'trim' know neither 'cold' nor --refault")
    if request.budget_bytes is not None or request.max_bytes_per_s is not None:
        raise UsageError("'am compact' and 'trim' know neither --budget nor --max-rate")


def _budget(text: str) -> int:
    size_bytes = parse_size(text)
    if size_bytes == 0:
        raise UsageError("--budget 0 leaves nothing to do", hint="--dry-run touches nothing")
    return size_bytes


def _kinds(text: str, what: str | None) -> tuple[str, ...]:
    kinds = tuple(text.split(","))
    if what is not None:
        raise UsageError("--only and --what exclude each other")
    if unknown := set(kinds) - set(_KINDS):
        raise UsageError(f"--only {unknown.pop()!r}", hint=f"one or more of {','.join(_KINDS)}")
    return kinds


def _show_reclaim(result: ReclaimResult) -> None:
    from droidreclaim.report import reclaim as told

    show(told.reclaim_table(result))
    if result.dry_run:
        show(told.kinds_table(result))
    if not result.targets:
        return  # nobody was touched: the reasons stand in the table
    write(told.reclaim_summary(result) + "\n")
    if line := told.swap_line(result):
        write(line + "\n")
    if result.device_refaults:
        show(told.refault_table(result))
        write("\n".join(told.device_refault_lines(result)) + "\n")


@with_connection
def uninstall(as_json: AsJson = False, *, connection: Connection) -> None:
    """Remove every trace of droidreclaim from the device."""
    from droidreclaim import report
    from droidreclaim.cli import connect

    serial, done = connect.uninstall(connection)
    kept = f"{serial}: {len(done.left)} things of ours are still there"
    error = NotAchieved(kept) if done.left else None
    if as_json:
        emit({"serial": serial, **asdict(done)}, error)
    else:
        write(report.uninstall_text(serial, done.removed, done.left) + "\n")
    if done.swap:
        stays = (
            "is still swap, made by 'swap on': gone with a reboot, or by 'droidreclaim swap off'"
        )
        say(f"{serial}: {', '.join(done.swap)} {stays}", connection)
    if error is not None:
        raise error


def status(connection: Connection) -> None:
    """What stands between the user and the first page-out, and what to type next."""
    from droidreclaim import report
    from droidreclaim.cli import connect

    try:
        text = report.status(str(connect.server(connection)), connect.devices(connection))
    except DroidReclaimError as error:
        text = report.status_without_server(str(error))
    write(text + "\n")


def _live(connection: Connection, *, states: bool) -> _Seen:
    from droidreclaim.cli import connect
    from droidreclaim.inspect import apps

    phone = connect.chosen_device(connection)
    try:
        running = connect.helper(connection, phone)
    except NotRoot as error:
        device, seen = apps.processes_without_root(phone, timeout_s=connect.timeout_s(connection))
        say(f"{error}; root would add memory, native and system processes", connection)
        return device, connect.source_of(device.model), now_utc(), seen
    with running as helper:
        taken_at = now_utc()
        if states:
            device, seen = apps.processes_with_states(
                helper, phone, timeout_s=connect.timeout_s(connection)
            )
        else:
            device, seen = apps.processes(helper)
    return device, helper.source, taken_at, seen


def _captured(path: Path, connection: Connection) -> _Seen:
    from droidreclaim.inspect import apps

    seen, taken_at, left_out = apps.captured_processes(path)
    for one in left_out:
        say(f"left out: {one}", connection)
    return None, "capture", taken_at, seen


def _sort_key(process: Process, sort: SortKey) -> tuple[float, str, int]:
    memory = process.memory
    value: float = {
        "adj": process.oom_score_adj if process.oom_score_adj is not None else -2000,
        "rss": -(memory.rss_bytes or 0),
        "swap": -(memory.swap_bytes or 0),
        "name": 0,
        "pid": 0,
    }[sort]
    return value, process.name if sort == "name" else "", process.pid
