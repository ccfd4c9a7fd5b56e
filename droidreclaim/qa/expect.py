"""What a scenario expects, held against its rounds. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from droidreclaim.qa import stats
from droidreclaim.qa.form import ExpectForm, FootprintForm
from droidreclaim.qa.record import Round, State
from droidreclaim.qa.scenario import CONTROLS, Scenario
from droidreclaim.units import format_size

_AT_EASE = (*CONTROLS, "none")


@dataclass(frozen=True, slots=True)
class Checked:
    """
    One expectation, of one round or (*round* None) of an arm as a whole.

    Attributes:
        saw: What was there instead, or what made it pass.
    """

    expect: str
    arm: str
    round: int | None
    passed: bool
    saw: str

    def __str__(self) -> str:
        where = f"round {self.round}, {self.arm}" if self.round else self.arm
        return f"{self.expect} does not hold ({where}): {self.saw}"


def expectations(scenario: Scenario, counted: dict[str, list[Round]]) -> Iterator[Checked]:
    """Every expectation of each arm it is about; one with no round that counts has failed."""
    subjects = [arm for arm in counted if arm not in _AT_EASE] or list(counted)
    for expected in scenario.expect:
        for arm in (expected.arm,) if expected.arm else subjects:
            rounds = counted.get(arm, [])
            if not rounds:
                yield Checked(expected.kind, arm, None, False, "no round that counts")
                continue
            yield from _of_rounds(expected, arm, rounds)
            yield from _of_arm(expected, arm, rounds, counted)


def _of_rounds(expected: ExpectForm, arm: str, rounds: list[Round]) -> Iterator[Checked]:
    for one in rounds:
        if expected.footprint:
            judged: tuple[bool, str] | None = _footprint(expected.footprint, one)
        elif expected.text is not None:
            judged = _on_screen(expected.text, one.screen)
        else:
            judged = _judge(expected, one)
        if judged is not None:
            yield Checked(expected.kind, arm, one.number, *judged)


def _judge(expected: ExpectForm, one: Round) -> tuple[bool, str] | None:
    """Whether an expectation holds in a round, and what was seen; None of one about a whole arm."""
    before, after = one.before, one.after
    if expected.same_pid:
        return one.survived, f"{_pid(before)}, then {_pid(after)}"
    if expected.same_activity:
        ours, theirs = (life.activity if life else None for life in (before, after))
        return one.survived and ours == theirs is not None, f"{ours}, then {theirs}"
    if expected.remembered:
        ours, theirs = one.remembered.get(expected.remembered), one.found.get(expected.remembered)
        return ours is not None and ours == theirs, f"{_short(ours)}, then {_short(theirs)}"
    if expected.resume and expected.resume.kind:
        return one.kind == expected.resume.kind, one.kind
    if expected.pss:
        memory = one.memory.get(expected.pss.at)
        if memory is None:
            return False, "unknown: it needs root"
        return memory.pss_bytes < expected.pss.below, format_size(memory.pss_bytes)
    if expected.not_killed:
        names = {(kill.name or "").partition(":")[0]: kill for kill in one.killed}
        dead = [f"{name} by {names[name].by}" for name in expected.not_killed if name in names]
        return not dead, ", ".join(dead) or "none of them was"
    return None


def _on_screen(text: str, shown: list[str] | None) -> tuple[bool, str]:
    if shown is None:
        return False, "the screen was not read"
    return text in shown, ", ".join(_short(each) for each in shown[:6]) or "no text"


def _footprint(expected: FootprintForm, one: Round) -> tuple[bool, str]:
    """Judge a limit of memory; a state that was not seen passes nothing."""
    told, held = [], True
    for state, figure, most in expected.limits:
        size = one.footprint.get(state, {}).get(figure)
        held = held and size is not None and size < most
        seen = "not seen" if size is None else f"{size / 10**6:.1f} MB"
        told.append(f"{state} {figure} {seen} of {most / 10**6:g} MB")
    return held, "; ".join(told)


def _of_arm(
    expected: ExpectForm, arm: str, rounds: list[Round], counted: dict[str, list[Round]]
) -> Iterator[Checked]:
    if expected.resume:
        times = [one.back_s for one in rounds]
        for name, share in (("p50", 0.5), ("p95", 0.95)):
            most_s = getattr(expected.resume, name)
            if most_s is not None:
                took_s = stats.quantile(times, share)
                saw = "unknown" if took_s is None else f"{took_s:.3f} s"
                held = took_s is not None and took_s <= most_s and None not in times
                yield Checked(f"resume {name}", arm, None, held, saw)
    kept = sum(one.state is State.KEPT for one in rounds)
    if expected.survived:
        held = kept >= expected.survived.at_least * len(rounds)
        yield Checked("survived", arm, None, held, f"kept in {kept} of {len(rounds)}")
    if expected.differs:
        other = counted.get(expected.differs.from_, [])
        theirs = sum(one.state is State.KEPT for one in other)
        ours_low, theirs_low = stats.share(kept, len(rounds)), stats.share(theirs, len(other))
        held = bool(ours_low and theirs_low and not ours_low.overlaps(theirs_low))
        saw = f"kept in {kept} of {len(rounds)}, and in {theirs} of {len(other)}"
        yield Checked("differs", arm, None, held, saw)


def _pid(life: object) -> str:
    return f"pid {life.pid}" if life is not None else "not running"  # type: ignore[attr-defined]


def _short(text: str | None) -> str:
    return "unknown" if text is None else repr(text[:80])
