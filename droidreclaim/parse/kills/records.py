"""One value for every kill, whoever wrote it down: lmkd, the kernel, ActivityManager, Zygote."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from droidreclaim.parse.kills.am_lines import (
    Died,
    Killing,
    opens_record,
    read_activity_line,
    read_zygote_line,
)
from droidreclaim.parse.kills.event_values import (
    Event,
    LmkdKilled,
    ProcessDied,
    ProcessFailed,
    ProcessKilled,
)
from droidreclaim.parse.kills.events import event_tag, read_event
from droidreclaim.parse.kills.kernel_kills import KernelKill
from droidreclaim.parse.kills.lmkd import opens_lmkd_kill, read_lmkd_line
from droidreclaim.parse.kills.logcat import LogEntry

# None is the tag of a raw log.
LMKD_TAGS = frozenset({"lowmemorykiller", "lmkd", None})
_ACTIVITY_TAGS = frozenset({"ActivityManager", None})
_ZYGOTE_TAGS = frozenset({"Zygote", "zygote", "zygote64", None})
_SIGKILL = 9

# lmkd's kill_reasons, by their number in killinfo; releases append to them (lmkd.cpp, statslog.h).
_LMKD_REASONS = (
    "pressure_after_kill", "not_responding", "low_swap_and_thrashing", "low_mem_and_swap",
    "low_mem_and_thrashing", "direct_recl_and_thrashing", "low_mem_and_swap_util",
    "low_filecache_after_thrashing",
    "low_mem",  # Android 14
    "direct_recl_stuck",  # Android 15
)  # fmt: skip
_REASONS_UNTIL_12L = 8
_VALUES_UNTIL_12L = 36  # of killinfo; Android 13 appended two for thrashing
_VENDORS_REASONS = range(1000, 2000)  # set aside for vendors since Android 15


def reason_number(reason: str) -> int:
    """The number of lmkd's own word for a reason; -1 of any other (old releases have none)."""
    word = reason.partition(" ")[0].rstrip(":,;")
    return _LMKD_REASONS.index(word) if word in _LMKD_REASONS else -1


class KilledBy(StrEnum):
    """Who killed, in the words of ``kills --json``."""

    LMKD = "lmkd"
    MEMORY_LIMITER = "memory_limiter"
    KERNEL_LMK = "kernel_lmk"
    KERNEL_OOM = "kernel_oom"
    ACTIVITY_MANAGER = "activity_manager"
    FREEZER = "freezer"
    CRASH = "crash"
    ANR = "anr"
    USER = "user"
    UNKNOWN = "unknown"


# ActivityManager's own words for the reason of a kill, by who wanted it; the first that fits.
_WANTED_BY = (
    # "MemoryLimiter:AnonSwap" (Android 17): 30 s over its own limits of memory and swap together.
    (re.compile(r"^MemoryLimiter:"), KilledBy.MEMORY_LIMITER),
    (re.compile(r"frozen|freez|unfroze", re.I), KilledBy.FREEZER),
    (re.compile(r"crash", re.I), KilledBy.CRASH),
    (re.compile(r"\banr\b", re.I), KilledBy.ANR),
    (
        re.compile(
            r"^remove[ -]task|^stop .*\bfrom (?:pid|process)\b|user(?:'s)?[ -]request", re.I
        ),
        KilledBy.USER,
    ),
)


# What stands behind a kill of ActivityManager, where its words tell more than who carried it out.
_CAUSES = (
    (re.compile(r"phantom process", re.I), "phantom"),
    # ColorOS, FuntouchOS and MIUI, whose cleaners end what is cached or unused.
    (re.compile(r"^CachedClean\[|^by rms\b|\bfrom process:com\.miui\.securitycenter\b"), "vendor"),
)


@dataclass(frozen=True, slots=True)
class KillRecord:
    """
    One line (or kernel record) that says a process was killed or is gone.

    One kill has several: ``Kill`` of lmkd, ``has died`` of ActivityManager, Zygote's exit line.
    ``UNKNOWN`` are those that only say it is gone; join by pid and time before counting.

    Attributes:
        line_number: 1-based, in the text it came from.
        at: Time as printed; seconds since boot in a kernel log; None without one.
        reason: As printed; empty where none was.
        source: ``am_kill``, ``am_proc_died``, ``am_crash``, ``killinfo``, ``lmkd``,
            ``ActivityManager``, ``Zygote`` or ``kernel``.
        name: Process name; comm (15 characters) in kernel records; None where not said.
        oom_score_adj: On the scale of its release.
        freed_bytes: Resident memory of the victim.
        swap_bytes: Its swap, where lmkd says so.
        truncated: The line was cut; what it says is right, what it lacks may have been there.
        killinfo: The event that was read, which has the device's memory at that moment.
    """

    line_number: int
    at: str | None
    by: KilledBy
    pid: int
    reason: str
    source: str
    name: str | None = None
    uid: int | None = None
    oom_score_adj: int | None = None
    freed_bytes: int | None = None
    swap_bytes: int | None = None
    truncated: bool = False
    killinfo: LmkdKilled | None = field(default=None, compare=False, repr=False)


def cause_of(reason: str) -> str | None:
    """``phantom`` for the limit of child processes, ``vendor`` for a cleaner, else None."""
    fits = (word for pattern, word in _CAUSES if pattern.search(reason[:400]))
    return next(fits, None)


def killer_of(reason: str) -> KilledBy:
    """Who wanted a kill that ActivityManager carried out, from its reason."""
    fits = (word for pattern, word in _WANTED_BY if pattern.search(reason[:400]))
    return next(fits, KilledBy.ACTIVITY_MANAGER)


def lmkd_reason(number: int, values: int) -> str:
    """
    AOSP's word for a reason of killinfo, with its number.

    Args:
        values: How many values the event has: a short one is of a release that had fewer reasons,
            so a number above those is its vendor's own.
    """
    if number < 0:
        return "no reason given"
    known = len(_LMKD_REASONS) if values > _VALUES_UNTIL_12L else _REASONS_UNTIL_12L
    if number < known:
        return f"{_LMKD_REASONS[number]} (reason {number})"
    whose = "the vendor's own" if number in _VENDORS_REASONS else "none of AOSP's"
    return f"reason {number}, {whose}"


def read_kill(entry: LogEntry) -> KillRecord | None:
    """
    The kill one log entry records, or None when it is about something else.

    Raises:
        ValueError: it starts as a kill and cannot be read.
    """
    if event_tag(entry):
        event = read_event(entry)
        return _of_event(entry.line_number, event) if event else None
    record = _of_lmkd(entry) if entry.tag in LMKD_TAGS else None
    if record is None and entry.tag in _ACTIVITY_TAGS:
        record = _of_activity(entry)
    if record is None and entry.tag in _ZYGOTE_TAGS:
        record = _of_zygote(entry)
    return record


def kernel_record(kill: KernelKill) -> KillRecord:
    """A kernel kill as the common value."""
    return KillRecord(
        line_number=kill.line_number,
        at=kill.at,
        by=KilledBy.KERNEL_OOM if kill.oom else KilledBy.KERNEL_LMK,
        pid=kill.pid,
        reason=kill.reason,
        source="kernel",
        name=kill.name,
        uid=kill.uid,
        oom_score_adj=kill.oom_score_adj,
        freed_bytes=kill.freed_bytes,
    )


def _of_event(line_number: int, event: Event) -> KillRecord | None:
    match event:
        case ProcessKilled():
            by, reason, source = killer_of(event.reason), event.reason, "am_kill"
        case ProcessDied():
            by, reason, source = KilledBy.UNKNOWN, "", "am_proc_died"
        case ProcessFailed(kind="crash"):
            by, reason, source = KilledBy.CRASH, event.reason, "am_crash"
        case LmkdKilled():
            reason = lmkd_reason(event.reason, len(event.values))
            by, source = KilledBy.LMKD, "killinfo"
        case _:
            return None
    return KillRecord(
        line_number=line_number,
        at=event.at,
        by=by,
        pid=event.pid,
        reason=reason,
        source=source,
        name=None if isinstance(event, LmkdKilled) else event.name,
        uid=event.uid if isinstance(event, LmkdKilled) else None,
        oom_score_adj=None if isinstance(event, ProcessFailed) else event.oom_score_adj,
        freed_bytes=_freed_bytes(event),
        swap_bytes=event.swap_bytes if isinstance(event, LmkdKilled) else None,
        truncated=isinstance(event, LmkdKilled) and event.truncated,
        killinfo=event if isinstance(event, LmkdKilled) else None,
    )


def _freed_bytes(event: Event) -> int | None:
    if isinstance(event, LmkdKilled):
        return event.freed_bytes
    return event.rss_bytes if isinstance(event, ProcessKilled) else None


def _of_lmkd(entry: LogEntry) -> KillRecord | None:
    if not opens_lmkd_kill(entry.message):
        if entry.tag is not None and entry.message.partition(" ")[0] == "Kill":
            raise ValueError("a kill of lmkd without the name in quotes")
        return None
    kill = read_lmkd_line(entry.message)
    if kill is None:
        raise ValueError("a kill of lmkd that cannot be read")
    return KillRecord(
        line_number=entry.line_number,
        at=entry.at,
        by=KilledBy.LMKD,
        pid=kill.pid,
        reason=kill.reason or "",
        source="lmkd",
        name=kill.name,
        uid=kill.uid,
        oom_score_adj=kill.oom_score_adj,
        freed_bytes=kill.freed_bytes,
        swap_bytes=kill.swap_bytes,
    )


def _of_activity(entry: LogEntry) -> KillRecord | None:
    line = read_activity_line(entry.message)
    if line is None and opens_record(entry.message):
        raise ValueError("a line of ActivityManager that cannot be read")
    match line:
        case Killing():
            by, reason = killer_of(line.reason), line.reason
        case Died():
            by, reason = KilledBy.UNKNOWN, f"has died: {line.label}".rstrip(": ")
        case _:
            return None
    return KillRecord(
        line_number=entry.line_number,
        at=entry.at,
        by=by,
        pid=line.pid,
        reason=reason,
        source="ActivityManager",
        name=line.name,
        uid=line.uid if isinstance(line, Killing) else None,
        oom_score_adj=line.oom_score_adj if isinstance(line, Killing | Died) else None,
    )


def _of_zygote(entry: LogEntry) -> KillRecord | None:
    exited = read_zygote_line(entry.message)
    if exited is None or exited.signal != _SIGKILL:
        return None
    return KillRecord(
        line_number=entry.line_number,
        at=entry.at,
        by=KilledBy.UNKNOWN,
        pid=exited.pid,
        reason="exited due to signal 9",
        source="Zygote",
    )
