"""``droidreclaim footprint``: would my app pass Play's thresholds of memory?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from droidreclaim.cli.options import AsJson, Capture, Connection, with_connection
from droidreclaim.cli.output import emit, say, show, write_file, write_folded
from droidreclaim.errors import NotAchieved, UsageError

if TYPE_CHECKING:
    from droidreclaim.policy.footprint import Thresholds


@with_connection
def footprint(
    packages: Annotated[
        list[str], typer.Argument(metavar="PACKAGE...", help="Apps whose processes are sampled.")
    ],
    lasting: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="How long [until Ctrl-C]: 10m.")
    ] = None,
    hz: Annotated[float, typer.Option("--hz", help="Samples a second.")] = 10.0,
    game: Annotated[bool, typer.Option("--game", help="Judge by the thresholds of games.")] = False,
    gate: Annotated[
        bool, typer.Option("--gate", help="Exit 7 when a state would fail on this device's class.")
    ] = False,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write every sample, a line each.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write one page, with the picture."),
    ] = None,
    perfetto: Annotated[
        Path | None,
        typer.Option("--perfetto", metavar="FILE", help="Write a trace for ui.perfetto.dev."),
    ] = None,
    trim: Annotated[
        bool,
        typer.Option("--trim", help="Ask the app to trim at the end, and say what it gave back."),
    ] = False,
    capture: Capture = None,
    as_json: AsJson = False,
    *,
    connection: Connection,
) -> None:
    """
    Memory by process state over time, against Google Play's thresholds of 2027; needs no root.

    Use the app meanwhile. What counts is RssAnon + VmSwap; a sample is judged by the process state
    of its own moment.
    """
    from droidreclaim.cli import connect
    from droidreclaim.inspect.play_memory import load
    from droidreclaim.report import footprint as report
    from droidreclaim.report import perfetto as traces
    from droidreclaim.report.footprint import page
    from droidreclaim.session.footprint import packages_of

    names, thresholds = packages_of(packages), load(game=game)
    if capture is not None:
        if lasting or gate or trim or csv or html or perfetto:
            raise UsageError("--from is one moment: no --for, --gate, --trim, no file")
        _show_moment(capture, names, thresholds, as_json=as_json, connection=connection)
        return
    if perfetto is not None:
        traces.require()
    with connect.phone(connection, root=False) as phone:
        if lasting is None:
            say(f"{phone.serial}: use the app now; Ctrl-C ends it and tells", connection)
        seen = phone.footprint(*names, lasting=lasting, hz=hz, game=game, trim=trim)
        head = connect.head(phone)
    if csv is not None:
        _write(csv, report.csv_lines(seen))
    if perfetto is not None:
        write_file(perfetto, traces.render(report.happenings(seen)))
    origin = {"source": thresholds.source, "read": thresholds.read}
    if html is not None:
        text = page.render(seen, **origin, second_hand=thresholds.second_hand)
        _write(html, text.split("\n"))
    words = asdict(thresholds)
    del words["classes"], words["kind"], words["bitmaps_bytes"]
    over = sorted({f"{one.track.name} {verdict.state.value}" for one, verdict in seen.failing})
    message = f"over the threshold of {seen.judged_gb} GB phones: {', '.join(over)}"
    error = NotAchieved(message) if gate and over else None
    if as_json:
        emit(head | report.footprint_json(seen, words), error)
    else:
        show(report.footprint_table(seen))
        write_folded(report.summary(seen, **origin, second_hand=thresholds.second_hand) + "\n")
    if error is not None:
        raise error


def _show_moment(
    path: Path,
    names: tuple[str, ...],
    thresholds: Thresholds,
    *,
    as_json: bool,
    connection: Connection,
) -> None:
    from droidreclaim.inspect.footprint.capture import of_capture
    from droidreclaim.report.footprint import moment as report

    seen = of_capture(path, names, game=thresholds.kind == "game")
    if as_json:
        document = report.moment_json(seen, thresholds)
        emit({"device": None, "source": "capture"} | document)
        return
    for one in seen.left_out:
        say(f"left out: {one}", connection)
    show(report.moment_table(seen, thresholds))
    write_folded(report.moment_text(seen, thresholds) + "\n")


def _write(path: Path, lines: Iterable[str]) -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
