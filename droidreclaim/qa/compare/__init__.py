"""Runs side by side: two builds of an app, or two devices; never both at once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from droidreclaim.errors import NotAchieved
from droidreclaim.qa import stats
from droidreclaim.qa.compare import memory
from droidreclaim.qa.record import Round, State

_MOST_NAMED = 6  # of what differs; a whole other scenario need not be spelled out

Facts = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Measured:
    """
    What the rounds of one arm came to.

    Attributes:
        hits: Of *total* those that were kept (of a storm: hot resumes among its launches).
        back_s: Time to be back of each round that has one.
        held: Its memory by state, where the scenario had it sampled.
    """

    hits: int
    total: int
    back_s: tuple[float, ...]
    held: memory.Held = field(default_factory=dict)

    @property
    def share(self) -> stats.Interval | None:
        """Interval of the share of hits."""
        return stats.share(self.hits, self.total)


@dataclass(frozen=True)
class Subject:
    """
    One run, as it is compared.

    Attributes:
        name: Its folder, as the user named it.
        played: What must be the same.
        build: The program that was tried; *device*: on what. Only one of the two may differ.
        state: Settings of the device; they may differ where the device does.
        hit: What a hit is called: ``kept``, ``hot``.
    """

    name: str
    played: Facts
    build: Facts
    device: Facts
    state: Facts
    arms: Mapping[str, Measured]
    hit: str = "kept"
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Cell:
    """
    One arm of one run, against the same arm of the first.

    Attributes:
        differs: Whether the intervals of both shares lie apart; None of the first run itself.
        ratio: Time to be back, how many times the first run's.
    """

    run: str
    arm: str
    measured: Measured
    differs: bool | None
    ratio: stats.Ratio | None


@dataclass(frozen=True)
class Comparison:
    """
    Runs that may be compared.

    Attributes:
        what: What differs between them: ``build``, ``device`` or ``nothing``.
        differing: Each difference in words.
        growths: What each run but the first held more, by arm, state and figure.
        left_out: Arms that not all of them have.
    """

    subjects: tuple[Subject, ...]
    what: str
    differing: tuple[str, ...]
    cells: tuple[Cell, ...]
    growths: tuple[memory.Growth, ...] = ()
    left_out: tuple[str, ...] = ()


def subject(name: str, head: Mapping[str, Any], rounds: Iterable[Round]) -> Subject:
    """A QA run, from what its folder holds."""
    scenario = dict(head.get("scenario") or {})
    rounds_wanted = scenario.get("rounds")
    arms = {one["arm"]: one for one in scenario.pop("arms", ())}
    for key in ("rounds", "seed", "expect", "name"):
        scenario.pop(key, None)
    device = dict(head.get("device") or {})
    source = head.get("source")
    if source == "phone":
        device.pop("serial", None)  # its port, another with each boot
    counted = [one for one in rounds if one.discarded is None]
    app = head.get("app") or {}
    return Subject(
        name,
        played=flat({"scenario": scenario, "arm": arms, "source": source}),
        build={"droidreclaim": head.get("droidreclaim"), **{f"app {key}": app[key] for key in app}},
        device={**flat(device), **flat(dict(head.get("memory") or {}))},
        state=head.get("state") or {},
        arms={arm: _measured([one for one in counted if one.arm == arm]) for arm in arms},
        complete=rounds_wanted is None or len(counted) >= rounds_wanted * len(arms),
    )


def _measured(rounds: Sequence[Round]) -> Measured:
    return Measured(
        sum(one.state is State.KEPT for one in rounds),
        len(rounds),
        tuple(one.back_s for one in rounds if one.back_s is not None),
        memory.memory_by_state(rounds),
    )


def flat(value: object, at: str = "") -> dict[str, object]:
    """A document by the paths of its values: ``steps[2].wait``."""
    if isinstance(value, Mapping):
        pairs = [(f"{at}.{key}" if at else str(key), each) for key, each in value.items()]
    elif isinstance(value, list | tuple):
        pairs = [(f"{at}[{index}]", each) for index, each in enumerate(value)]
    else:
        return {at: value}
    return {key: leaf for path, each in pairs for key, leaf in flat(each, path).items()}


def compare(subjects: Sequence[Subject]) -> Comparison:
    """
    Compare *subjects*, two at least, each with the first.

    Raises:
        NotAchieved: they are not comparable; what differs is named.
    """
    first = subjects[0]
    shared = [arm for arm in first.arms if all(arm in one.arms for one in subjects)]
    everywhere = dict.fromkeys(arm for one in subjects for arm in one.arms)
    if not shared:
        raise NotAchieved(f"not comparable: no arm is in all of {_names(subjects)}")
    ignored = [f"arm.{arm}." for arm in everywhere if arm not in shared]
    _require_same("what was played", subjects, "played", ignored)
    builds, devices, states = (_differing(subjects, of) for of in ("build", "device", "state"))
    if builds and devices:
        raise NotAchieved(
            f"not comparable: both the build ({_some(builds)}) and the device ({_some(devices)}) "
            "differ",
            hint="one of the two at a time: else nobody can say which it was",
        )
    if states and not devices:
        raise NotAchieved(
            f"not comparable: the same device with other settings: {_some(states)}",
            hint="run them again with the same settings",
        )
    return Comparison(
        tuple(subjects),
        "build" if builds else "device" if devices else "nothing",
        tuple(builds or dict.fromkeys([*devices, *states])),
        tuple(_cell(one, first, arm) for arm in shared for one in subjects),
        tuple(_growths(subjects, shared)),
        tuple(arm for arm in everywhere if arm not in shared),
    )


def _growths(subjects: Sequence[Subject], arms: Iterable[str]) -> Iterator[memory.Growth]:
    first, *others = subjects
    for arm in arms:
        for one in others:
            yield from memory.growths(one.name, arm, one.arms[arm].held, first.arms[arm].held)


def _cell(one: Subject, first: Subject, arm: str) -> Cell:
    ours, theirs = one.arms[arm], first.arms[arm]
    if one is first:
        return Cell(one.name, arm, ours, None, None)
    differs = bool(ours.share and theirs.share and not ours.share.overlaps(theirs.share))
    return Cell(one.name, arm, ours, differs, stats.ratio(ours.back_s, theirs.back_s))


def _require_same(
    what: str, subjects: Sequence[Subject], of: str, ignored: Sequence[str] = ()
) -> None:
    found = [
        line for line in _differing(subjects, of) if not line.startswith(tuple(ignored) or ("\0",))
    ]
    if found:
        raise NotAchieved(
            f"not comparable: {what} differs: {_some(found)}",
            hint="runs of one scenario are compared, with the same steps and options of arms",
        )


def _differing(subjects: Sequence[Subject], of: str) -> list[str]:
    facts: list[tuple[str, Facts]] = [(one.name, getattr(one, of)) for one in subjects]
    lines = []
    for key in sorted({key for _, each in facts for key in each}):
        values = {str(each.get(key)): name for name, each in reversed(facts)}
        if len(values) > 1:
            told = ", ".join(
                f"{_word(value)} ({name})" for value, name in reversed(list(values.items()))
            )
            lines.append(f"{key}: {told}")
    return lines


def _word(value: str) -> str:
    return "unknown" if value == "None" else value[:80]


def _some(lines: Sequence[str]) -> str:
    more = f"; and {len(lines) - _MOST_NAMED} more" if len(lines) > _MOST_NAMED else ""
    return "; ".join(lines[:_MOST_NAMED]) + more


def _names(subjects: Sequence[Subject]) -> str:
    return ", ".join(one.name for one in subjects)


def sentences(found: Comparison) -> list[str]:
    """What was found, a sentence for each arm of each run but the first."""
    first = found.subjects[0]
    base = {cell.arm: cell for cell in found.cells if cell.run == first.name}
    words = [
        _sentence(cell, base[cell.arm], first)
        for cell in found.cells
        if cell.differs is not None and cell.arm in base
    ]
    return words + [memory.sentence(one) for one in memory.p90_growths(found.growths)]


def _sentence(cell: Cell, base: Cell, first: Subject) -> str:
    ours, theirs = cell.measured, base.measured
    counts = (
        f"{cell.arm}: {first.hit} in {ours.hits} of {ours.total} ({cell.run}) "
        f"and {theirs.hits} of {theirs.total} ({base.run})"
    )
    verdict = "that differs" if cell.differs else "no difference is shown"
    return f"{counts}: {verdict}{_time(cell.ratio)}"


def _time(ratio: stats.Ratio | None) -> str:
    if ratio is None:
        return ""
    sure, least = "", ""
    if ratio.interval:
        sure = f" ({ratio.interval.low:.2f} to {ratio.interval.high:.2f})"
    if ratio.detectable:
        least = f"; {ratio.detectable:.2f} times as long would have been seen"
    return f"; coming back took {ratio.ratio:.2f} times as long{sure}{least}"


def to_json(found: Comparison) -> dict[str, Any]:
    """The document of ``compare --json``."""
    return {
        "schema": 1,
        "runs": [
            {"run": one.name, "hit": one.hit, "complete": one.complete} for one in found.subjects
        ],
        "differs_in": found.what,
        "differences": list(found.differing),
        "arms_left_out": list(found.left_out),
        "arms": [_cell_json(cell) for cell in found.cells],
        "footprint": memory.to_json(found.growths),
        "sentences": sentences(found),
    }


def _cell_json(cell: Cell) -> dict[str, Any]:
    one, ratio = cell.measured, cell.ratio
    sure = ratio.interval if ratio else None
    return {
        "arm": cell.arm,
        "run": cell.run,
        "hits": one.hits,
        "total": one.total,
        "share_low": one.share.low if one.share else None,
        "share_high": one.share.high if one.share else None,
        "back_p50_s": stats.quantile(one.back_s, 0.5),
        "back_p95_s": stats.quantile(one.back_s, 0.95),
        "differs": cell.differs,
        "back": None
        if ratio is None
        else {
            "ratio": ratio.ratio,
            "low": sure.low if sure else None,
            "high": sure.high if sure else None,
            "detectable": ratio.detectable,
        },
    }
