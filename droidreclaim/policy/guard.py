"""
What a profile means for the processes of one moment: when, who, how. Pure.

The guard on the device decides the same in C while it watches; a host sees one moment, so what
takes time to see (how long an app has been away, what the last launches needed) is told as a
condition or an estimate. `verdict` and `matches` are held to the same table of examples as the
guard's own: device-scripts/tests/decisions.txt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from droidreclaim.lmkd import Headroom
from droidreclaim.model import Process, Skip
from droidreclaim.model.profile import Profile, Rule, When
from droidreclaim.parse.kernel import MemInfo
from droidreclaim.policy.choose import refusal
from droidreclaim.snapshot import Snapshot, is_app
from droidreclaim.units import format_size

_LAST_IN_USE = 199  # foreground and visible
_LAST_PERCEPTIBLE = 499


@dataclass(frozen=True, slots=True)
class Signal:
    """
    One of the things that make the guard act.

    Attributes:
        name: Of the profile's key: ``available``, ``next_launch``, ``headroom``, ...
        now_bytes: What it is; *limit_bytes* what it must fall under. None where it is no size.
        acts: Whether it would act now; None for what one moment cannot show.
    """

    name: str
    now_bytes: int | None
    limit_bytes: int | None
    acts: bool | None


@dataclass(frozen=True, slots=True)
class Turn:
    """A process that would be touched, and the rule that says so."""

    process: Process
    rule: Rule


@dataclass(frozen=True, slots=True)
class GuardPlan:
    """
    What a guard would do.

    Attributes:
        signals: Those that the profile switches on.
        turns: In the order in which it would page out, as long as one of the signals lasts.
        skipped: Apps that are left alone. What belongs to the system is not even listed.
    """

    signals: tuple[Signal, ...]
    turns: tuple[Turn, ...]
    skipped: tuple[Skip, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """
    What one process has to show for itself; None for what is not known.

    Attributes:
        adj: Its oom_score_adj, or the lowest of its app where nobody keeps its own.
        away_ms: How long it has been out of the foreground.
        idle_ms: How long ago the guard last touched it.
        holdoff_ms: How long it is left alone after that; 0 for the rule's cooldown.
    """

    adj: int
    rss_anon_bytes: int
    away_ms: int | None = None
    idle_ms: int | None = None
    holdoff_ms: int = 0


def matches(rule: Rule, names: Iterable[str]) -> bool:
    """Whether a rule is about the owner of *names*: its packages, and its name up to the ``:``."""
    return any(fnmatchcase(name, rule.match) for name in names)


def rule_for(profile: Profile, process: Process) -> Rule:
    """The first rule that is about *process*; the last one is about everything."""
    names = (*process.packages, process.name.partition(":")[0])
    return next(
        (rule for rule in profile.rules if matches(rule, names)),
        profile.rules[-1],
    )


def verdict(rule: Rule, standing: Standing) -> str | None:
    """Why *rule* leaves a process alone, as a fixed word and a sentence; None when it does not."""
    adj, away = standing.adj, standing.away_ms
    if rule.how == "leave":
        return f"leave: the profile says so of {rule.match}"
    if not rule.low <= adj <= rule.high:
        if adj <= _LAST_IN_USE:
            return f"foreground: in use (adj {adj})"
        if adj <= _LAST_PERCEPTIBLE:
            return f"perceptible: the user would notice (adj {adj})"
        return f"adj: {adj} is not within {rule.low}..{rule.high}"
    if away is not None and away < rule.background_ms:
        return f"background: for {away / 1e3:.0f} s of {rule.background_ms / 1e3:.0f}"
    if standing.rss_anon_bytes < rule.min_bytes:
        return f"small: holds less than {format_size(rule.min_bytes)}"
    return _rest(rule, standing)


def _rest(rule: Rule, standing: Standing) -> str | None:
    idle = standing.idle_ms
    if idle is None:
        return None
    if idle < rule.cooldown_ms:
        return f"cooldown: touched {idle / 1e3:.0f} s ago"
    if idle < standing.holdoff_ms:
        return f"holdoff: much came back after {idle / 1e3:.0f} s"
    return None


def plan(profile: Profile, snapshot: Snapshot, memory: MemInfo, room: Headroom) -> GuardPlan:
    """What a guard with *profile* would do at this moment."""
    no_swap = _without_swap(profile.when, memory)
    turns, skipped = [], []
    for process in snapshot.processes:
        if not is_app(process) or process.zombie:
            continue
        rule = rule_for(profile, process)
        skip = _skip(snapshot, process, rule, no_swap)
        if skip is None:
            turns.append(Turn(process, rule))
        else:
            skipped.append(skip)
    return GuardPlan(
        tuple(_signals(profile.when, snapshot, memory, room)),
        tuple(sorted(turns, key=_order)),
        tuple(skipped),
    )


def _skip(snapshot: Snapshot, process: Process, rule: Rule, no_swap: str | None) -> Skip | None:
    never = refusal(snapshot, process, -1000)  # the system, and what has no adj
    if never is not None:
        return never
    standing = Standing(
        adj=snapshot.effective_adj(process) or 0,
        rss_anon_bytes=process.memory.rss_anon_bytes or 0,
    )
    why = verdict(rule, standing)
    if why is None and no_swap and rule.how != "cold":
        why = no_swap
    if why is None:
        return None
    word, _, detail = why.partition(": ")
    return Skip(process, word, detail)


def _without_swap(when: When, memory: MemInfo) -> str | None:
    total, free = memory.swap_total_bytes, memory.swap_free_bytes
    if not total:
        return "no_swap: this device has no swap"
    if free is not None and free * 1000 <= when.swap_floor_permille * total:
        kept = when.swap_floor_permille / 1000
        return f"swap_floor: {free / total:.0%} of swap is free, {kept:.0%} is kept"
    return None


def _order(turn: Turn) -> tuple[bool, int, int]:
    """Favourites after all others; among equals who is least in use, then the largest."""
    process = turn.process
    return (
        turn.rule.last,
        -(process.oom_score_adj or 0),
        -(process.memory.rss_anon_bytes or 0),
    )


def _signals(when: When, snapshot: Snapshot, memory: MemInfo, room: Headroom) -> Iterable[Signal]:
    available = memory.available_bytes
    if when.available_bytes:
        yield _below("available", available, when.available_bytes)
    if when.next_launch:
        largest = max(
            (_whole(process) for process in snapshot.processes if is_app(process)), default=0
        )
        yield _below("next_launch", available, largest + (room.low_watermark_bytes or 0))
    if when.headroom_bytes:
        yield _below("headroom", room.headroom_bytes, when.headroom_bytes)
    if when.leaving:
        yield Signal("leaving", None, None, None)
    if when.psi_some_us or when.psi_full_us:
        yield Signal("pressure", None, None, None)


def _below(name: str, now_bytes: int | None, limit_bytes: int) -> Signal:
    return Signal(
        name, now_bytes, limit_bytes, None if now_bytes is None else now_bytes < limit_bytes
    )


def _whole(process: Process) -> int:
    """What an app needs to be all in memory: the guess at what the next one will."""
    return (process.memory.rss_anon_bytes or 0) + (process.memory.swap_bytes or 0)
