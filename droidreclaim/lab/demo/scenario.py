"""What is played: which apps, how large, in which order, and to what score. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass

from droidreclaim.lab.storm.plan import App, Job
from droidreclaim.units import MIB

GAME = "com.example.game"

# All heaps together are 1.4 times the memory that an idle phone has: more than fits. Compressed 3:1
# (measured on the phone's heaps: 14.5 MiB for 43.6), with the app in front uncompressed, they are
# about half of it.
_OVERCOMMIT = 1.4
_GAME_WEIGHT = 0.7
_WEIGHTS = (0.8, 1.2)
_TAPS = (12, 30)
_SMALLEST_HEAP_BYTES = 4 * MIB
_NAMES = (
    *("maps", "mail", "browser", "chat", "photos", "notes", "music", "news", "camera", "bank"),
    *("shop", "weather", "calendar", "video", "books", "travel", "fitness", "recipes", "podcast"),
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    Everything that is the same in both arms.

    Attributes:
        others: In the order in which they are opened after the game.
        taps: How often the player scores.
    """

    seed: int
    game: App
    others: tuple[App, ...]
    taps: int

    @property
    def apps(self) -> tuple[App, ...]:
        """The game and the others, in the order of their first launch."""
        return (self.game, *self.others)

    def job(self, arm: str) -> Job:
        """Return a job of the storm's player: open each app once, and the game again."""
        launches = (*self.apps, self.game)
        return Job(arm, self.seed, self.apps, launches, taps=(self.taps, 0), watched=True)

    @property
    def heap_bytes(self) -> int:
        """All heaps together."""
        return sum(app.heap_bytes or 0 for app in self.apps)


def zram_bytes(ram_bytes: int) -> int:
    """
    Choose the size of swap for a phone with this RAM.

    All heaps fit into it, 1.4 times what an idle phone has free (0.65 of 640 MiB, 0.93 of 4 GiB).
    A fifth of it stays free, which is where page-outs stop.
    """
    return ram_bytes + ram_bytes // 2


def plan(seed: int, apps: int, available_bytes: int) -> Scenario:
    """Choose *apps* apps, the game among them, for a phone that has *available_bytes* when idle."""
    chance = random.Random(seed)
    names = chance.sample([f"com.example.{name}" for name in _names(apps - 1)], apps - 1)
    weights = [_GAME_WEIGHT, *(chance.uniform(*_WEIGHTS) for _ in names)]
    unit_bytes = _OVERCOMMIT * available_bytes / sum(weights)
    game, *others = (
        App(name, _whole_mib(weight * unit_bytes), chance.randrange(1, 1 << 31), name == GAME)
        for name, weight in zip([GAME, *names], weights, strict=True)
    )
    return Scenario(seed, game, tuple(others), chance.randint(*_TAPS))


def _names(count: int) -> list[str]:
    more = [f"app{number}" for number in range(len(_NAMES) + 1, count + 1)]
    return [*_NAMES, *more]


def _whole_mib(size_bytes: float) -> int:
    return max(_SMALLEST_HEAP_BYTES, round(size_bytes / MIB) * MIB)
