"""
What a profile means for the processes of one moment: when, who, in which order. Pure.

The guard on the device decides the same in C while it watches; a host sees one moment, so what
takes time to see (how long an app has been away, what the last launches needed) is told as a
condition or an estimate. Both are held to decisions.txt and guard_policy.txt in
device-scripts/tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from droidreclaim.model import Process, Skip
from droidreclaim.model.profile import Profile, Rule, When
from droidreclaim.parse.proc.kernel import MemInfo
from droidreclaim.policy.choose import refusal
from droidreclaim.policy.lmkd import Headroom
from droidreclaim.policy.lmkd_settings import settings_in_force
from droidreclaim.snapshot import Snapshot, is_app
from droidreclaim.units import MIB, format_size

_ANY_ADJ = -1000
_LAST_IN_USE = 199  # foreground and visible
_LAST_PERCEPTIBLE = 499
_LEAST_ANON_BYTES = MIB  # what holds less has been paged out already
_LEAST_PERMILLE = 100  # of free swap: lmkd calls less of it low, and kills
# Of all swap, kept beyond what lmkd calls low. With none a guard stopped at 25,852 of 26,212 kB,
# and a real lmkd killed a second later: the kernel swaps on by itself after the guard has stopped.
_MARGIN_PERMILLE = 50
_MOST_PERMILLE = 1000
_ALARM_BYTES = 32 * MIB  # what an alarm asks for at least
_LEAST_COOLDOWN_MS = 1000  # or a pass would not end
_TRIM_WAIT_MS = 2000


@dataclass(frozen=True, slots=True)
class Situation:
    """
    What the device says; None where it does not.

    Attributes:
        low_bytes: Low watermarks of all zones, with their protection.
        launch_bytes: What the next launch needs; 0 when nothing is known of it.
        minute_bytes: Advised within this minute.
        pressed: Tasks wait for memory.
        returning: What was paged out came back a moment ago.
    """

    available_bytes: int | None = None
    free_bytes: int | None = None
    low_bytes: int | None = None
    swap_total_bytes: int | None = None
    swap_free_bytes: int | None = None
    launch_bytes: int = 0
    minute_bytes: int = 0
    pressed: bool = False
    returning: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """
    What one process has to show for itself.

    Attributes:
        names: Packages of its uid, and its own name up to the ``:``.
        adj: Its oom_score_adj, or the lowest of its app where nobody keeps its own.
        away_ms: How long it has been out of the foreground; None when that was not watched.
        idle_ms: How long ago the guard last touched it; None for never.
        holdoff_ms: How long it is left alone after that; 0 for the rule's cooldown.
        rest_bytes: What its last page-out could not move of its anonymous memory.
        leaving: It left the foreground and was not paged out since.
        trim_ms: How long ago it was last asked to give up caches; None for never.
        no_rest: It was used since, or that page-out ended because enough was free: no rest is due.
    """

    pid: int
    names: tuple[str, ...]
    adj: int
    rss_anon_bytes: int
    away_ms: int | None = None
    idle_ms: int | None = None
    holdoff_ms: int = 0
    rest_bytes: int = 0
    leaving: bool = False
    trim_ms: int | None = None
    no_rest: bool = False


def shortages(when: When, now: Situation) -> Iterator[tuple[str, int]]:
    """Each condition of *when* that is fulfilled, with the bytes that are missing by it."""
    low = now.low_bytes
    yield from _under("available", now.available_bytes, when.available_bytes)
    if when.next_launch and now.launch_bytes:
        yield from _under("next_launch", now.available_bytes, now.launch_bytes + (low or 0))
    if when.headroom_bytes and low is not None:
        yield from _under("headroom", now.free_bytes, low + when.headroom_bytes)
    if now.pressed and low is not None:
        # Waiting alone is not low memory, and what returns makes its owner wait as well.
        alarm = _under("pressure", now.free_bytes, low if now.returning else 2 * low)
        yield from ((word, max(missing, _ALARM_BYTES)) for word, missing in alarm)


def _under(word: str, value: int | None, mark: int) -> Iterator[tuple[str, int]]:
    if value is not None and value < mark:
        yield word, mark - value


def above_lmkds_limit(profile: Profile, properties: Mapping[str, str]) -> Profile:
    """
    *profile* for one device: it keeps at least what that device's lmkd calls low, and a margin.

    Where lmkd has no such limit (``swap_free_low_percentage`` is 0) the profile's own share stays.
    """
    limit = settings_in_force(properties)["swap_free_low_percentage"].number * 10
    if limit <= 0:
        return profile
    floor = min(limit + _MARGIN_PERMILLE, _MOST_PERMILLE)
    when = replace(profile.when, swap_floor_permille=max(profile.when.swap_floor_permille, floor))
    return replace(profile, when=when)


def forbids(when: When, now: Situation) -> str | None:
    """Why nobody may be paged out now, as a fixed word and a sentence; None when nothing is."""
    total, free = now.swap_total_bytes, now.swap_free_bytes or 0
    if not total:
        return "no_swap: this device has no swap"
    permille = max(when.swap_floor_permille, _LEAST_PERMILLE)
    if free * 1000 <= total * permille:
        return f"swap_floor: {free / total:.0%} of swap is free, {permille / 1000:.0%} is kept"
    if when.minute_bytes is not None and now.minute_bytes >= when.minute_bytes:
        return "minute_budget: it is spent"
    return None


def rule_for(profile: Profile, names: Iterable[str]) -> Rule | None:
    """The first rule that fits one of *names*."""
    known = tuple(names)
    return next(
        (rule for rule in profile.rules if any(fnmatchcase(name, rule.match) for name in known)),
        None,
    )


def spares(rule: Rule | None, standing: Standing) -> str | None:
    """Why a process is left alone, as a fixed word and a sentence; None when it is not."""
    if rule is None:
        return "no_rule: the profile does not speak of it"
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
    least = max(rule.min_bytes, 0 if _touches_files(rule) else _LEAST_ANON_BYTES)
    if standing.rss_anon_bytes < standing.rest_bytes + least:
        return f"small: holds less than {format_size(least)}"
    return _rests(rule, standing)


def _rests(rule: Rule, standing: Standing) -> str | None:
    idle = standing.idle_ms
    if standing.trim_ms is not None and standing.trim_ms < _TRIM_WAIT_MS:
        return "trimmed: it has 2 s for that"
    if idle is None or standing.no_rest:
        return None
    if idle < _cooldown_ms(rule):
        return f"cooldown: touched {idle / 1e3:.0f} s ago"
    if idle < standing.holdoff_ms:
        return f"holdoff: much came back, {idle / 1e3:.0f} s ago"
    return None


def _cooldown_ms(rule: Rule) -> int:
    return max(rule.cooldown_ms, _LEAST_COOLDOWN_MS)


def _touches_files(rule: Rule) -> bool:
    return "code" in rule.only if rule.only else rule.what != "anon"


def in_turn(
    profile: Profile, standings: Iterable[Standing], now: Situation, *, wanted: bool
) -> list[tuple[Standing, Rule]]:
    """
    Whom to page out, first to last, as long as it lasts.

    Args:
        wanted: Memory is missing; else only who has just left counts: to be trimmed, when swap is
            short, or where the profile says so.
    """
    mark = (now.swap_total_bytes or 0) * profile.when.trim_below_permille
    short = (now.swap_free_bytes or 0) * 1000 <= mark
    found = []
    for standing in standings:
        rule = rule_for(profile, standing.names)
        if rule is None or spares(rule, standing) is not None:
            continue
        trims = short and _trims(rule, standing)
        if wanted or trims or (profile.when.leaving and standing.leaving):
            found.append((trims, standing, rule))
    return [(standing, rule) for _, standing, rule in sorted(found, key=_order)]


def _trims(rule: Rule, standing: Standing) -> bool:
    """Whether it has left and is to be asked to give up caches, once swap is short."""
    if rule.how != "trim" or not standing.leaving:
        return False
    asked, away = standing.trim_ms, standing.away_ms
    return asked is None or (asked > (away or 0) and asked >= _cooldown_ms(rule))


def _order(turn: tuple[bool, Standing, Rule]) -> tuple[bool, bool, int, int, int, int]:
    """Trims, then page-outs, favourites last; who is away longest, least in use, largest first."""
    trims, one, rule = turn
    return (
        not trims,
        rule.last,
        -(one.away_ms or 0),
        -one.adj,
        -one.rss_anon_bytes,
        one.pid,
    )


@dataclass(frozen=True, slots=True)
class Signal:
    """
    One of the things that make the guard act.

    Attributes:
        name: Of the profile's key: ``available``, ``next_launch``, ``headroom``, ...
        missing_bytes: 0 when it would not act by this now; None for what one moment cannot show.
    """

    name: str
    missing_bytes: int | None


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
        now: As far as one moment shows it; *launch_bytes* is the largest app that runs.
        signals: Those that the profile switches on.
        turns: In the order in which it would page out, as long as one of the signals lasts.
        skipped: Apps that are left alone. What belongs to the system is not even listed.
    """

    now: Situation
    signals: tuple[Signal, ...]
    turns: tuple[Turn, ...]
    skipped: tuple[Skip, ...]


def plan(profile: Profile, snapshot: Snapshot, memory: MemInfo, room: Headroom) -> GuardPlan:
    """What a guard with *profile* would do at this moment."""
    apps = [one for one in snapshot.processes if is_app(one) and not one.zombie]
    now = Situation(
        available_bytes=memory.available_bytes,
        free_bytes=room.free_bytes,
        low_bytes=room.low_watermark_bytes,
        swap_total_bytes=memory.swap_total_bytes,
        swap_free_bytes=memory.swap_free_bytes,
        launch_bytes=max((_whole(process) for process in apps), default=0),
    )
    nevers = {one.pid: skip for one in apps if (skip := refusal(snapshot, one, _ANY_ADJ))}
    standings = [_standing(snapshot, one) for one in apps if one.pid not in nevers]
    forbidden = forbids(profile.when, now)
    order = () if forbidden else in_turn(profile, standings, now, wanted=True)
    turns = tuple(Turn(snapshot.by_pid[standing.pid], rule) for standing, rule in order)
    touched = {turn.process.pid for turn in turns}
    skipped = [*nevers.values()]
    for standing in standings:
        if standing.pid not in touched:
            why = spares(rule_for(profile, standing.names), standing) or forbidden or ""
            word, _, detail = why.partition(": ")
            skipped.append(Skip(snapshot.by_pid[standing.pid], word, detail))
    return GuardPlan(now, tuple(_signals(profile, now)), turns, tuple(skipped))


def _standing(snapshot: Snapshot, process: Process) -> Standing:
    return Standing(
        pid=process.pid,
        names=(*process.packages, process.name.partition(":")[0]),
        adj=snapshot.effective_adj(process) or 0,
        rss_anon_bytes=process.memory.rss_anon_bytes or 0,
    )


def _signals(profile: Profile, now: Situation) -> Iterator[Signal]:
    when = profile.when
    found = dict(shortages(when, now))
    sizes = (
        ("available", when.available_bytes, now.available_bytes),
        ("next_launch", when.next_launch, now.available_bytes),
        ("headroom", when.headroom_bytes, now.free_bytes),
    )
    for name, on, known in sizes:
        if on:
            yield Signal(name, None if known is None else found.get(name, 0))
    if when.leaving or any(rule.how == "trim" for rule in profile.rules):
        yield Signal("leaving", None)
    if when.psi_some_us or when.psi_full_us:
        yield Signal("pressure", None)


def _whole(process: Process) -> int:
    """What an app needs to be all in memory: the guess at what the next one will."""
    return (process.memory.rss_anon_bytes or 0) + (process.memory.swap_bytes or 0)
