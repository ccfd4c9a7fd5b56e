"""One arm of the storm on one device: open an app, look, go home, let the arm act, look again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from droidreclaim.helper import verbs
from droidreclaim.inspect.state import state_of
from droidreclaim.lab.hands import BadPages, Hands
from droidreclaim.lab.storm.arms import Acted, Arm, Left, Needs
from droidreclaim.lab.storm.events import Begin, End, Event, Gone, Kill, Launch, PageOut, Verified
from droidreclaim.lab.storm.look import Seen, look_at_device
from droidreclaim.lab.storm.plan import App, Job
from droidreclaim.lab.storm.stage import Stage
from droidreclaim.model import ProcessId
from droidreclaim.parse.activity.launch import Launch as Started
from droidreclaim.parse.kills.records import KillRecord
from droidreclaim.parse.proc.process import parse_stat

_TICK_S = 0.01  # USER_HZ is 100 on every Android
_KILLS_EVERY = 48  # launches between two readings of the logs, which forget when they wrap
_VERIFY_TIMEOUT_S = 300.0
_KSWAPD = "kswapd"

Note = Callable[[Begin | Event], None]


def play(
    stage: Stage, job: Job, arm: Arm, needs: Needs, note: Note, step: Callable[[], None]
) -> None:
    """
    Play *job* on a device that runs none of its apps yet.

    Args:
        note: Called with each event, as it happens.
        step: Called after each launch.

    Raises:
        BadPages: a page is not as its app wrote it; what was measured has been noted.
        DeviceError, ParseError: the device was lost, or an answer cannot be read.
        UsageError: there is no such app.
    """
    _Player(stage, job, arm, needs, note, step).play()


def require_right(arm: str, seed: int, verified: Verified | None, end: End | None) -> None:
    """
    Check that every page was as its app wrote it.

    Raises:
        BadPages: a page is not as its app wrote it, or could not be read.
    """
    resume_bad = (end.resume_bad if end else None) or 0
    seen = verified or Verified(0, 0, 0, 0, 0.0)
    if seen.bad or seen.missing or resume_bad:
        raise BadPages(
            f"{arm}, seed {seed}: pages are not what the apps wrote: "
            f"{resume_bad} at resumes, {seen.bad} of {seen.pages} at the end; "
            f"{seen.missing} apps could not be read"
        )


@dataclass
class _Player:
    stage: Stage
    job: Job
    arm: Arm
    needs: Needs
    note: Note
    step: Callable[[], None]
    start_s: float = field(default_factory=time.monotonic)
    components: dict[str, str] = field(default_factory=dict)
    mains: dict[str, ProcessId] = field(default_factory=dict)  # those last seen to run, by package
    ever: set[int] = field(default_factory=set)  # pids of all main processes so far
    opened: set[str] = field(default_factory=set)
    scores: dict[str, int] = field(default_factory=dict)
    killed: dict[tuple[int, str | None], KillRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        meanwhile = self._look_at_device if self.job.watched else lambda: None
        self.hands = Hands(self.stage.phone, meanwhile)
        self.session = self.stage.phone.helper.session
        self.packages = [app.package for app in self.job.apps]

    def play(self) -> None:
        began_s = time.monotonic()
        self._prepare()
        kswapd_s = self._kswapd_cpu_s(look_at_device(self.session, 0.0))
        self.start_s = time.monotonic()
        with self._arm():
            for number, app in enumerate(self.job.launches, start=1):
                self._launch(app)
                if number % _KILLS_EVERY == 0:
                    self._remember_kills()
                self.step()
        if self.stage.ours:
            self.hands.killer(False)  # no app dies between the last look and the log
        last = self._look_at_device()
        self._remember_kills()
        self._tell_kills()
        at_s, kswapd_end_s = self._now_s(), self._kswapd_cpu_s(last)
        tally = self.hands.tally() if self.stage.ours else {}
        verified = self._verify(last) if self.stage.ours else None
        stall_us = tally.get("stall_us")
        end = End(
            at_s=at_s,
            duration_s=time.monotonic() - began_s,
            alive=len(self.mains),
            kswapd_cpu_s=_spent(kswapd_s, kswapd_end_s),
            resume_pages=tally.get("pages"),
            resume_bad=tally.get("bad"),
            longest_stall_s=None if stall_us is None else stall_us / 1e6,
        )
        self.note(end)
        if verified is not None:
            require_right(self.job.arm, self.job.seed, verified, end)

    def _prepare(self) -> None:
        """Install the apps, or end the device's own, and write down how the arm begins."""
        stage, phone = self.stage, self.stage.phone
        for app in self.job.apps:
            if stage.ours and app.heap_bytes is not None:
                self.hands.install(app.package, app.heap_bytes, app.seed, game=app.game)
                self.components[app.package] = f"{app.package}/.Main"
            else:
                there = stage.phone.app(app.package)
                there.force_stop()
                self.components[app.package] = there.component()
        if not self.needs.killer:
            self.hands.killer(False)
        greeted, scanned = self.session.call_all([verbs.HELLO, verbs.SCAN])
        hello = verbs.hello_of(greeted)
        guards = verbs.guards_of(verbs.scan_of(scanned))
        self.note(
            Begin(
                arm=self.job.arm,
                seed=self.job.seed,
                launches=len(self.job.launches),
                page_bytes=hello.page_bytes,
                device={
                    **asdict(stage.phone.info),
                    "accelerator": stage.accelerator,
                },
                state={
                    **state_of(phone.device, phone.way, timeout_s=phone.timeout_s),
                    "guard": "running" if guards else None,
                },
            )
        )
        self.page_bytes = hello.page_bytes
        self.stage.phone.home()
        self.before = {record_key(one) for one in self._kills()}

    @contextmanager
    def _arm(self) -> Iterator[None]:
        try:
            self.arm.set_up(self.stage)
            self._look_at_device()
            yield
        finally:
            self.arm.tear_down()

    def _launch(self, app: App) -> None:
        package = app.package
        known = self.mains.get(package)
        before_bytes = self._anon_bytes(package, known)
        asked_s = self._now_s()
        started = self.hands.open(self.components[package])
        at_s = self._now_s()
        self._look_at_device()
        main = self.mains.get(package)
        took_bytes = self._anon_bytes(package, main) - (before_bytes if main == known else 0)
        lost, score = self._play_on(package) if app.game else (None, None)
        self.note(
            Launch(
                at_s=at_s,
                package=package,
                state=_state(started, known, main),
                took_s=_took_s(started),
                first=package not in self.opened,
                pid=main.pid if main else None,
                took_bytes=took_bytes,
                score_lost=lost,
                score=score,
                asked_s=asked_s,
            )
        )
        self.opened.add(package)
        self.stage.phone.home()
        seen = self._look_at_device()
        acted = self.arm.after_leaving(Left(package, took_bytes, seen))
        if acted is not None:
            self._page_out(acted, seen, self._look_at_device())

    def _anon_bytes(self, package: str, process: ProcessId | None) -> int:
        """Anonymous memory of an app's main process, as last seen."""
        one = self.seen.mains([package]).get(package) if process else None
        return (one.memory.rss_anon_bytes or 0) if one else 0

    def _play_on(self, package: str) -> tuple[bool, int | None]:
        """Score in a game; returns whether points are missing, and the score."""
        taps = self.job.taps[package in self.opened]
        if taps:
            self.hands.tap(taps)
        _, score = self.hands.score(package)
        lost = score != self.scores.get(package, 0) + taps
        self.scores[package] = score or 0
        return lost, score

    def _look_at_device(self) -> Seen:
        """Look at the device; notes its memory, and apps whose main process is gone."""
        seen = look_at_device(self.session, self._now_s())
        self.seen = seen
        self.note(seen.sample())
        running = {
            name: process.id
            for name, process in seen.mains(self.packages).items()
            if process.id is not None
        }
        for package, process in self.mains.items():
            if running.get(package) != process:
                self.note(Gone(seen.at_s, process.pid, package))
        self.mains = running
        self.ever |= {process.pid for process in running.values()}
        return seen

    def _page_out(self, acted: Acted, before: Seen, after: Seen) -> None:
        moved = None
        if acted.swapped_bytes is not None and None not in (before.paged_out, after.paged_out):
            moved = ((after.paged_out or 0) - (before.paged_out or 0)) * self.page_bytes
        cpu_s = acted.cpu_s
        if cpu_s is None:
            cpu_s = (after.cpu_us[0] - before.cpu_us[1]) / 1e6
        self.note(
            PageOut(
                at_s=after.at_s,
                duration_s=acted.duration_s,
                targets=acted.targets,
                advised_bytes=acted.advised_bytes,
                reclaimed_bytes=acted.reclaimed_bytes,
                swapped_bytes=acted.swapped_bytes,
                gained_bytes=acted.gained_bytes,
                kernel_bytes=moved,
                cpu_s=cpu_s,
                refused=acted.refused,
            )
        )

    # Kills

    def _kills(self) -> Sequence[KillRecord]:
        return self.stage.phone.kills().records

    def _remember_kills(self) -> None:
        for record in self._kills():
            if record_key(record) not in self.before:
                self.killed[record_key(record)] = record

    def _tell_kills(self) -> None:
        for record in self.killed.values():
            ours = record.name in self.packages or record.pid in self.ever
            self.note(
                Kill(
                    at=record.at,
                    by=record.by.value,
                    pid=record.pid,
                    name=record.name,
                    oom_score_adj=record.oom_score_adj,
                    reason=record.reason,
                    ours=ours,
                )
            )

    # The end

    def _kswapd_cpu_s(self, seen: Seen) -> float | None:
        """CPU time so far of the kernel's own reclaim in the background."""
        paths = [f"/proc/{one.pid}/stat" for one in seen.processes if one.comm.startswith(_KSWAPD)]
        if not paths:
            return None
        phone = self.stage.phone
        done = phone.device.run(phone.way.wrap(["cat", *paths]), timeout_s=phone.timeout_s)
        if done.exit_code != 0:
            return None
        stats = [parse_stat(line) for line in done.text.splitlines()]
        return sum(one.user_ticks + one.system_ticks for one in stats) * _TICK_S

    def _verify(self, last: Seen) -> Verified:
        """
        Check every page of every app that lives, and end each app after its check.

        Apps with the least in swap come first. To check all apps at once would take more memory
        than there is. Lowmemorykiller is off all the same, since the end of the launches.
        """
        start_s = time.monotonic()
        running = last.mains(self.packages)
        order = sorted(running, key=lambda name: running[name].memory.swap_bytes or 0)
        rows = self.hands.verify_and_stop(order, timeout_s=_VERIFY_TIMEOUT_S)
        checked = [row for row in rows if "pages" in row]
        missing = {one.pid for one in running.values()} - {row["pid"] for row in checked}
        verified = Verified(
            processes=len(checked),
            missing=len(missing),
            pages=sum(row["pages"] for row in checked),
            bad=sum(row["bad"] for row in checked),
            duration_s=time.monotonic() - start_s,
        )
        self.note(verified)
        return verified

    def _now_s(self) -> float:
        return time.monotonic() - self.start_s


def record_key(record: KillRecord) -> tuple[int, str | None]:
    """Return what tells a kill from all others: its pid and its time."""
    return record.pid, record.at


def _state(started: Started, known: ProcessId | None, main: ProcessId | None) -> str:
    """Return HOT, WARM or COLD; where the release does not say, HOT for the same process."""
    if started.launch_state:
        return started.launch_state
    return "HOT" if main is not None and main == known else "COLD"


def _took_s(started: Started) -> float | None:
    return started.wait_time_s if started.total_time_s is None else started.total_time_s


def _spent(then: float | None, now: float | None) -> float | None:
    return None if then is None or now is None else now - then
