"""What the demo measured, and what that shows. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from droidreclaim.lab.demo.scenario import Scenario
from droidreclaim.lab.storm.arms import Acted
from droidreclaim.units import format_size

WITHOUT, WITH = "lowmemorykiller", "droidreclaim"
EASILY_AVAILABLE_API = 33  # lmkd counts easily available memory as the most that swap can take


@dataclass(frozen=True, slots=True)
class Sample:
    """
    Memory of the phone at one moment.

    Attributes:
        at_s: Since the arm began.
        swap_used_bytes: Data in swap, before compression.
        zram_used_bytes: Memory that swap takes, compressed; None where there is no zram.
    """

    at_s: float
    available_bytes: int
    free_bytes: int
    swap_used_bytes: int
    zram_used_bytes: int | None


@dataclass(frozen=True, slots=True)
class Death:
    """
    A launched process that was killed.

    Attributes:
        at_s: By the phone's own log, since the arm began; None where no log line has it.
        by: Word of ``kills --json``; ``unknown`` for one that is gone without a record.
    """

    at_s: float | None
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
        total_time_s: From the intent to the first frame, as ``am start -W`` says.
        sample: Memory when the app had left the screen again (and was paged out, if it was).
        killed: Names of the processes that died meanwhile.
    """

    package: str
    launch_state: str | None
    total_time_s: float | None
    sample: Sample
    killed: tuple[str, ...]
    paged_out: Acted | None


@dataclass(frozen=True, slots=True)
class Game:
    """
    The game before the other apps, and when it is opened again.

    Attributes:
        pid_after: Of its process just before it is opened again; None when there is none.
        score_after: What that process shows; None when it is gone.
        reopened_score: What the player sees in the end.
    """

    pid_before: int
    score_before: int
    pid_after: int | None
    score_after: int | None
    reopened_pid: int | None
    reopened_score: int | None
    reopened_state: str | None
    reopened_s: float | None

    @property
    def kept(self) -> bool:
        """Whether it is the same process, resumed, with its score."""
        return (
            self.reopened_pid == self.pid_before
            and self.reopened_score == self.score_before
            and self.reopened_state in ("HOT", None)  # Android 9 does not say
        )


@dataclass(frozen=True, slots=True)
class Verified:
    """Pages of the apps' heaps that were read and checked at the end, and how many were wrong."""

    processes: int
    pages: int
    bad: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class Arm:
    """
    One way through the scenario.

    Attributes:
        launched: Main processes of the apps, each counted once.
        deaths: Of those, in the order of their end; the others survived.
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
        return min(sample.available_bytes for sample in self.samples)

    @property
    def paged_out_bytes(self) -> int:
        """Memory that left the apps by our doing."""
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
        used = max(sample.swap_used_bytes for sample in self.arms[0].samples)
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
        "score_after": game.score_after,
        "game_pid_before": game.pid_before,
        "game_pid_after": game.pid_after,
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
        "steps": [asdict(step) for step in arm.steps],
        "samples": [asdict(sample) for sample in arm.samples],
        "serial": arm.serial,
        "duration_s": arm.duration_s,
    }
