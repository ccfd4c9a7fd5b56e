"""``dumpsys activity processes``, ``oom`` and ``lru``."""

from collections.abc import Iterator

from .dump_record import app_record, record, reference, word
from .oomadj import state_number
from .records import Phone, Proc
from .text import label, size, user

_LEVELS = (
    (-900, "SYSTEM_ADJ", 73728),
    (-800, "PERSISTENT_PROC_ADJ", 73728),
    (-700, "PERSISTENT_SERVICE_ADJ", 73728),
    (0, "FOREGROUND_APP_ADJ", 73728),
    (100, "VISIBLE_APP_ADJ", 92160),
    (200, "PERCEPTIBLE_APP_ADJ", 110592),
    (225, "PERCEPTIBLE_MEDIUM_APP_ADJ", 129024),
    (250, "PERCEPTIBLE_LOW_APP_ADJ", 129024),
    (300, "BACKUP_APP_ADJ", 221184),
    (400, "HEAVY_WEIGHT_APP_ADJ", 221184),
    (500, "SERVICE_ADJ", 221184),
    (600, "HOME_APP_ADJ", 221184),
    (700, "PREVIOUS_APP_ADJ", 221184),
    (800, "SERVICE_B_ADJ", 221184),
    (900, "CACHED_APP_MIN_ADJ", 221184),
    (999, "CACHED_APP_MAX_ADJ", 322560),
)


def _capabilities(proc: Proc, sdk: int) -> str:
    if sdk < 30:
        return ""
    letters = proc.rank.capabilities
    if sdk == 30:
        return letters[:3]
    if sdk >= 34:
        return letters + ("FU" if letters == "LCMN" else "--")
    return letters


def _row(number: int, proc: Proc, sdk: int) -> str:
    kind = "PERS" if proc.persistent else "Proc"
    rank = proc.rank
    capabilities = _capabilities(proc, sdk)
    trim = f" {capabilities}  t: {proc.trim_level}" if capabilities else f" trm: {proc.trim_level}"
    group = "B" if sdk < 30 and rank.group == "b" else rank.group
    return (
        f"    {kind} #{number:2d}: {label(rank.adj, sdk)} {group}/{rank.mark}/{rank.state:<4}{trim}"
        f" {reference(proc)} ({rank.why})"
    )


def _details(proc: Proc) -> Iterator[str]:
    adj, highest = proc.rank.adj, proc.rank.adj if proc.persistent else 1001
    cached = size(proc.pss_bytes) if adj >= 700 else "0.00"
    raw = proc.rank.raw_adj
    yield f"        oom: max={highest} curRaw={raw} setRaw={raw} cur={adj} set={adj}"
    yield (
        f"        state: cur={proc.rank.state:<4} set={proc.rank.state:<4}"
        f" lastPss={size(proc.pss_bytes)} lastSwapPss={size(proc.swap_bytes)}"
        f" lastCachedPss={cached}"
    )
    empty = word(proc.activity is None)
    yield f"        cached={word(proc.rank.cached)} empty={empty} hasAboveClient=false"


def _by_adj(phone: Phone, details: bool) -> Iterator[str]:
    rows = list(enumerate(phone.procs))
    for number, proc in sorted(rows, key=lambda row: row[1].rank.adj):
        yield _row(number, proc, phone.sdk)
        if proc.cause:
            yield f"        {proc.cause}"
        if details:
            yield from _details(proc)


def _counts(phone: Phone) -> str:
    """Return the counts in a title: how many processes, and how many without an activity."""
    idle = sum(proc.activity is None for proc in phone.procs)
    return f"{len(phone.procs)} total, non-act at {idle}, non-svc at {idle}"


def _levels(sdk: int) -> Iterator[str]:
    yield "  OOM levels:"
    for adj, name, kilobytes in _LEVELS:
        if (adj == 225 and sdk < 31) or (adj == 250 and sdk < 29):
            continue
        top = 906 if adj == 999 and sdk < 29 else adj
        yield f"{top:8d}: {name} ({kilobytes:9,}K)"
    yield ""


def _control(phone: Phone) -> Iterator[str]:
    yield f"  Process OOM control ({_counts(phone)}):"
    yield from _by_adj(phone, details=True)
    yield ""


def _places(phone: Phone) -> Iterator[str]:
    by_pid = {proc.pid: proc for proc in phone.procs}
    for name, pid in (("mHomeProcess", phone.home_pid), ("mPreviousProcess", phone.previous_pid)):
        if pid in by_pid:
            yield f"  {name}: {record(by_pid[pid])}"
    yield ""


def _isolated(phone: Phone) -> Iterator[str]:
    procs = sorted(
        (proc for proc in phone.procs if proc.owner_uid is not None), key=lambda proc: proc.uid
    )
    if procs:
        yield "  Isolated process list (sorted by uid):"
    for number, proc in enumerate(procs):
        yield f"    Isolated #{number}: {record(proc)}"
    if procs:
        yield ""


def _uid_records(phone: Phone) -> Iterator[str]:
    yield "  UID validation:"
    uids: dict[int, Proc] = {}
    for proc in phone.procs:
        held = uids.get(proc.uid)
        if held is None or proc.rank.adj < held.rank.adj:
            uids[proc.uid] = proc
    sequence = "seq(0,0)" if phone.sdk >= 31 else "seq(0,0,0)"
    for uid, proc in sorted(uids.items()):
        name, state = user(uid, proc.owner_uid), proc.rank.state
        held_as = f"{proc.identity ^ 0x777:x} {name} {state:<4}"
        yield f"    UID {name}: UidRecord{{{held_as} procs:0 {sequence}}}"
        if phone.sdk >= 31:
            number = state_number(state, phone.sdk)
            yield f"      curProcState={number} curCapability={proc.rank.capabilities}"
    yield ""


def lru_rows(phone: Phone, indent: str) -> Iterator[str]:
    last = len(phone.procs) - 1
    wide = "2d" if phone.sdk >= 30 else "d"
    numbered = [(last - place, proc) for place, proc in enumerate(phone.procs)]
    for title, with_activity in (("Activities:", True), ("Other:", False)):
        rows = [
            (number, proc)
            for number, proc in numbered
            if (proc.activity is not None) == with_activity
        ]
        if rows:
            yield f"{indent}{title}"
        for number, proc in rows:
            capabilities = _capabilities(proc, phone.sdk)
            head = (
                f"{indent}#{number:{wide}}: {label(proc.rank.adj, phone.sdk)} {proc.rank.state:<4} "
            )
            known_as = f"{capabilities} {reference(proc)}".lstrip()
            yield f"{head}{known_as}{_doing(proc, phone.sdk)}"


def _doing(proc: Proc, sdk: int) -> str:
    words = (
        "activities|recents" if proc.activity else "client" if proc.owner_uid or proc.cause else ""
    )
    if sdk < 30:
        return f"  activity={words} " if words else ""
    return f" act:{words}" if words else ""


def lru(phone: Phone) -> str:
    """Print ``dumpsys activity lru``; before Android 10 there is no such command."""
    if phone.sdk < 29:
        return unknown("lru")
    indent = "  " if phone.sdk >= 30 else "    "
    rows = list(lru_rows(phone, indent))
    if phone.sdk < 30:
        rows = [row[2:] if row.endswith(":") else row for row in rows]
    return _joined(["ACTIVITY MANAGER LRU PROCESSES (dumpsys activity lru)", *rows])


def oom(phone: Phone) -> str:
    """Print ``dumpsys activity oom``."""
    lines = ["ACTIVITY MANAGER OOM (dumpsys activity oom)"] if phone.sdk < 29 else []
    return _joined([*lines, *_levels(phone.sdk), *_control(phone), *_places(phone)])


def processes(phone: Phone) -> str:
    """Print ``dumpsys activity processes``."""
    lines = [
        "ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)",
        "  All known processes:",
    ]
    for proc in phone.procs:
        lines += app_record(phone, proc)
    lines += ["", *_isolated(phone)]
    if phone.sdk >= 31:
        lines += [*_levels(phone.sdk), *_control(phone), *_places(phone)]
    lines += _uid_records(phone)
    if phone.sdk >= 31:
        lines += ["  Raw LRU list (dumpsys activity lru):", *lru_rows(phone, "    "), ""]
    lines += [
        f"  Process LRU list (sorted by oom_adj, {_counts(phone)}):",
        *_by_adj(phone, details=False),
        "",
    ]
    lines += ["  PID mappings:"]
    lines += [
        f"    PID #{proc.pid}: {record(proc)}"
        for proc in sorted(phone.procs, key=lambda proc: proc.pid)
    ]
    lines += ["", *_places(phone)]
    return _joined([*lines, f"  mAdjSeq={phone.adj_seq} mLruSeq={phone.lru_seq}"])


def unknown(word: str) -> str:
    return f"Bad activity command, or no activities match: {word}\nUse -h for help.\n"


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
