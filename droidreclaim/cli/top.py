"""``droidreclaim top``: the phone's memory, live."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from droidreclaim.cli.options import Connection, with_connection
from droidreclaim.cli.output import emit, emit_line, in_colour, on_terminal, terminal_columns, write
from droidreclaim.errors import UsageError

if TYPE_CHECKING:
    from droidreclaim.top.frame import Frame, Row
    from droidreclaim.top.live import Live

SortKey = Literal["adj", "rss", "swap", "gain", "back", "away", "name"]


@with_connection
def top(
    once: Annotated[bool, typer.Option("--once", help="One picture, over one second.")] = False,
    sort: Annotated[SortKey, typer.Option("--sort", help="What comes first.")] = "adj",
    words: Annotated[
        str, typer.Option("--filter", metavar="TEXT", help="Only apps with this in their name.")
    ] = "",
    every: Annotated[
        str, typer.Option("--every", metavar="DURATION", help="Time of a tick, 0.2s to 1m.")
    ] = "1s",
    as_json: Annotated[
        bool, typer.Option("--json", help="A line of JSON each tick; with --once one document.")
    ] = False,
    *,
    connection: Connection,
) -> None:
    """
    The phone's memory, live: who is in front, who dies next, what page-out gained, what came back.
    """
    from droidreclaim.cli import connect
    from droidreclaim.top import live

    every_s = _every_s(every)
    with connect.phone(connection, root=False) as phone:
        if once:
            _show_once(live.once(phone), sort, words, as_json=as_json)
            return
        with live.Live(phone, lambda: connect.again(connection, phone), every_s=every_s) as watched:
            _stream(watched, phone.serial, sort, words)


def _show_once(frame: Frame, sort: str, words: str, *, as_json: bool) -> None:
    """One picture: as wide as the terminal, or wide and plain into a pipe."""
    from droidreclaim.top import plain
    from droidreclaim.top.document import frame_json

    rows = _chosen(frame, sort, words)
    if as_json:
        emit(frame_json(frame, rows))
        return
    width = terminal_columns() if on_terminal() else plain.WIDE
    write(plain.to_text(plain.frame_lines(frame, rows, sort, width), width, colour=in_colour()))


def _stream(watched: Live, serial: str, sort: str, words: str) -> None:
    """A line of JSON each tick, also while the device is lost, until interrupted."""
    from droidreclaim.top.document import frame_json, lost_json

    for picture in watched.pictures():
        if picture.ended is not None:
            raise picture.ended
        if picture.lost is not None:
            emit_line(lost_json(serial, picture.lost))
        elif picture.frame is not None:
            emit_line(frame_json(picture.frame, _chosen(picture.frame, sort, words)))


def _every_s(every: str) -> float:
    from droidreclaim.units import parse_duration

    seconds = parse_duration(every)
    if not 0.2 <= seconds <= 60:
        raise UsageError(f"a tick of {every}", hint="--every 0.2s to 1m")
    return seconds


def _chosen(frame: Frame, sort: str, words: str) -> tuple[Row, ...]:
    from droidreclaim.top.rows import matching, ordered

    return ordered(matching(frame.rows, words), sort)
