"""Play jobs one after the other, each on a stage of its own, and say how much time is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial

from droidreclaim.errors import DroidReclaimError
from droidreclaim.lab.hands import BadPages
from droidreclaim.lab.storm import arms
from droidreclaim.lab.storm.arms import Needs
from droidreclaim.lab.storm.events import Begin, Event, Run
from droidreclaim.lab.storm.figures import COLD
from droidreclaim.lab.storm.host import HostWatch
from droidreclaim.lab.storm.plan import Job, Parameters, apps_of, launches
from droidreclaim.lab.storm.play import play, require_right
from droidreclaim.lab.storm.stage import Stage
from droidreclaim.qa.order import order
from droidreclaim.units import plural

_BESIDES_S = 25.0  # a job without its launches: boot, install, check every page (emulated)
_LAUNCH_S = 1.0  # a launch and the way home, until some were timed
_TELL_EVERY_S = 10.0

StageOf = Callable[[Needs], AbstractContextManager[Stage]]


def jobs_of(what: Parameters, names: Sequence[str], seeds: Sequence[int]) -> list[Job]:
    """Return the jobs, arms taking turns as in a QA run: a slow minute hits every arm alike."""
    apps = {seed: apps_of(what, seed) for seed in seeds}
    turns = [(seeds[number - 1], name) for number, name in order(names, len(seeds), seeds[0])]
    return [Job(name, seed, apps[seed], launches(what, apps[seed], seed)) for seed, name in turns]


def measure(
    jobs: Sequence[Job],
    stage_of: StageOf,
    note: Callable[[tuple[str, int], Begin | Event], None],
    progress: Callable[[str], None],
    done: Sequence[Run] = (),
) -> tuple[list[Run], BaseException | None]:
    """
    Play *jobs* in their order; none where a run of *done* found a wrong page.

    Returns the new runs, and what ended them early: an interrupt, a lost device, a wrong page. The
    last run then holds what was measured until that.
    """
    try:
        for run in done:
            require_right(*run.key, run.verified, run.end)
    except BadPages as error:
        return [], error
    clock = _Clock(jobs, progress)
    runs: list[Run] = []
    for job in jobs:
        recorder = Recorder(job, note)
        clock.begin(job)
        watch = HostWatch()
        needs = arms.needs_of(job.arm)
        try:
            with stage_of(needs) as stage:
                clock.booted()
                watch.start()
                step = partial(clock.step, recorder)
                play(stage, job, arms.make(job.arm), needs, recorder.note, step)
                recorder.note(watch.stop())
        except (KeyboardInterrupt, DroidReclaimError) as error:
            if recorder.run is not None:
                recorder.note(watch.stop())
                runs.append(recorder.run)
            return runs, error
        assert recorder.run is not None
        runs.append(recorder.run)
        clock.end()
    return runs, None


@dataclass
class Recorder:
    """Collects the events of a job as its run, and passes each on."""

    job: Job
    tell: Callable[[tuple[str, int], Begin | Event], None] = lambda key, event: None
    run: Run | None = None

    def note(self, event: Begin | Event) -> None:
        """Take one more event."""
        if isinstance(event, Begin):
            self.run = Run(event)
        elif self.run is not None:
            self.run.add(event)
        self.tell((self.job.arm, self.job.seed), event)


@dataclass
class _Clock:
    """Reports progress now and then, and estimates the time left from the launches so far."""

    jobs: Sequence[Job]
    progress: Callable[[str], None]
    done: int = 0
    launches_s: float = 0.0
    besides_s: list[float] = field(default_factory=list)
    told_s: float = 0.0

    def begin(self, job: Job) -> None:
        self.job = job
        self.begun_s = self.first_s = self.told_s = self.last_s = time.monotonic()
        self.in_job = 0
        self._tell("a phone is made ready")

    def booted(self) -> None:
        self.first_s = self.last_s = time.monotonic()

    def step(self, recorder: Recorder) -> None:
        run = recorder.run
        now_s = time.monotonic()
        self.launches_s += now_s - self.last_s
        self.last_s = now_s
        self.done += 1
        self.in_job += 1
        last = self.in_job == len(self.job.launches)
        if run is not None and (now_s - self.told_s > _TELL_EVERY_S or last):
            cold = sum(launch.state == COLD for launch in run.launches)
            self._tell(
                f"{self.in_job} of {len(self.job.launches)} launches, {cold} cold, "
                f"{plural(len(run.gone), 'app')} gone"
            )
            self.told_s = now_s

    def end(self) -> None:
        self.besides_s.append(time.monotonic() - self.last_s + self.first_s - self.begun_s)

    def _tell(self, what: str) -> None:
        self.progress(f"[{self.job.arm}, seed {self.job.seed}] {what}; {left(self._left_s())} left")

    def _left_s(self) -> float:
        launch_s = self.launches_s / self.done if self.done > 10 else _LAUNCH_S
        known = self.besides_s or [_BESIDES_S]
        besides_s = sum(known) / len(known)
        todo = sum(len(job.launches) for job in self.jobs) - self.done
        return launch_s * todo + besides_s * (len(self.jobs) - len(self.besides_s))


def left(seconds: float) -> str:
    """A time to wait, as people say it."""
    return f"about {seconds:.0f} s" if seconds < 100 else f"about {seconds / 60:.0f} min"
