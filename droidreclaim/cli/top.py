"""``droidreclaim top``: the phone's memory, live."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from droidreclaim.cli.options import Connection, with_connection
from droidreclaim.cli.output import (
    emit,
    emit_line,
    in_colour,
    on_terminal,
    terminal_columns,
    terminal_rows,
    warn,
    write,
)
from droidreclaim.errors import UsageError

if TYPE_CHECKING:
    from droidreclaim.top.frame import Frame, Row
    from droidreclaim.top.live import Live, Picture

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
    plain: Annotated[
        bool, typer.Option("--plain", help="Without keys; also what a pipe gets.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="A line of JSON each tick; with --once one document.")
    ] = False,
    *,
    connection: Connection,
) -> None:
    """
    The phone's memory, live: who is in front, who dies next, what page-out gained, what came back.

    On a terminal with keys, which ? lists; into a pipe a picture each tick.
    """
    from droidreclaim.cli import connect
    from droidreclaim.top import live

    every_s = _every_s(every)
    with_keys = not (once or plain or as_json) and on_terminal() and sys.stdin.isatty()
    if with_keys:
        _require_textual()
    with connect.phone(connection, root=False) as phone:
        if once:
            _show_once(live.once(phone), sort, words, as_json=as_json)
            return
        with live.Live(phone, lambda: connect.again(connection, phone), every_s=every_s) as watched:
            if as_json:
                _stream(watched, phone.serial, sort, words)
            elif with_keys:
                _with_keys(watched, sort, words)
            else:
                _draw(watched, phone.serial, sort, words)


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
    """A line of JSON each tick, and one when the device is lost, until interrupted."""
    from droidreclaim.top.document import frame_json, lost_json

    lost: str | None = None
    for picture in _until_ended(watched):
        if picture.lost is not None:
            if picture.lost != lost:
                emit_line(lost_json(serial, picture.lost))
        elif picture.frame is not None:
            emit_line(frame_json(picture.frame, _chosen(picture.frame, sort, words)))
        lost = picture.lost


def _draw(watched: Live, serial: str, sort: str, words: str) -> None:
    """A picture each tick: over the one before on a terminal, below it into a pipe."""
    from droidreclaim.top import plain

    over = on_terminal() and os.environ.get("TERM") != "dumb"
    before = "\x1b[2J" if over else ""
    for picture in _until_ended(watched):
        if picture.frame is None:
            say_once = f"{serial}: {picture.lost}" if picture.lost else None
            if say_once:
                warn(say_once)
            continue
        width, rows = (terminal_columns(), terminal_rows()) if over else (plain.WIDE, None)
        lines = plain.frame_lines(
            picture.frame,
            _chosen(picture.frame, sort, words),
            sort,
            width,
            status=plain.status_of(picture, time.monotonic()),
        )
        text = plain.to_text(lines[: rows and rows - 1], width, colour=in_colour())
        if over:
            write(before + "\x1b[H" + text.replace("\n", "\x1b[K\n") + "\x1b[J")
            before = ""
        else:
            write(text + "\n")


def _require_textual() -> None:
    if importlib.util.find_spec("textual") is None:
        raise UsageError(
            "the view with keys needs textual",
            hint="pip install 'droidreclaim[tui]'; or without keys: droidreclaim top --plain",
        )


def _with_keys(watched: Live, sort: str, words: str) -> None:
    """The view with keys; what ended it is told once the terminal is as it was."""
    from droidreclaim.cli.main import Ended
    from droidreclaim.top.tui.view import TopView

    view = TopView(watched, sort=sort, words=words)
    view.run(mouse=False)  # the terminal's own: to select and to scroll
    if view.ended is not None:
        raise view.ended
    if view.ended_by == signal.SIGINT:
        raise KeyboardInterrupt
    if view.ended_by is not None:
        raise Ended(view.ended_by)


def _until_ended(watched: Live) -> Iterator[Picture]:
    for picture in watched.pictures():
        if picture.ended is not None:
            raise picture.ended
        yield picture


def _every_s(every: str) -> float:
    from droidreclaim.units import parse_duration

    seconds = parse_duration(every)
    if not 0.2 <= seconds <= 60:
        raise UsageError(f"a tick of {every}", hint="--every 0.2s to 1m")
    return seconds


def _chosen(frame: Frame, sort: str, words: str) -> tuple[Row, ...]:
    from droidreclaim.top.rows import matching, ordered

    return ordered(matching(frame.rows, words), sort)
