"""The commands about the apps of a device: devices, ps, reclaim, uninstall, and bare status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from droidreclaim.cli.options import (
    LONGEST_S,
    AsJson,
    Capture,
    Connection,
    Force,
    with_any_connection,
    with_connection,
    with_connections,
)
from droidreclaim.cli.output import emit, now_utc, say, show, write, write_folded
from droidreclaim.errors import (
    DeviceError,
    DroidReclaimError,
    Interrupted,
    NotAchieved,
    UsageError,
)
from droidreclaim.model import Band, Process, ReclaimResult

if TYPE_CHECKING:
    from droidreclaim.session import Phone

Bands = Annotated[
    list[Band] | None,
    typer.Option(
        "--band",
        metavar="BAND",
        help=f"Only processes of this band; may be repeated: {', '.join(Band)}.",
    ),
]
SortKey = Literal["adj", "rss", "swap", "name", "pid"]


@with_any_connection
def devices(
    as_json: AsJson = False,
    wait_s: Annotated[
        float | None,
        typer.Option(
            "--wait",
            metavar="S",
            min=0,
            max=LONGEST_S,
            help="Wait until the device is ready, S seconds at most.",
        ),
    ] = None,
    wait_for: Annotated[
        str | None,
        typer.Option(
            "--wait-for",
            metavar="app:PACKAGE",
            help="With --wait: wait until a process of this app runs, too.",
        ),
    ] = None,
    *,
    connection: Connection,
) -> None:
    """
    List attached devices: state, model, SDK, ABI, root, ready or why not.

    With --wait it waits until the device (with -s A -s B each of them) has booted, its package
    manager answers, swap is on where some is to come, root works and its processors are calm. Each
    second it says on stderr what is missing; after S seconds it is exit code 3.
    """
    from droidreclaim import report
    from droidreclaim.cli import connect

    package = _app_of(wait_for)
    if wait_s is not None:
        connect.wait(connection, wait_s, package)
    elif wait_for is not None:
        raise UsageError("--wait-for waits together with --wait S")
    found = connect.devices(connection)
    if as_json:
        emit(report.devices_json(found))
    else:
        show(report.devices_table(found))


def _app_of(wait_for: str | None) -> str | None:
    from droidreclaim.policy import parse_targets

    if wait_for is None:
        return None
    kind, _, name = wait_for.partition(":")
    names, _ = parse_targets([name]) if kind == "app" else ((), ())
    if len(names) != 1:
        raise UsageError(f"--wait-for {wait_for!r}", hint="app:PACKAGE")
    return names[0]


@with_connections
def ps(
    packages: Annotated[
        list[str] | None, typer.Argument(metavar="PACKAGE", help="Show only these apps.")
    ] = None,
    band: Bands = None,
    user: Annotated[
        int | None,
        typer.Option("--user", min=0, max=21_474, help="Only apps of this Android user."),
    ] = None,
    sort: Annotated[SortKey, typer.Option("--sort", help="Order of the rows.")] = "adj",
    everything: Annotated[
        bool, typer.Option("--all", help="Show system processes and kernel threads, too.")
    ] = False,
    states: Annotated[
        bool,
        typer.Option(
            "--states", help="Show ActivityManager's state and reason, too: one dumpsys more."
        ),
    ] = False,
    capture: Capture = None,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """
    List apps and their processes with oom_score_adj, band, RSS and swap.

    Whose a process is, its uid says. ActivityManager is asked where the uid does not say it (of
    isolated processes); where ActivityManager does not know it, the process is 'unproven'.
    """
    from droidreclaim import report
    from droidreclaim.cli import connect
    from droidreclaim.inspect import apps
    from droidreclaim.policy import parse_targets

    names, pids = parse_targets(packages or ())
    if pids:
        raise UsageError("ps takes package names", hint="pid:N is for reclaim")
    bands, device, source = tuple(band or ()), None, "capture"
    if capture:
        from droidreclaim.inspect import captured

        seen, taken_at, left_out = captured.captured_processes(capture)
        for one in left_out:
            say(f"left out: {one}", connection)
        rows = apps.listed(seen, packages=names, bands=bands, user=user, sort=sort)
    else:
        with connect.phone(connection, root=False) as phone:
            taken_at = now_utc()
            rows = phone.ps(*names, band=bands, user=user, sort=sort, states=states)
            device, source = phone.info, phone.source
        if not (names or bands or user):
            _remember(device.serial, rows)
    if as_json:
        emit(report.ps_json(device, source, taken_at, rows))
        return
    is_chosen = everything or bool(names or band)
    shown = (
        rows if is_chosen else [process for process in rows if process.packages or process.owner]
    )
    show(report.ps_table(shown, hidden=len(rows) - len(shown)))


def _remember(serial: str, rows: Sequence[Process]) -> None:
    """Keep the packages, so that Tab completes them."""
    from droidreclaim.cli.complete import cache

    cache.keep_packages(serial, (package for row in rows for package in row.packages))


@with_connections
def reclaim(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PACKAGE|pid:N", help="Whom to page out; or choose with --band, --adj."
        ),
    ] = None,
    band: Bands = None,
    adj: Annotated[
        str | None,
        typer.Option(
            "--adj", metavar="LOW..HIGH", help="Only processes with an oom_score_adj in this range."
        ),
    ] = None,
    what: Annotated[
        Literal["anon", "file", "all"] | None,
        typer.Option(
            "--what", help="Which pages [anon]; 'file' and 'all' evict code that comes back."
        ),
    ] = None,
    how: Annotated[
        Literal["trim", "cold", "pageout", "prefetch"],
        typer.Option(
            "--how",
            help="'cold' marks pages as the first to go, 'trim' asks the app itself, "
            "'prefetch' brings back what is in swap.",
        ),
    ] = "pageout",
    backend: Annotated[
        Literal["process_madvise", "proc_reclaim", "memcg", "am_compact"] | None,
        typer.Option(
            "--backend",
            help="How it is done [best]; 'am_compact' needs no root, and Android decides.",
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            metavar="KINDS",
            help="Only memory of these kinds: dalvik,native,stack,code; for a prefetch also hot.",
        ),
    ] = None,
    keep: Annotated[
        Literal["hot"] | None,
        typer.Option(
            "--keep", help="Leave in memory what resumes need, as far as that has been learned."
        ),
    ] = None,
    address_range: Annotated[
        str | None,
        typer.Option(
            "--range",
            metavar="START+SIZE",
            help="Only these addresses of one process: 7f12340000+8MiB.",
        ),
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
    from droidreclaim.cli import connect
    from droidreclaim.reclaim import explain_nothing, request_of

    request = request_of(
        *(targets or ()), band=band or (), adj=adj, what=what, how=how, backend=backend,
        only=() if only is None else only, keep=keep, range=address_range, budget=budget,
        max_rate=max_rate, dry_run=dry_run, refault=() if refault is None else refault,
        force=force, allow_flash=allow_flash,
    )  # fmt: skip
    with connect.phone(connection, root=False, changes=not dry_run) as phone:
        phone.watch = True
        try:
            result = phone.run(request)
        except NotAchieved as error:
            if error.result is not None:
                _show_reclaim(phone, error.result, error, as_json=as_json)
            raise
        except (DeviceError, Interrupted) as error:
            if error.partial is not None:
                _show_reclaim(phone, error.partial, error, as_json=as_json)
            raise
    gone = None if result.achieved else explain_nothing(result)
    _show_reclaim(phone, result, gone, as_json=as_json)
    if gone is not None:
        raise gone


def _show_reclaim(
    phone: Phone, result: ReclaimResult, error: BaseException | None, *, as_json: bool
) -> None:
    from droidreclaim.report import reclaim as reclaim_report

    if as_json:
        emit(reclaim_report.reclaim_json(phone.info, phone.source, result), error)
        return
    show(reclaim_report.reclaim_table(result))
    if result.dry_run:
        show(reclaim_report.kinds_table(result))
    if not result.targets:
        return  # nobody was touched: the reasons stand in the table
    write_folded(reclaim_report.reclaim_summary(result) + "\n")
    if line := reclaim_report.hot_line(result):
        write_folded(line + "\n")
    if line := reclaim_report.swap_line(result):
        write(line + "\n")
    if result.device_refaults:
        show(reclaim_report.refault_table(result))
        write("\n".join(reclaim_report.device_refault_lines(result)) + "\n")


@with_connection
def uninstall(as_json: AsJson = False, *, connection: Connection) -> None:
    """Remove every trace of droidreclaim from the device."""
    from droidreclaim import report
    from droidreclaim.cli import connect

    phone = connect.phone(connection, root=False)
    serial, done = phone.serial, phone.uninstall()
    kept = f"{serial}: still there of ours: {len(done.left)}"
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
