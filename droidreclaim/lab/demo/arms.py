"""The two arms of the demo, each a job that the storm's player plays."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from droidreclaim.lab.demo import result
from droidreclaim.lab.demo.result import WITHOUT, Step
from droidreclaim.lab.demo.scenario import Scenario
from droidreclaim.lab.storm import arms
from droidreclaim.lab.storm.events import Launch
from droidreclaim.lab.storm.look import look_at_device
from droidreclaim.lab.storm.measure import Recorder
from droidreclaim.lab.storm.play import play as play_job
from droidreclaim.lab.storm.stage import Stage
from droidreclaim.reclaim.request import KEEP_SWAP_FREE
from droidreclaim.session import Phone
from droidreclaim.units import format_size


def available_bytes(phone: Phone) -> int:
    """Memory that is available on a phone now."""
    return look_at_device(phone.helper.session, 0.0).memory.available_bytes or 0


def make(name: str) -> arms.Arm:
    """Return what an arm does with an app in the background: nothing, or ``reclaim PACKAGE``."""
    return arms.LeaveAlone() if name == WITHOUT else arms.Eager(keeps=KEEP_SWAP_FREE)


def play(
    stage: Stage,
    scenario: Scenario,
    *,
    name: str,
    arm: arms.Arm | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> result.Arm:
    """
    Play *scenario* on a phone that runs none of its apps yet.

    Args:
        arm: What is done with apps in the background; where None, what `make` gives for *name*.

    Raises:
        BadPages: a page of a surviving app is not as the app wrote it, or could not be checked.
        DeviceError, ParseError: the phone was lost, or an answer cannot be read.
    """
    job = scenario.job(name)
    recorder = Recorder(job)
    count = len(scenario.apps)

    def tell(what: str) -> None:
        opened = len(recorder.run.launches) if recorder.run else 0
        progress(f"[{name} {min(opened, count)}/{count}] {what}")

    def tell_step() -> None:
        assert recorder.run is not None
        if len(recorder.run.launches) <= count:
            tell(_step_in_words(result.steps_of(recorder.run)[-1], scenario))
        else:
            tell(_again_in_words(recorder.run.launches))
            tell("every page of every app is read and checked")

    heaps = format_size(scenario.heap_bytes)
    tell(f"installing {count} apps with {heaps} of heaps in all")
    play_job(stage, job, arm or make(name), arms.Needs(), recorder.note, tell_step)
    assert recorder.run is not None
    return result.arm_of(recorder.run, scenario)


def _step_in_words(step: Step, scenario: Scenario) -> str:
    heap_bytes = {app.package: app.heap_bytes for app in scenario.apps}[step.launch.package]
    words = [_how(step.launch), f"{format_size(step.sample.available_bytes)} available"]
    if step.paged_out:
        words.append(f"{format_size(step.paged_out.reclaimed_bytes)} paged out")
    if step.killed:
        words.append(f"killed: {', '.join(step.killed)}")
    return f"{step.launch.package} ({format_size(heap_bytes)}): {', '.join(words)}"


def _again_in_words(launches: Sequence[Launch]) -> str:
    first, last = launches[0], launches[-1]
    return f"{last.package} again: {_how(last)}, score {last.score}, it was {first.score}"


def _how(launch: Launch) -> str:
    took = "" if launch.took_s is None else f" in {launch.took_s:.2f} s"
    return f"{launch.state}{took}"
