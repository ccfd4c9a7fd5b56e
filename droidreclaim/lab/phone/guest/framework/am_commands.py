"""``am`` (and ``cmd activity``): start, force-stop, kill, compact, send-trim-memory."""

import threading
import time
from typing import NamedTuple

from . import endings
from .apps import App, Process
from .links import AppGone
from .manager import ActivityManager
from .reply import Reply

TRIM_LEVELS = {
    "HIDDEN": 20,
    "RUNNING_MODERATE": 5,
    "BACKGROUND": 40,
    "RUNNING_LOW": 10,
    "MODERATE": 60,
    "RUNNING_CRITICAL": 15,
    "COMPLETE": 80,
}
_COMPACT_USAGE = {
    31: "",
    33: "  compact <process_name> <Package UID> [some|full]\n",
    34: "  compact [some|full] <process_name> [--user <USER_ID>]\n",
    35: "  compact {some|full} <PROCESS>\n  compact system\n  compact native {some|full} <pid>\n",
}


def run(am: ActivityManager, words: list[str], reply: Reply) -> int:
    """Run one ``am`` command and return its exit status."""
    verb, *rest = words or ["help"]
    if verb in ("start", "start-activity"):
        return _start(am, rest, reply)
    if verb in ("force-stop", "kill") and rest:
        (am.force_stop if verb == "force-stop" else am.kill_background)(rest[-1])
        return 0
    if verb in ("crash", "broadcast") and rest:
        return (_crash if verb == "crash" else _broadcast)(am, rest, reply)
    if verb == "memory-limiter" and am.limiter.on and rest == ["status"]:
        reply.out(am.limiter.status(am.processes()))
        return 0
    if verb == "send-trim-memory":
        return _trim(am, rest, reply)
    if verb == "compact" and am.sdk >= 32:
        return _compact(am, rest, reply)
    if verb == "help":
        reply.out(
            "Activity manager (activity) commands:\n"
            "  start [-W] [-n] <INTENT>\n  force-stop <PACKAGE>\n"
        )
        reply.out(
            "  kill <PACKAGE>\n  send-trim-memory [--user <USER_ID>] <PROCESS> <LEVEL>\n"
            + _compact_usage(am.sdk)
        )
        return 0
    reply.err(f"Unknown command: {verb}\n")
    return 255


def _crash(am: ActivityManager, words: list[str], reply: Reply) -> int:
    for process in am.find(words[-1]):
        endings.crash(am, process)
    return 0


def _broadcast(am: ActivityManager, words: list[str], reply: Reply) -> int:
    """Deliver to the package that ``-p`` names; ``am`` itself waits for the receivers."""
    said = dict(zip(words[::2], words[1::2], strict=False))
    package, action = said.get("-p", ""), said.get("-a", "")
    intent = f"Intent {{ act={action} flg=0x10400000 pkg={package} }}"
    reply.out(f"Broadcasting: {intent}\n")
    for process in am.processes(package):
        if process.main:
            endings.broadcast(am, process, intent)
    reply.out("Broadcast completed: result=0\n")
    return 0


def _compact_usage(sdk: int) -> str:
    return next(
        (text for low, text in sorted(_COMPACT_USAGE.items(), reverse=True) if sdk >= low), ""
    )


class Started(NamedTuple):
    """A launch as ``am start -W`` tells it; *on_top* when the app had the screen already."""

    component: str
    state: str
    total_ms: int
    wait_ms: int
    on_top: bool = False


def start_text(started: Started, sdk: int) -> str:
    """Print ``am start -W``; LaunchState came with Android 10, and ThisTime went."""
    lines = [f"Starting: Intent {{ cmp={started.component} }}"]
    if started.state == "HOT":
        brought = "its current task has been brought to the front"
        delivered = "intent has been delivered to currently running top-most instance."
        lines.append(f"Warning: Activity not started, {delivered if started.on_top else brought}")
    lines.append("Status: timeout" if started.state.startswith("UNKNOWN") else "Status: ok")
    lines += [f"LaunchState: {started.state}"] if sdk >= 29 else []
    lines.append(f"Activity: {started.component}")
    if not started.state.startswith("UNKNOWN"):
        lines += [f"ThisTime: {started.total_ms}"] if sdk < 29 else []
        lines.append(f"TotalTime: {started.total_ms}")
    return "\n".join([*lines, f"WaitTime: {started.wait_ms}", "Complete"]) + "\n"


def _start(am: ActivityManager, words: list[str], reply: Reply) -> int:
    user, words = _user(words)
    names = [word for word in words if not word.startswith("-")]
    target = names[-1] if names else ""
    package, _, name = target.partition("/")
    app = am.packages.of_user(package, user)
    if app is None or name not in ("", ".Main", f"{package}.Main"):
        return _no_activity(package, name, reply)
    if "-W" not in words:
        reply.out(f"Starting: Intent {{ cmp={app.component} }}\n")
        threading.Thread(target=_start_quietly, args=(am, app), daemon=True).start()
        return 0
    asked, top = time.monotonic(), am.top()
    try:
        launch = am.start_activity(app)
        state, total_ms = launch.state, launch.total_ms
    except AppGone:
        state, total_ms = "UNKNOWN (0)", 0
    wait_ms = max(total_ms, round((time.monotonic() - asked) * 1000))
    on_top = top is not None and top.app.key == app.key
    reply.out(start_text(Started(app.component, state, total_ms, wait_ms, on_top), am.sdk))
    return 0


def _user(words: list[str]) -> tuple[int, list[str]]:
    """Take ``--user N`` out of the words of a command."""
    if "--user" not in words[:-1]:
        return 0, words
    at = words.index("--user")
    user = int(words[at + 1]) if words[at + 1].isdecimal() else 0
    return user, words[:at] + words[at + 2 :]


def _no_activity(package: str, name: str, reply: Reply) -> int:
    full = f"{package}/{package}{name}" if name.startswith(".") else f"{package}/{name}"
    shown = f"cmp={package}/{name}" if name else f"pkg={package}"
    reply.out(f"Starting: Intent {{ {shown} }}\nError type 3\n")
    reply.out(f"Error: Activity class {{{full}}} does not exist.\n")
    return 1


def _start_quietly(am: ActivityManager, app: App) -> None:
    try:
        am.start_activity(app)
    except AppGone:
        return


def _trim(am: ActivityManager, words: list[str], reply: Reply) -> int:
    words = words[2:] if words[:1] == ["--user"] else words
    if len(words) != 2:
        reply.err("Error: Process name and level expected\n")
        return 255
    name, word = words
    level = TRIM_LEVELS.get(word, int(word) if word.isdigit() else -1)
    found = am.find(name)
    if level < 0 or not found:
        reply.err(
            f"Error: Unknown trim level: {word}\n"
            if level < 0
            else f"Error: Unknown process: {name}\n"
        )
        return 255
    process = next(
        (process for process in found if process.name == name or str(process.pid) == name), found[0]
    )
    # The texts are those of exceptions in ActivityManagerService.setProcessMemoryTrimLevel.
    if level <= process.trim_level:
        reply.err("Unable to set a higher trim level than current level\n")
        return 255
    if level >= TRIM_LEVELS["BACKGROUND"] and process is am.top():
        reply.err("Unable to set a background trim level on a foreground process\n")
        return 255
    am.trim(process, level)
    return 0


def _compact(am: ActivityManager, words: list[str], reply: Reply) -> int:
    """
    Compact as the shell command does: it says "Finished" and the work happens later, or never.

    Without ``use_compaction`` system_server has no handler for it: the shell sees an exception.
    """
    how, process = _compact_target(am, words)
    if how is None:
        reply.err("Error: unknown compaction type or process\n" + _compact_usage(am.sdk))
        return 255
    if optimizer(am)["use_compaction"] != "true":
        reply.err(
            "\nException occurred while executing 'compact':\njava.lang.NullPointerException\n"
        )
        return 255
    reply.out(f"Process record found pid: {process.pid if process else 0}\n")
    reply.out(f"Executing {how} compaction for {process.pid if process else 0}\n")
    if process is not None:
        threading.Thread(target=am.compactor.compact, args=(process, how), daemon=True).start()
    reply.out(f"Finished {how} compaction for {process.pid if process else 0}\n")
    return 0


def _compact_target(am: ActivityManager, words: list[str]) -> tuple[str | None, Process | None]:
    """Return how and whom to compact; the order of the words changed twice (interfaces.md 1.4)."""
    if am.sdk <= 33:
        name, uid, how = [*words, "", "", ""][:3]
        found = [process for process in am.find(name) if str(process.uid) == uid]
        how = how or "full"
    else:
        words = words[1:] if words[:1] == ["native"] else words
        how, name = [*words, "", ""][:2]
        found = am.find(name)
    if how not in ("some", "full") or len(found) != 1:
        return None, None
    return how, found[0]


def constants(am: ActivityManager) -> dict[str, str]:
    """Return the ActivityManager constants that mean something here."""
    return {
        "max_cached_processes": "32",
        "full_pss_min_interval": "1200000",
        "gc_timeout": "5000",
    } | {
        name: value
        for name, value in am.props.tables.get("activity_manager", {}).items()
        if name == "max_cached_processes"
    }


def optimizer(am: ActivityManager) -> dict[str, str]:
    """Return CachedAppOptimizer's settings: AOSP's defaults under what device_config says."""
    defaults = {
        "use_compaction": "true",
        "compact_throttle_1": "5000",
        "compact_throttle_2": "10000",
        "compact_throttle_3": "500",
        "compact_throttle_4": "10000",
        "compact_throttle_5": "600000",
        "compact_throttle_6": "600000",
        "compact_throttle_min_oom_adj": "900",
        "compact_throttle_max_oom_adj": "999",
        "compact_statsd_sample_rate": "0.1",
        "compact_full_rss_throttle_kb": "12000",
        "compact_full_delta_rss_throttle_kb": "8000",
        "use_freezer": "true" if am.freezer.on else "false",
    }
    if am.freezer.on:
        defaults["freeze_debounce_timeout"] = am.freezer.debounce_ms
    table = am.props.tables.get("activity_manager", {})
    return {name: table.get(name, value) for name, value in defaults.items()}
