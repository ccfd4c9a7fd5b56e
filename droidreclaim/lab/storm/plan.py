"""What is launched: how large the apps are, and in which order they are opened. Pure."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from droidreclaim.errors import UsageError
from droidreclaim.units import MIB

# Heaps are log-normal, a few large apps and many small ones, none beyond these shares of the mean.
_SIGMA = 0.4
_SHARES = (0.4, 2.2)
_GAMES = 4  # one app in four holds a score


# Settings of lmkd (``ro.lmk.*``) that the pocket phone's lmkd obeys.
LMK_SETTINGS = (
    "psi_partial_stall_ms", "psi_complete_stall_ms", "swap_free_low_percentage",
    "swap_compression_ratio", "swap_compression_ratio_div", "relaxed_available_memory",
    "swap_util_max", "thrashing_limit", "thrashing_limit_decay", "thrashing_limit_critical",
    "stall_limit_critical", "pressure_after_kill_min_score", "lowmem_min_oom_score",
    "kill_heaviest_task", "kill_timeout_ms",
)  # fmt: skip
_LMK_VALUE = re.compile(r"[0-9]{1,6}|true|false")


def lmk_settings(words: Sequence[str]) -> tuple[str, ...]:
    """
    Check settings of lmkd, each ``NAME=VALUE``, and sort them by name.

    Raises:
        UsageError: there is no such setting, it is given twice, or its value is not possible.
    """
    names = [word.partition("=")[0] for word in words]
    for word, name in zip(words, names, strict=True):
        if name not in LMK_SETTINGS:
            raise UsageError(
                f"--lmk {word}: the pocket phone's lmkd has no setting {name!r}",
                hint=f"one of {', '.join(LMK_SETTINGS)}",
            )
        if not _LMK_VALUE.fullmatch(word.removeprefix(name).removeprefix("=")):
            raise UsageError(f"--lmk {word}: NAME=VALUE, a number, true or false")
        if names.count(name) > 1:
            raise UsageError(f"--lmk {name}: twice")
    return tuple(sorted(words))


class Order(StrEnum):
    """How people return to their apps."""

    UNIFORM = "uniform"
    ZIPF = "zipf"
    CYCLIC = "cyclic"


class Reuse(StrEnum):
    """Share of the pages of an app's last resume that it uses again at the next, in per cent."""

    ALL = "100"
    MOST = "70"
    SOME = "40"


class Pressure(StrEnum):
    """
    How much memory the apps ask of the phone.

    Roomy: memory and zram together hold all apps, compressed. Overcommitted: the apps want more
    than swap can take.
    """

    ROOMY = "roomy"
    OVERCOMMITTED = "overcommitted"


@dataclass(frozen=True, slots=True)
class App:
    """
    An app of the storm.

    Attributes:
        heap_bytes: Its anonymous memory; None for an app that is on the device anyway.
        seed: Seed of its heap's content.
        game: Whether it holds a score.
    """

    package: str
    heap_bytes: int | None = None
    seed: int = 0
    game: bool = False


@dataclass(frozen=True)
class Job:
    """
    One arm with one seed: which apps, opened in which order.

    Attributes:
        taps: How often a game is scored in when it is opened first, and when it is opened again.
        watched: Whether to look about once a second while an app opens, for a chart of a minute.
    """

    arm: str
    seed: int
    apps: Sequence[App]
    launches: Sequence[App]
    taps: tuple[int, int] = (1, 1)
    watched: bool = False


_Bytes = Annotated[int, Meta(ge=0, le=1 << 46)]


@dataclass(frozen=True, slots=True)
class Parameters:
    """
    Everything that is the same in all arms.

    Attributes:
        config: Name of the configuration, with a note where other sizes were given; None on a
            device that was not started for the storm.
        zram_bytes: Size of swap in the arms that have it.
        heap_bytes: Heap of an app, on average.
        packages: Apps of a device that is not ours; empty where apps are made for the storm.
        reuse_percent: Share of the last resume's pages that an app uses again; see `Reuse`.
        lmk: Settings of lmkd in place of Android's own, each ``NAME=VALUE``, sorted by name.
        writeback: Whether what a frozen app has in zram is written to flash; see `--writeback`.
    """

    config: str | None
    apps: Annotated[int, Meta(ge=1, le=1000)]
    rounds: Annotated[int, Meta(ge=1, le=1000)]
    order: Order
    ram_bytes: _Bytes | None = None
    zram_bytes: _Bytes | None = None
    heap_bytes: _Bytes | None = None
    api: Annotated[int, Meta(ge=1, le=1000)] | None = None
    packages: tuple[str, ...] = ()
    lmk: tuple[str, ...] = ()
    reuse_percent: Annotated[int, Meta(ge=0, le=100)] = 100
    writeback: bool = False

    @property
    def launches(self) -> int:
        """How often an app is opened, in all."""
        return self.apps * self.rounds


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes to take instead of a configuration's; None for its own."""

    ram_bytes: int | None = None
    zram_bytes: int | None = None
    heap_bytes: int | None = None


def parameters(config: Pressure, order: Order, *, quick: bool, apps: int | None = None,
               rounds: int | None = None, api: int = 33,
               own: Sizes = Sizes()) -> Parameters:  # fmt: skip
    """
    Turn a configuration into numbers, except those that are asked for instead.

    16 apps of 56 MiB on average on a phone of 576 MiB, or 8 on one of 416 MiB in a quick storm. An
    idle phone of this kind has 400 MiB available (quick: 260). All apps take 340 MiB (170) when
    compressed at the measured 2.5:1, and about 400 MiB (220) with the largest one in memory.
    """
    ram_mib, few, short = (416, 8, 3) if quick else (576, 16, 7)
    roomy_mib, tight_mib = (640, 256) if quick else (1200, 512)
    zram_mib = roomy_mib if config is Pressure.ROOMY else tight_mib
    return Parameters(
        config=config.value if own == Sizes() else f"{config.value}, own sizes",
        apps=apps or few,
        rounds=rounds or short,
        order=order,
        ram_bytes=ram_mib * MIB if own.ram_bytes is None else own.ram_bytes,
        zram_bytes=own.zram_bytes or zram_mib * MIB,
        heap_bytes=own.heap_bytes or 56 * MIB,
        api=api,
    )


def apps_of(what: Parameters, seed: int) -> tuple[App, ...]:
    """The apps of one seed, the most popular first."""
    chance = random.Random(f"apps {seed}")
    if what.packages:
        return tuple(App(package) for package in chance.sample(what.packages, len(what.packages)))
    assert what.heap_bytes is not None
    heaps = sizes(what.apps, what.heap_bytes, chance)
    first_game = chance.randrange(min(_GAMES, what.apps))
    return tuple(
        App(
            f"com.example.app{number:02}",
            heap_bytes,
            chance.randrange(1, 1 << 31),
            game=number % _GAMES == first_game,
        )
        for number, heap_bytes in enumerate(heaps)
    )


def sizes(count: int, mean_bytes: int, chance: random.Random) -> tuple[int, ...]:
    """
    Choose heaps in whole MiB: in all *count* times *mean_bytes*, to within a MiB an app.

    The total does not depend on the seed: a roomy storm stays roomy.
    """
    least, most = _SHARES
    shares = [min(most, max(least, chance.lognormvariate(0.0, _SIGMA))) for _ in range(count)]
    unit = mean_bytes * count / sum(shares)
    return tuple(max(1, round(share * unit / MIB)) * MIB for share in shares)


def launches(what: Parameters, apps: Sequence[App], seed: int) -> tuple[App, ...]:
    """Return the apps in the order of their launches, each app at least once."""
    if what.order is Order.CYCLIC:
        return tuple(apps) * what.rounds
    if what.order is Order.UNIFORM:
        counts = [what.rounds] * len(apps)
    else:
        counts = zipf_counts(len(apps), what.launches)
    opened = [app for app, count in zip(apps, counts, strict=True) for _ in range(count)]
    random.Random(f"order {seed}").shuffle(opened)
    return tuple(opened)


def zipf_counts(kinds: int, total: int) -> list[int]:
    """
    Share *total* launches among *kinds* apps, the favourite first: one each, the rest by 1/rank.

    Rounded by largest remainder. Counts drawn at random would differ between seeds by more than
    arms differ.
    """
    weight = (total - kinds) / math.fsum(1 / rank for rank in range(1, kinds + 1))
    exact = [1 + weight / rank for rank in range(1, kinds + 1)]
    counts = [int(one) for one in exact]
    by_remainder = sorted(range(kinds), key=lambda at: counts[at] - exact[at])
    for at in by_remainder[: total - sum(counts)]:
        counts[at] += 1
    return counts
