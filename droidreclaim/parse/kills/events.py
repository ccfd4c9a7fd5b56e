"""Entries of the event log about processes: am_kill, am_proc_start, am_compact, killinfo, ..."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from types import MappingProxyType

from droidreclaim.errors import ParseError
from droidreclaim.parse.kills.event_values import (
    Compacted,
    Event,
    FreezerSwitched,
    LmkdKilled,
    LowMemory,
    MemorySampled,
    ProcessBound,
    ProcessDied,
    ProcessFailed,
    ProcessKilled,
    ProcessStarted,
    PssSampled,
)
from droidreclaim.parse.kills.logcat import LogEntry
from droidreclaim.units import KIB

_UNSET_ADJ = -10000  # ProcessList.INVALID_ADJ: killed before it was ever computed
# Some Android 8 builds print one value after the name. Right after an am_kill with an unset adj it
# was 18, which is a process state (nonexistent) and no adj of that release.
_LAST_PROC_STATE = 20
_INTEGER = re.compile(r"-?[0-9]{1,18}")
# "-v descriptive" writes "PID=1234" for "1234" and "Reason=bg anr" for "bg anr".
_DESCRIBED = re.compile(r"[A-Za-z][A-Za-z ]{0,30}=")

# Numbers stand for tags where the device or the host lacks the tag file (event-log-tags).
_TAG_NUMBERS = {
    "30008": "am_anr",
    "30010": "am_proc_bound",
    "30011": "am_proc_died",
    "30014": "am_proc_start",
    "30017": "am_low_memory",
    "30023": "am_kill",
    "30039": "am_crash",
    "30046": "am_meminfo",
    "30047": "am_pss",
    "30063": "am_compact",
    "30068": "am_freeze",
    "30069": "am_unfreeze",
    "10195355": "killinfo",
}


_KILLINFO_SIZES = (
    "MemFree", "Cached", "SwapCached", "Buffers", "Shmem", "Unevictable", "SwapTotal", "SwapFree",
    "Active(anon)", "Inactive(anon)", "Active(file)", "Inactive(file)", "SReclaimable",
    "SUnreclaim", "KernelStack", "PageTables",
)  # fmt: skip
_KILLINFO_SWAP = 29  # taskSwapSize, after what woke lmkd


def event_tag(entry: LogEntry) -> str | None:
    """The name of the entry's tag, when it is one of those read here."""
    tag = _TAG_NUMBERS.get(entry.tag or "", entry.tag)
    return tag if tag in _READERS else None


def read_event(entry: LogEntry) -> Event | None:
    """
    The event of one entry, or None for a tag that is none of those above.

    Raises:
        ValueError: the tag is known and the values cannot be read (cut, or a form not seen yet).
    """
    tag = event_tag(entry)
    if tag is None:
        return None
    try:
        return _READERS[tag](entry.at, _payload(entry.message))
    except IndexError as error:
        raise ValueError(f"{tag}: too few values") from error


def parse_events(
    entries: Iterable[LogEntry], source: str = "logcat -b events"
) -> tuple[Event, ...]:
    """
    The events among log entries; entries with other tags are skipped.

    Raises:
        ParseError: the values of a known tag cannot be read.
    """
    events = []
    for entry in entries:
        try:
            event = read_event(entry)
        except ValueError as error:
            line = f"{entry.tag}: {entry.message}"
            raise ParseError(source, entry.line_number, line) from error
        if event is not None:
            events.append(event)
    return tuple(events)


def _payload(message: str) -> str:
    """The values between the brackets; a value alone has no brackets."""
    text = message.strip().replace("\n", "")
    if not text.startswith("["):
        return text
    if not text.endswith("]"):
        raise ValueError("the closing bracket is missing")
    return text[1:-1]


def _fields(payload: str, limit: int = -1) -> list[str]:
    fields = [field.strip() for field in payload.split(",", limit)]
    if _DESCRIBED.match(fields[0]) is not None:
        fields = [_DESCRIBED.sub("", field, count=1) for field in fields]
    return fields


def _int(field: str) -> int:
    if _INTEGER.fullmatch(field) is None:
        raise ValueError(f"{field[:80]!r} is no number")
    return int(field)


def _user_first(fields: list[str]) -> list[str | None]:
    """Put None where the user would be: before Android 4.2 the pid came first."""
    has_user = _INTEGER.fullmatch(fields[0]) and _INTEGER.fullmatch(fields[1])
    return [*fields] if has_user else [None, *fields]


def _pid_and_name(fields: list[str | None]) -> tuple[int | None, int, str]:
    user, pid, name = fields[0], fields[1], fields[2]
    if not name or pid is None:
        raise ValueError("the process has no name")
    return (_int(user) if user is not None else None), _int(pid), name


def _adj(field: str) -> int | None:
    value = _int(field)
    return None if value == _UNSET_ADJ else value


def _started(at: str | None, payload: str) -> Event:
    fields = _fields(payload, 5)
    if _INTEGER.fullmatch(fields[2]) is None:  # pid, uid, name: no user before Android 4.2
        user, (pid, uid, name, kind, component) = None, (*_fields(payload, 4),)
    else:
        user, (pid, uid, name, kind, component) = _int(fields[0]), (*fields[1:],)
    component = component.removeprefix("{").removesuffix("}")
    return ProcessStarted(at, user, _int(pid), _int(uid), name, kind, component)


def _bound(at: str | None, payload: str) -> Event:
    return ProcessBound(at, *_pid_and_name(_user_first(_fields(payload))))


def _died(at: str | None, payload: str) -> Event:
    fields = _fields(payload)
    user, pid, name = _pid_and_name(_user_first(fields))
    last = fields[fields.index(name) + 1 :]
    if len(last) == 1 and 0 < _int(last[0]) <= _LAST_PROC_STATE:
        return ProcessDied(at, user, pid, name, None, _int(last[0]))
    adj = _adj(last[0]) if last else None
    return ProcessDied(at, user, pid, name, adj, _int(last[1]) if len(last) > 1 else None)


def _killed(at: str | None, payload: str) -> Event:
    described = _DESCRIBED.match(payload) is not None
    fields = _user_first(_fields(payload, 2))
    limit = 4 if fields[0] is not None else 3
    parts = _fields(payload, limit)
    user, pid, name = _pid_and_name(_user_first(parts))
    adj, reason = _adj(parts[limit - 1]), parts[limit]
    # The reason may hold commas, so a sixth field counts only when it is a number to the end.
    head, comma, last = reason.rpartition(",")
    last = _DESCRIBED.sub("", last.strip(), count=1) if described else last.strip()
    if comma and _INTEGER.fullmatch(last):
        return ProcessKilled(at, user, pid, name, adj, head, _int(last) * KIB)
    return ProcessKilled(at, user, pid, name, adj, reason, None)


def _anr(at: str | None, payload: str) -> Event:
    fields = _fields(payload, 4)
    if len(_user_first(fields)) > len(fields):
        fields = _fields(payload, 3)
    user, pid, name = _pid_and_name(_user_first(fields))
    return ProcessFailed(at, "anr", user, pid, name, fields[-1])


def _crashed(at: str | None, payload: str) -> Event:
    # pid, user, process, flags, exception, message, file, line: here the user comes second.
    fields = _fields(payload, 4)
    return ProcessFailed(at, "crash", _int(fields[1]), _int(fields[0]), fields[2], fields[4])


def _switched(frozen: bool) -> Callable[[str | None, str], Event]:
    def read(at: str | None, payload: str) -> Event:
        fields = _fields(payload, 2)
        reason = fields[2] if len(fields) > 2 else None
        return FreezerSwitched(at, frozen, _int(fields[0]), fields[1], reason)

    return read


def _compacted(at: str | None, payload: str) -> Event:
    fields = _fields(payload)
    kinds = ("rss", "file", "anon", "swap")
    before = {kind: _int(field) * KIB for kind, field in zip(kinds, fields[3:7], strict=True)}
    delta = {kind: _int(field) * KIB for kind, field in zip(kinds, fields[7:11], strict=True)}
    rest = [_int(field) for field in fields[13:]]  # what came last, a number or a word, is left out
    return Compacted(
        at=at,
        pid=_int(fields[0]),
        name=fields[1],
        action=fields[2],
        before_bytes=MappingProxyType(before),
        delta_bytes=MappingProxyType(delta),
        duration_ms=_int(fields[11]),
        oom_score_adj=rest[1] if len(rest) > 1 else None,
        proc_state=rest[2] if len(rest) > 2 else None,
        zram_free_before_bytes=rest[3] * KIB if len(rest) > 3 else None,
        zram_free_delta_bytes=rest[4] * KIB if len(rest) > 4 else None,
    )


def _low_memory(at: str | None, payload: str) -> Event:
    return LowMemory(at, _int(_fields(payload)[0]))


def _pss(at: str | None, payload: str) -> Event:
    fields = _fields(payload)
    pss, uss, *more = (_int(field) for field in fields[3:])
    return PssSampled(
        at=at,
        pid=_int(fields[0]),
        uid=_int(fields[1]),
        name=fields[2],
        pss_bytes=pss,
        uss_bytes=uss,
        swap_pss_bytes=more[0] if more else None,
        rss_bytes=more[1] if len(more) > 1 else None,
        details=tuple(more[2:]),
    )


def _memory(at: str | None, payload: str) -> Event:
    cached, free, zram, kernel, native = (_int(field) for field in _fields(payload)[:5])
    return MemorySampled(at, cached, free, zram, kernel, native)


def _lmkd(at: str | None, payload: str) -> Event:
    fields = _fields(payload)
    if _INTEGER.fullmatch(fields[0]) is None:  # some vendor's has the process's name in front
        del fields[0]
    pid, uid, adj, min_adj, task_kib, reason = (_int(field) for field in fields[:6])
    more = list(itertools.takewhile(_INTEGER.fullmatch, fields[6:]))
    sizes = {name: _int(field) * KIB for name, field in zip(_KILLINFO_SIZES, more, strict=False)}
    return LmkdKilled(
        at=at,
        pid=pid,
        uid=uid,
        oom_score_adj=adj,
        min_oom_score_adj=min_adj,
        freed_bytes=task_kib * KIB,
        swap_bytes=_int(fields[_KILLINFO_SWAP]) * KIB if len(fields) > _KILLINFO_SWAP else None,
        reason=reason,
        sizes_bytes=MappingProxyType(sizes),
        values=tuple(fields),
        truncated=len(sizes) < len(_KILLINFO_SIZES),
    )


_READERS: dict[str, Callable[[str | None, str], Event]] = {
    "am_anr": _anr,
    "am_compact": _compacted,
    "am_crash": _crashed,
    "am_freeze": _switched(True),
    "am_kill": _killed,
    "am_low_memory": _low_memory,
    "am_meminfo": _memory,
    "am_proc_bound": _bound,
    "am_proc_died": _died,
    "am_proc_start": _started,
    "am_pss": _pss,
    "am_unfreeze": _switched(False),
    "killinfo": _lmkd,
}
