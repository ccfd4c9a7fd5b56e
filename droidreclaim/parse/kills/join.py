"""One record for each kill, from the several lines that speak of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from droidreclaim.parse.kills.records import KilledBy, KillRecord
from droidreclaim.parse.kills.times import seconds_apart

# lmkd's line, am_kill, "has died" and Zygote's exit came within 0.85 s of each other in every
# capture; a pid is not given to another process as soon as that.
_TOGETHER_S = 3.0
_COMM = 15
# Who knows most of a kill by lmkd: its sentence, its number, what ActivityManager filed of it. It
# writes killinfo before the sentence, and a buffer may have lost either.
_LMKD_SOURCES = ("lmkd", "killinfo")
_WISHES = frozenset(
    {KilledBy.USER, KilledBy.FREEZER, KilledBy.ANR, KilledBy.CRASH, KilledBy.MEMORY_LIMITER}
)
_PLAIN = re.compile(r"[0-9]{1,12}\.[0-9]{3,9}")


def join_kills(records: Iterable[KillRecord]) -> tuple[KillRecord, ...]:
    """
    Join records of one pid that lie close in time; the one that says who killed decides.

    Records come in the order of their text, or of several texts one after the other. Times of
    different clocks (kernel seconds and a date) are not compared: there pid and name decide.
    """
    kills: list[KillRecord] = []
    newest: dict[int, int] = {}
    for record in records:
        index = newest.get(record.pid)
        if index is not None and same_kill(kills[index], record):
            kills[index] = _joined(kills[index], record)
        else:
            newest[record.pid] = len(kills)
            kills.append(record)
    return tuple(kills)


def same_kill(one: KillRecord, other: KillRecord) -> bool:
    """Whether two records of one pid are of one process, by name and time."""
    if not _same_name(one.name, other.name):
        return False
    apart_s = _apart_s(one.at, other.at)
    return apart_s is None or apart_s <= _TOGETHER_S


def _same_name(one: str | None, other: str | None) -> bool:
    """Whether two names may be of one process; the kernel knows 15 characters of an app's."""
    if one is None or other is None or one == other:
        return True
    short, long = sorted((one, other), key=len)
    return len(short) <= _COMM and (long.endswith(short) or long.startswith(short))


def _apart_s(one: str | None, other: str | None) -> float | None:
    """Seconds between two times of one clock; None where the clocks differ or one is missing."""
    if one is None or other is None:
        return None
    if _PLAIN.fullmatch(one) and _PLAIN.fullmatch(other):
        return abs(float(one) - float(other))
    return seconds_apart(one, other)


def _joined(one: KillRecord, other: KillRecord) -> KillRecord:
    decides, adds = (other, one) if _knows_better(other, one) else (one, other)
    name = max(filter(None, (decides.name, adds.name)), key=len, default=None)
    return replace(
        decides,
        line_number=one.line_number,
        at=one.at or other.at,
        reason=decides.reason or adds.reason,
        name=name,
        uid=_either(decides.uid, adds.uid),
        oom_score_adj=_either(decides.oom_score_adj, adds.oom_score_adj),
        freed_bytes=_freed_bytes(decides, adds),
        swap_bytes=_either(decides.swap_bytes, adds.swap_bytes),
    )


def _knows_better(other: KillRecord, one: KillRecord) -> bool:
    """
    Whether the later of two records is the one that says who killed.

    ActivityManager carries out the wish of others and its log line may not say whose; the reason
    it files in exit-info does.
    """
    if one.by is KilledBy.ACTIVITY_MANAGER:
        return other.source == "exit-info" and other.by in _WISHES
    if one.by is KilledBy.LMKD and other.by is KilledBy.LMKD:
        return _lmkd_rank(other) < _lmkd_rank(one)
    return one.by is KilledBy.UNKNOWN


def _lmkd_rank(record: KillRecord) -> int:
    known = record.source in _LMKD_SOURCES
    return _LMKD_SOURCES.index(record.source) if known else len(_LMKD_SOURCES)


def _freed_bytes(decides: KillRecord, adds: KillRecord) -> int | None:
    """Bytes that a kill freed: RSS, which killinfo has on every device; vendors may print USS."""
    if adds.source == "killinfo" and adds.freed_bytes is not None:
        return adds.freed_bytes
    return _either(decides.freed_bytes, adds.freed_bytes)


def _either(one: int | None, other: int | None) -> int | None:
    return other if one is None else one
