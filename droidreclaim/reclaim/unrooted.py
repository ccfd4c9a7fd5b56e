"""
What Android itself allows any adb shell: ``am compact`` and ``am send-trim-memory``.

The weaker tier. Both say they are done before anything has happened, or when nothing ever will, so
only what shows afterwards counts: the am_compact event, and the process's own memory.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from droidreclaim.device import Device
from droidreclaim.errors import DeviceError, NotPossible, ParseError, UsageError
from droidreclaim.helper.shell_info import device_info_without_root
from droidreclaim.model import (
    Advice,
    Memory,
    Outcome,
    Owner,
    Process,
    Reason,
    ReclaimResult,
    TargetResult,
    band_of,
)
from droidreclaim.parse.activity.dump import parse_processes
from droidreclaim.parse.activity.joined import RunningProcess, running_processes
from droidreclaim.parse.activity.settings import parse_settings
from droidreclaim.parse.kills.event_values import Compacted
from droidreclaim.parse.kills.events import parse_events
from droidreclaim.parse.kills.logcat import parse_logcat
from droidreclaim.parse.proc.process import parse_stat, parse_status
from droidreclaim.parse.text.answer import is_linker_warning
from droidreclaim.policy import Plan, choose
from droidreclaim.reclaim.engine import Finished, untold
from droidreclaim.reclaim.judge import judge, totals
from droidreclaim.reclaim.request import AM_COMPACT, Request
from droidreclaim.snapshot import Snapshot
from droidreclaim.units import plural

_T = TypeVar("_T")

COMPACT = AM_COMPACT
TRIM = "am_trim"

EVENT_DEADLINE_S = 10.0
_LOOK_EVERY_S = 0.5
_TRIM_SETTLES_S = 1.0  # onTrimMemory runs on the app's main thread, and frees as it likes
_CACHED_FLOOR = 900

# Each generation of the shell command, by how its help names the arguments: 12L and 13, 14, 15.
_BY_NAME_AND_UID = re.compile(r"^\s*compact <process_name> <Package UID>", re.M)
_BY_NAME = re.compile(r"^\s*compact \[some\|full\S*\] <process_name>", re.M)
_BY_PROCESS = re.compile(r"^\s*compact \{some\|full\} <PROCESS", re.M)


def run_unrooted(
    device: Device,
    request: Request,
    backend: str,
    *,
    timeout_s: float,
    progress: Callable[[str], None],
) -> Finished:
    """
    Do *request* through ActivityManager, one process after the other, until it is interrupted.

    Raises:
        UsageError: it wants what Android does not let anybody choose.
        NotPossible: this release has no such command, or compaction is switched off.
        NotAchieved: a named package or pid is not there.
        DeviceError: the device was lost or did not answer before anything was done.
    """
    shell = _Shell(device, timeout_s)
    if request.only or request.addresses or request.what != "anon" or request.dry_run:
        raise UsageError(f"{backend} cannot choose pages or count them first")
    if request.budget_bytes is not None or request.max_bytes_per_s is not None:
        raise UsageError(f"{backend} moves what Android decides: neither a budget nor a rate")
    syntax = _compact_syntax(shell) if backend == COMPACT else None
    plan = choose(Snapshot(_processes(shell), {}), request.selection)
    progress(f"{backend}: {plural(len(plan.targets), 'process', 'processes')}; Android decides")
    info = device_info_without_root(device, timeout_s=timeout_s)
    targets: list[TargetResult] = []
    ended_by: BaseException | None = None
    try:
        for process in plan.targets:
            targets.append(
                _trim(shell, process) if syntax is None else _compact(shell, process, syntax)
            )
    except (KeyboardInterrupt, DeviceError) as error:
        ended_by = error
        targets += [
            judge(process, untold(process, None if number == 0 else 0), request)
            for number, process in enumerate(plan.targets[len(targets) :])
        ]
    return Finished(info, _result(targets, plan, backend), ended_by)


class _Shell:
    """Commands of an adb shell, as text or as a reader of text takes them."""

    def __init__(self, device: Device, timeout_s: float) -> None:
        self.device = device
        self._timeout_s = timeout_s

    def text(self, *argv: str) -> str:
        """What it printed, whatever its exit status; stderr is none of it."""
        return self.device.run(argv, timeout_s=self._timeout_s).text

    def read(self, parse: Callable[[str], _T], *argv: str) -> _T:
        """What it printed, as *parse* reads it; raises ParseError with what stands in stderr."""
        return self.device.run(argv, timeout_s=self._timeout_s).read(parse)

    def lines(self, *argv: str) -> list[str]:
        """Every line that it said, to stderr too; the dynamic linker's are not its own."""
        done = self.device.run(argv, timeout_s=self._timeout_s)
        lines = [line.strip() for line in (done.text + "\n" + done.error_text).splitlines()]
        return [line for line in lines if line and not is_linker_warning(line)]


def compact_words(help_text: str) -> Callable[[Process], list[str]] | None:
    """How this release wants to be asked, from ``cmd activity help``; None when it cannot be."""
    if _BY_PROCESS.search(help_text):
        return lambda process: ["full", str(process.pid)]
    if _BY_NAME.search(help_text):
        return lambda process: ["full", process.name, "--user", str(process.user or 0)]
    if _BY_NAME_AND_UID.search(help_text):
        return lambda process: [process.name, str(process.uid), "full"]
    return None


def _compact_syntax(shell: _Shell) -> Callable[[Process], list[str]]:
    words = compact_words("\n".join(shell.lines("cmd", "activity", "help")))
    if words is None:
        raise NotPossible("this release has no 'am compact': it came with Android 12L")
    if shell.read(parse_settings, "dumpsys", "activity", "settings").use_compaction is False:
        raise NotPossible(
            "use_compaction is off on this device: 'am compact' would do nothing and say Finished"
        )
    return words


def _processes(shell: _Shell) -> tuple[Process, ...]:
    dump = shell.read(parse_processes, "dumpsys", "activity", "processes")
    return tuple(_process(one) for one in running_processes(dump) if one.pid)


def _process(one: RunningProcess) -> Process:
    return Process(
        pid=one.pid,
        start_ticks=None,
        ppid=None,
        uid=one.uid,
        name=one.name,
        comm=one.name[-15:],
        packages=one.packages,
        owner=Owner.ACTIVITY_MANAGER if one.packages else Owner.UNPROVEN,
        oom_score_adj=one.adj,
        band=band_of(one.adj),
        memory=Memory(None, None, None, None),
    )


def _compact(
    shell: _Shell, process: Process, words: Callable[[Process], list[str]]
) -> TargetResult:
    """Ask, and wait for the event that alone proves it."""
    known = len(_compactions(shell, process.pid))
    began = time.monotonic()
    said = shell.lines("cmd", "activity", "compact", *words(process))
    while time.monotonic() < began + EVENT_DEADLINE_S:
        events = _compactions(shell, process.pid)
        if len(events) > known:
            return compacted(process, events[-1], time.monotonic() - began)
        time.sleep(_LOOK_EVERY_S)
    advice = _advice(process, None, None, 0, time.monotonic() - began)
    detail = f"no am_compact event in {EVENT_DEADLINE_S:g} s"
    if any("Exception" in line or "Error" in line for line in said):
        detail += f"; it said {said[-1][:100]!r}"
    return _nothing(process, advice, detail)


def _compactions(shell: _Shell, pid: int) -> list[Compacted]:
    text = shell.text("logcat", "-b", "events", "-d", "-v", "threadtime", "-s", "am_compact")
    try:
        events = parse_events(parse_logcat(text))
    except ParseError:
        return []  # an empty log
    return [event for event in events if isinstance(event, Compacted) and event.pid == pid]


def compacted(process: Process, event: Compacted, took_s: float) -> TargetResult:
    """One target as the event tells it."""
    before = _memory_of(event.before_bytes, {})
    after = _memory_of(event.before_bytes, event.delta_bytes)
    fall = -event.delta_bytes.get("rss", 0)
    advice = _advice(process, before, after, fall, took_s)
    if fall > 0:
        return TargetResult(process, advice, Outcome.RECLAIMED, None)
    return _nothing(process, advice, f"{event.action} moved nothing")


def _nothing(process: Process, advice: Advice, detail: str) -> TargetResult:
    return TargetResult(process, advice, Outcome.NOTHING, Reason.NOT_PROVEN, detail)


def _memory_of(sizes: Mapping[str, int], delta: Mapping[str, int]) -> Memory:
    values = {key: sizes[key] + delta.get(key, 0) for key in sizes}
    return Memory(values.get("rss"), values.get("anon"), values.get("file"), values.get("swap"))


def _trim(shell: _Shell, process: Process) -> TargetResult:
    """Have the app give up what it can rebuild, and see by how much it shrank."""
    before, start_ticks = _memory(shell, process.pid)
    process = replace(process, start_ticks=start_ticks)
    level = "COMPLETE" if (process.oom_score_adj or 0) >= _CACHED_FLOOR else "MODERATE"
    began = time.monotonic()
    user = str(process.user or 0)
    said = shell.lines("am", "send-trim-memory", "--user", user, str(process.pid), level)
    time.sleep(_TRIM_SETTLES_S)
    after, _ = _memory(shell, process.pid)
    fall = (before.rss_bytes or 0) - (after.rss_bytes or 0)
    advice = _advice(process, before, after, fall, time.monotonic() - began)
    if said:
        return TargetResult(process, advice, Outcome.NOTHING, Reason.DENIED, said[-1][:200])
    if before.rss_bytes is None or after.rss_bytes is None:
        return _nothing(process, advice, "a shell may not see what this process holds")
    if fall <= 0:
        return _nothing(process, advice, "asked, and it gave up nothing")
    return TargetResult(process, advice, Outcome.RECLAIMED, None)


def _memory(shell: _Shell, pid: int) -> tuple[Memory, int | None]:
    """What a process holds and its start time; unknown where a shell may not look."""
    try:
        status = parse_status(shell.text("cat", f"/proc/{pid}/status"))
        stat = parse_stat(shell.text("cat", f"/proc/{pid}/stat"))
    except ParseError:
        return Memory(None, None, None, None), None
    sizes = status.sizes_bytes
    memory = Memory(
        sizes.get("VmRSS"), sizes.get("RssAnon"), status.rss_file_bytes, status.swap_bytes
    )
    return memory, stat.start_ticks


def _advice(
    process: Process, before: Memory | None, after: Memory | None, fall: int, took_s: float
) -> Advice:
    """In the form of the helper's; nobody tells what was advised, so what moved stands there."""
    return Advice(
        pid=process.pid,
        start=process.start_ticks or 0,
        outcome="advised" if fall > 0 else "nothing",
        reason=None,
        advised_bytes=max(0, fall),
        exclusive_bytes=None,
        shared_bytes=None,
        swapped_bytes=None,
        refused=(),
        adj=process.oom_score_adj,
        frozen=None,
        steps=0,
        longest_us=0,
        duration_us=round(took_s * 1e6),
        before=before,
        after=after,
        major_faults=None,
        approximate=True,
    )


def _result(targets: Iterable[TargetResult], plan: Plan, backend: str) -> ReclaimResult:
    every = tuple(targets)
    # What zram took a shell may not see, so what was gained is not known.
    sums = replace(totals(every, None), gained_bytes=None)
    return ReclaimResult(
        backend=backend,
        how="trim" if backend == TRIM else "pageout",
        dry_run=False,
        targets=every,
        skipped=plan.skipped,
        swap=None,
        totals=sums,
    )
