"""A frame as JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from droidreclaim.policy.lmkd import Headroom
from droidreclaim.report import device_json, memory_json
from droidreclaim.report.kills import kill_json
from droidreclaim.top.frame import Action, Death, Frame, Part, Row


def frame_json(frame: Frame, rows: Iterable[Row]) -> dict[str, Any]:
    """One line of ``top --json``, with *rows* in their order."""
    rows = tuple(rows)
    head = frame.head
    now = head.now
    return device_json(head.device, head.source) | {
        "at": frame.at,
        "boot_s": head.headroom.boot_s,
        "trip_s": round(frame.trip_s, 6),
        "root": head.root,
        "memory": {"total_bytes": head.total_bytes, "available_bytes": now.available_bytes},
        "swap": asdict(head.swap)
        | {"in_bytes_per_s": now.in_bytes_per_s, "out_bytes_per_s": now.out_bytes_per_s},
        "refaults_per_s": now.refaults_per_s,
        "psi": {"some_share": now.some_share, "full_share": now.full_share},
        "headroom": _headroom_json(head.headroom),
        "guard": asdict(head.guard) if head.guard else None,
        "kills_since_start": dict(head.kills),
        "apps": [_row_json(one) for one in rows if one.death is None],
        "ended": [_death_json(one.death, frame.at_s) for one in rows if one.death],
    }


def _headroom_json(headroom: Headroom) -> dict[str, Any]:
    return {
        "headroom_bytes": headroom.headroom_bytes,
        "killer": headroom.killer.killer.value,
        "next_rule": headroom.next_rule,
        "firing": headroom.firing,
        "adj_floor": headroom.adj_floor,
        "swap_free_share": headroom.swap_free_share,
        "thrashing_share": headroom.thrashing_share,
    }


def _row_json(row: Row) -> dict[str, Any]:
    refusal = row.refusal
    return {
        "package": row.package,
        "user": row.user,
        "oom_score_adj": row.adj,
        "band": row.band.value,
        "rss_bytes": row.rss_bytes,
        "swap_bytes": row.swap_bytes,
        "pss_bytes": row.pss_bytes,
        "gain_bytes": row.gain_bytes,
        "came_back_bytes": row.back_bytes,
        "frozen": row.frozen,
        "away_s": row.away_s,
        "away_at_least": row.away_at_least,
        "reason": str(refusal.reason) if refusal else None,
        "detail": refusal.detail if refusal else None,
        "action": _action_json(row.action) if row.action else None,
        "processes": [_part_json(part) for part in row.parts],
    }


def _part_json(part: Part) -> dict[str, Any]:
    return {
        "pid": part.id.pid,
        "start_ticks": part.id.start_ticks,
        "name": part.name,
        "oom_score_adj": part.adj,
        **(memory_json(part.memory) or {}),
        "reclaimable_bytes": part.leaves_bytes,
        "came_back_bytes": part.back_bytes,
        "frozen": part.frozen,
        "reason": str(part.refusal.reason) if part.refusal else None,
        "kinds": [asdict(kind) for kind in part.kinds],
    }


def _action_json(action: Action) -> dict[str, Any]:
    return {
        "what": action.what,
        "by": "guard" if action.by_guard else "top",
        "outcome": action.outcome,
        "moved_bytes": action.moved_bytes,
        "gained_bytes": action.gained_bytes,
    }


def _death_json(death: Death, now_s: float) -> dict[str, Any]:
    return {
        "pid": death.id.pid,
        "start_ticks": death.id.start_ticks,
        "name": death.name,
        "packages": list(death.packages),
        "user": death.user,
        "oom_score_adj": death.adj,
        "ago_s": round(now_s - death.at_s, 3),
        "kill": kill_json(death.record) if death.record else None,
    }


def lost_json(device: str, reason: str) -> dict[str, Any]:
    """The line of a stream that says that the device is lost and waited for."""
    return {"device": {"serial": device}, "lost": reason}
