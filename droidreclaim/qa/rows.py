"""The rounds of a run as rows of a table, for a spreadsheet or a data frame. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from droidreclaim.qa.record import Round

_WHEN = ("before", "arm", "resume")
# A spreadsheet takes a cell that begins so for a formula, and a device chose what stands in it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(rounds: Iterable[Round]) -> str:
    """One line for each round, those that were discarded too; times in seconds, sizes in bytes."""
    return as_csv(list(_row(Round(0, ""))), map(_row, rounds))


def as_csv(names: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    """A head and *rows*, as RFC 4180 has them but for the ends of lines."""
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _row(one: Round) -> dict[str, Any]:
    sizes = {
        f"{name}_{when}_bytes": getattr(one.memory[when], f"{name}_bytes")
        if when in one.memory
        else None
        for when in _WHEN
        for name in ("pss", "rss", "swap")
    }
    return {
        "round": one.number,
        "arm": one.arm,
        "state": one.state.value,
        "resume_kind": one.kind,
        "survived": int(one.survived),
        "at_s": one.at_s,
        "took_s": one.took_s,
        "back_s": one.back_s,
        **sizes,
        "from_flash_bytes": one.from_flash_bytes,
        "came_back_1s_bytes": one.came_back_bytes(1),
        "came_back_10s_bytes": one.came_back_bytes(10),
        "resume_major_faults": one.resume_major_faults,
        "resume_paged_in": one.cost["resume"].paged_in if "resume" in one.cost else None,
        "resume_frames": one.drawn.frames if one.drawn else None,
        "resume_janky_frames": one.drawn.janky if one.drawn else None,
        "psi_some_s": one.cost["round"].psi_some_s if "round" in one.cost else None,
        "kills": len(one.killed),
        "fault": cell(one.fault),
        "discarded": cell(one.discarded),
    }


def cell(text: str | None) -> str | None:
    """Text of a device, quoted where a spreadsheet would take it for a formula."""
    return f"'{text}" if text and text.startswith(_FORMULA) else text
