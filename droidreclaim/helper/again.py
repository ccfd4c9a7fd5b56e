"""A scan again and again, in short: what changed of processes that the last one told of."""

from __future__ import annotations

from dataclasses import replace

from droidreclaim.errors import ParseError
from droidreclaim.helper import wire
from droidreclaim.helper.protocol import Reply
from droidreclaim.helper.verbs import Call, Scan, memory_of, process_of, ranked
from droidreclaim.model import CACHED_ADJ, Process, ProcessId, band_of

SCAN_AGAIN: Call = ("scan", {"again": 1})
_AID_SYSTEM = 1000  # android_filesystem_config.h


def scan_again_of(reply: Reply, before: Scan) -> Scan:
    """
    The processes of a `SCAN_AGAIN`, with what *before* knows of them.

    It tells nothing of root's own, which may have ended by now; kernel threads are left out.

    Raises:
        ParseError: it tells in short of a process that *before* has not.
    """
    known = {one.id: one for one in before.processes}
    processes = [process_of(line) for line in wire.lines_of(reply, "proc", wire.Proc)]
    for line in wire.lines_of(reply, "again", wire.Again):
        old = known.get(ProcessId(line.pid, line.start))
        if old is None:
            raise ParseError("helper", 1, f"{line.pid}", hint="a process that no scan told of")
        processes.append(_again(old, line))
    scanned = {one.pid for one in processes}
    processes += [one for one in before.processes if _is_root(one) and one.pid not in scanned]
    unreadable = wire.only_line_of(reply, "unreadable", wire.Unreadable)
    ordered = sorted(processes, key=lambda process: process.pid)
    return Scan(ranked(reply, ordered), before.packages_list, unreadable.count, unreadable.errno)


def _is_root(process: Process) -> bool:
    """Whether it runs under a uid that is neither an app's nor Android's system's."""
    return not process.kernel_thread and process.uid is not None and process.uid < _AID_SYSTEM


def _again(old: Process, line: wire.Again) -> Process:
    """*old* as the line says that it is now, not yet attributed to packages."""
    return replace(
        old,
        oom_score_adj=line.adj,
        band=band_of(CACHED_ADJ if line.app_frozen else line.adj),
        memory=memory_of(line),
        zombie=line.state == "Z",
        cached_anyway=line.app_frozen,
    )
