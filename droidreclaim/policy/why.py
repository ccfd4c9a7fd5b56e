"""Why a process ended, from what was written down about it, and what would have helped. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from droidreclaim.model import Band, band_of
from droidreclaim.parse.kills.records import KilledBy, KillRecord
from droidreclaim.parse.kills.records import cause_of as cause_behind
from droidreclaim.policy import why_lmkd
from droidreclaim.policy.why_settings import Settings
from droidreclaim.units import format_size


class Cause(StrEnum):
    """What ended a process, finer than who did it."""

    LMKD = "lmkd"
    KERNEL_LMK = "kernel_lmk"
    KERNEL_OOM = "kernel_oom"
    MEMORY_LIMITER = "memory_limiter"
    CACHED_LIMIT = "cached_limit"
    PHANTOM_LIMIT = "phantom_limit"
    EXCESSIVE_USE = "excessive_use"
    VENDOR = "vendor"
    FREEZER = "freezer"
    AM_KILL = "am_kill"
    FORCE_STOP = "force_stop"
    TASK_REMOVED = "task_removed"
    UPDATED = "updated"
    DEPENDENCY = "dependency"
    CRASH = "crash"
    ANR = "anr"
    OWN_EXIT = "own_exit"
    SYSTEM = "system"
    UNRECORDED = "unrecorded"


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line that speaks of the end of a process, as it was printed.

    Attributes:
        source: The buffer, dump or section it stands in.
        record: The same, read; its time on one calendar with the other lines'.
        exit_reason: ApplicationExitInfo's number where the line is one of exit-info.
        importance: RunningAppProcessInfo's number there; None where it is not printed.
    """

    source: str
    text: str
    record: KillRecord
    exit_reason: int | None = None
    importance: int | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A statement, and the numbers (from 1) of the lines that it rests on; none: it says so."""

    text: str
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Death:
    """
    The end of one process.

    Attributes:
        kill: All sources put together.
        lines: What each of them says, the numbers of `sentences` count in it from 1.
        helps: What would have kept it, or will.
        unknown: What nobody wrote down.
    """

    kill: KillRecord
    cause: Cause
    lines: tuple[Line, ...]
    sentences: tuple[Sentence, ...]
    helps: str
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """
    What is known of the ends of an app's processes.

    Attributes:
        deaths: Oldest first.
        read: Sources that were read, each with the time of its last entry where it has one: "none"
            is true of these, until then.
        silent: Sources that could not be asked or read, with the reason.
    """

    package: str
    deaths: tuple[Death, ...]
    read: tuple[tuple[str, str | None], ...]
    silent: tuple[str, ...]


# android.app.ApplicationExitInfo's reasons, those that are a cause by themselves.
_EXITS = {
    1: Cause.OWN_EXIT, 3: Cause.LMKD, 4: Cause.CRASH, 5: Cause.CRASH, 6: Cause.ANR,
    7: Cause.CRASH, 9: Cause.EXCESSIVE_USE, 12: Cause.DEPENDENCY, 14: Cause.FREEZER,
    15: Cause.UPDATED, 16: Cause.UPDATED,
}  # fmt: skip
# ActivityManager's words, of its kills and of exit-info's subreasons; the first that fits.
_WORDS = tuple(
    (re.compile(words, re.I), cause)
    for words, cause in (
        (r"^MemoryLimiter:", Cause.MEMORY_LIMITER),
        (r"^(?:empty|cached) (?:#|for )\d|too many (?:empty|cached)|k from cached",
         Cause.CACHED_LIMIT),
        (r"excessive (?:cpu|binder|resource|wake)|too many binders", Cause.EXCESSIVE_USE),
        (r"kill (?:all )?background", Cause.AM_KILL),
        (r"^remove[ -]task", Cause.TASK_REMOVED),
        (r"frozen|freez", Cause.FREEZER),
        (r"\banr\b", Cause.ANR),
        (r"crash", Cause.CRASH),
        (r"install|pkg removed|package (?:updated|state)|due to replace", Cause.UPDATED),
        (r"depends on provider|dependency died", Cause.DEPENDENCY),
        (r"^stop |force.?stop|user stopped|from (?:pid|process) \d", Cause.FORCE_STOP),
    )
)  # fmt: skip
_KILLERS = {
    KilledBy.LMKD: Cause.LMKD,
    KilledBy.KERNEL_LMK: Cause.KERNEL_LMK,
    KilledBy.KERNEL_OOM: Cause.KERNEL_OOM,
    KilledBy.MEMORY_LIMITER: Cause.MEMORY_LIMITER,
    KilledBy.FREEZER: Cause.FREEZER,
    KilledBy.CRASH: Cause.CRASH,
    KilledBy.ANR: Cause.ANR,
    KilledBy.USER: Cause.FORCE_STOP,
    KilledBy.ACTIVITY_MANAGER: Cause.SYSTEM,
    KilledBy.UNKNOWN: Cause.UNRECORDED,
}
# What each line says is compared by these; those that one and the same deed may be called.
_AGREE = (
    frozenset({Cause.FORCE_STOP, Cause.AM_KILL, Cause.TASK_REMOVED}),
    frozenset({Cause.CRASH, Cause.ANR, Cause.FORCE_STOP}),
    frozenset({Cause.UPDATED, Cause.FORCE_STOP}),
)
_VAGUE = frozenset({Cause.SYSTEM, Cause.UNRECORDED})


def cause_of(line: Line) -> Cause:
    """What one line says ended the process."""
    record = line.record
    if line.exit_reason in _EXITS:
        return _EXITS[line.exit_reason]
    by_killer = _KILLERS[record.by]
    if by_killer in (Cause.LMKD, Cause.KERNEL_LMK, Cause.KERNEL_OOM):
        return by_killer
    by_words = (cause for pattern, cause in _WORDS if pattern.search(record.reason[:400]))
    if behind := cause_behind(record.reason):
        return Cause.PHANTOM_LIMIT if behind == "phantom" else Cause.VENDOR
    if by_killer is Cause.UNRECORDED and line.exit_reason is None:
        return by_killer  # "has died", "exited due to signal 9" say that it ended, not why
    return next(by_words, by_killer)


def death_of(
    kill: KillRecord,
    lines: Sequence[Line],
    others: Sequence[KillRecord],
    settings: Settings,
) -> Death:
    """
    One end told in sentences.

    Args:
        lines: All that speak of it.
        others: The other processes that were killed within half a minute of it.
    """
    causes = [cause_of(line) for line in lines]
    cause = _decided(causes)
    numbered = tuple(range(1, len(lines) + 1))
    that = tuple(n for n, one in zip(numbered, causes, strict=True) if one is cause) or numbered
    sentences = [Sentence(_what(kill, cause), that)]
    if kill.oom_score_adj is not None:
        having = tuple(n for n, line in zip(numbered, lines, strict=True)
                       if line.record.oom_score_adj is not None)  # fmt: skip
        sentences.append(Sentence(_state(kill.oom_score_adj), having))
    else:
        sentences += _importance(lines)
    if kill.freed_bytes is not None:
        sizes = tuple(n for n, line in zip(numbered, lines, strict=True)
                      if line.record.freed_bytes is not None)  # fmt: skip
        sentences.append(Sentence(_held(kill), sizes))
    if cause is Cause.LMKD:
        sentences += _shortage(lines, settings)
    elif text := _limits(cause, settings):
        sentences.append(Sentence(text, that))
    if others and cause in _SHORT_OF_MEMORY:
        sentences.append(Sentence(_among(kill, others)))
    sentences += _disagreement(cause, causes, lines)
    unknown = _unknown(cause, lines)
    return Death(kill, cause, tuple(lines), tuple(sentences), _helps(kill, cause), unknown)


def _shortage(lines: Sequence[Line], settings: Settings) -> Iterator[Sentence]:
    """How far the device was from lmkd's rule: memory at the kill, and the rule's settings."""
    for number, line in enumerate(lines, 1):
        if line.record.killinfo is not None and (text := why_lmkd.shortage(line.record.killinfo)):
            yield Sentence(text, (number,))
            break
    for number, line in enumerate(lines, 1):
        if line.record.by is not KilledBy.LMKD or not line.record.reason:
            continue
        if text := why_lmkd.limits(line.record.reason, settings.lmkd, settings.whose):
            yield Sentence(text, (number,))
            break


def _limits(cause: Cause, settings: Settings) -> str:
    """The settings of a rule that is not lmkd's; empty for a cause without any."""
    match cause:
        case Cause.CACHED_LIMIT:
            return settings.of_cached()
        case Cause.PHANTOM_LIMIT:
            return settings.of_phantoms()
        case Cause.EXCESSIVE_USE:
            return settings.of_use()
        case Cause.FREEZER:
            return settings.of_freezer()
        case Cause.MEMORY_LIMITER:
            return settings.of_limiter()
        case _:
            return ""


def _among(kill: KillRecord, others: Sequence[KillRecord]) -> str:
    """How many more were killed, and how this one's size compares; no line says it: a count."""
    were = "was" if len(others) == 1 else "were"
    count = f"Counted over all that was read, {len(others)} more {were} killed within 30 seconds"
    sizes = [one.freed_bytes for one in others if one.freed_bytes is not None]
    if kill.freed_bytes is None or not sizes:
        return f"It was not alone. {count}."
    larger = sum(1 for size in sizes if size > kill.freed_bytes)
    span = f"{format_size(min(sizes))} to {format_size(max(sizes))}"
    span = format_size(sizes[0]) if len(sizes) == 1 else span
    return f"It was not alone. {count}; {larger} of them held more than it ({span})."


def _decided(causes: Iterable[Cause]) -> Cause:
    """The line that knows most: one with a reason goes before "killed by the system"."""
    known = list(causes)
    certain = [one for one in known if one not in _VAGUE]
    # lmkd and the limiter are told by themselves; exit-info of Android 11 calls lmkd's "signalled".
    for first in (Cause.MEMORY_LIMITER, Cause.LMKD, Cause.KERNEL_OOM, Cause.KERNEL_LMK):
        if first in certain:
            return first
    if Cause.AM_KILL in certain:  # exit-info files it as "user requested"
        return Cause.AM_KILL
    if certain:
        return certain[0]
    return Cause.SYSTEM if Cause.SYSTEM in known else Cause.UNRECORDED


def _disagreement(
    cause: Cause, causes: Sequence[Cause], lines: Sequence[Line]
) -> Iterable[Sentence]:
    for number, (other, line) in enumerate(zip(causes, lines, strict=True), 1):
        if other in _VAGUE or other is cause or any({cause, other} <= same for same in _AGREE):
            continue
        source = line.source.rpartition("/")[2]
        text = f"The sources disagree: {source} calls it {_NAMES[other]}."
        yield Sentence(text, (number,))


_SHORT_OF_MEMORY = frozenset({Cause.LMKD, Cause.KERNEL_LMK, Cause.KERNEL_OOM})
_NAMES = {
    Cause.LMKD: "a kill by lmkd, because memory was short",
    Cause.KERNEL_LMK: "a kill by the kernel's lowmemorykiller, because memory was short",
    Cause.KERNEL_OOM: "a kill by the kernel's OOM killer, because an allocation found no memory",
    Cause.MEMORY_LIMITER: "a kill by Android's memory limiter, for the app was over its own limits",
    Cause.CACHED_LIMIT: "a kill by ActivityManager, which keeps so many cached processes only",
    Cause.PHANTOM_LIMIT: "a kill by ActivityManager, which allows so many child processes of apps "
    "and no more",
    Cause.EXCESSIVE_USE: "a kill by ActivityManager, for what it used in the background",
    Cause.VENDOR: "a kill by the vendor's own cleaner",
    Cause.FREEZER: "a kill by the app freezer",
    Cause.AM_KILL: "a kill of a background process that a program asked ActivityManager for "
    "(am kill, killBackgroundProcesses): not the user's doing, even where exit-info says so",
    Cause.FORCE_STOP: "a force-stop of the app",
    Cause.TASK_REMOVED: "the removal of its task (swiped away in Recents, or by a launcher)",
    Cause.UPDATED: "the update, removal or change of its package",
    Cause.DEPENDENCY: "the death of a process that it depended on",
    Cause.CRASH: "a crash",
    Cause.ANR: "an ANR: it did not respond",
    Cause.OWN_EXIT: "its own exit",
    Cause.SYSTEM: "a kill by ActivityManager",
    Cause.UNRECORDED: "a death without a record",
}


def _what(kill: KillRecord, cause: Cause) -> str:
    who = f"{kill.name or 'A process'} (pid {kill.pid})"
    when = f" at {kill.at}" if kill.at else ""
    if cause is Cause.UNRECORDED:
        seen = f"{who} was gone{when}, and nothing that was read says who did it"
        return f"{seen}: {_NAMES[cause]}."
    words = f": {kill.reason!r}" if kill.reason else ""
    return f"{who} ended{when} by {_NAMES[cause]}{words}."


def _state(adj: int) -> str:
    band = band_of(adj)
    if band is Band.UNKNOWN:
        return f"Its oom_score_adj was {adj}."
    return f"Its oom_score_adj was {adj}: {_STATES.get(band, band.value)}."


def _importance(lines: Sequence[Line]) -> Iterator[Sentence]:
    """The state by exit-info, where no line has an oom_score_adj; 1000 (gone) and 0 say nothing."""
    for number, line in enumerate(lines, 1):
        if line.importance in _IMPORTANCES:
            text = f"Its importance was {line.importance}: {_IMPORTANCES[line.importance]}."
            yield Sentence(text, (number,))
            break


# android.app.ActivityManager.RunningAppProcessInfo
_IMPORTANCES = {
    100: "in the foreground", 125: "with a foreground service", 130: "perceptible",
    150: "in front of a device that slept", 170: "unable to save its state", 200: "visible",
    230: "perceptible", 300: "with a service", 325: "in front of a device that slept",
    350: "unable to save its state", 400: "cached",
}  # fmt: skip
_STATES = {
    Band.FOREGROUND: "in the foreground, where only the worst shortage takes an app",
    Band.CACHED: "cached, which is taken first",
}


def _held(kill: KillRecord) -> str:
    swap = f" and {format_size(kill.swap_bytes)} in swap" if kill.swap_bytes else ""
    return f"It held {format_size(kill.freed_bytes)} of memory{swap}."


_SWAP_FULL = re.compile(r"swap is low|low_swap|low_mem_and_swap\b|low on swap", re.I)
_THRASHING = re.compile(r"thrash", re.I)
_GUARD = "droidreclaim guard start, or reclaim --band cached,"


def _helps(kill: KillRecord, cause: Cause) -> str:
    """What would have kept it, or will; empty where nothing of ours or the app's would."""
    if cause is Cause.LMKD and _SWAP_FULL.search(kill.reason):
        return (
            "lmkd counted swap as low, so a page-out had little room left: asking apps for caches "
            "(reclaim --how trim), more zram, or fewer and smaller apps"
        )
    if cause is Cause.LMKD and _THRASHING.search(kill.reason):
        return f"{_GUARD} before memory is so short that the same pages come and go"
    return _HELPS.get(cause, "")


_HELPS = {
    Cause.LMKD: f"{_GUARD} of apps in the background before free memory falls that low; a smaller "
    "footprint; a foreground service where the work is the user's",
    Cause.KERNEL_LMK: f"{_GUARD} of apps in the background before free memory falls to this level",
    Cause.KERNEL_OOM: "more swap, or lmkd alive and able to kill earlier: droidreclaim doctor",
    Cause.MEMORY_LIMITER: "a smaller footprint in that state: droidreclaim footprint shows it, and "
    "headroom PACKAGE the limits; page-out moves memory to swap, which the limiter counts too",
    Cause.CACHED_LIMIT: "nothing about memory: the limit is a number of processes "
    "(max_cached_processes); state that is saved in onStop survives it",
    Cause.PHANTOM_LIMIT: "fewer child processes, or the developer option that switches the limit "
    "off (settings_enable_monitor_phantom_procs false)",
    Cause.EXCESSIVE_USE: "less work in the background, or a foreground service for it",
    Cause.VENDOR: "the vendor's setting that lets an app run in the background; nothing of ours",
    Cause.FREEZER: "no binder call to a process that sits frozen, or one that is asynchronous",
    Cause.DEPENDENCY: "an unstable content provider client, which outlives its provider",
    Cause.CRASH: "the stack in logcat -b crash",
    Cause.ANR: "the traces of dumpsys dropbox --print data_app_anr",
}


def _unknown(cause: Cause, lines: Sequence[Line]) -> tuple[str, ...]:
    if cause is Cause.LMKD and all(line.record.killinfo is None for line in lines):
        return ("how much memory and swap were free: no killinfo of it was read",)
    if cause is Cause.UNRECORDED:
        return (
            "who killed it: a log that has gone round, a signal from root, or a vendor's cleaner",
        )
    if cause is Cause.AM_KILL:
        return ("which program asked: ActivityManager does not write it down",)
    if cause is Cause.FORCE_STOP:
        return (
            "whether a person or a program (a vendor's cleaner) stopped it, unless a line says",
        )
    return ()
