"""One arm of the demo: play, leave, open the other apps, come back, and check every page."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from droidreclaim.errors import DroidReclaimError, NotAchieved
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.lab.demo.result import Arm, Death, Game, Sample, Step, Verified
from droidreclaim.lab.demo.scenario import Scenario
from droidreclaim.lab.hands import BadPages, Hands
from droidreclaim.lab.storm.arms import Acted, acted_of
from droidreclaim.lab.storm.plan import App
from droidreclaim.parse.activity.launch import Launch
from droidreclaim.parse.kills.records import KilledBy, KillRecord
from droidreclaim.parse.proc.kernel import parse_meminfo
from droidreclaim.parse.proc.swap import parse_zram_mm_stat
from droidreclaim.session import Phone
from droidreclaim.units import format_size

_ZRAM = "/sys/block/zram0/mm_stat"

PageOut = Callable[[str], Acted | None]


def leave_alone(package: str) -> None:
    """Do nothing to an app that has left the screen."""


def pager(phone: Phone) -> PageOut:
    """What pages an app out that has left the screen: a plain ``reclaim PACKAGE``."""

    def page_out(package: str) -> Acted | None:
        start_s = time.monotonic()
        try:
            result = phone.app(package).page_out()
        except NotAchieved as error:
            if error.result is None:
                return None  # it was killed before it could be reached
            result = error.result
        return acted_of(result, start_s)

    return page_out


def sample(helper: RunningHelper, at_s: float) -> Sample:
    """Memory of the phone now: one round trip."""
    [reply] = helper.session.call_all([verbs.read_files("meminfo", "zram")])
    files = verbs.files_of(reply)
    memory = parse_meminfo(files.get("/proc/meminfo") or "")
    zram = files.get(_ZRAM)
    return Sample(
        at_s=at_s,
        available_bytes=memory.available_bytes or 0,
        free_bytes=memory.free_bytes or 0,
        swap_used_bytes=(memory.swap_total_bytes or 0) - (memory.swap_free_bytes or 0),
        zram_used_bytes=parse_zram_mm_stat(zram).used_bytes if zram else None,
    )


def play(
    phone: Phone,
    scenario: Scenario,
    *,
    name: str,
    page_out: PageOut,
    progress: Callable[[str], None] = lambda _: None,
) -> Arm:
    """
    Play *scenario* on a phone that runs none of its apps yet.

    Args:
        page_out: Called with each app when it has left the screen; the only difference of arms.

    Raises:
        BadPages: a page of a surviving app is not as the app wrote it, or could not be checked.
        DeviceError, ParseError: the phone was lost, or an answer cannot be read.
    """
    player = _Player(phone, scenario, page_out, lambda line: progress(f"[{name} {line}"))
    return player.play(name)


@dataclass
class _Player:
    phone: Phone
    scenario: Scenario
    page_out: PageOut
    progress: Callable[[str], None]
    start_s: float = field(default_factory=time.monotonic)
    samples: list[Sample] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    launched: dict[str, int] = field(default_factory=dict)  # first main process, by package
    missed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.hands = Hands(self.phone, self._sample)
        self.phone_start_s = self.hands.clock_s() - self._now_s()

    def play(self, name: str) -> Arm:
        self._install()
        before = self._play_game()
        for app in self.scenario.others:
            self._leave(app, *self._open(app))
        game = self._come_back(*before)
        deaths = self._deaths()
        verified = self._verify(set(self.launched.values()) - {death.pid for death in deaths})
        return Arm(
            name=name,
            serial=self.phone.serial,
            launched=len(self.launched),
            game=game,
            deaths=deaths,
            steps=tuple(self.steps),
            samples=tuple(self.samples),
            verified=verified,
            duration_s=self._now_s(),
        )

    def _install(self) -> None:
        scenario = self.scenario
        heaps = format_size(scenario.heap_bytes)
        self._tell(f"installing {len(scenario.apps)} apps with {heaps} of heaps in all")
        for app in scenario.apps:
            self.hands.install(app.package, app.heap_bytes or 0, app.seed, game=app.game)
        self._sample()

    def _play_game(self) -> tuple[int, int]:
        """Play to a score and leave: pid and score of the game."""
        game = self.scenario.game
        launch, killed = self._open(game)
        self.hands.tap(self.scenario.taps)
        pid, score = self.hands.score(game.package)
        if pid is None or score is None:
            raise DroidReclaimError(f"{game.package} was gone before anything was short")
        self._leave(game, launch, killed)
        return pid, score

    def _come_back(self, pid_before: int, score_before: int) -> Game:
        """Open the game again: what is left of it, and what the player sees."""
        package = self.scenario.game.package
        pid, score = self.hands.score(package)
        same = pid == pid_before
        launch = self.hands.open(f"{package}/.Main")
        pid_again, score_again = self.hands.score(package)
        self._sample()
        self._tell(f"{package} again: {_how(launch)}, score {score_again}, it was {score_before}")
        return Game(
            pid_before=pid_before,
            score_before=score_before,
            pid_after=pid if same else None,
            score_after=score if same else None,
            reopened_pid=pid_again,
            reopened_score=score_again,
            reopened_state=launch.launch_state,
            reopened_s=launch.total_time_s,
        )

    def _open(self, app: App) -> tuple[Launch, tuple[str, ...]]:
        """Launch an app for the first time: how it went, and which apps are found dead after it."""
        launch = self.hands.open(f"{app.package}/.Main")
        self._sample()
        running = self.hands.pids()
        if app.package not in running:
            raise DroidReclaimError(f"{app.package} did not start: {launch.status}")
        self.launched[app.package] = running[app.package]
        dead = {name for name, pid in self.launched.items() if running.get(name) != pid}
        killed = tuple(sorted(dead - self.missed))
        self.missed |= dead
        return launch, killed

    def _leave(self, app: App, launch: Launch, killed: tuple[str, ...]) -> None:
        """Go to the home screen, and do with the app what this arm does."""
        self.phone.home()
        paged_out = self.page_out(app.package)
        self._sample()
        step = Step(
            package=app.package,
            launch_state=launch.launch_state,
            total_time_s=launch.total_time_s,
            sample=self.samples[-1],
            killed=killed,
            paged_out=paged_out,
        )
        self.steps.append(step)
        self._tell(
            f"{app.package} ({format_size(app.heap_bytes or 0)}): {_how(launch)}, {_came(step)}"
        )

    def _deaths(self) -> tuple[Death, ...]:
        """The launched processes that are gone, each with what the phone's log says of it."""
        running = self.hands.pids()
        dead = [(name, pid) for name, pid in self.launched.items() if running.get(name) != pid]
        records = {record.pid: record for record in self.hands.kills()} if dead else {}
        deaths = [self._death(name, pid, records.get(pid)) for name, pid in dead]
        return tuple(sorted(deaths, key=lambda death: death.at_s or 0.0))

    def _death(self, name: str, pid: int, record: KillRecord | None) -> Death:
        if record is None:
            return Death(None, KilledBy.UNKNOWN.value, pid, name, None, "no record of its end")
        at_s = float(record.at) - self.phone_start_s if record.at else None
        return Death(at_s, record.by.value, pid, name, record.oom_score_adj, record.reason)

    def _verify(self, survivors: set[int]) -> Verified:
        """
        Check every page of every app that lives.

        All pages are wanted back at once, more than fit: lowmemorykiller is held back for that.
        """
        self._tell("every page of every app is read and checked")
        start_s = time.monotonic()
        self.hands.killer(False)
        try:
            rows = self.hands.verify()
        finally:
            self.hands.killer(True)
        checked = [row for row in rows if "pages" in row]
        wrong = [row for row in checked if row["bad"]]
        if wrong:
            names = ", ".join(f"{row['name']} ({row['bad']} of {row['pages']})" for row in wrong)
            raise BadPages(f"{self.phone.serial}: pages are not what the app wrote: {names}")
        if missing := survivors - {row["pid"] for row in checked}:
            pids = ", ".join(map(str, sorted(missing)))
            raise BadPages(f"{self.phone.serial}: not checked to the end: pid {pids}")
        return Verified(
            processes=len(checked),
            pages=sum(row["pages"] for row in checked),
            bad=0,
            duration_s=time.monotonic() - start_s,
        )

    def _now_s(self) -> float:
        return time.monotonic() - self.start_s

    def _sample(self) -> None:
        self.samples.append(sample(self.phone.helper, self._now_s()))

    def _tell(self, what: str) -> None:
        self.progress(f"{len(self.steps)}/{len(self.scenario.apps)}] {what}")


def _how(launch: Launch) -> str:
    took = "" if launch.total_time_s is None else f" in {launch.total_time_s:.2f} s"
    return f"{launch.launch_state or 'opened'}{took}"


def _came(step: Step) -> str:
    words = [f"{format_size(step.sample.available_bytes)} available"]
    if step.paged_out:
        words.append(f"{format_size(step.paged_out.reclaimed_bytes)} paged out")
    if step.killed:
        words.append(f"killed: {', '.join(step.killed)}")
    return ", ".join(words)
