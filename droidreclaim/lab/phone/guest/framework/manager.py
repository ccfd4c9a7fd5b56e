"""
ActivityManager: which app is in front, which process is how important, who starts and who has died.

Locks: ``_launching`` lets one launch happen at a time; ``_lock`` guards the state and is never held
while an app answers, so that a slow app does not stop the phone.
"""

import contextlib
import os
import signal
import threading
import time
from typing import NamedTuple

from . import groups, memory, oomadj, view
from .apps import WORKING_SET_PERMILLE, App, Process
from .compaction import Compactor
from .deaths import Deaths
from .dump_record import reference
from .endings import Background
from .freezer import Freezer
from .limiter import WHY, MemoryLimiter
from .links import AppGone, Zygote, write_adj
from .lmkd import Lmkd
from .log import Log, Source
from .mmd import WRITTEN_BACK_ADJ, Mmd
from .oomadj import Role
from .packages import PackageManager
from .phantoms import Phantoms
from .props import Properties
from .records import Phone
from .starts import Start, Starts, begun_ns
from .tally import Tally
from .text import FIRST_ISOLATED_UID, USER_UIDS
from .watch import Watch

LMKD_UID = 1069
ALL = 100
BIRTH_TRIES, BIRTH_WAIT_S = 20, 0.05
SANDBOX = ":sandboxed_process0:org.chromium.content.app.SandboxedProcessService0:0"


class Launch(NamedTuple):
    """How a launch went; *state* is COLD, WARM or HOT, *checked* what a resume found."""

    state: str
    total_ms: int
    checked: tuple[int, ...] | None


class ActivityManager:
    """Plays ActivityManager for the processes that the zygote forks."""

    def __init__(self, packages: PackageManager, log: Log, props: Properties) -> None:
        self.packages = packages
        self.log = log
        self.props = props
        self.sdk = packages.sdk
        self.deaths = Deaths(log, self.sdk)
        self.starts = Starts()
        self.freezer = Freezer(log, props)
        self.compactor = Compactor(log, props, freezes=self.freezer.on)
        self.freezer.frozen = self.compactor.frozen
        self.limiter = MemoryLimiter(props, memory.total_bytes(), self._over_limit)
        self.background = Background(props, self.kill)
        self.phantoms = Phantoms(log, props)
        self.mmd = Mmd(props)
        self.beats = True
        self.reuse_percent = ALL  # of the working set, from one resume to the next
        self.tally = Tally()
        self._lru: list[Process] = []  # most recently used first
        self._top: App | None = None
        self._home: App | None = None
        self._previous: App | None = None
        self._lock = threading.RLock()
        self._launching = threading.Lock()
        self._sequence = 0
        self._adj_sequence = 0
        self._tasks = 0
        self._isolated = 0
        self.booted_s = time.time()
        self.zygote = Zygote(self._on_died)
        self.lmkd = Lmkd(self.sdk, props, self.deaths.lmkd_kills, self._on_lmkd_log)
        self.watch = Watch(self)

    def move_dates(self, by_s: float) -> None:
        """Date the boot and every death *by_s* seconds later: the wall clock was set."""
        with self._lock:
            self.booted_s += by_s
            self.deaths.move_dates(by_s)

    # What is running

    def processes(self, name: str | None = None) -> list[Process]:
        """Return the processes of package *name*, or all, most recently used first."""
        with self._lock:
            return [process for process in self._alive() if name in (None, process.app.name)]

    def find(self, word: str) -> list[Process]:
        """Return the processes that a pid, a process name or a package name means."""
        with self._lock:
            exact = [
                process for process in self._alive() if word in (str(process.pid), process.name)
            ]
            return exact or [process for process in self._alive() if process.app.name == word]

    def top(self) -> Process | None:
        """Return the process that has the screen."""
        with self._lock:
            return self._main(self._top)

    def _alive(self) -> list[Process]:
        return [process for process in self._lru if not process.gone]

    def _main(self, app: App | None) -> Process | None:
        if app is None:
            return None
        mains = (process for process in self._alive() if process.main)
        return next((process for process in mains if process.app.key == app.key), None)

    # Starting

    def start_persistent(self, app: App) -> None:
        with self._launching:
            self._start_process(app, app.name, app.uid, app.heap_bytes, "added application")

    def start_activity(self, app: App) -> Launch:
        """
        Bring *app* to the front, starting it when it does not run.

        Raises:
            AppGone: it died on the way, or could not be started.
        """
        with self._launching:
            known = self.main_of(app)
            try:
                return self._launch(app)
            except AppGone:
                if known is None:
                    raise
                # The process was dead already, which nobody knew yet. So this start is a cold one.
                known.gone = True
                return self._launch(app)

    def _launch(self, app: App) -> Launch:
        start, launch_ns = time.monotonic(), begun_ns()
        process = self.main_of(app)
        state = "COLD" if process is None else "HOT" if process.activity else "WARM"
        self._leave(app)
        checked = None
        if process is None:
            process = self._start_process(
                app, app.name, app.uid, app.heap_bytes, "next-top-activity"
            )
        with self._lock:
            self._show(process, app)
        if state != "COLD":
            checked = self.check(process, "resume")
            self.tally.resumed(checked)
        process.ask("front 1")
        total_ms = max(1, round((time.monotonic() - start) * 1000))
        pid = 0 if state == "COLD" else process.pid
        self.starts.add(Start(pid, process.uid, app.name, state, launch_ns, begun_ns()))
        self._event("wm_set_resumed_activity", f"[0,{app.component},resumeTopActivity]")
        if state == "COLD":
            self._start_children(app)
            seconds, millis = divmod(total_ms, 1000)
            shown = f"+{seconds}s{millis}ms" if seconds else f"+{millis}ms"
            self._say("ActivityTaskManager", f"Displayed {app.component}: {shown}")
        return Launch(state, total_ms, checked)

    def main_of(self, app: App) -> Process | None:
        with self._lock:
            return self._main(app)

    def _show(self, process: Process, app: App) -> None:
        if not process.activity or process.task == 0:
            self._tasks += 1
            process.task = self._tasks
        process.activity = True
        self._use(process)
        self.update_adj()

    def _leave(self, coming: App) -> None:
        """Take the screen from the app that has it."""
        with self._lock:
            leaving = self._main(self._top)
            if self._top is not None and self._top.key != coming.key:
                if not self._top.home:
                    self._previous = self._top
                if leaving is not None:
                    leaving.active_s = time.monotonic()
            self._top = coming
            if coming.home:
                self._home = coming
            if self._previous is not None and self._previous.key == coming.key:
                self._previous = None
        if leaving is not None and leaving.app.key != coming.key:
            with contextlib.suppress(AppGone):
                self.tally.stalled(leaving.ask("front 0")[1])

    def _start_children(self, app: App) -> None:
        size = app.heap_bytes // 4
        if app.remote:
            self._start_process(app, f"{app.name}:remote", app.uid, size, "service")
        if app.isolated:
            self._isolated += 1
            uid = app.user * USER_UIDS + FIRST_ISOLATED_UID + self._isolated - 1
            self._start_process(app, app.name + SANDBOX, uid, size, "service")
        with self._lock:
            main = self._main(app)
            if main is not None:
                self._use(main)
                self.update_adj()

    def _start_process(self, app: App, name: str, uid: int, heap_bytes: int, kind: str) -> Process:
        """
        Fork, rank, and only then let it fill its heap: an app has its adj before it has memory.

        Raises:
            AppGone: it died before its heap was full, or the zygote could not fork.
        """
        seed = app.seed if name == app.name else app.seed + 7919
        try:
            pid, channel = self.zygote.fork(
                uid, heap_bytes, seed, name, debuggable=app.package.debuggable
            )
        except OSError as error:
            raise AppGone(str(error)) from error
        process = Process(app, pid, name, uid=uid, channel=channel)
        process.wake = lambda: self._wake(process)
        process.group = groups.path(uid, pid)
        with self._lock:
            self._use(process)
            self.update_adj()
        user = reference(view.proc(process)).partition(":")[2]
        self._event("am_proc_start", f"[0,{pid},{uid},{name},{kind},{{{app.component}}}]")
        self._say("ActivityManager", f"Start proc {pid}:{user} for {kind} {{{app.component}}}")
        game = int(app.game and name == app.name)
        moves = int(self.reuse_percent < ALL and not app.game)
        filled = process.ask(
            f"heap {WORKING_SET_PERMILLE} {self.reuse_percent} {moves} {game} {app.package.apk}"
        )
        self.tally.stalled(filled[3])
        if not self.beats:
            process.ask("beat 0")
        self._event("am_proc_bound", f"[0,{pid},{name}]")
        return process

    # Leaving

    def go_home(self) -> None:
        home = next((app for app in self.packages.apps.values() if app.home), None)
        if home is not None:
            self.start_activity(home)

    def go_back(self) -> None:
        """Finish the activity in front: its process stays, and the launcher shows."""
        process = self.top()
        self.go_home()
        if process is not None and not process.app.home:
            with self._lock:
                process.activity = False
                self.update_adj()

    def force_stop(self, name: str) -> None:
        cause = f"from pid {os.getpid()}"
        said = f"Force stopping {name} appid={self._uid(name)} user=0: {cause}"
        self._say("ActivityManager", said)
        reason = f"stop {name} due to {cause}" if self.sdk >= 30 else f"stop {name}"
        for process in self.processes(name):
            self.kill(process, (10, 21, reason), reason)
        with self._lock:
            if self._previous is not None and self._previous.name == name:
                self._previous = None

    def _uid(self, name: str) -> int:
        package = self.packages.packages.get(name)
        return package.uid if package else -1

    def kill_background(self, name: str) -> None:
        """Kill what is safe to kill: nothing at service level or above."""
        for process in self.processes(name):
            if process.rank is not None and process.rank.adj > 500:
                why = (10, 24) if self.sdk >= 35 else (13, 0)
                self.kill(process, (*why, "kill background"), "kill background")

    def kill(self, process: Process, exit_reason: tuple[int, int, str], reason: str) -> None:
        process.why_killed, process.gone = exit_reason, True
        adj = process.rank.adj if process.rank else -10000
        name = reference(view.proc(process))
        self._say("ActivityManager", f"Killing {name} (adj {adj}): {reason}")
        self._event("am_kill", f"[0,{process.pid},{process.name},{adj},{reason}]")
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _on_lmkd_log(self, level: str, pid: int, buffer: str, tag: str, text: str) -> None:
        self.log.write(buffer, level, tag, text, Source(pid, LMKD_UID))

    def _on_died(self, pid: int, status: int) -> None:
        process = self._await_known(pid)
        if process is None:
            return
        self.deaths.record(process, status)
        with self._lock:
            self._lru.remove(process)
            if process.main and self._top is not None and self._top.key == process.app.key:
                self._top = None
            self.update_adj()
        self.lmkd.remove(pid)
        self.compactor.forget(pid)
        groups.remove(process.uid, pid)
        process.channel.close()
        if process.app.persistent:
            self.start_persistent(process.app)
        elif process.main:
            for child in self.processes(process.app.name):
                if child.app.user == process.app.user and child.uid != process.app.uid:
                    why = (13, 17 if self.sdk >= 35 else 0, "isolated not needed")
                    self.kill(child, why, "isolated not needed")
            self._fill_screen()

    def _await_known(self, pid: int) -> Process | None:
        """Return the process, waiting until it is listed: its death may be reported before that."""
        for _ in range(BIRTH_TRIES):
            with self._lock:
                found = next((process for process in self._lru if process.pid == pid), None)
            if found is not None:
                return found
            time.sleep(BIRTH_WAIT_S)
        return None

    def _fill_screen(self) -> None:
        """Show the launcher when the app in front is gone and no other is on its way."""
        with self._launching, contextlib.suppress(AppGone):
            if self._top is None and self._home is not None:
                self._launch(self._home)

    # Importance

    def _use(self, process: Process) -> None:
        """Move *process* to the front of the LRU list, its children behind it."""
        self._sequence += 1
        process.sequence = self._sequence
        process.active_s = time.monotonic()
        process.trim_level = 0
        if process in self._lru:
            self._lru.remove(process)
        family = [other for other in self._lru if process.main and other.app.key == process.app.key]
        self._lru = [process, *family, *(other for other in self._lru if other not in family)]

    def _role(self, process: Process, mains: dict[tuple[str, int], int]) -> Role:
        app = process.app

        def is_app(other: App | None) -> bool:
            return process.main and other is not None and other.key == app.key

        return Role(
            process.pid,
            persistent=app.persistent,
            top=is_app(self._top),
            home=is_app(self._home),
            previous=is_app(self._previous),
            perceptible=app.perceptible and process.main,
            service=app.service and process.main,
            activity=process.activity,
            client_of=None if process.main else mains.get(app.key, 0),
        )

    def update_adj(self) -> None:
        """Rank all processes anew, write what changed to /proc and tell lmkd."""
        with self._lock:
            self._adj_sequence += 1
            mains = {process.app.key: process.pid for process in self._lru if process.main}
            ranks = oomadj.rank([self._role(process, mains) for process in self._lru], self.sdk)
            for process in self._lru:
                new, old = ranks[process.pid], process.rank
                if not new.cached:
                    self.freezer.thaw(process)
                if process.written_back:
                    new = new.capped(WRITTEN_BACK_ADJ)
                process.rank = new
                if old is None or old.adj != new.adj:
                    write_adj(process.pid, new.adj)
                    self.lmkd.rank(process.pid, process.uid, new.adj)
                    self.compactor.ranked(process, old.adj if old else None, new.adj)
        self.watch.soon()

    # Talking to apps

    def check(self, process: Process, question: str) -> tuple[int, ...]:
        """
        Ask for ``resume`` or ``verify``; return its numbers.

        These are pages, bad pages, the first bad page, time in us, and major faults.

        Raises:
            AppGone: the process died meanwhile.
        """
        return tuple(int(word) for word in process.ask(question)[1:])

    def _tell(self, process: Process, question: str) -> None:
        if process.frozen:
            process.owed.append(question)  # asked once the process has thawed
            return
        try:
            process.ask(question)
        except AppGone:
            return  # the zygote reports its death

    def set_beats(self, on: bool) -> None:
        self.beats = on
        for process in self.processes():
            self._tell(process, f"beat {int(on)}")

    def trim(self, process: Process, level: int) -> None:
        process.trim_level = level
        self._tell(process, f"trim {level}")

    def _wake(self, process: Process) -> None:
        """Thaw *process*, which is wanted now, and rank it again."""
        with self._lock:
            if self.freezer.thaw(process):
                self.update_adj()

    # By themselves

    def look_around(self) -> None:
        """Freeze apps cached for long, end those over their limits, write back frozen ones."""
        with self._lock:
            self.freezer.enforce(self._alive())
        processes = self.processes()
        self.limiter.enforce(processes)
        self.background.enforce(processes)
        self.phantoms.enforce()
        for process in self.mmd.due(processes):
            if self.mmd.write_back(process.pid):
                with self._lock:
                    process.written_back = process.frozen
                    self.update_adj()

    def _over_limit(self, process: Process) -> None:
        self.kill(process, (13, 0, WHY), WHY)

    # For the dumps

    def phone(self) -> Phone:
        """Return all that the dumps print, at this moment."""
        with self._lock:
            mains = {process.app.key: process for process in self._lru if process.main}
            procs = [view.proc(process, mains.get(process.app.key)) for process in self._lru]

            def pid_of(app: App | None) -> int | None:
                return mains[app.key].pid if app is not None and app.key in mains else None

            places = (pid_of(self._home), pid_of(self._previous), pid_of(self._top))
            sequences = (self._sequence, self._adj_sequence)
        procs.append(view.system(self.packages.packages.values(), self.sdk))
        return Phone(self.sdk, time.monotonic(), tuple(procs), *places, *sequences)

    def _event(self, tag: str, text: str) -> None:
        self.log.write("events", "I", tag, text, Source(os.getpid()))

    def _say(self, tag: str, text: str) -> None:
        self.log.write("system", "I", tag, text, Source(os.getpid()))
