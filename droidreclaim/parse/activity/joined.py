"""The processes of one activity dump, each once, from its records, rows and pid map together."""

from __future__ import annotations

from dataclasses import dataclass

from droidreclaim.errors import ParseError
from droidreclaim.model import FIRST_APP_ZYGOTE_ID
from droidreclaim.parse.activity.dump import PROCESSES, ProcessesDump
from droidreclaim.parse.activity.records import ProcessRecord
from droidreclaim.parse.activity.rows import ProcessRef, ProcessRow
from droidreclaim.parse.text.uids import app_id_of, user_of


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """
    What ActivityManager says of a process; None where the dump had no such part.

    Attributes:
        pid: 0 while it is being started.
        uid: The uid it runs under; *owner_uid* that of its app, where it is isolated.
        packages: From the record alone; empty when the dump had only rows.
        adj: Exact when *adj_exact*, else the floor of its band.
        set_adj: What lmkd was told last.
        proc_state: Short name (``TOP``, ``CEM``); they differ between releases.
        why: Reason for the adj.
        held_by: What of it is bound, and by which process; None where nothing is.
        trim_level: Last onTrimMemory level sent, 0 for none.
    """

    pid: int
    name: str
    uid: int | None
    owner_uid: int | None
    isolated: bool
    persistent: bool
    packages: tuple[str, ...]
    adj: int | None
    adj_exact: bool
    set_adj: int | None
    proc_state: str | None
    label: str | None
    why: str | None
    frozen: bool | None
    hosting_types: int | None
    held_by: str | None = None
    trim_level: int = 0

    @property
    def user(self) -> int | None:
        """Android user it runs for."""
        return None if self.uid is None else user_of(self.uid)


def running_processes(dump: ProcessesDump) -> tuple[RunningProcess, ...]:
    """
    Join the parts of *dump* by pid and name: records first, then rows, then bare references.

    Raises:
        ParseError: the dump names no process, though its title may count some (seen on
            Android 12); that is not a device without processes.
    """
    records = {(one.ref.pid, one.ref.name): one for one in dump.records}
    rows = {(one.ref.pid, one.ref.name): one for one in dump.rows}
    refs = {(one.pid, one.name): one for one in (*dump.isolated, *dump.pids)}
    refs |= {(one.ref.pid, one.ref.name): one.ref for one in dump.lru}
    refs |= {key: row.ref for key, row in rows.items()}
    refs |= {key: record.ref for key, record in records.items()}
    if not refs:
        counted = f"{dump.announced_rows or 0} processes announced, none listed"
        raise ParseError(PROCESSES, 1, "", hint=counted)
    ordered = dict.fromkeys((*records, *rows, *refs))
    return tuple(_join(refs[key], records.get(key), rows.get(key)) for key in ordered)


def _join(ref: ProcessRef, record: ProcessRecord | None, row: ProcessRow | None) -> RunningProcess:
    uid = record.uid if record else ref.uid
    set_adj = None
    if record is not None:  # "set" is what the kernel has, "cur" what it will have
        set_adj = record.cur_adj if record.set_adj is None else record.set_adj
    exact = set_adj is not None
    return RunningProcess(
        pid=ref.pid,
        name=ref.name,
        uid=uid,
        owner_uid=record.owner_uid if record else ref.owner_uid or uid,
        isolated=uid is not None and app_id_of(uid) >= FIRST_APP_ZYGOTE_ID,
        persistent=record.persistent if record else row is not None and row.persistent,
        packages=record.packages if record else (),
        adj=set_adj if exact else row.adj if row else None,
        adj_exact=exact or (row is not None and row.adj_exact),
        set_adj=record.set_adj if record else None,
        proc_state=row.proc_state if row else None,
        label=row.label if row else None,
        why=row.why if row else None,
        frozen=record.frozen if record else None,
        hosting_types=record.hosting_types if record else None,
        held_by=_held_by(row),
        trim_level=row.trim_level if row else 0,
    )


def _held_by(row: ProcessRow | None) -> str | None:
    if row is None or not row.target:
        return None
    target = "" if row.target == "{null}" else row.target
    holder = f"by {row.client.name} (pid {row.client.pid})" if row.client else "by another process"
    return f"{target} {holder}".strip()
