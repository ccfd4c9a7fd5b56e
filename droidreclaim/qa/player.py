"""One round: its steps, and what is seen of the app before, in the background, and back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from droidreclaim.parse.activity.gfxinfo import Frames
from droidreclaim.parse.activity.views import View
from droidreclaim.qa import (
    arms,
    clock,
    conditions,
    evidence,
    look,
    memory_use,
    oracles,
    screen,
    steps,
)
from droidreclaim.qa.form import StepForm
from droidreclaim.qa.record import Drawn, Mark, Round, State
from droidreclaim.qa.scenario import Scenario
from droidreclaim.qa.stage import Stage, StepFailed
from droidreclaim.units import format_size

_MOST_DRIFT_S = 2.0
_DRAWN_S = 2.0
_SETTLE_S = 1.5  # after a resume: a second, and until a sample was taken after it


@dataclass
class Player:
    """Plays one round, step by step, and looks at the app in between."""

    stage: Stage
    scenario: Scenario
    act: arms.Act
    one: Round
    screens: evidence.Screens
    left: bytes | None = None
    frames: Frames | None = None

    def play(self, known_kills: set[look.Key]) -> None:
        """Play one round; what fails in it stands in the record, a lost device is raised."""
        phone, package, one = self.stage.phone, self.stage.package, self.one
        ended = look.end_apps(phone, self._packages())
        one.conditions = conditions.read(phone)
        if (unfit := conditions.unfit(one.conditions)) is not None:
            one.discarded = unfit
            return
        begun = look.meter(phone)
        self.clocks = clock.read(phone)
        with memory_use.sampled(self.stage, self.scenario, one):
            self._steps()
            self._settle()
        self._conditions_after()
        one.cost["round"] = begun.cost(look.meter(phone))
        killed = look.kills(phone, known_kills, self.clocks)
        one.killed = [kill for kill in killed if kill.pid not in ended]
        one.state = oracles.state_of(one)
        if one.number == 1 or one.fault is not None or one.state is not State.KEPT:
            log = look.log_since(phone, self.clocks.wall_s)
            found = evidence.collect(phone, package, log, self.left, self.screens)
            self._keep_evidence(found)

    def _steps(self) -> None:
        try:
            self._play_steps()
        finally:
            self.stage.ui.rest()

    def _play_steps(self) -> None:
        one = self.one
        for index, step in enumerate(self.scenario.steps):
            what = f"{index + 1} {step.kind}"
            fault = self._timed(step, what)
            if fault is not None and step.continue_on_failure:
                one.notes.append(fault)
            elif fault is not None:
                one.fault = fault
                break

    def _conditions_after(self) -> None:
        """Discard the round if it ended on a hot phone, or if the clock was set meanwhile."""
        later = clock.read(self.stage.phone)
        drift_s = self.clocks.drift_s(later)
        if abs(drift_s) > _MOST_DRIFT_S:
            self.one.notes.append(f"the device's clock was set by {drift_s:+.0f} s")
        ended = conditions.read(self.stage.phone, ("thermal", "power"))
        self.one.discarded = conditions.unfit(ended)

    def _settle(self) -> None:
        """Wait a second for memory to come back, which is counted."""
        resume = next((mark for mark in self.one.marks if mark.what == "resume"), None)
        if resume is not None and self.one.after is not None:
            since_s = self.clocks.boot_of_host(time.monotonic()) - resume.boot_s - resume.took_s
            time.sleep(max(0.0, _SETTLE_S - since_s))

    def _timed(self, step: StepForm, what: str) -> str | None:
        began_s = time.monotonic()
        self.moment: tuple[float, float] | None = None
        try:
            fault = steps.attempt(self.stage.phone, what, lambda: self._step(step))
        finally:
            from_s, until_s = self.moment or (began_s, time.monotonic())
            boot_s = self.clocks.boot_of_host(from_s)
            self.one.marks.append(Mark(step.kind, boot_s, until_s - from_s))
        late = fault is None and step.is_late(until_s - from_s)
        return f"step {what}: not done within {step.deadline:g} s" if late else fault

    def _packages(self) -> list[str]:
        """The app and all others that the steps open, which are ended before each round."""
        named = [self.stage.package]
        for step in self.scenario.steps:
            if isinstance(step.launch, str):
                named.append(step.launch)
            if step.pressure is not None:
                named += step.pressure.launch or ()
        return list(dict.fromkeys(named))

    def _step(self, step: StepForm) -> None:
        one = self.one
        if step.home and one.before is None and not one.did:
            self._leave()
        if step.remember is not None:
            name = step.remember.name
            one.remembered[name] = steps.recall(self.stage, step.remember, step.deadline)
            if one.remembered[name] is None:
                raise StepFailed(f"{name}: nothing matches {step.remember.match!r}")
        elif step.arm:
            self._arm()
        elif step.resume:
            self._resume()
        elif note := steps.plain(self.stage, step):
            one.notes.append(note)

    def _leave(self) -> None:
        """Look at the app for the last time before it is left."""
        one, phone = self.one, self.stage.phone
        self.stage.ui.rest()  # nothing of ours takes memory while the app is in the background
        one.before = look.life(phone, self.stage.package)
        self.left = self.screens.take()
        self.frames = look.frames(phone, one.before)
        self._measure("before")

    def _measure(self, when: str) -> None:
        life = self.one.after if when == "resume" else self.one.before
        if (memory := look.memory(self.stage.phone, life)) is not None:
            self.one.memory[when] = memory

    def _arm(self) -> None:
        one = self.one
        if one.before is None:
            self._leave()
        began_s = time.monotonic()
        try:
            one.did = self.act(self.stage.phone, self.stage.package)
            self.moment = began_s, time.monotonic()
        except arms.ArmFailed as error:
            one.did = f"failed: {error}"
            if not arms.is_control(one.arm):  # a control that fails to kill shows in its figures
                raise StepFailed(f"the arm did not act: {error}") from error
            one.notes.append(f"the arm did not act: {error}")
        self._measure("arm")

    def _resume(self) -> None:
        one, phone, package = self.one, self.stage.phone, self.stage.package
        component = phone.app(package).component()
        filed = look.newest_start(phone, package)
        begun = look.meter(phone)
        asked_s = time.monotonic()
        launch = phone.app(package).open(component)
        self.moment = asked_s, time.monotonic()
        took_s = self.moment[1] - asked_s
        if launch.status != "ok":
            raise StepFailed(f"{package} did not show: {launch.status}")
        one.back_s = took_s if launch.wait_time_s is None else launch.wait_time_s
        one.am_kind = launch.launch_state
        ended = look.meter(phone)
        one.cost["resume"] = begun.cost(ended)
        one.after = look.life(phone, package)
        self._count_flash(begun, ended)
        began = self._process_began()
        start = look.newest_start(phone, package)
        one.start_kind = None if start is None or start == filed else start.start_type
        one.kind = oracles.kind_of(
            one.am_kind, one.before, one.after, process_began=began, start_kind=one.start_kind
        )
        self._measure("resume")
        self._count_frames()
        for step in self.scenario.steps:
            if step.remember is not None and step.remember.name in one.remembered:
                self._recall(step)
        self._read_screen()

    def _count_frames(self) -> None:
        """Wait until the app has been back for two seconds, and count what it drew."""
        one, before = self.one, self.frames
        if before is None or self.moment is None:
            return
        time.sleep(max(0.0, self.moment[1] + _DRAWN_S - time.monotonic()))
        now = look.frames(self.stage.phone, one.after)
        if now is None:
            return
        if now.pid != before.pid:
            before = Frames(now.pid, 0, 0)
        one.drawn = Drawn(now.rendered - before.rendered, now.janky - before.janky)

    def _count_flash(self, begun: look.Meter, ended: look.Meter) -> None:
        """What the resume read from flash, where zram had written it: no page-in from zram."""
        before, now = begun.flash_read_bytes, ended.flash_read_bytes
        if now is not None and before is not None:
            self.one.from_flash_bytes = now - before
            if now > before:
                size = format_size(now - before)
                self.one.notes.append(f"{size} came back from flash, not from zram")

    def _process_began(self) -> bool | None:
        """Whether the log tells of a process of the app that is not the one that was left."""
        one = self.one
        log = look.log_since(self.stage.phone, self.clocks.wall_s)
        pids = look.processes_begun(log, self.stage.package)
        if pids is None or one.before is None or one.before.pid not in pids:
            return None  # the log does not reach back to the app's first launch: no witness
        return any(pid != one.before.pid for pid in pids[pids.index(one.before.pid) :])

    @property
    def _until_s(self) -> float:
        """Until when the app may show what it showed before: all of it, in the same seconds."""
        assert self.moment is not None
        return self.moment[1] + screen.PATIENCE_S

    def _recall(self, step: StepForm) -> None:
        assert step.remember is not None
        name = step.remember.name
        was = self.one.remembered[name]
        try:
            self.one.found[name] = steps.recall(
                self.stage, step.remember, step.deadline, wanted=was, until_s=self._until_s
            )
        except screen.NotOnScreen as error:  # it was there, and is not: that is no missing witness
            self.one.found[name] = ""
            self.one.notes.append(f"{name}: {error}")
        except StepFailed as error:
            self.one.found[name] = None
            self.one.notes.append(f"{name} could not be read when the app was back: {error}")

    def _read_screen(self) -> None:
        """Keep what the screen says when the app is back, where that is expected of it."""
        wanted = [one.text for one in self.scenario.expect if one.text is not None]
        if not wanted:
            return

        def shows_all(views: Sequence[View]) -> bool:
            return set(wanted) <= {view.text for view in views}

        try:
            views = screen.awaited(self.stage.ui, self.stage.package, shows_all, self._until_s)
            self.one.screen = screen.texts(views)
        except StepFailed as error:
            self.one.notes.append(str(error))

    def _keep_evidence(self, found: dict[str, bytes]) -> None:
        with self.stage.written() as folder:
            for name, data in found.items():
                (folder / name).write_bytes(data)
