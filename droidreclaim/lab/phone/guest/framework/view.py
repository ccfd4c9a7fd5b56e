"""Takes the picture of the phone that the dumps print."""

import os
import time
from collections.abc import Iterable

from . import memory, oomadj
from .apps import UNRANKED, Process
from .dump_record import reference
from .oomadj import Role
from .records import Package, Proc

SYSTEM_UID = 1000
_SYSTEM_IDENTITY = 0x5AC61CD
_STARTED_S = time.monotonic()


def proc(process: Process, owner: Process | None = None) -> Proc:
    """Return one process as it is now; *owner* is the main process of its app."""
    app = process.app
    cause = None
    if not process.main and owner is not None:
        cause = f"{app.name}/.Service<=Proc{{{reference(proc(owner))}}}"
    used = memory.status(process.pid)
    return Proc(
        pid=process.pid,
        name=process.name,
        uid=process.uid,
        rank=process.rank or UNRANKED,
        identity=process.identity,
        packages=(app.name,),
        apk=app.package.apk,
        owner_uid=app.uid if process.uid != app.uid else None,
        persistent=app.persistent,
        activity=app.component if process.activity else None,
        task=process.task,
        cause=cause,
        started_s=process.started_s,
        active_s=process.active_s,
        pss_bytes=used.anon_bytes,
        rss_bytes=used.rss_bytes,
        swap_bytes=used.swap_bytes,
        trim_level=process.trim_level,
        start_seq=process.sequence,
        lru_seq=process.sequence,
        frozen=process.frozen,
    )


def system(packages: Iterable[Package], sdk: int) -> Proc:
    """Return the framework itself, which dumps call ``system``."""
    used = memory.status(os.getpid())
    return Proc(
        pid=os.getpid(),
        name="system",
        uid=SYSTEM_UID,
        rank=oomadj.rank([Role(0, system=True)], sdk)[0],
        identity=_SYSTEM_IDENTITY,
        packages=tuple(package.name for package in packages if package.uid == SYSTEM_UID),
        apk="/system/framework/framework-res.apk",
        persistent=True,
        started_s=_STARTED_S,
        active_s=_STARTED_S,
        pss_bytes=used.anon_bytes,
        rss_bytes=used.rss_bytes,
        swap_bytes=used.swap_bytes,
    )
