"""What the demo measured, and what that shows. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

from droidreclaim.errors import DroidReclaimError
from droidreclaim.lab.demo.scenario import Scenario
from droidreclaim.lab.storm.events import Launch, PageOut, Run, Sample, Verified
from droidreclaim.lab.storm.figures import HOT
from droidreclaim.parse.kills.records import KilledBy
from droidreclaim.units import format_size

WITHOUT, WITH = "lowmemorykiller", "droidreclaim"
EASILY_AVAILABLE_API = 33  # lmkd counts no more swap as free than memory is easily available


@dataclass(frozen=True, slots=True)
class Death:
    """
    A launched process that was killed.

    Attributes:
        at_s: When it was found gone, in seconds since the arm began: up to a second late.
        by: Who killed, in the words of ``kills --json``; ``unknown`` where no log has a record.
    """

    at_s: float
    by: str
    pid: int
    name: str
    oom_score_adj: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """
    One launch and what came of it.

    Attributes:
        sample: Memory when the app had left the screen again (and was paged out, if it was).
        killed: Packages whose first process died meanwhile.
    """

    launch: Launch
    sample: Sample
    killed: tuple[str, ...]
    paged_out: PageOut | None


@dataclass(frozen=True, slots=True)
class Game:
    """
    The game before the other apps were opened, and when it is opened again.

    Attributes:
        reopened_score: What the player sees in the end.
    """

    pid_before: int
    score_before: int
    reopened_pid: int | None
    reopened_score: int | None
    reopened_state: str
    reopened_s: float | None

    @property
    def alive(self) -> bool:
        """Whether it is the same process."""
        return self.reopened_pid == self.pid_before

    @property
    def kept(self) -> bool:
        """Whether it is the same process, resumed, with its score."""
        return (
            self.alive and self.reopened_score == self.score_before and self.reopened_state == HOT
        )


@dataclass(frozen=True, slots=True)
class Arm:
    """
    One arm of the demo, as it was played.

    Attributes:
        launched: Main processes of the apps, each counted once.
        deaths: Launched processes that ended, in that order; the others survived.
    """

    name: str
    serial: str
    launched: int
    game: Game
    deaths: tuple[Death, ...]
    steps: tuple[Step, ...]
    samples: tuple[Sample, ...]
    verified: Verified
    duration_s: float

    @property
    def survived(self) -> int:
        """Launched processes that still run at the end."""
        return self.launched - len(self.deaths)

    @property
    def killer_of_game(self) -> Death | None:
        """How the game's first process ended."""
        return next((one for one in self.deaths if one.pid == self.game.pid_before), None)

    @property
    def lowest_available_bytes(self) -> int:
        """The least memory that was available."""
        return min(sample.available_bytes or 0 for sample in self.samples)

    @property
    def paged_out_bytes(self) -> int:
        """Memory that our page-outs moved out of the apps."""
        return sum(step.paged_out.reclaimed_bytes or 0 for step in self.steps if step.paged_out)


@dataclass(frozen=True, slots=True)
class Demo:
    """Both arms of one scenario on two boots of one image."""

    scenario: Scenario
    ram_bytes: int
    zram_bytes: int
    accelerator: str
    arms: tuple[Arm, ...]
    duration_s: float
    api: int = 33

    @property
    def why_swap_is_low(self) -> str | None:
        """Why lmkd called all but empty swap low, in a sentence; None where it did not."""
        killer = self.arms[0].killer_of_game
        if killer is None or "swap is low" not in killer.reason or self.api < EASILY_AVAILABLE_API:
            return None
        used = max(sample.swap_used_bytes or 0 for sample in self.arms[0].samples)
        return (
            f"At most {format_size(used)} of {format_size(self.zram_bytes)} of swap were in use, "
            "and lmkd called it low: since Android 13 it counts no more swap as free than there is "
            "memory easily available, because what goes to zram takes memory."
        )

    @property
    def not_shown(self) -> str | None:
        """Why this run does not show the difference, in a sentence; None when it does."""
        without, with_us = self.arms
        killer = without.killer_of_game
        if killer is None:
            return f"{WITHOUT} did not take the game: memory was never short enough"
        if killer.by != "lmkd":
            return f"the game was taken by {killer.by}, not by {WITHOUT}"
        if without.game.kept:
            return f"the game kept its score under {WITHOUT}"
        if not with_us.game.kept:
            taken = with_us.killer_of_game
            how = f": killed by {taken.by} ({taken.reason})" if taken else ""
            return f"the game lost its score under {WITH} too{how}"
        return None


def to_json(demo: Demo) -> dict[str, Any]:
    """The document of ``demo --json``."""
    scenario = demo.scenario
    return {
        "apps": len(scenario.apps),
        "arms": [_arm_json(arm) for arm in demo.arms],
        "shown": demo.not_shown is None,
        "why_not": demo.not_shown,
        "source": "phone",
        "seed": scenario.seed,
        "api": demo.api,
        "ram_bytes": demo.ram_bytes,
        "zram_bytes": demo.zram_bytes,
        "accelerator": demo.accelerator,
        "duration_s": demo.duration_s,
        "installed": [asdict(app) for app in scenario.apps],
    }


def _arm_json(arm: Arm) -> dict[str, Any]:
    game = arm.game
    return {
        "arm": arm.name,
        "launched": arm.launched,
        "killed": len(arm.deaths),
        "survived": arm.survived,
        "score_before": game.score_before,
        "score_after": game.reopened_score if game.alive else None,
        "game_pid_before": game.pid_before,
        "game_pid_after": game.reopened_pid if game.alive else None,
        "game_reopened": {
            "pid": game.reopened_pid,
            "score": game.reopened_score,
            "launch_state": game.reopened_state,
            "total_time_s": game.reopened_s,
        },
        "killed_by": dict(Counter(death.by for death in arm.deaths)),
        "kills": [asdict(death) for death in arm.deaths],
        "paged_out_bytes": arm.paged_out_bytes,
        "lowest_available_bytes": arm.lowest_available_bytes,
        "verified": asdict(arm.verified),
        "steps": [_step_json(step) for step in arm.steps],
        "samples": [asdict(sample) for sample in arm.samples],
        "serial": arm.serial,
        "duration_s": arm.duration_s,
    }


def _step_json(step: Step) -> dict[str, Any]:
    return {
        "package": step.launch.package,
        "launch_state": step.launch.state,
        "total_time_s": step.launch.took_s,
        "sample": asdict(step.sample),
        "killed": step.killed,
        "paged_out": asdict(step.paged_out) if step.paged_out else None,
    }


# From what the storm's player wrote down


def arm_of(run: Run, scenario: Scenario) -> Arm:
    """
    Read an arm of *scenario* from its run.

    Raises:
        DroidReclaimError: an app did not start, or the game was gone before anything was short.
    """
    assert run.end is not None
    assert run.verified is not None
    pids = _first_pids(run)
    if missing := [app.package for app in scenario.apps if app.package not in pids]:
        raise DroidReclaimError(f"did not start, or was gone at once: {', '.join(missing)}")
    return Arm(
        name=run.begin.arm,
        serial=str(run.begin.device.get("serial")),
        launched=len(pids),
        game=_game(run, scenario),
        deaths=_deaths(run),
        steps=steps_of(run)[: len(scenario.apps)],
        samples=tuple(run.samples),
        verified=run.verified,
        duration_s=run.end.duration_s,
    )


def steps_of(run: Run) -> tuple[Step, ...]:
    """Return the launches of a run, each with what happened until the next was asked for."""
    pids = _first_pids(run)
    times_s = [launch.asked_s or 0.0 for launch in run.launches]
    found = []
    for launch, from_s, until_s in zip(run.launches, times_s, [*times_s[1:], inf], strict=True):
        samples = [one for one in run.samples if one.at_s < until_s]
        killed = {
            one.package
            for one in run.gone
            if from_s <= one.at_s < until_s and pids.get(one.package) == one.pid
        }
        acted = [one for one in run.page_outs if from_s <= one.at_s < until_s]
        found.append(Step(launch, samples[-1], tuple(sorted(killed)), acted[-1] if acted else None))
    return tuple(found)


def _first_pids(run: Run) -> dict[str, int]:
    """The first main process of each app, by package."""
    return {one.package: one.pid for one in run.launches if one.first and one.pid is not None}


def _game(run: Run, scenario: Scenario) -> Game:
    before, *_, after = (one for one in run.launches if one.package == scenario.game.package)
    if before.pid is None or before.score is None:
        raise DroidReclaimError(f"{before.package} was gone before anything was short")
    return Game(
        pid_before=before.pid,
        score_before=before.score,
        reopened_pid=after.pid,
        reopened_score=after.score,
        reopened_state=after.state,
        reopened_s=after.took_s,
    )


def _deaths(run: Run) -> tuple[Death, ...]:
    """The first processes that are gone, each with what the phone's log says of it."""
    pids = _first_pids(run)
    kills = {kill.pid: kill for kill in run.kills}
    deaths = []
    for gone in run.gone:
        if pids.get(gone.package) != gone.pid:
            continue
        if kill := kills.get(gone.pid):
            by, adj, why = kill.by, kill.oom_score_adj, kill.reason
        else:
            by, adj, why = KilledBy.UNKNOWN.value, None, "no record of its end"
        deaths.append(Death(gone.at_s, by, gone.pid, gone.package, adj, why))
    return tuple(deaths)
