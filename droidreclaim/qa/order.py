"""In which order arms are played. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence


def order(arms: Sequence[str], rounds: int, seed: int) -> list[tuple[int, str]]:
    """
    Round and arm of everything there is to play.

    Arms take turns inside a round, in an order drawn from *seed*, which the round after turns
    round (A B B A): a device that warms up, compiles or fills its caches meets all arms alike.
    """
    chance = random.Random(seed)
    jobs: list[tuple[int, str]] = []
    turn: list[str] = []
    for number in range(1, rounds + 1):
        turn = chance.sample(arms, len(arms)) if number % 2 else turn[::-1]
        jobs += [(number, arm) for arm in turn]
    return jobs
