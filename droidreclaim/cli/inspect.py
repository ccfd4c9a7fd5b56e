"""The commands that look at a device: doctor, kills, headroom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from droidreclaim.cli.options import AsJson, Capture, Connection, with_connections
from droidreclaim.cli.output import (
    emit,
    emit_line,
    on_terminal,
    say,
    show,
    terminal_columns,
    to_stderr,
    write,
    write_folded,
)
from droidreclaim.errors import DeviceError, UsageError
from droidreclaim.model.check import Check, CheckState
from droidreclaim.units import parse_duration

if TYPE_CHECKING:
    from droidreclaim.policy.lmkd import Headroom
    from droidreclaim.policy.lmkd_settings import Setting

Follow = Annotated[bool, typer.Option("--follow", help="Go on until interrupted.")]


@with_connections
def doctor(
    to_file: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Write all of it, redacted, for an issue."),
    ] = None,
    capture: Capture = None,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """
    What this device can do and what stands in the way, and what to do about it.

    Exit code 0 when the device could be looked at, whatever was found; 3 without a device. A report
    holds only lines of known shapes; the rest is '<left out>'.
    """
    from droidreclaim.cli import connect
    from droidreclaim.inspect import doctor as look
    from droidreclaim.inspect.checks import Facts, host_checks
    from droidreclaim.report import doctor as report

    head, serial, unreachable = _CAPTURED, None, None
    if capture:
        facts, checks = look.of_capture(capture)
        for one in facts.left_out:
            say(f"left out: {one}", connection)
    else:
        timeout_s = connect.timeout_s(connection)
        facts, checks = Facts({}), ()
        try:
            with connect.phone(connection, root=False) as phone:
                serial, head = phone.serial, connect.head(phone)
                facts, checks = look.of_device(
                    phone.device, phone.start, lambda: phone.reader, timeout_s=timeout_s
                )
        except DeviceError as error:
            unreachable = error
            fact, *rows = error.message.splitlines()
            checks = (Check("device", CheckState.FAIL, fact, error.hint),)
            if not as_json:  # the table has the hint
                unreachable = type(error)("\n".join([fact, *rows]))
        here = look.look_here(connect.server(connection), timeout_s)
        if here.server_protocol is None:
            checks = ()  # the server's own line says all there is
        checks = (*host_checks(here, facts.trip_s), *checks)
    if to_file is not None:
        path = connect.own_file(to_file, connection)
        _write_report(path, checks, look.raw_texts(facts), look.secrets_of(facts, serial))
    if as_json:
        left_out = {"left_out": list(facts.left_out)} if capture else {}
        emit(head | left_out | report.doctor_json(checks), unreachable)
    else:
        show(report.doctor_table(checks))
    if unreachable is not None:
        raise unreachable


def _write_report(
    path: Path, checks: Sequence[Check], raw: Mapping[str, str], secrets: Sequence[str]
) -> None:
    from droidreclaim import __version__
    from droidreclaim.report import doctor as report

    text = report.report_text(checks, raw, __version__, secrets)
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error


@with_connections
def kills(
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DURATION", help="Only kills of the last 10m, 2h, ..."),
    ] = None,
    follow: Follow = False,
    capture: Capture = None,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """
    Who was killed, when, at what adj, by whom and why: lmkd, the kernel, ActivityManager.

    Each kill is shown once, whatever has a record of it. --follow adds lmkd's own count of kills
    since it began.
    """
    from droidreclaim.cli import connect
    from droidreclaim.inspect import kills as inspect_kills
    from droidreclaim.report import kills as report

    since_s = parse_duration(since) if since is not None else None
    if capture and follow:
        raise UsageError("--from has an end: it cannot be followed")
    if capture:
        found, head = inspect_kills.of_capture(capture, since_s=since_s), _CAPTURED
    else:
        phone = connect.phone(connection, root=False)
        if follow:
            words = "waiting for kills by lmkd, the kernel and ActivityManager; Ctrl-C ends it"
            say(f"{phone.serial}: {words}", connection)
            for kill in phone.watch_kills():
                followed = (kill.record, kill.lmkd)
                if as_json:
                    emit_line(report.followed_json(*followed))
                else:
                    write(report.followed_line(*followed) + "\n")
            return
        found = phone.kills(since_s)
        head = connect.head(phone)
    read = tuple((one.name, one.until) for one in found.read)
    reading = report.Reading(read, found.remarks, found.notes)
    facts = (found.counts, found.lmkd_since_boot, found.unread, found.silent, reading)
    if as_json:
        emit(head | report.kills_json(found.records, *facts))
        return
    if found.records:
        show(report.kills_table(found.records))
    to_stderr(report.kills_summary(*facts) + "\n")


@with_connections
def headroom(
    package: Annotated[
        str | None,
        typer.Argument(help="Also how far this app is from its own limits.", show_default=False),
    ] = None,
    follow: Follow = False,
    capture: Capture = None,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """
    How far the device is from lmkd's next kill, and which rule would fire.

    It says who kills on this device, how far free memory is from that killer's low mark, down to
    which adj its next rule would kill, and what that rule waits for. With PACKAGE also how far
    that app is from limits of its own: memory.high and memory.swap.max of cgroup v2, and the memory
    limiter of Android 17.
    """
    from droidreclaim.cli import connect
    from droidreclaim.inspect import headroom as look
    from droidreclaim.policy.lmkd_settings import settings_in_force
    from droidreclaim.report import headroom as report
    from droidreclaim.report.limits import limits_json, limits_text

    if capture and follow:
        raise UsageError("--from has an end: it cannot be followed")
    if package is not None and (capture or follow):
        raise UsageError("an app's own limits are looked at once, on a device: no --follow, --from")
    if capture:
        seen, basis = look.of_capture(capture)
        for one in basis.left_out:
            say(f"left out: {one}", connection)
        settings = settings_in_force(basis.properties)
        if as_json:
            document = report.headroom_json(seen, settings)
            emit(_CAPTURED | {"left_out": list(basis.left_out)} | document)
        else:
            write_folded(report.headroom_text(seen, settings) + "\n")
        return
    with connect.phone(connection, root=False) as phone:
        if follow:
            for seen in phone.watch_headroom():
                basis = phone.headroom_basis
                settings, at = settings_in_force(basis.properties), basis.at(seen.boot_s)
                _show_sample(seen, settings, at, as_json=as_json)
            return
        own = None if package is None else phone.limits(package)
        seen, basis = phone.headroom(), phone.headroom_basis
        settings = settings_in_force(basis.properties)
        if as_json:
            document = report.headroom_json(seen, settings, basis.at(seen.boot_s))
            emit(connect.head(phone) | document | (limits_json(own) if own else {}))
        else:
            write_folded(report.headroom_text(seen, settings) + "\n")
            if own:
                write_folded(limits_text(own) + "\n")


def _show_sample(
    seen: Headroom, settings: Mapping[str, Setting], at: str | None, *, as_json: bool
) -> None:
    """Show one of many samples: in place on a terminal, as a line into a pipe."""
    from droidreclaim.report import headroom as report
    from droidreclaim.report.table import fitted_line

    if as_json:
        emit_line(report.headroom_json(seen, settings, at))
    elif on_terminal():
        # One cell less than there are: in the last one some terminals begin a new line.
        line = fitted_line(report.headroom_line(seen), terminal_columns() - 1)
        write(f"\r\x1b[K{line}")
    else:
        write(report.headroom_line(seen) + "\n")


_CAPTURED: dict[str, Any] = {"device": None, "source": "capture"}
