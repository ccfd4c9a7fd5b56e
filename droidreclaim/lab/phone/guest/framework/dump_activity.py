"""``dumpsys activity activities|exit-info|lmk|settings``, focus of ``dumpsys window``."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from .dump_record import activity, record
from .records import Exit, Phone, Proc
from .text import USER_UIDS, size

REASONS = {  # ApplicationExitInfo.REASON_*; formats.md 18
    1: "EXIT_SELF",
    2: "SIGNALED",
    3: "LOW_MEMORY",
    4: "APP CRASH(EXCEPTION)",
    6: "ANR",
    9: "EXCESSIVE RESOURCE USAGE",
    10: "USER REQUESTED",
    13: "OTHER KILLS BY SYSTEM",
    14: "FREEZER",
}
SUBREASONS = {
    0: "UNKNOWN",
    2: "TOO MANY CACHED PROCS",
    3: "TOO MANY EMPTY PROCS",
    7: "EXCESSIVE CPU USAGE",
    17: "ISOLATED NOT NEEDED",
    20: "FREEZER BINDER TRANSACTION",
    21: "FORCE STOP",
    24: "KILL BACKGROUND",
}
EXITS_A_PACKAGE = 16
_LMK_LEVELS = (999, 900, 800, 700, 600, 500, 400, 300, 250, 200, 100, 0)


def lmk(kills_by_adj: Mapping[int, int]) -> str:
    """Print ``dumpsys activity lmk`` from the number of kills at each oom_score_adj."""
    lines = ["ACTIVITY MANAGER LMK KILLS (dumpsys activity lmk)"]
    lines.append(f"  Total number of kills: {sum(kills_by_adj.values())}")
    for level in _LMK_LEVELS:
        kills = sum(count for adj, count in kills_by_adj.items() if adj <= level)
        lines.append(f"    kills at or below oom_adj {level}: {kills}")
    return "\n".join(lines) + "\n"


def exit_info(
    exits: Iterable[Exit], persisted: str, stamp: Callable[[float], str], package: str | None = None
) -> str:
    """
    Print ``dumpsys activity exit-info``, newest first in each package.

    Args:
        exits: Oldest first.
        persisted: When the list was last written to storage, as printed.
        stamp: Turns wall clock seconds into ``2025-12-09 16:07:59.730``.
    """
    by_package: dict[str, list[Exit]] = {}
    for gone in exits:
        for name in gone.packages:
            by_package.setdefault(name, []).insert(0, gone)
    lines = ["ACTIVITY MANAGER PROCESS EXIT INFO (dumpsys activity exit-info)"]
    lines.append(f"Last Timestamp of Persistence Into Persistent Storage: {persisted}")
    for name, gone_ones in by_package.items():
        if package in (None, name):
            lines += _exits(name, gone_ones[:EXITS_A_PACKAGE], stamp)
    return "\n".join(lines) + "\n"


def _exits(package: str, exits: list[Exit], stamp: Callable[[float], str]) -> Iterator[str]:
    yield f"  package: {package}"
    yield f"    Historical Process Exit for uid={exits[0].package_uid}"
    for number, gone in enumerate(exits):
        uid = gone.package_uid
        yield f"        ApplicationExitInfo #{number}:"
        yield (
            f"          timestamp={stamp(gone.at_s)} pid={gone.pid} realUid={gone.uid}"
            f" packageUid={uid} definingUid={uid} user={uid // USER_UIDS}"
        )
        yield (
            f"          process={gone.process} reason={gone.reason} ({REASONS[gone.reason]})"
            f" subreason={gone.subreason} ({SUBREASONS[gone.subreason]}) status={gone.status}"
        )
        yield (
            f"          importance={gone.importance} pss={size(gone.pss_bytes)}"
            f" rss={size(gone.rss_bytes)} description={gone.description or 'null'}"
            " state=empty trace=null"
        )


def _task(proc: Proc, shown: bool) -> str:
    home = proc.rank.state == "HOME" or proc.task == 1
    kind = (
        f"type=home I={proc.activity}" if home else f"type=standard A={proc.uid}:{proc.packages[0]}"
    )
    visible = "true" if shown else "false"
    return (
        f"Task{{{proc.identity ^ 0x1234:x} #{proc.task} {kind} U=0 visible={visible}"
        f" visibleRequested={visible} mode=fullscreen"
        f" translucent={'false' if shown else 'true'} sz=1}}"
    )


def _activity(phone: Phone, proc: Proc) -> Iterator[str]:
    shown = phone.top_pid == proc.pid
    known_as = activity(proc, phone.sdk)
    yield f"  * {_task(proc, shown)}"
    if shown:
        yield f"    mResumedActivity: {known_as}"
    else:
        yield f"    mLastPausedActivity: {known_as}"
    yield f"    * Hist  #0: {known_as}"
    yield f"      packageName={proc.packages[0]} processName={proc.name}"
    yield (
        "      launchedFromUid=2000 launchedFromPackage=com.android.shell"
        " launchedFromFeature=null userId=0"
    )
    yield f"      app={record(proc)}"
    yield f"      Intent {{ act=android.intent.action.MAIN flg=0x10000000 cmp={proc.activity} }}"
    yield f"      rootOfTask=true task={_task(proc, shown)}"
    yield f"      taskAffinity={proc.uid}:{proc.packages[0]}"
    yield f"      mActivityComponent={proc.activity}"
    yield f"      baseDir={proc.apk}"
    yield f"      dataDir=/data/user/0/{proc.packages[0]}"
    state = "RESUMED stopped=false" if shown else "STOPPED stopped=true"
    yield f"      state={state} delayedResume=false finishing=false"
    yield ""


def _stack(phone: Phone, proc: Proc) -> Iterator[str]:
    """Print one task as Android 9 and 10 did, in a stack of its own."""
    known_as, name = activity(proc, phone.sdk), proc.packages[0]
    held_as = f"{proc.identity ^ 0x1234:x} #{proc.task} A={name} U=0 StackId={proc.task} sz=1"
    task = f"TaskRecord{{{held_as}}}"
    yield f"  Stack #{proc.task}: type=standard mode=fullscreen"
    yield "  isSleeping=false"
    yield f"    Task id #{proc.task}"
    yield f"    * {task}"
    yield f"      affinity={name}"
    yield f"      realActivity={proc.activity}"
    yield f"      Activities=[{known_as}]"
    yield f"      mRootProcess={record(proc)}"
    yield f"      stackId={proc.task}"
    yield f"      * Hist #0: {known_as}"
    yield f"          packageName={name} processName={proc.name}"
    yield f"          app={record(proc)}"
    yield f"          frontOfTask=true task={task}"
    yield f"          taskAffinity={name}"
    yield f"          realActivity={proc.activity}"
    yield f"          baseDir={proc.apk}"
    yield f"          dataDir=/data/user/0/{name}"
    yield ""
    yield "    Running activities (most recent first):"
    yield f"      {task}"
    yield f"        Run #0: {known_as}"
    yield ""
    shown = "mResumedActivity" if phone.top_pid == proc.pid else "mLastPausedActivity"
    yield f"    {shown}: {known_as}"
    yield ""


def _activities_in_stacks(phone: Phone) -> str:
    lines = [
        "ACTIVITY MANAGER ACTIVITIES (dumpsys activity activities)",
        "Display #0 (activities from top to bottom):",
        "",
    ]
    with_activity = [proc for proc in phone.procs if proc.activity]
    for proc in with_activity:
        lines += _stack(phone, proc)
    top = [proc for proc in with_activity if proc.pid == phone.top_pid]
    lines += [f"  ResumedActivity: {activity(proc, phone.sdk)}" for proc in top]
    return "\n".join(lines) + "\n"


def activities(phone: Phone) -> str:
    """Print ``dumpsys activity activities``: tasks from top to bottom, then who has the screen."""
    if phone.sdk <= 29:
        return _activities_in_stacks(phone)
    lines = ["ACTIVITY MANAGER ACTIVITIES (dumpsys activity activities)"]
    lines.append("Display #0 (activities from top to bottom):")
    with_activity = [proc for proc in phone.procs if proc.activity]
    for proc in with_activity:
        lines += _activity(phone, proc)
    lines.append("  Resumed activities in task display areas (from top to bottom):")
    top = next(
        (activity(proc, phone.sdk) for proc in with_activity if proc.pid == phone.top_pid), None
    )
    if top:
        lines += [f"    Resumed: {top}", "", f"  ResumedActivity: {top}", ""]
    lines.append("ActivityTaskSupervisor state:")
    if top:
        lines += [f"  topResumedActivity={top}", f"  mFocusedApp={top}"]
    return "\n".join(lines) + "\n"


def window(phone: Phone) -> str:
    """Print the lines of ``dumpsys window`` that say what has the focus."""
    top = next((proc for proc in phone.procs if proc.pid == phone.top_pid and proc.activity), None)
    lines = ["WINDOW MANAGER DISPLAY CONTENTS (dumpsys window displays)"]
    if top is None or top.activity is None:
        return "\n".join([*lines, "  mCurrentFocus=null"]) + "\n"
    package, _, name = top.activity.partition("/")
    full = f"{package}/{package}{name}" if name.startswith(".") else top.activity
    lines.append(f"  mCurrentFocus=Window{{{top.identity ^ 0x9999:x} u0 {full}}}")
    lines.append(f"  mFocusedApp={activity(top, phone.sdk)}")
    return "\n".join(lines) + "\n"


def settings(
    sdk: int,
    constants: Mapping[str, str],
    optimizer: Mapping[str, str],
    counts: Mapping[str, int],
    frozen: Sequence[Proc] = (),
) -> str:
    """
    Print ``dumpsys activity settings``; *counts* are the compactions done, ``some`` and ``full``.

    Before Android 10 there was no compaction to print.
    """
    lines = ["ACTIVITY MANAGER SETTINGS (dumpsys activity settings) activity_manager_constants:"]
    lines += [f"  {name}={value}" for name, value in constants.items()]
    if sdk < 29:
        return "\n".join(lines) + "\n"
    some, full = counts.get("some", 0), counts.get("full", 0)
    done = f"{some} some, {full} full, 0 persistent, 0 BFGS compactions."
    lines += ["", "AppCompactor settings" if sdk == 29 else "CachedAppOptimizer settings"]
    lines += [f"  {name}={value}" for name, value in optimizer.items() if "freez" not in name]
    if sdk >= 33:
        lines += [
            f" Requested:  {done}",
            f" Performed: {done}",
            f" Process Compactions Requested: {some + full}",
        ]
        lines += [
            f" Process Compactions Performed: {some + full}",
            " Process Compactions Throttled: 0",
        ]
    else:
        lines.append(f"  {done}")
    lines.append(f"  Tracking last compaction stats for {counts.get('processes', 0)} processes.")
    lines += [f"  {name}={value}" for name, value in optimizer.items() if "freez" in name]
    lines += [f"  Apps frozen: {len(frozen)}"] if sdk >= 30 else []
    lines += [f"    {round(proc.active_s * 1000)}: {proc.pid} {proc.name}" for proc in frozen]
    return "\n".join(lines) + "\n"
