"""Every reason about an app in a sentence: who is next, what a page-out would do. Pure."""

from __future__ import annotations

from droidreclaim.helper.guard_wire import AppLine
from droidreclaim.model import Band
from droidreclaim.report.headroom import KILLERS
from droidreclaim.top.draw import ago
from droidreclaim.top.frame import Frame, Row
from droidreclaim.units import format_size, plural

_BANDS = {
    Band.FOREGROUND: "in front, or what is in front needs it",
    Band.VISIBLE: "seen, though not in front",
    Band.PERCEPTIBLE: "not seen, but the user would notice its end: music, an input method",
    Band.BACKUP: "being backed up",
    Band.HEAVY: "a heavy-weight app in the background",
    Band.SERVICE: "running a service",
    Band.HOME: "the home screen",
    Band.PREVIOUS: "the app that was used before",
    Band.SERVICE_B: "running a service for a long time",
    Band.CACHED: "cached: kept only so that it opens sooner",
    Band.PERSISTENT: "a part of the system that is always there",
    Band.SYSTEM: "the system itself",
    Band.NATIVE: "a native process",
}
_SPARED = {
    "no_rule": "no rule of its profile is about it",
    "leave": "a rule of its profile says to leave it",
    "foreground": "it is in the foreground",
    "perceptible": "the user would notice",
    "adj": "its adj is outside of what its rule may touch",
    "background": "it has not been in the background for long enough",
    "small": "it holds too little",
    "cooldown": "it was paged out a moment ago",
    "holdoff": "what was paged out came back too soon the last time",
    "trimmed": "it was asked to give up caches a moment ago",
}


def sentences(row: Row, frame: Frame, guard: tuple[AppLine, ...] = ()) -> list[str]:
    """All that is known about an app, the most important first."""
    if row.death is not None:
        return _of_death(row, frame)
    rooted = frame.head.root is not None
    lines = [_who(row), _next_kill(row, frame), _page_out(row, rooted=rooted), _swapped(row)]
    if row.frozen:
        lines.append("It is held by the freezer: it runs no code until it is thawed.")
    if row.away_s is not None:
        since = "at least " if row.away_at_least else ""
        lines.append(f"It has been out of the foreground for {since}{ago(row.away_s)}.")
    lines += _guards_word(row, guard)
    return [line for line in lines if line]


def _who(row: Row) -> str:
    what = _BANDS.get(row.band, "of an importance that nobody tells")
    count = plural(len(row.parts), "process", "processes")
    return (
        f"{row.package} is {what} (adj {row.adj}, {count}, {format_size(row.rss_bytes)} in memory)."
    )


def _next_kill(row: Row, frame: Frame) -> str:
    headroom = frame.head.headroom
    if headroom.next_rule is None or headroom.adj_floor is None or row.adj is None:
        why = headroom.no_rule or headroom.killer.why
        return f"Whether it may be killed next is not known: {why}."
    killer = KILLERS[headroom.killer.killer]
    when = "holds now" if headroom.firing else "would be the next"
    rule = f"{killer}: {headroom.next_rule} {when}, and takes adj {headroom.adj_floor} and above"
    if row.adj < headroom.adj_floor:
        return f"The next kill would spare it ({rule})."
    before = [
        one for one in frame.rows
        if one.death is None and one.adj is not None and one.adj > row.adj
    ]  # fmt: skip
    if not before:
        return f"It is the first that the next kill may take ({rule})."
    return f"The next kill may take it, after {plural(len(before), 'app')} of higher adj ({rule})."


def _page_out(row: Row, *, rooted: bool) -> str:
    refusal = row.refusal
    if refusal is not None:
        return f"It is not paged out: {refusal.detail}."
    if not rooted:
        return (
            "It cannot be paged out from here: that, and to count what it would gain, needs root."
        )
    if row.gain_bytes is None:
        return "It may be paged out; what that would gain has not been counted yet."
    if row.gain_bytes <= 0:
        return "It may be paged out, and that would gain nothing: nothing would move, or no swap."
    leaves = sum(part.leaves_bytes or 0 for part in row.parts if part.refusal is None)
    return (
        f"A page-out would move {format_size(leaves)} and gain about "
        f"{format_size(row.gain_bytes)}, after what zram takes for it."
    )


def _swapped(row: Row) -> str:
    if not row.swap_bytes:
        return "None of it is in swap."
    back = f"; {format_size(row.back_bytes)} came back since" if row.back_bytes else ""
    return f"{format_size(row.swap_bytes)} of it is in swap{back}."


def _guards_word(row: Row, guard: tuple[AppLine, ...]) -> list[str]:
    """What the guard that runs says of each process of the app."""
    pids = {part.id.pid: part.name for part in row.parts}
    lines = []
    for line in guard:
        if line.pid not in pids:
            continue
        if line.spared is None:
            lines.append(f"The guard would page {pids[line.pid]} out when memory gets short.")
        else:
            why = _SPARED.get(line.spared, line.spared)
            lines.append(f"The guard leaves {pids[line.pid]} alone: {why}.")
    return lines


def _of_death(row: Row, frame: Frame) -> list[str]:
    death = row.death
    assert death is not None
    since = ago(frame.at_s - death.at_s)
    held = format_size(death.rss_bytes)
    lines = [
        f"{death.name} (pid {death.id.pid}) ended {since} ago, at adj {death.adj}, with {held}."
    ]
    record = death.record
    if record is None:
        lines.append("No line of the log says by whom: it may have ended by itself.")
    else:
        why = f": {record.reason}" if record.reason else ", without a reason"
        lines.append(f"It was killed by {record.by.value}{why}.")
        lines.append(f"'droidreclaim why {row.package.partition(':')[0]}' has the evidence.")
    return lines
