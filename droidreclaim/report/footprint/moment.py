"""What one captured moment tells of an app's memory, as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from droidreclaim.escape import safe
from droidreclaim.model.footprint import Bitmaps, Moment, ProcessMoment
from droidreclaim.policy.footprint import JUDGED, Thresholds
from droidreclaim.report import new_table
from droidreclaim.report.footprint.parts import made_json, made_words
from droidreclaim.report.footprint.words import WORDS, decimal

_ONE_MOMENT = (
    "one moment, and no P90: Play judges 28 days. Private dirty memory and swap are told, "
    "RssAnon + VmSwap is more by what is shared with the zygote"
)


def moment_table(seen: Moment, thresholds: Thresholds) -> Table:
    """A row each process."""
    table = new_table(
        "PROCESS", "PID>", "STATE", "AT LEAST>", "BITMAPS AT MOST>", f"{seen.judged_gb} GB PHONES"
    )
    for one in seen.processes:
        bitmaps = one.made.bitmaps if one.made else None
        most = bitmaps.at_most_bytes if bitmaps else None
        state = f"{WORDS[one.state]} ({one.proc_state})" if one.state else "unknown"
        table.add_row(
            Text(safe(_name(one))),
            str(one.pid),
            Text(safe(state)),
            "unknown" if one.at_least_bytes is None else decimal(one.at_least_bytes),
            "unknown" if most is None else decimal(most),
            _judged(one, seen.judged_gb, thresholds),
        )
    return table


def _name(one: ProcessMoment) -> str:
    return f"{one.name} (user {one.user})" if one.user else one.name


def over_gb(one: ProcessMoment, thresholds: Thresholds) -> list[int]:
    """The classes of phones on which it was over the threshold at that moment."""
    if one.state not in JUDGED or one.at_least_bytes is None:
        return []
    return [
        each.ram_gb for each in thresholds.classes
        if one.at_least_bytes > each.limit_bytes(one.state)
    ]  # fmt: skip


def _judged(one: ProcessMoment, ram_gb: int, thresholds: Thresholds) -> Text:
    if one.state not in JUDGED or one.at_least_bytes is None:
        return Text("not judged", style="dim")
    limit = next(each for each in thresholds.classes if each.ram_gb == ram_gb)
    over = ram_gb in over_gb(one, thresholds)
    word, style = ("over", "red") if over else ("not seen over", "green")
    return Text(f"{word}: {decimal(limit.limit_bytes(one.state))}", style=style)


def moment_text(seen: Moment, thresholds: Thresholds) -> str:
    """The words below the table."""
    lines = list(_lines(seen, thresholds))
    if seen.taken_at:
        lines.append(f"taken at {seen.taken_at}, the device's local time")
    if seen.ram_bytes is None:
        lines.append(f"its memory is not told: judged as {seen.judged_gb} GB")
    hand = ", second-hand" if thresholds.second_hand else ""
    lines.append(f"thresholds of {thresholds.read}{hand} ({thresholds.source}), GB as 10^9 bytes")
    lines.append(_ONE_MOMENT)
    return "\n".join(safe(line) for line in lines)


def _lines(seen: Moment, thresholds: Thresholds) -> Iterator[str]:
    for one in seen.processes:
        if over := over_gb(one, thresholds):
            classes = ", ".join(map(str, over))
            yield f"{_name(one)}: over the threshold of phones of {classes} GB at that moment"
        if one.reason:
            yield f"{_name(one)} is {one.proc_state} because of {one.reason}"
        if one.made:
            yield f"{_name(one)}: {made_words(one.made)}{_bitmaps(one.made.bitmaps)}"


def _bitmaps(bitmaps: Bitmaps | None) -> str:
    if bitmaps is None or bitmaps.at_most_bytes is None:
        return ""
    words = f"; bitmaps at most {decimal(bitmaps.at_most_bytes)}"
    if bitmaps.counted_bytes is not None:
        words += f", {bitmaps.count} counted with {decimal(bitmaps.counted_bytes)}"
    return words


def moment_json(seen: Moment, thresholds: Thresholds) -> dict[str, Any]:
    """The document of ``footprint --from --json``, without device and source."""
    words = asdict(thresholds)
    del words["classes"], words["kind"], words["bitmaps_bytes"]
    return {
        "packages": list(seen.packages),
        "kind": seen.kind,
        "one_moment": True,
        "estimate": _ONE_MOMENT,
        "taken_at": seen.taken_at,
        "thresholds": words,
        "ram_bytes": seen.ram_bytes,
        "ram_gb": seen.ram_gb,
        "judged_gb": seen.judged_gb,
        "processes": [_process_json(one, thresholds) for one in seen.processes],
        "left_out": list(seen.left_out),
    }


def _process_json(one: ProcessMoment, thresholds: Thresholds) -> dict[str, Any]:
    return {
        "pid": one.pid,
        "name": one.name,
        "user": one.user,
        "proc_state": one.proc_state,
        "state": one.state.value if one.state else None,
        "reason": one.reason,
        "rss_anon_and_swap_bytes": None,
        "at_least_bytes": one.at_least_bytes,
        "over_gb": over_gb(one, thresholds),
        "made_of": made_json(one.made) if one.made else None,
    }
