"""Kills as text: JSON, JSON lines, a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from droidreclaim.escape import safe
from droidreclaim.parse.activity.exits import LmkCounts
from droidreclaim.parse.kills.records import KillRecord, cause_of
from droidreclaim.parse.kills.remarks import Remark
from droidreclaim.report import new_table
from droidreclaim.units import format_size, plural


@dataclass(frozen=True)
class Reading:
    """
    How a capture was read.

    Attributes:
        read: Its sources, each with the time of its last entry where that was printed.
        remarks: What else its logs say about memory.
    """

    read: tuple[tuple[str, str | None], ...] = ()
    remarks: tuple[Remark, ...] = ()
    notes: tuple[str, ...] = ()


NOTHING_TOLD = Reading()
_MOST_NAMED = 6


def kill_json(kill: KillRecord) -> dict[str, Any]:
    """One kill of ``kills --json``."""
    return {
        "at": kill.at,
        "by": kill.by.value,
        "pid": kill.pid,
        "name": kill.name,
        "uid": kill.uid,
        "oom_score_adj": kill.oom_score_adj,
        "freed_bytes": kill.freed_bytes,
        "swap_bytes": kill.swap_bytes,
        "reason": kill.reason,
        "cause": cause_of(kill.reason),
        "source": kill.source,
    } | ({"truncated": True} if kill.truncated else {})


def followed_json(kill: KillRecord, lmkd: LmkCounts | None) -> dict[str, Any]:
    """One kill of ``kills --follow --json``, with lmkd's own count since following began."""
    levels = {str(adj): count for adj, count in lmkd.at_or_below} if lmkd else None
    counted = {"total": lmkd.total, "at_or_below_adj": levels} if lmkd else None
    return kill_json(kill) | {"lmkd_since_start": counted}


def kills_json(
    kills: Sequence[KillRecord],
    counts: Mapping[str, int],
    counters: LmkCounts | None,
    unread: int,
    silent: Sequence[str],
    reading: Reading = NOTHING_TOLD,
) -> dict[str, Any]:
    """The document of ``kills --json``, without device and source."""
    return {
        "kills": [kill_json(kill) for kill in kills],
        "counts": dict(counts),
        "lmkd_since_boot": counters.total if counters else None,
        "unread_lines": unread,
        "silent_sources": list(silent),
        "read_sources": [{"name": name, "until": until} for name, until in reading.read],
        "remarks": [{"what": one.what, "count": one.count} for one in reading.remarks],
        "notes": list(reading.notes),
    }


def kills_table(kills: Sequence[KillRecord]) -> Table:
    """Kills for people, oldest first."""
    table = new_table("AT", "BY", "PROCESS", "PID>", "ADJ>", "FREED>", "REASON")
    for kill in kills:
        table.add_row(
            Text(safe(kill.at or "?")),
            kill.by.value,
            Text(safe(kill.name or "?")),
            str(kill.pid),
            "?" if kill.oom_score_adj is None else str(kill.oom_score_adj),
            format_size(kill.freed_bytes),
            Text(safe(kill.reason[:120])),
        )
    return table


def followed_line(kill: KillRecord, lmkd: LmkCounts | None) -> str:
    """One kill in one line, as it happens."""
    adj = "?" if kill.oom_score_adj is None else kill.oom_score_adj
    freed = format_size(kill.freed_bytes)
    words = f"{kill.at or '?'}  {kill.by.value}  {kill.name or '?'} (pid {kill.pid})  adj {adj}"
    counted = f"  (lmkd: {lmkd.total} since the start)" if lmkd else ""
    return safe(f"{words}  freed {freed}  {kill.reason[:120]}{counted}")


def kills_summary(
    counts: Mapping[str, int],
    counters: LmkCounts | None,
    unread: int,
    silent: Sequence[str],
    reading: Reading = NOTHING_TOLD,
) -> str:
    """Counts by killer, and what the numbers cannot know."""
    said = ", ".join(f"{count} by {by}" for by, count in sorted(counts.items()))
    lines = [(said or _none_in(reading)) + "; logs are rings: older kills are no longer in them"]
    lines += [f"{one.words}: {plural(one.count, 'line')}" for one in reading.remarks]
    lines += reading.notes
    if counters is not None:
        lines.append(f"lmkd itself counts {counters.total} since boot")
    if unread:
        begin = "begins" if unread == 1 else "begin"
        lines.append(f"{plural(unread, 'line')} could not be read that {begin} as a kill")
    lines += [f"not asked or silent: {source}" for source in silent]
    return "\n".join(safe(line) for line in lines)


def _none_in(reading: Reading) -> str:
    """ "None" is said of what was read, and until when that goes."""
    if not reading.read:
        return "no kills found"
    named = [
        f"{name} (until {until})" if until else name for name, until in reading.read[:_MOST_NAMED]
    ]
    more = len(reading.read) - len(named)
    return f"no kills found in {', '.join(named)}{f' and {more} more' if more > 0 else ''}"
