"""
What page-out could reach in a storm: its launches, simulated for one who knows the future. Pure.

Memory is pieces of 1 MiB. An app's first launch fills its heap, a later one uses its working set,
drawn as the pocket phone's apps draw theirs (`guest/src/heap.h`). What a launch needs is made free
by page-outs as long as swap has room, of the app in front last; then by kills.

The oracle pages out what is used again last (Belady, 1966) and kills whose next launch is farthest
away, times its size: with apps of several sizes that is a good order, not provably the best. The
other ways have lmkd's kills: of who is away longest, and quicker than any page-out (it looks every
10 ms), so that what a victim holds in memory is all that counts.

Left out: time, memory besides heaps, what apps do in the background, caches that they give up.
"""

from __future__ import annotations

import bisect
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from droidreclaim.lab.storm.events import Run
from droidreclaim.lab.storm.plan import App, Parameters, apps_of, launches
from droidreclaim.qa.stats import quantile
from droidreclaim.units import MIB

PIECE_BYTES = MIB
WORKING_SHARE = 0.3  # of a heap, as the pocket phone's apps have it
_MAIN_SPACE_SHARE = 0.55
_NEVER = 1 << 30  # launches ahead
_SWAP_LOW_SHARE = 0.1  # of swap: with less of it free, AOSP's lmkd kills
_LEAST_STORED_BYTES = 16 * MIB  # a zram that takes less says little about the ratio
_RATIO, _LEAST_RATIO = 2.5, 1.1


class Way(Enum):
    """In which order apps are paged out, and who is killed where that is not enough."""

    ORACLE = "oracle"
    ORACLE_WITH_LMKD = "oracle's page-outs, lmkd's kills"
    OLDEST = "oldest app first, lmkd's kills"
    NEWEST = "newest app first, lmkd's kills"
    COLD_FIRST = "cold of all apps first, lmkd's kills"


@dataclass(frozen=True, slots=True)
class Room:
    """
    Memory that the storm's apps have.

    Attributes:
        memory_bytes: Available before the first launch.
        swap_bytes: What may be in swap, uncompressed.
        ratio: How much data swap holds for each byte it takes.
    """

    memory_bytes: int
    swap_bytes: int
    ratio: float


@dataclass(frozen=True, slots=True)
class Reached:
    """
    What a way came to, with one seed or several.

    Attributes:
        came_in_bytes: Read from swap by each re-opening of an app that was kept.
        victims_bytes: What each killed app had in memory.
    """

    way: Way
    seeds: tuple[int, ...]
    launches: int
    avoidable_cold_starts: int
    paged_out_bytes: int
    came_in_bytes: tuple[int, ...]
    victims_bytes: tuple[int, ...]

    @property
    def kills(self) -> int:
        """Apps that were killed."""
        return len(self.victims_bytes)

    @property
    def hot_resumes(self) -> int:
        """Re-openings of apps that were kept."""
        return len(self.came_in_bytes)

    @property
    def cold_starts(self) -> int:
        """First launches and avoidable ones."""
        return self.launches - self.hot_resumes

    def to_json(self) -> dict[str, Any]:
        """One entry of ``oracle`` in ``storm --json``."""
        return {
            "way": self.way.value,
            "seeds": list(self.seeds),
            "hot_resumes": self.hot_resumes,
            "cold_starts": self.cold_starts,
            "avoidable_cold_starts": self.avoidable_cold_starts,
            "kills": self.kills,
            "paged_out_bytes": self.paged_out_bytes,
            "faulted_back_bytes": sum(self.came_in_bytes),
            "faulted_back_p50_bytes": quantile(self.came_in_bytes, 0.5),
            "victim_held_p50_bytes": quantile(self.victims_bytes, 0.5),
        }


def of_storm(what: Parameters, runs: Sequence[Run]) -> tuple[Reached, ...]:
    """
    Simulate the launches of *runs* in each way, all seeds put together.

    Nothing is simulated of a device's own apps, whose heaps are not known, nor with write-back.
    """
    seeds = tuple(sorted({run.begin.seed for run in runs}))
    if what.heap_bytes is None or what.writeback:
        return ()
    found = []
    for way in Way:
        reached = []
        for seed in seeds:
            room = room_of(what, [run for run in runs if run.begin.seed == seed])
            if room is not None:
                apps = apps_of(what, seed)
                opened = launches(what, apps, seed)
                reached.append(simulate(way, apps, opened, room, what.reuse_percent, seed))
        if reached:
            found.append(_together(reached))
    return tuple(found)


def room_of(what: Parameters, runs: Sequence[Run]) -> Room | None:
    """Return the memory that apps had in the runs of one seed; None where none of them looked."""
    looks = [run.samples[0].available_bytes for run in runs if run.samples]
    available = [one for one in looks if one is not None]
    if not available or what.zram_bytes is None:
        return None
    ratios = [
        (sample.swap_used_bytes or 0) / sample.zram_used_bytes
        for run in runs
        for sample in run.samples[-1:]
        if (sample.zram_used_bytes or 0) >= _LEAST_STORED_BYTES and sample.zram_used_bytes
    ]
    ratio = max(_LEAST_RATIO, statistics.median(ratios)) if ratios else _RATIO
    swap_bytes = round(what.zram_bytes * (1 - _SWAP_LOW_SHARE))
    return Room(round(statistics.median(available)), swap_bytes, ratio)


def simulate(
    way: Way, apps: Sequence[App], opened: Sequence[App], room: Room, reuse_percent: int, seed: int
) -> Reached:
    """
    Open apps in the order of *opened*, in the given way.

    Raises:
        ValueError: an app has no heap: it is on a device that is not ours.
    """
    phone = _Phone(way, room, _plans(apps, opened, reuse_percent))
    for at, app in enumerate(opened):
        phone.launch(at, app.package)
    return Reached(
        way, (seed,), len(opened), phone.avoidable, phone.paged_out * PIECE_BYTES,
        tuple(pieces * PIECE_BYTES for pieces in phone.came_in),
        tuple(pieces * PIECE_BYTES for pieces in phone.victims),
    )  # fmt: skip


def _together(reached: Sequence[Reached]) -> Reached:
    return Reached(
        way=reached[0].way,
        seeds=tuple(seed for one in reached for seed in one.seeds),
        launches=sum(one.launches for one in reached),
        avoidable_cold_starts=sum(one.avoidable_cold_starts for one in reached),
        paged_out_bytes=sum(one.paged_out_bytes for one in reached),
        came_in_bytes=tuple(size for one in reached for size in one.came_in_bytes),
        victims_bytes=tuple(size for one in reached for size in one.victims_bytes),
    )


@dataclass
class _Plan:
    """
    An app's future.

    Attributes:
        opened: Numbers of the launches that open it, ascending.
        working: Pieces that each of those uses; all of them at the first.
        uses: For each piece, the numbers of the launches that use it.
    """

    pieces: int
    opened: list[int] = field(default_factory=list)
    working: list[set[int]] = field(default_factory=list)
    uses: list[list[int]] = field(default_factory=list)

    def use(self, at: int, working: set[int]) -> None:
        """Have the launch *at* use the pieces *working*."""
        self.opened.append(at)
        self.working.append(working)
        for piece in working:
            self.uses[piece].append(at)

    def learned(self, at: int) -> set[int]:
        """Return what the last resume before *at* used, but of the main space, which moves."""
        resumes = bisect.bisect_left(self.opened, at) - 1
        if resumes < 1:
            return set()
        return {piece for piece in self.working[resumes] if piece >= _main_space(self.pieces)}


def _plans(apps: Sequence[App], opened: Sequence[App], reuse_percent: int) -> dict[str, _Plan]:
    plans: dict[str, _Plan] = {}
    draws: dict[str, Iterator[set[int]]] = {}
    for app in apps:
        if app.heap_bytes is None:
            raise ValueError(f"{app.package} has no heap that is known")
        pieces = max(1, app.heap_bytes // PIECE_BYTES)
        plans[app.package] = _Plan(pieces, uses=[[] for _ in range(pieces)])
        draws[app.package] = _working_sets(app, pieces, reuse_percent)
    for at, app in enumerate(opened):
        plan = plans[app.package]
        plan.use(at, next(draws[app.package]) if plan.opened else set(range(plan.pieces)))
    return plans


def _main_space(pieces: int) -> int:
    """Return how many pieces of a heap are its main space; they come first."""
    return round(pieces * _MAIN_SPACE_SHARE)


def _working_sets(app: App, pieces: int, reuse_percent: int) -> Iterator[set[int]]:
    """
    Draw the working set of each resume: a share of the last one's pieces stays.

    What is used of the main space moves at every resume, except in games, and where all is reused.
    """
    chance = random.Random(app.seed)
    main = _main_space(pieces)
    working = set(chance.sample(range(pieces), max(1, round(pieces * WORKING_SHARE))))
    while True:
        yield working
        stays = set()
        for piece in sorted(working):
            moved = piece < main and not app.game and reuse_percent < 100
            if not moved and chance.randrange(100) < reuse_percent:
                stays.add(piece)
                continue
            others = set(range(main if moved else pieces)) - working - stays
            stays.add(chance.choice(sorted(others)) if others else piece)
        working = stays


@dataclass
class _Alive:
    """An app that runs: where its pieces are, and the launch at which it was in front."""

    plan: _Plan
    last: int
    held: set[int] = field(default_factory=set)
    swapped: set[int] = field(default_factory=set)


@dataclass
class _Phone:
    way: Way
    room: Room
    plans: dict[str, _Plan]
    alive: dict[str, _Alive] = field(default_factory=dict)
    avoidable: int = 0
    paged_out: int = 0
    came_in: list[int] = field(default_factory=list)
    victims: list[int] = field(default_factory=list)

    def launch(self, at: int, package: str) -> None:
        """Open an app: have what it uses in memory, then make room for that."""
        plan = self.plans[package]
        working = plan.working[plan.opened.index(at)]
        app = self.alive.pop(package, None)  # in front, it is nobody's victim
        if app is None:
            self.avoidable += at != plan.opened[0]
            app = _Alive(plan, at, set(range(plan.pieces)))
            spare = app.held
        else:
            self.came_in.append(len(working & app.swapped))
            app.swapped -= working
            app.held |= working
            app.last = at
            spare = app.held - working
        self._make_room(at, app, spare)
        self.alive[package] = app

    def _missing(self, front: _Alive) -> float:
        """Pieces of memory that are used and not there."""
        running = [*self.alive.values(), front]
        held = sum(len(app.held) for app in running)
        return held + self._swapped(front) / self.room.ratio - self.room.memory_bytes / PIECE_BYTES

    def _swapped(self, front: _Alive) -> int:
        return sum(len(app.swapped) for app in [*self.alive.values(), front])

    def _make_room(self, at: int, front: _Alive, spare: set[int]) -> None:
        """Page out, what is *spare* of the app in front last; then kill."""
        self._page_out(at, front, spare)
        while self.alive and self._missing(front) > 0:
            self._kill(at)
            if self.way is Way.ORACLE:
                self._page_out(at, front, spare)

    def _page_out(self, at: int, front: _Alive, spare: set[int]) -> None:
        missing = self._missing(front)
        swap_left = self.room.swap_bytes / PIECE_BYTES - self._swapped(front)
        own = sorted(spare & front.held, key=lambda piece: -_next(front.plan.uses[piece], at))
        for app, piece in [*self._order(at), *((front, piece) for piece in own)]:
            if missing <= 0 or swap_left < 1:
                return
            app.held.remove(piece)
            app.swapped.add(piece)
            self.paged_out += 1
            swap_left -= 1
            missing -= 1 - 1 / self.room.ratio

    def _order(self, at: int) -> Sequence[tuple[_Alive, int]]:
        """What apps in the background have in memory, in the order in which it goes."""
        if self.way is Way.COLD_FIRST:
            return self._cold_first(at)
        newest = self.way is Way.NEWEST
        apps = sorted(self.alive.values(), key=lambda app: app.last, reverse=newest)
        found = [(app, piece) for app in apps for piece in sorted(app.held)]
        if self.way in (Way.ORACLE, Way.ORACLE_WITH_LMKD):
            found.sort(key=lambda one: -_next(one[0].plan.uses[one[1]], at))
        return found

    def _cold_first(self, at: int) -> Sequence[tuple[_Alive, int]]:
        """Put what no last resume used before what one did, as `keep: hot`, oldest app first."""
        cold: list[tuple[_Alive, int]] = []
        hot: list[tuple[_Alive, int]] = []
        for app in sorted(self.alive.values(), key=lambda app: app.last):
            learned = app.plan.learned(at)
            for piece in sorted(app.held):
                (hot if piece in learned else cold).append((app, piece))
        return [*cold, *hot]

    def _kill(self, at: int) -> None:
        if self.way is Way.ORACLE:
            victim = max(self.alive, key=lambda name: self._worth_of_kill(self.alive[name], at))
        else:
            victim = min(self.alive, key=lambda name: self.alive[name].last)
        self.victims.append(len(self.alive.pop(victim).held))

    def _worth_of_kill(self, app: _Alive, at: int) -> int:
        """Pieces that a kill frees, times launches for which it frees them."""
        return app.plan.pieces * (_next(app.plan.opened, at) - at)


def _next(launches: Sequence[int], at: int) -> int:
    """Return the first of *launches* after *at*."""
    found = bisect.bisect_right(launches, at)
    return launches[found] if found < len(launches) else _NEVER
