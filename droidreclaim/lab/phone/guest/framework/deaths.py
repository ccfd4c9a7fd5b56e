"""Who has died and why: exit records, lmkd's count, and the lines in the log."""

import os
import threading
import time
from collections import Counter, deque

from .apps import UNRANKED, Process
from .endings import APP_CRASH
from .lmkd import Kill
from .log import Log, Source
from .oomadj import state_number
from .records import Exit
from .text import label

SIGKILL = 9
EXITS_KEPT = 400
# lmkd tells of a kill before it sends the signal, but on another socket than the one on which the
# zygote tells of the death: wait for the slower one.
REPORT_WAIT_S = 0.3
_EXIT_SELF, _SIGNALED, _LOW_MEMORY = 1, 2, 3
_IMPORTANCE = (
    (600, 400),
    (500, 300),
    (200, 230),
    (100, 200),
)  # lowest adj, as exit records show it


class Deaths:
    """Takes the reports of the zygote and of lmkd and makes one record of both."""

    def __init__(self, log: Log, sdk: int) -> None:
        self.exits: deque[Exit] = deque(maxlen=EXITS_KEPT)
        self.kills_by_adj: Counter[int] = Counter()
        self._log = log
        self._sdk = sdk
        self._reports: dict[int, Kill] = {}
        self._told = threading.Condition()

    def lmkd_kills(self, kill: Kill) -> None:
        with self._told:
            self._reports[kill.pid] = kill
            self.kills_by_adj[kill.adj] += 1
            self._told.notify_all()

    def await_report(self, process: Process) -> Kill | None:
        """Return lmkd's report on a process that died by SIGKILL, or None when it was another."""
        with self._told:
            if process.why_killed is None:
                self._told.wait_for(lambda: process.pid in self._reports, REPORT_WAIT_S)
            return self._reports.pop(process.pid, None)

    def record(self, process: Process, status: int) -> None:
        """Write down the end of *process*, *status* as wait(2) gives it."""
        signal = status & 0x7F
        report = self.await_report(process) if signal == SIGKILL else None
        reason, subreason, description = process.why_killed or (_SIGNALED, 0, None)
        if report is not None:
            reason, subreason, description = _LOW_MEMORY, 0, None
        elif not signal:
            reason, subreason, description = _EXIT_SELF, 0, None
        shown = status >> 8 & 0xFF if reason == _EXIT_SELF else signal if reason == _SIGNALED else 0
        rank = process.rank or UNRANKED
        rss_bytes = report.rss_bytes if report else 0
        self.exits.append(
            Exit(
                at_s=time.time(),
                pid=process.pid,
                uid=process.uid,
                package_uid=process.app.uid,
                process=process.name,
                packages=(process.app.name,),
                reason=reason,
                subreason=subreason,
                status=shown,
                importance=next((value for low, value in _IMPORTANCE if rank.adj >= low), 100),
                pss_bytes=rss_bytes,
                rss_bytes=rss_bytes,
                description=description,
            )
        )
        self._say(process, signal)

    def move_dates(self, by_s: float) -> None:
        """Date every death *by_s* seconds later."""
        moved = [gone._replace(at_s=gone.at_s + by_s) for gone in self.exits]
        self.exits.clear()
        self.exits.extend(moved)

    def _say(self, process: Process, signal: int) -> None:
        rank = process.rank or UNRANKED
        if signal:
            text = f"Process {process.pid} exited due to signal {signal} (Killed)"
            self._log.write("main", "I", "Zygote", text, Source(1, 0))
        if process.why_killed is None or process.why_killed[0] == APP_CRASH:
            adj = label(rank.adj, self._sdk).replace("+ ", "+").rstrip()
            text = f"Process {process.name} (pid {process.pid}) has died: {adj:<3} {rank.state}"
            self._log.write("system", "I", "ActivityManager", text, Source(os.getpid()))
        state = state_number(rank.state, self._sdk)
        text = f"[0,{process.pid},{process.name},{rank.adj},{state}]"
        self._log.write("events", "I", "am_proc_died", text, Source(os.getpid()))
