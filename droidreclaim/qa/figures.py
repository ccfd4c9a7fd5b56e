"""From rounds to what they come to: figures of each arm, differences, a verdict. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from droidreclaim.qa import costs, stats
from droidreclaim.qa.expect import Checked, expectations
from droidreclaim.qa.record import Round, State
from droidreclaim.qa.scenario import CONTROLS, Scenario
from droidreclaim.units import plural

LEAST_ROUNDS = 5
PROVES_NOTHING = "proves_nothing"
BASELINE = "none"
# Of what happened in an arm, the first of these is its verdict: one lost round is not "kept".
_WORST_FIRST = (State.LOST, State.UNKNOWN, State.RESTORED, State.KEPT)


@dataclass(frozen=True, slots=True)
class Figures:
    """
    What the rounds of one arm came to.

    Attributes:
        verdict: The worst that happened to the app's state, or that this proves nothing.
        why_nothing: Why it proves nothing; None where it does.
        medians: Memory and what it cost, by `costs.medians`.
    """

    arm: str
    verdict: str
    why_nothing: str | None
    rounds: int
    discarded: int
    kept: int
    restored: int
    lost: int
    unknown: int
    survival: stats.Interval | None
    resume_kinds: dict[str, int]
    resume_p50_s: float | None
    resume_p95_s: float | None
    back_mean_s: float | None
    back_p50_s: float | None
    back_p95_s: float | None
    pss_before_bytes: int | None
    pss_after_bytes: int | None
    kills: dict[str, int]
    medians: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Difference:
    """How an arm's times compare with another's, round by round."""

    what: str
    arm: str
    other: str
    found: stats.Ratio


@dataclass(frozen=True)
class Result:
    """What a run came to."""

    scenario: Scenario
    rounds: tuple[Round, ...]
    arms: tuple[Figures, ...]
    differences: tuple[Difference, ...]
    expectations: tuple[Checked, ...]
    complete: bool

    @property
    def subject(self) -> Figures:
        """The arm that the verdict is about: the first that is neither control nor `none`."""
        return next(
            (one for one in self.arms if one.arm not in (*CONTROLS, BASELINE)),
            next((one for one in self.arms if one.arm not in CONTROLS), self.arms[0]),
        )

    @property
    def failures(self) -> list[str]:
        """Why the run failed; empty where all that was asked for was achieved."""
        proof = [self.subject.why_nothing] if self.subject.why_nothing else []
        failed = [one for one in self.expectations if not one.passed]
        return proof + list(dict.fromkeys(str(one) for one in failed))

    @property
    def sentence(self) -> str:
        """What was found, in one sentence."""
        one = self.subject
        words = [_in_words(one)]
        words += [_in_words(other) for other in self.arms if other is not one]
        for difference in self.differences:
            if (difference.arm, difference.what) == (one.arm, "back_p50"):
                words.append(_slower(difference, self.figures_of(difference.other)))
                break  # against one arm: the first of those that act on nothing
        text = "; ".join(words)
        return f"{text}; proves nothing: {one.why_nothing}" if one.why_nothing else text

    def figures_of(self, arm: str) -> Figures:
        """The figures of an arm."""
        return next(one for one in self.arms if one.arm == arm)


def result(
    scenario: Scenario, rounds: Sequence[Round], *, control: bool = True, complete: bool = True
) -> Result:
    """
    What *rounds* come to.

    Args:
        control: Whether a control arm and enough rounds are asked for (not with --no-control).
        complete: Whether every round was played.
    """
    by_arm = {arm.arm: [one for one in rounds if one.arm == arm.arm] for arm in scenario.arms}
    counted = {arm: [one for one in own if one.discarded is None] for arm, own in by_arm.items()}
    arms = [
        _figures(arm, own, len(by_arm[arm]) - len(own), _why_nothing(arm, counted, control))
        for arm, own in counted.items()
    ]
    return Result(
        scenario,
        tuple(rounds),
        tuple(arms),
        tuple(_differences(counted)),
        tuple(expectations(scenario, counted)),
        complete,
    )


def _figures(arm: str, rounds: list[Round], discarded: int, why: str | None) -> Figures:
    states = Counter(one.state for one in rounds)
    worst = next((state.value for state in _WORST_FIRST if states[state]), State.UNKNOWN.value)
    back = [one.back_s for one in rounds]
    hot = [one.back_s for one in rounds if one.survived]
    known = [time for time in back if time is not None]
    return Figures(
        arm=arm,
        verdict=PROVES_NOTHING if why else worst,
        why_nothing=why,
        rounds=len(rounds),
        discarded=discarded,
        kept=states[State.KEPT],
        restored=states[State.RESTORED],
        lost=states[State.LOST],
        unknown=states[State.UNKNOWN],
        survival=stats.share(states[State.KEPT], len(rounds)),
        resume_kinds=dict(Counter(one.kind for one in rounds)),
        resume_p50_s=stats.quantile(hot, 0.5),
        resume_p95_s=stats.quantile(hot, 0.95),
        back_mean_s=sum(known) / len(known) if known else None,
        back_p50_s=stats.quantile(back, 0.5),
        back_p95_s=stats.quantile(back, 0.95),
        pss_before_bytes=_median_pss(rounds, "before"),
        pss_after_bytes=_median_pss(rounds, "arm"),
        kills=dict(Counter(kill.by for one in rounds for kill in one.killed)),
        medians=costs.medians(rounds),
    )


def _median_pss(rounds: list[Round], when: str) -> int | None:
    found = stats.quantile(
        [one.memory[when].pss_bytes for one in rounds if when in one.memory], 0.5
    )
    return None if found is None else round(found)


def _why_nothing(arm: str, counted: dict[str, list[Round]], control: bool) -> str | None:
    """Why an arm proves nothing; None where it proves something, and of a control itself."""
    if not control:
        return None
    if arm in CONTROLS:
        alone = all(name in CONTROLS for name in counted)
        return "there is no arm but controls" if alone else None
    against = next((name for name in CONTROLS if name in counted), None)
    if against is None:
        return "no control arm shows that the check can fail (kill among the arms, or --no-control)"
    fewest = min((counted[arm], counted[against]), key=len)
    if len(fewest) < LEAST_ROUNDS:
        return f"{plural(len(fewest), 'round')} of an arm, {LEAST_ROUNDS} is the least"
    ours, theirs = (_kept(counted[name]) for name in (arm, against))
    if ours and theirs and ours.overlaps(theirs):
        return f"kept under {arm} and kept under the control {against} do not differ"
    if ours and theirs and ours.high < theirs.low:
        return f"the control {against} kept more than {arm}: it did not do what it is there for"
    return None


def _kept(rounds: Sequence[Round]) -> stats.Interval | None:
    return stats.share(sum(one.state is State.KEPT for one in rounds), len(rounds))


def _differences(counted: dict[str, list[Round]]) -> list[Difference]:
    found: list[Difference] = []
    for arm in counted:
        for other in (BASELINE, *CONTROLS):
            if arm in (other, BASELINE, *CONTROLS) or other not in counted:
                continue
            for what, survivors in (("resume_p50", True), ("back_p50", False)):
                ours, theirs = (_times(counted[name], survivors) for name in (arm, other))
                if ratio := stats.paired_ratio(ours, theirs):
                    found.append(Difference(what, arm, other, ratio))
    return found


def _times(rounds: list[Round], survivors: bool) -> dict[int, float]:
    return {
        one.number: one.back_s
        for one in rounds
        if one.back_s is not None and (one.survived or not survivors)
    }


def _in_words(one: Figures) -> str:
    counts = [(one.kept, "kept"), (one.restored, "restored"), (one.lost, "lost"),
              (one.unknown, "unknown")]  # fmt: skip
    seen = [f"{word} in {count} of {one.rounds}" for count, word in counts if count]
    sure = ""
    if one.survival and one.kept:
        sure = f" (kept in at least {one.survival.low * 100:.0f} %)"
    rounds = ", ".join(seen) if seen else "no round that counts"
    away = f", {one.discarded} discarded" if one.discarded else ""
    return f"{one.arm}: {rounds}{sure}{away}"


def _slower(difference: Difference, other: Figures) -> str:
    """By how much coming back was slower, and the smallest difference that would have shown."""
    base_s = other.back_p50_s or 0.0
    found = difference.found
    more_ms = (found.ratio - 1) * base_s * 1000
    word = "longer" if more_ms >= 0 else "less"
    least = ""
    if found.detectable is not None:
        least = f" (at least {(found.detectable - 1) * base_s * 1000:.0f} ms would have been seen)"
    return f"coming back took {abs(more_ms):.0f} ms {word} than under {difference.other}{least}"


def to_json(found: Result) -> dict[str, Any]:
    """The document ``result.json``."""
    return {
        "schema": 1,
        "scenario": found.scenario.name,
        "app": found.scenario.app,
        "verdict": found.subject.verdict,
        "verdict_of": found.subject.arm,
        "sentence": found.sentence,
        "complete": found.complete,
        "arms": [_arm_json(one) for one in found.arms],
        "differences": [_difference_json(one) for one in found.differences],
        "expectations": [asdict(one) for one in found.expectations],
    }


def _arm_json(one: Figures) -> dict[str, Any]:
    told = asdict(one)
    told.pop("survival")
    return {
        **told,
        "survival_low": one.survival.low if one.survival else None,
        "survival_high": one.survival.high if one.survival else None,
    }


def _difference_json(one: Difference) -> dict[str, Any]:
    sure = one.found.interval
    return {
        "what": one.what,
        "arm": one.arm,
        "from": one.other,
        "pairs": one.found.pairs,
        "ratio": one.found.ratio,
        "low": sure.low if sure else None,
        "high": sure.high if sure else None,
        "detectable": one.found.detectable,
    }
