"""What memory was made of, bitmaps, the limiter and what a trim gave back: words and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from droidreclaim.model.footprint import Footprint, Limiter, Made, PlayState, ProcessUse, Trimmed
from droidreclaim.policy.footprint_made import bitmaps_at_most, worst_look
from droidreclaim.report.footprint.words import WORDS, decimal, name_of

_MOST_PARTS = 4
# Of the limiter, whose map of states is another than Play's: cached apps have no limit of swap.
_FRONT, _BEHIND = (PlayState.FOREGROUND,), (PlayState.SERVICES, PlayState.BACKGROUND)


def lines_of(seen: Footprint) -> Iterator[str]:
    """Sentences below the table."""
    for one in seen.processes:
        if (look := worst_look(one, seen.looks)) is not None:
            yield f"{name_of(one.track)} at its worst: {_look_words(seen, one, look)}"
        for state, bitmaps in bitmaps_at_most(one, seen.looks).items():
            most = seen.bitmap_limits.get(state)
            if most is None or bitmaps.at_most_bytes is None:
                continue
            known = bitmaps.counted_bytes
            if bitmaps.at_most_bytes <= most:
                word = "passes"
            elif known is not None:
                word = f"{bitmaps.count} counted, {decimal(known)}: "
                word += "passes" if known <= most else "would fail"
            else:
                word = "not known: native heap and graphics hold more than pixels"
            bound = f"at most {decimal(bitmaps.at_most_bytes)} of {decimal(most)}"
            yield f"{name_of(one.track)}: bitmaps in {WORDS[state]} {bound}: {word}"
    if seen.limiter is not None:
        yield from _limiter_lines(seen, seen.limiter)
    for trimmed in seen.trimmed:
        yield f"{trimmed.name} (pid {trimmed.id.pid}), asked to trim as hidden: {_gave(trimmed)}"


def _look_words(seen: Footprint, one: ProcessUse, look: Made) -> str:
    after_s = ((look.at_us or 0) - seen.from_us) / 1e6
    kind = "anonymous memory and swap" if look.source == "smaps" else "PSS and swap"
    return f"{made_words(look)} ({kind}, looked at {after_s:.1f} s after the start)"


def made_words(made: Made) -> str:
    """``Native Heap 312 MB, Dalvik Heap 40 MB, the rest 12 MB``."""
    largest = list(made.parts.items())[:_MOST_PARTS]
    words = ", ".join(f"{name} {decimal(size)}" for name, size in largest)
    rest = made.total_bytes - sum(size for _, size in largest)
    return f"{words}, the rest {decimal(rest)}" if rest else words


def _limiter_lines(seen: Footprint, limiter: Limiter) -> Iterator[str]:
    if limiter.enabled is False:
        yield "this device's memory limiter is off"
        return
    for one in seen.processes:
        for states, limit in ((_FRONT, limiter.front_bytes), (_BEHIND, limiter.behind_bytes)):
            held = [use.max_bytes for use in one.uses if use.state in states]
            if not held or limit is None:
                continue
            where = "in front" if states is _FRONT else "behind"
            room = limit - max(held)
            word = f"{decimal(room)} below" if room >= 0 else f"{decimal(-room)} OVER"
            yield (
                f"{name_of(one.track)}: at most {decimal(max(held))} {where}, {word} what "
                f"Android's memory limiter kills for ({decimal(limit)})"
            )


def _gave(trimmed: Trimmed) -> str:
    if trimmed.why_not:
        return trimmed.why_not
    if trimmed.before_bytes is None or trimmed.after_bytes is None:
        return "unknown: it ended, or its memory cannot be read"
    given = trimmed.before_bytes - trimmed.after_bytes
    return f"gave back {decimal(given)}" if given > 0 else "gave back nothing"


def trimmed_json(one: Trimmed) -> dict[str, Any]:
    """One process that was asked to trim, or why it was not."""
    known = one.before_bytes is not None and one.after_bytes is not None
    return {
        "pid": one.id.pid,
        "start_ticks": one.id.start_ticks,
        "name": one.name,
        "before_bytes": one.before_bytes,
        "after_bytes": one.after_bytes,
        "given_bytes": (one.before_bytes or 0) - (one.after_bytes or 0) if known else None,
        "why_not": one.why_not,
    }


def made_json(made: Made) -> dict[str, Any]:
    """What a process's memory was made of; sizes by class."""
    return {
        "source": made.source,
        "bytes": dict(made.parts),
        "bitmaps": asdict(made.bitmaps) if made.bitmaps else None,
    }


def look_json(seen: Footprint, look: Made | None) -> dict[str, Any] | None:
    """A look with its moment and state."""
    if look is None:
        return None
    at_s = None if look.at_us is None else (look.at_us - seen.from_us) / 1e6
    return {"at_s": at_s, "state": look.state.value} | made_json(look)
