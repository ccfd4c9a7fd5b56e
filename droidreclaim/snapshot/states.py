"""What ActivityManager's dump adds to a scan, and the map where there is no scan: captures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from droidreclaim.model import ActivityState, Memory, Process, band_of
from droidreclaim.parse.activity.dump import ProcessesDump
from droidreclaim.parse.activity.joined import RunningProcess, running_processes
from droidreclaim.parse.activity.rows import LruEntry, Phantom
from droidreclaim.parse.shell.ps import PsRow, toolbox_threads
from droidreclaim.snapshot.map import Snapshot, build, cached_by_state
from droidreclaim.snapshot.owners import Member

_UNKNOWN = Memory(None, None, None, None)


def members_of(dump: ProcessesDump) -> dict[int, Member]:
    """
    The processes of a dump by pid, phantom processes with their parents' packages; none that is
    still being started, and so has no pid.

    Raises:
        ParseError: the dump names no process.
    """
    running = {one.pid: _member(one) for one in running_processes(dump) if one.pid}
    phantoms = {one.pid: _phantom(one, running) for one in dump.phantoms if one.pid not in running}
    return running | phantoms


def members_of_lru(entries: Iterable[LruEntry]) -> dict[int, Member]:
    """The processes of ``dumpsys activity lru`` by pid; it does not name their packages."""
    return {
        one.ref.pid: Member(
            name=one.ref.name,
            uid=one.ref.uid,
            owner_uid=one.ref.owner_uid or one.ref.uid,
            packages=(),
            state=ActivityState(one.proc_state, one.adj if one.adj_exact else None, None, None),
            band_adj=one.adj,
        )
        for one in entries
        if one.ref.pid
    }


def owners_only(members: Mapping[int, Member]) -> dict[int, Member]:
    """Return *members* without states, where only their packages are wanted."""
    return {pid: replace(one, state=None) for pid, one in members.items()}


def captured(members: Mapping[int, Member], rows: Iterable[PsRow] = ()) -> Snapshot:
    """
    Build the map from captured text alone: rows of ``ps``, a dump, or both.

    What neither says is None. Processes have no start time, and their band is unknown unless the
    dump has an adj or the label of a band.
    """
    rows = list(rows)  # "ps -T" and toolbox's "-t" print a row a thread
    threads = toolbox_threads(rows)
    processes = {
        row.pid: _of_row(row)
        for row in rows
        if row.tid in (None, row.pid) and row.pid not in threads
    }
    seen = build(processes.values(), {}, members=members, names_do=True)
    named = tuple(_with_adj(one, members.get(one.pid)) for one in seen.processes)
    return with_unseen(Snapshot(named, {}), members)


def with_unseen(seen: Snapshot, members: Mapping[int, Member]) -> Snapshot:
    """Add to *seen* what only ActivityManager lists; the memory of these is unknown."""
    absent = {pid: _of_member(pid, one) for pid, one in members.items() if pid not in seen.by_pid}
    everybody = sorted((absent | seen.by_pid).items())
    return replace(seen, processes=tuple(one for _, one in everybody))


def with_uid(process: Process, members: Mapping[int, Member]) -> Process:
    """*process* with the uid that ActivityManager says, where its status could not be read."""
    member = members.get(process.pid)
    if process.uid is not None or member is None:
        return process
    with_uid = replace(process, uid=member.uid)
    return with_uid if member.is_about(with_uid) else process


def _member(one: RunningProcess) -> Member:
    state = ActivityState(
        proc_state=one.proc_state,
        adj=one.adj if one.adj_exact else None,
        why=one.why,
        frozen=one.frozen,
        held_by=one.held_by,
        trim_level=one.trim_level,
    )
    return Member(one.name, one.uid, one.owner_uid, one.packages, state, one.adj)


def _phantom(one: Phantom, running: Mapping[int, Member]) -> Member:
    parent = running.get(one.ppid)
    packages = parent.packages if parent else ()
    return Member(one.name, one.uid, one.uid, packages, ActivityState(None, None, None, None), None)


def _of_row(row: PsRow) -> Process:
    name = row.name or ""
    kernel_thread = name.startswith("[") and name.endswith("]")
    return Process(
        pid=row.pid,
        start_ticks=None,
        ppid=row.ppid,
        uid=row.uid,
        name=name,
        comm=name[-15:],
        packages=(),
        oom_score_adj=None,
        band=band_of(None),
        memory=replace(_UNKNOWN, rss_bytes=row.rss_bytes),
        kernel_thread=kernel_thread,
        zombie=row.state == "Z",
    )


def _of_member(pid: int, member: Member) -> Process:
    process = Process(
        pid=pid,
        start_ticks=None,
        ppid=None,
        uid=member.uid,
        name=member.name,
        comm=member.name[-15:],
        packages=(),
        oom_score_adj=None,
        band=band_of(None),
        memory=_UNKNOWN,
    )
    return _with_adj(
        build([process], {}, members={pid: member}, names_do=True).processes[0], member
    )


def _with_adj(process: Process, member: Member | None) -> Process:
    """Add a dump's adj and band to *process*; a bare label (``cch``) gives a band and no number."""
    if member is None or process.state is None:
        return process
    named = replace(
        process,
        name=max(process.name, member.name, key=len),
        oom_score_adj=process.state.adj,
        band=band_of(member.band_adj),
    )
    return cached_by_state(named)
