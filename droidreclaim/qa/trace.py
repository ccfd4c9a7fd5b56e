"""A run as a trace: steps and resumes as slices, memory as counters, kills. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from droidreclaim.parse.kills.records import reason_number
from droidreclaim.qa.record import Round
from droidreclaim.report.perfetto import Happening, Held, LowMemoryKill, Named, Stretch

_STEPS, _ROUNDS, _KILLS = "droidreclaim steps", "droidreclaim rounds", "droidreclaim kills"


def of_rounds(rounds: Iterable[Round], package: str) -> Iterator[Happening]:
    """A trace of everything that was timed; rounds of older versions hold no times."""
    for one in rounds:
        yield from _names(one, package)
        yield from _round(one)
        yield from (
            Held(_us(point.boot_s), point.pid, point.anon_bytes, point.swap_bytes,
                 point.oom_score_adj)
            for point in one.track
        )  # fmt: skip
        yield from _kills(one)


def _us(seconds: float) -> int:
    return round(seconds * 1e6)


def _names(one: Round, package: str) -> Iterator[Named]:
    lives = {life.pid for life in (one.before, one.after) if life is not None}
    for pid in sorted(lives | {point.pid for point in one.track}):
        yield Named(pid, package)
    for kill in one.killed:
        if kill.name and kill.pid not in lives:
            yield Named(kill.pid, kill.name)


def _round(one: Round) -> Iterator[Stretch]:
    if not one.marks:
        return
    first, last = one.marks[0], one.marks[-1]
    ended_s = last.boot_s + last.took_s
    state = "discarded" if one.discarded else one.state.value
    yield Stretch(
        _ROUNDS, f"round {one.number}, {one.arm}: {state}", _us(first.boot_s),
        _us(ended_s - first.boot_s), one.discarded or one.fault or "",
    )  # fmt: skip
    for mark in one.marks:
        name = {"arm": one.arm, "resume": f"resume, {one.kind}"}.get(mark.what, mark.what)
        words = one.did if mark.what == "arm" else ""
        yield Stretch(_STEPS, name, _us(mark.boot_s), _us(mark.took_s), words)


def _kills(one: Round) -> Iterator[Stretch | LowMemoryKill]:
    for kill in one.killed:
        if kill.boot_s is None:
            continue
        at_us = _us(kill.boot_s)
        yield Stretch(_KILLS, f"{kill.name or kill.pid} by {kill.by}", at_us, None, kill.reason)
        if kill.by in ("lmkd", "kernel_lmk"):
            adj = 0 if kill.oom_score_adj is None else kill.oom_score_adj
            yield LowMemoryKill(at_us, kill.pid, reason_number(kill.reason), adj)
