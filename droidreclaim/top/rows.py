"""The rows of a frame: processes put together by app. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from droidreclaim.model import Advice, Process, ProcessId, band_of
from droidreclaim.policy.choose import ASKED_FLOOR, refusal
from droidreclaim.reclaim.estimate import estimate
from droidreclaim.reclaim.request import KEEP_SWAP_FREE
from droidreclaim.reclaim.swap_state import SwapState
from droidreclaim.snapshot import Snapshot
from droidreclaim.top.frame import Action, Death, Part, Row

SORTS = ("adj", "rss", "swap", "gain", "back", "away", "name")
_LAST = -2000  # below every adj: an app of unknown adj is not shown as the next to be killed


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a process from before; see `Row` and `Part`."""

    away_s: float | None = None
    away_at_least: bool = False
    back_bytes: int | None = None
    estimate: Advice | None = None
    guards: Action | None = None


_NOTHING = Known()


def rows_of(
    snapshot: Snapshot,
    apps: Iterable[Process],
    known: Mapping[ProcessId, Known],
    swap: SwapState,
    *,
    pss_bytes: Mapping[str, int],
    actions: Mapping[str, Action],
) -> tuple[Row, ...]:
    """A row for each app of each user, of the processes *apps* of *snapshot*."""
    groups: dict[tuple[str, int | None], list[Process]] = {}
    for process in apps:
        if process.id is not None and not process.zombie:
            groups.setdefault((_app_of(process), process.user), []).append(process)
    rows = []
    for (package, user), processes in groups.items():
        row = _row(package, user, processes, snapshot, known, swap)
        action = _later(row.action, actions.get(row.key))
        rows.append(replace(row, pss_bytes=pss_bytes.get(row.key), action=action))
    return tuple(rows)


def rows_of_deaths(deaths: Iterable[Death]) -> tuple[Row, ...]:
    """A row for each process that is gone."""
    return tuple(
        Row(
            package=one.name, user=one.user, parts=(), adj=one.adj, band=one.band,
            rss_bytes=one.rss_bytes, swap_bytes=None, death=one,
        )
        for one in deaths
    )  # fmt: skip


def ordered(rows: Iterable[Row], sort: str) -> tuple[Row, ...]:
    """
    Sort *rows* by one of `SORTS`; except by ``name``, the highest values come first.

    By ``adj`` the app that would be killed next comes first, of equal ones the larger. Apps that
    were killed come before all others.
    """
    if sort == "name":
        return tuple(sorted(rows, key=lambda row: (row.death is None, row.package, row.key)))
    return tuple(sorted(rows, key=lambda row: _rank(row, sort), reverse=True))


def _rank(row: Row, sort: str) -> tuple[bool, float, int, str]:
    value = {
        "adj": row.adj if row.adj is not None else _LAST,
        "rss": row.rss_bytes,
        "swap": row.swap_bytes,
        "gain": row.gain_bytes,
        "back": row.back_bytes,
        "away": row.away_s,
    }[sort]
    unknown = float("-inf") if value is None else float(value)
    return row.death is not None, unknown, row.rss_bytes or 0, row.key


def matching(rows: Iterable[Row], words: str) -> tuple[Row, ...]:
    """The rows whose app or a process of it has *words* in its name, in any case of letters."""
    wanted = words.casefold()
    return tuple(
        row
        for row in rows
        if wanted in row.package.casefold()
        or any(wanted in part.name.casefold() for part in row.parts)
    )


def _app_of(process: Process) -> str:
    return process.packages[0] if process.packages else process.name


def _row(
    package: str,
    user: int | None,
    processes: Sequence[Process],
    snapshot: Snapshot,
    known: Mapping[ProcessId, Known],
    swap: SwapState,
) -> Row:
    parts = tuple(_part(snapshot, one, known) for one in processes)
    adjs = [part.adj for part in parts if part.adj is not None]
    adj = min(adjs, default=None)
    pasts = [known.get(part.id, _NOTHING) for part in parts]
    away = [past for past in pasts if past.away_s is not None]
    in_front = len(away) < len(pasts)
    latest = None if in_front else min(away, key=lambda past: past.away_s or 0.0)
    return Row(
        package=package,
        user=user,
        parts=parts,
        adj=adj,
        band=next((part.band for part in parts if part.adj == adj), band_of(adj)),
        rss_bytes=_sum(part.memory.rss_bytes for part in parts),
        swap_bytes=_sum(part.memory.swap_bytes for part in parts),
        gain_bytes=_gain(parts, pasts, swap),
        back_bytes=_sum(part.back_bytes for part in parts),
        frozen=_all(part.frozen for part in parts),
        away_s=latest.away_s if latest else None,
        away_at_least=latest.away_at_least if latest else False,
        action=_later(*(past.guards for past in pasts)),
    )


def _part(snapshot: Snapshot, process: Process, known: Mapping[ProcessId, Known]) -> Part:
    assert process.id is not None
    past = known.get(process.id, _NOTHING)
    advice = past.estimate
    frozen = True if process.cached_anyway else advice.frozen if advice else None
    return Part(
        id=process.id,
        name=process.name,
        adj=process.importance,
        band=process.band,
        memory=process.memory,
        refusal=refusal(snapshot, process, ASKED_FLOOR),
        leaves_bytes=advice.movable_bytes if advice else None,
        back_bytes=past.back_bytes,
        frozen=frozen,
        kinds=advice.kinds if advice else (),
    )


def _gain(parts: Sequence[Part], pasts: Sequence[Known], swap: SwapState) -> int | None:
    """What a page-out of those that may be touched would gain; None without an estimate."""
    advices = [
        past.estimate
        for part, past in zip(parts, pasts, strict=True)
        if part.refusal is None and past.estimate is not None
    ]
    if not advices:
        return None
    floor_bytes = int(swap.total_bytes * KEEP_SWAP_FREE)
    expected = estimate(advices, swap, swap_floor_bytes=floor_bytes, budget_bytes=None)
    return expected.leaves_bytes if expected.gained_bytes is None else expected.gained_bytes


def _sum(sizes: Iterable[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def _all(values: Iterable[bool | None]) -> bool | None:
    """Whether all are true; None where one is not known."""
    known = tuple(values)
    return None if None in known else all(known)


def _later(*actions: Action | None) -> Action | None:
    """The latest of *actions*; None where there is none."""
    known = [one for one in actions if one is not None]
    return max(known, key=lambda one: one.at_s, default=None)
