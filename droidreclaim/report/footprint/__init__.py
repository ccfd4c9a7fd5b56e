"""A footprint as text, JSON, CSV and a trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from droidreclaim.escape import safe
from droidreclaim.model.footprint import (
    Footprint,
    PlayState,
    ProcessUse,
    StateUse,
    Track,
    Verdict,
)
from droidreclaim.policy.footprint_made import worst_look
from droidreclaim.report import new_table
from droidreclaim.report.footprint import parts
from droidreclaim.report.footprint.words import WORDS, decimal, name_of
from droidreclaim.report.perfetto import Happening, Held, Named, Stretch
from droidreclaim.units import plural

_ESTIMATE = (
    "an estimate from this use of the app: Play judges P90 of 28 days of all users; "
    "peaks between two samples are missed"
)


def clock_of(seen: Footprint, at_us: int) -> str | None:
    """The device's wall clock at a moment, ISO 8601 in UTC, as its clock was at the start."""
    if seen.booted_at_s is None:
        return None
    moment = datetime.fromtimestamp(seen.booted_at_s + at_us / 1e6, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def since_left_s(one: ProcessUse, at_us: int) -> float | None:
    """Seconds since the process was last in the foreground; None where it was not before."""
    before = [
        at for at, state in zip(one.track.at_us, one.states, strict=True)
        if state is PlayState.FOREGROUND and at < at_us
    ]  # fmt: skip
    return (at_us - before[-1]) / 1e6 if before else None


def footprint_table(seen: Footprint) -> Table:
    """A row each process and state, with what the device's own class says."""
    table = new_table(
        "PROCESS", "STATE", "TIME>", "P50>", "P90>", "P99>", "MAX>", f"{seen.judged_gb} GB PHONES"
    )
    for one in seen.processes:
        for use in one.uses:
            table.add_row(
                Text(safe(name_of(one.track))),
                WORDS[use.state],
                f"{use.time_s:.1f} s",
                *(decimal(size) for size in
                  (use.p50_bytes, use.p90_bytes, use.p99_bytes, use.max_bytes)),
                _judged(one, use.state, seen.judged_gb),
            )  # fmt: skip
    return table


def _judged(one: ProcessUse, state: PlayState, ram_gb: int | None) -> Text:
    verdict = next((v for v in one.verdicts if (v.ram_gb, v.state) == (ram_gb, state)), None)
    if verdict is None:
        return Text("not judged", style="dim")
    if one.track.isolated:
        return Text("isolated: nobody says", style="dim")
    word, style = ("passes", "green") if verdict.passes else ("would fail", "red")
    return Text(f"{word}: {decimal(verdict.limit_bytes)}", style=style)


def summary(seen: Footprint, source: str, read: str, *, second_hand: bool) -> str:
    """The verdict in words, below the table."""
    lines = [_sentence(seen, one, use) for one in seen.processes for use in one.uses
             if any(v.state is use.state for v in one.verdicts)]  # fmt: skip
    lines += [
        f"{one.name} (pid {one.id.pid}) ended {(one.at_us - seen.from_us) / 1e6:.1f} s after the "
        f"start: {one.by or 'by whom is unknown'}{': ' + one.reason if one.reason else ''}"
        for one in seen.deaths
    ]
    lines += [
        f"{one.name} never reached cached in {one.behind_s:.0f} s behind: "
        f"{', before '.join(one.reasons[:3]) or 'ActivityManager gives no reason'}"
        for one in seen.bound
    ]
    lines += parts.lines_of(seen)
    if seen.gaps:
        away_s = sum(end - start for start, end in seen.gaps) / 1e6
        lines.append(f"{plural(len(seen.gaps), 'gap')} without samples, {away_s:.1f} s in all")
    if seen.ram_gb is None:
        lines.append(f"{_unjudged(seen.ram_bytes)}: judged as {seen.judged_gb} GB")
    hand = ", second-hand" if second_hand else ""
    lines.append(f"thresholds of {read}{hand} ({source}), GB as 10^9 bytes")
    lines.append(_ESTIMATE)
    return "\n".join(safe(line) for line in lines)


def _unjudged(ram_bytes: int | None) -> str:
    if ram_bytes is None:
        return "the device does not tell its memory"
    return f"Play judges no phone of {decimal(ram_bytes)} of memory"


def _sentence(seen: Footprint, one: ProcessUse, use: StateUse) -> str:
    """``background P90 1.4 GiB of 1.25 GB: would fail on 6 GB phones; ...``"""
    own = [v for v in one.verdicts if v.state is use.state]
    failing = [str(v.ram_gb) for v in own if not v.passes]
    limit = next(v.limit_bytes for v in own if v.ram_gb == seen.judged_gb)
    word = f"would fail on phones of {', '.join(failing)} GB" if failing else "passes"
    worst = f"worst {decimal(use.max_bytes)}"
    if at := clock_of(seen, use.max_at_us):
        worst += f" at {at[11:19]} UTC"
    left_s = since_left_s(one, use.max_at_us) if use.state is not PlayState.FOREGROUND else None
    if left_s is not None:
        worst += f", {left_s:.1f} s after you left"
    p90 = decimal(use.p90_bytes)
    return (
        f"{name_of(one.track)}: {WORDS[use.state]} P90 {p90} of {decimal(limit)}: {word}; {worst}"
    )


def footprint_json(seen: Footprint, thresholds: Mapping[str, Any]) -> dict[str, Any]:
    """The document of ``footprint --json``, without device and source; no samples: see --csv."""
    return {
        "packages": list(seen.packages),
        "kind": seen.kind,
        "hz": seen.hz,
        "started_at": clock_of(seen, seen.from_us),
        "duration_s": (seen.until_us - seen.from_us) / 1e6,
        "estimate": _ESTIMATE,
        "thresholds": dict(thresholds),
        "ram_bytes": seen.ram_bytes,
        "ram_gb": seen.ram_gb,
        "judged_gb": seen.judged_gb,
        "passes": not seen.failing,
        "processes": [_process_json(seen, one) for one in seen.processes],
        "deaths": [
            {"pid": one.id.pid, "start_ticks": one.id.start_ticks, "name": one.name,
             "at_s": (one.at_us - seen.from_us) / 1e6, "by": one.by, "reason": one.reason}
            for one in seen.deaths
        ],
        "gaps": [
            {"from_s": (start - seen.from_us) / 1e6, "until_s": (end - seen.from_us) / 1e6}
            for start, end in seen.gaps
        ],
        "never_cached": [
            {"pid": one.id.pid, "start_ticks": one.id.start_ticks, "name": one.name,
             "behind_s": one.behind_s, "reasons": list(one.reasons)}
            for one in seen.bound
        ],
        "memory_limiter": asdict(seen.limiter) if seen.limiter else None,
        "trimmed": [parts.trimmed_json(one) for one in seen.trimmed],
    }  # fmt: skip


def _process_json(seen: Footprint, one: ProcessUse) -> dict[str, Any]:
    track = one.track
    return {
        "pid": track.id.pid,
        "start_ticks": track.id.start_ticks,
        "name": track.name,
        "package": track.package,
        "user": track.user,
        "isolated": track.isolated,
        "counted": None if track.isolated else True,
        "samples": len(track.at_us),
        "states": [_use_json(seen, one, use) for use in one.uses],
        "verdicts": [_verdict_json(verdict) for verdict in one.verdicts],
        "looks": [parts.look_json(seen, look) for look in seen.looks if look.pid == track.id.pid],
        "worst_made_of": parts.look_json(seen, worst_look(one, seen.looks)),
    }


def _use_json(seen: Footprint, one: ProcessUse, use: StateUse) -> dict[str, Any]:
    values = asdict(use) | {"state": use.state.value}
    del values["max_at_us"]
    return values | {
        "max_at_s": (use.max_at_us - seen.from_us) / 1e6,
        "max_since_left_s": None if use.state is PlayState.FOREGROUND
        else since_left_s(one, use.max_at_us),
    }  # fmt: skip


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    return asdict(verdict) | {"state": verdict.state.value}


def csv_lines(seen: Footprint) -> Iterator[str]:
    """A line each sample: time since the first, process, state, sizes."""
    yield "at_s,pid,start_ticks,name,state,oom_score_adj,mem_rss_anon_bytes,mem_swap_bytes"
    for one in seen.processes:
        track = one.track
        name = '"' + safe(track.name).replace('"', '""') + '"'
        for index, state in enumerate(one.states):
            yield (
                f"{(track.at_us[index] - seen.from_us) / 1e6:.3f},{track.id.pid},"
                f"{track.id.start_ticks},{name},{state.value},{track.adj[index]},"
                f"{anon_bytes(track, index)},{track.swap_bytes[index]}"
            )


def anon_bytes(track: Track, index: int) -> int:
    """RssAnon of a sample."""
    return track.bytes_[index] - track.swap_bytes[index]


def happenings(seen: Footprint) -> Iterator[Happening]:
    """Every sample for Perfetto's own tracks of a process, and its states as moments."""
    for one in seen.processes:
        track, pid, before = one.track, one.track.id.pid, None
        yield Named(pid, track.name)
        for index, state in enumerate(one.states):
            at_us = track.at_us[index]
            anon, swap = anon_bytes(track, index), track.swap_bytes[index]
            yield Held(at_us, pid, anon, swap, track.adj[index])
            if state is not before:
                yield Stretch(f"states of {track.name} ({pid})", state.value, at_us)
            before = state
