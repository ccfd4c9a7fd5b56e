"""The rounds of a run: played, written down one by one, and ended without losing what was seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from droidreclaim.errors import DeviceError
from droidreclaim.qa import arms, look, oracles, steps
from droidreclaim.qa.form import StepForm
from droidreclaim.qa.order import order
from droidreclaim.qa.record import Round, State
from droidreclaim.qa.scenario import Scenario
from droidreclaim.session import Phone
from droidreclaim.units import format_size

_BACK_WITHIN_S = 20.0
_LOOK_S = 1.0

Progress = Callable[[str], None]
Note = Callable[[Round], None]


@dataclass
class Run:
    """
    One run of a scenario on one device.

    Attributes:
        folder: Where rounds leave their evidence.
        note: Called with each round as it ends.
        acts: By arm, what it does; a test may put another there.
    """

    phone: Phone
    scenario: Scenario
    folder: Path
    note: Note
    progress: Progress = lambda line: None
    acts: dict[str, arms.Act] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)
    known_kills: set[look.Key] = field(default_factory=set)
    start_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.forms = {one.arm: one for one in self.scenario.arms}
        for name, form in self.forms.items():
            self.acts.setdefault(name, arms.act_of(form))

    def play(self, done: Collection[Round] = ()) -> BaseException | None:
        """
        Play every round that is not *done*; returns what ended the run before its end.

        A round that was lost to the device is repeated at the end, as often as there are rounds.
        """
        self.rounds = list(done)
        counted = {one.key for one in done if one.discarded is None}
        names = [one.arm for one in self.scenario.arms]
        wanted = order(names, self.scenario.rounds, self.scenario.seed)
        jobs = [job for job in wanted if job not in counted]
        repeats = self.scenario.rounds
        try:
            look.kills(self.phone, self.known_kills)
            while jobs:
                number, arm = job = jobs.pop(0)
                one = self._round(number, arm, len(wanted))
                if one.discarded is not None:
                    self._await_device(one.discarded)
                    repeats -= 1
                    if repeats >= 0:
                        jobs.append(job)
        except (Exception, KeyboardInterrupt) as error:
            return error
        return None

    def _round(self, number: int, arm: str, total: int) -> Round:
        one = Round(number, arm, at_s=time.monotonic() - self.start_s)
        stage = steps.Stage(
            self.phone, self.scenario.app, arm, number, self.folder / one.folder_name
        )
        try:
            player = _Player(stage, self.scenario, self.acts[arm], one)
            with arms.around(self.phone, arm):
                player.play(self.known_kills)
        except DeviceError as error:
            one.discarded = str(error)
        one.took_s = time.monotonic() - self.start_s - one.at_s
        self.rounds.append(one)
        self.note(one)
        count = sum(each.discarded is None for each in self.rounds)
        self.progress(f"[{count}/{total}] round {number}, {arm}: {told(one)}")
        return one

    def _await_device(self, why: str) -> None:
        """Wait until the device answers again; raises as it was lost, where it does not."""
        self.phone.close()
        deadline_s = time.monotonic() + _BACK_WITHIN_S
        while True:
            try:
                self.phone.device.ping(timeout_s=5.0)
            except DeviceError as error:
                if time.monotonic() > deadline_s:
                    raise type(error)(
                        f"{error}; the round under way is discarded: {why}"
                    ) from error
                time.sleep(_LOOK_S)
            else:
                return


def told(one: Round) -> str:
    """A round in one line, for somebody who watches."""
    if one.discarded is not None:
        return f"discarded: {one.discarded}"
    words = [one.state.value, one.kind]
    if one.back_s is not None:
        words.append(f"back in {one.back_s:.2f} s")
    if one.fault is not None:
        words.append(one.fault)
    return ", ".join(words)


@dataclass
class _Player:
    stage: steps.Stage
    scenario: Scenario
    act: arms.Act
    one: Round

    def play(self, known_kills: set[look.Key]) -> None:
        """Play one round; what fails in it stands in the record, a lost device is raised."""
        phone, package, one = self.stage.phone, self.stage.package, self.one
        ended = look.end_apps(phone, self._packages())
        since_s = look.clock_s(phone)
        self.since_s = since_s
        for index, step in enumerate(self.scenario.steps):
            what = f"{index + 1} {step.kind}"
            fault = steps.attempt(phone, what, lambda step=step: self._step(step))  # type: ignore[misc]
            if fault is not None and step.continue_on_failure:
                one.notes.append(fault)
            elif fault is not None:
                one.fault = fault
                break
        one.killed = [kill for kill in look.kills(phone, known_kills) if kill.pid not in ended]
        one.state = oracles.state_of(one)
        if one.number == 1 or one.fault is not None or one.state is not State.KEPT:
            self._keep_evidence(look.evidence(phone, package, look.log_since(phone, since_s)))

    def _packages(self) -> list[str]:
        """The app and every other that the steps open: each round begins without them."""
        named = [self.stage.package]
        for step in self.scenario.steps:
            if isinstance(step.launch, str):
                named.append(step.launch)
            if step.pressure is not None:
                named += step.pressure.launch
        return list(dict.fromkeys(named))

    def _step(self, step: StepForm) -> None:
        one, phone = self.one, self.stage.phone
        if step.home and one.before is None and not one.did:
            self._leave()
        if step.remember is not None:
            name = step.remember.name
            one.remembered[name] = steps.recall(phone, step.remember, step.deadline)
            if one.remembered[name] is None:
                raise steps.StepFailed(f"{name}: nothing matches {step.remember.match!r}")
        elif step.arm:
            self._arm()
        elif step.resume:
            self._resume()
        else:
            steps.plain(self.stage, step)

    def _leave(self) -> None:
        """Look at the app for the last time before it is left."""
        one, phone = self.one, self.stage.phone
        one.before = look.life(phone, self.stage.package)
        self._measure("before")

    def _measure(self, when: str) -> None:
        life = self.one.after if when == "resume" else self.one.before
        if (memory := look.memory(self.stage.phone, life)) is not None:
            self.one.memory[when] = memory

    def _arm(self) -> None:
        one = self.one
        if one.before is None:
            self._leave()
        try:
            one.did = self.act(self.stage.phone, self.stage.package)
        except arms.ArmFailed as error:
            one.did = f"failed: {error}"
            if not arms.is_control(one.arm):  # a control that fails to kill shows in its figures
                raise steps.StepFailed(f"the arm did not act: {error}") from error
            one.notes.append(f"the arm did not act: {error}")
        self._measure("arm")

    def _resume(self) -> None:
        one, phone, package = self.one, self.stage.phone, self.stage.package
        flash, filed = look.flash_read(phone), look.newest_start(phone, package)
        asked_s = time.monotonic()
        launch = phone.app(package).open()
        took_s = time.monotonic() - asked_s
        if launch.status != "ok":
            raise steps.StepFailed(f"{package} did not show: {launch.status}")
        one.back_s = took_s if launch.wait_time_s is None else launch.wait_time_s
        one.am_kind = launch.launch_state
        one.after = look.life(phone, package)
        if flash is not None and (flash_now := look.flash_read(phone)) is not None:
            one.from_flash_bytes = flash_now - flash
            if one.from_flash_bytes:
                size = format_size(one.from_flash_bytes)
                one.notes.append(f"{size} came back from flash, not from zram")
        start = look.newest_start(phone, package)
        one.start_kind = None if start is None or start == filed else start.start_type
        one.kind = oracles.kind_of(
            one.am_kind,
            one.before,
            one.after,
            process_began=self._process_began(),
            start_kind=one.start_kind,
        )
        self._measure("resume")
        for step in self.scenario.steps:
            if step.remember is not None and step.remember.name in one.remembered:
                self._recall(step)

    def _process_began(self) -> bool | None:
        """Whether the log tells of a process of the app that is not the one that was left."""
        one = self.one
        log = look.log_since(self.stage.phone, self.since_s)
        pids = look.processes_begun(log, self.stage.package)
        if pids is None or one.before is None or one.before.pid not in pids:
            return None  # the log does not reach back to the app's first launch: no witness
        return any(pid != one.before.pid for pid in pids[pids.index(one.before.pid) :])

    def _recall(self, step: StepForm) -> None:
        assert step.remember is not None
        name = step.remember.name
        try:
            self.one.found[name] = steps.recall(self.stage.phone, step.remember, step.deadline)
        except steps.StepFailed as error:
            self.one.found[name] = None
            self.one.notes.append(f"{name} could not be read when the app was back: {error}")

    def _keep_evidence(self, found: dict[str, bytes]) -> None:
        self.stage.folder.mkdir(parents=True, exist_ok=True)
        for name, data in found.items():
            (self.stage.folder / name).write_bytes(data)
