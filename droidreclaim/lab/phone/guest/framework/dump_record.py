"""A process as ``dumpsys activity processes`` describes it, and its short forms elsewhere."""

from collections.abc import Iterator

from .oomadj import state_number
from .records import Phone, Proc
from .text import FIRST_APP_UID, FIRST_ISOLATED_UID, USER_UIDS, duration, size, user


def reference(proc: Proc) -> str:
    """Return ``4321:com.example.game/u0a90``."""
    return f"{proc.pid}:{proc.name}/{user(proc.uid, proc.owner_uid)}"


def record(proc: Proc) -> str:
    return f"ProcessRecord{{{proc.identity:x} {reference(proc)}}}"


def activity(proc: Proc, sdk: int) -> str:
    """Return the ActivityRecord of *proc*; Android 12 and 13 close its brace twice."""
    brace = "}" if sdk in (31, 32, 33) else ""
    return f"ActivityRecord{{{proc.identity ^ 0x5A5A5:x} u0 {proc.activity}{brace} t{proc.task}}}"


def word(value: bool) -> str:
    return "true" if value else "false"


def app_record(phone: Phone, proc: Proc) -> Iterator[str]:
    """Return the lines of one process; Android 9 and older have other lines."""
    yield f"  *{'PERS' if proc.persistent else 'APP'}* UID {proc.uid} {record(proc)}"
    yield f"    user #{proc.uid // USER_UIDS} {_uids(proc)}"
    if phone.sdk <= 28:
        yield from _record_of_android_9(phone, proc)
    else:
        yield from _record_of_android_13(phone, proc)


def _uids(proc: Proc) -> str:
    owner = proc.owner_uid if proc.owner_uid is not None else proc.uid
    isolated = f" ISOLATED uid={proc.uid}" if proc.owner_uid is not None else ""
    app = proc.uid % USER_UIDS
    own = FIRST_APP_UID <= app < FIRST_ISOLATED_UID
    gids = f"{50000 + app % 10000}, {20000 + app % 10000}, 9997" if own else ""
    return f"uid={owner}{isolated} gids={{{gids}}}"


def _where(proc: Proc) -> Iterator[str]:
    yield f"    dir={proc.apk} publicDir={proc.apk} data=/data/user/0/{proc.packages[0]}"
    yield f"    packageList={{{', '.join(proc.packages)}}}"
    yield "    compat={240dpi always-compat}"
    yield f"    thread=android.app.IApplicationThread$Stub$Proxy@{proc.identity ^ 0x33CC:x}"


def _record_of_android_9(phone: Phone, proc: Proc) -> Iterator[str]:
    adj, state = proc.rank.adj, state_number(proc.rank.state, phone.sdk)
    idle = duration(proc.active_s - phone.uptime_s)
    highest = adj if proc.persistent else 1001
    yield "    requiredAbi=x86_64 instructionSet=x86_64"
    yield from _where(proc)
    yield f"    pid={proc.pid} starting=false"
    yield (
        f"    lastActivityTime={idle} lastPssTime={idle} pssStatType=0"
        f" nextPssTime={duration(phone.uptime_s)}"
    )
    yield (
        f"    adjSeq={phone.adj_seq} lruSeq={proc.lru_seq} lastPss={size(proc.pss_bytes)}"
        f" lastSwapPss={size(proc.swap_bytes)}"
        f" lastCachedPss={size(proc.pss_bytes if adj >= 700 else 0)} lastCachedSwapPss=0.00"
    )
    yield f"    cached={word(adj >= 900)} empty={word(proc.activity is None)}"
    yield f"    oom: max={highest} curRaw={adj} setRaw={adj} cur={adj} set={adj}"
    yield (
        f"    curSchedGroup=0 setSchedGroup=0 systemNoUi=false trimMemoryLevel={proc.trim_level}"
    )
    yield (
        f"    curProcState={state} repProcState={state} pssProcState={state} setProcState={state}"
        f" lastStateTime={idle}"
    )
    if proc.persistent:
        yield "    persistent=true removed=false"
    yield f"    startSeq={proc.start_seq}"
    if proc.activity:
        yield "    Activities:"
        yield f"      - {activity(proc, phone.sdk)}"


def _times(phone: Phone, proc: Proc) -> Iterator[str]:
    age, idle = proc.started_s - phone.uptime_s, proc.active_s - phone.uptime_s
    yield (
        f"    lastActivityTime={duration(idle)}    startUptimeTime={duration(age)}"
        f"    startElapsedTime={duration(age)}"
    )


def _record_of_android_13(phone: Phone, proc: Proc) -> Iterator[str]:
    adj, state = proc.rank.adj, state_number(proc.rank.state, phone.sdk)
    yield "    mRequiredAbi=x86_64 instructionSet=x86_64"
    yield from _where(proc)
    yield f"    pid={proc.pid}"
    yield from _times(phone, proc)
    if proc.persistent:
        yield "    persistent=true removed=false"
    yield f"    startSeq={proc.start_seq}"
    yield "    mountMode=INSTALLER"
    yield (
        f"    lastPss={size(proc.pss_bytes)} lastSwapPss={size(proc.swap_bytes)} lastCachedPss="
        f"{size(proc.pss_bytes if adj >= 700 else 0)} lastCachedSwapPss=0.00"
        f" lastRss={size(proc.rss_bytes)}"
    )
    yield f"    trimMemoryLevel={proc.trim_level}"
    yield f"    adjSeq={phone.adj_seq} lruSeq={proc.lru_seq}"
    highest = adj if proc.persistent else 1001
    raw = proc.rank.raw_adj
    yield f"    oom adj: max={highest} curRaw={raw} setRaw={raw} cur={adj} set={adj}"
    yield "    mCurSchedGroup=0 setSchedGroup=0 systemNoUi=false"
    yield (
        f"    curProcState={state} mRepProcState={state} setProcState={state} lastStateTime="
        + duration(proc.active_s - phone.uptime_s)
    )
    yield f"    curCapability={proc.rank.capabilities} setCapability={proc.rank.capabilities}"
    yield ""
    if proc.activity:
        yield "    hasShownUi=true pendingUiClean=true"
    yield f"    cached={word(proc.rank.cached)} empty={word(proc.activity is None)}"
    if proc.activity and phone.top_pid == proc.pid:
        yield "    foregroundActivities=true (rep=true)"
    yield "    lastCompactTime=0 lastCompactAction=0"
    yield (
        "    hasPendingCompaction=false    isFreezeExempt=false isPendingFreeze=false"
        f" isFrozen={word(proc.frozen)}"
    )
    if proc.activity:
        yield "    Activities:"
        yield f"      - {activity(proc, phone.sdk)}"
