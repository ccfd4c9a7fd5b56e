"""The rounds of a run: played, written down one by one, and ended without losing what was seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from droidreclaim.errors import DeviceError
from droidreclaim.qa import arms, look
from droidreclaim.qa.evidence import Screens
from droidreclaim.qa.order import order
from droidreclaim.qa.player import Player
from droidreclaim.qa.record import Round
from droidreclaim.qa.scenario import Scenario
from droidreclaim.qa.stage import Stage
from droidreclaim.qa.track import Tracker
from droidreclaim.qa.ui import ui_of
from droidreclaim.session import Phone

_BACK_WITHIN_S = 20.0
_RETURNED_S = 1.0  # what came back is told as of then
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
        beside: Folder of the scenario.
        held: Called as a round ends; raises where what was set up for it is not so any more.
        returned: Called when a device that was lost is there again.
        acts: By arm, what it does; a test may put another there.
    """

    phone: Phone
    scenario: Scenario
    folder: Path
    note: Note
    progress: Progress = lambda line: None
    returned: Callable[[], None] = lambda: None
    beside: Path = field(default_factory=Path)
    held: Callable[[], None] = lambda: None
    acts: dict[str, arms.Act] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)
    known_kills: set[look.Key] = field(default_factory=set)
    start_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.screens = Screens(self.phone)
        self.ui = ui_of(self.phone, self.scenario.ui)
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
        tracker = Tracker(self.phone, self.scenario.app)
        try:
            look.kills(self.phone, self.known_kills)
            while jobs:
                number, arm = job = jobs.pop(0)
                one = self._round(number, arm, len(wanted), tracker)
                if one.discarded is not None:
                    self._await_device(one.discarded)
                    repeats -= 1
                    if repeats >= 0:
                        jobs.append(job)
        except (Exception, KeyboardInterrupt) as error:
            return error
        finally:
            tracker.close()
        return None

    def _round(self, number: int, arm: str, total: int, tracker: Tracker) -> Round:
        one = Round(number, arm, at_s=time.monotonic() - self.start_s)
        folder = self.folder / one.folder_name
        stage = Stage(self.phone, self.ui, self.scenario.app, arm, number, folder, self.beside)
        try:
            player = Player(stage, self.scenario, self.acts[arm], one, self.screens)
            with arms.running_guard(self.phone, arm, arms.longest_s(self.scenario.steps)) as tell:
                tracker.begin()
                player.play(self.known_kills)
                tell(one)
                if one.survived and one.back_boot_s is not None:
                    tracker.sample_until(one.back_boot_s + _RETURNED_S)
                self.held()
        except DeviceError as error:
            one.discarded = str(error)
        finally:
            one.track = tracker.end()
        one.took_s = time.monotonic() - self.start_s - one.at_s
        self.rounds.append(one)
        self.note(one)
        count = sum(each.discarded is None for each in self.rounds)
        self.progress(f"[{count}/{total}] round {number}, {arm}: {round_in_words(one)}")
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
                self.returned()
                return


def round_in_words(one: Round) -> str:
    """A round in one line, for somebody who watches."""
    if one.discarded is not None:
        return f"discarded: {one.discarded}"
    words = [one.state.value, one.kind]
    if one.back_s is not None:
        words.append(f"back in {one.back_s:.2f} s")
    if one.fault is not None:
        words.append(one.fault)
    return ", ".join(words)
