"""What a fleet's rounds come to by model, release, kernel, RAM; a device is a cluster. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from droidreclaim.fleet.devices import FleetDevice
from droidreclaim.fleet.outcomes import ArmSeen, Outcome
from droidreclaim.qa import stats

BY = ("model", "release", "kernel", "ram")
LEAST_TO_NAME = 4  # devices: of fewer, none is the odd one
_FAR = 3.5  # of a modified z-score, as Iglewicz and Hoaglin have it
_MAD_OF_SIGMA = 0.6745


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """
    One arm in one group of devices.

    Attributes:
        kept, rounds: Over all of its devices.
        survival: Interval of the share kept, devices drawn anew; with fewer than eight of them as
            if each device were one case, which is wider.
        back_s: Geometric mean over the devices of their median times to be back.
        back: Its interval, from eight devices on.
        span_s: The quickest and the slowest device.
    """

    by: str
    value: str
    arm: str
    devices: int
    kept: int
    rounds: int
    survival: stats.Interval | None
    back_s: float | None
    back: stats.Interval | None
    span_s: tuple[float, float] | None


Seen = tuple[FleetDevice, Mapping[str, ArmSeen]]


def by_device(outcomes: Sequence[Outcome]) -> list[Seen]:
    """Each device with all that was seen there by arm, whatever number of jobs it had."""
    found: dict[str, tuple[FleetDevice, dict[str, ArmSeen]]] = {}
    for one in outcomes:
        if one.device is None or not one.played:
            continue
        arms = found.setdefault(one.device.name, (one.device, {}))[1]
        for arm, seen in one.seen.items():
            before = arms.get(arm, ArmSeen(0, 0, ()))
            arms[arm] = ArmSeen(
                before.kept + seen.kept, before.rounds + seen.rounds, before.back_s + seen.back_s
            )
    return list(found.values())


def groups(outcomes: Sequence[Outcome]) -> list[GroupFigures]:
    """All devices together, then those of each model, release, kernel and size of RAM."""
    seen = by_device(outcomes)
    found = _group("all", "all devices", seen)
    for by in BY:
        values = sorted({value_of(one, by) for one, _ in seen})
        for value in values:
            own = [pair for pair in seen if value_of(pair[0], by) == value]
            found += _group(by, value, own)
    return found


def value_of(one: FleetDevice, by: str) -> str:
    """The label of a device; its release with the SDK, which one of the two always has."""
    if by == "release":
        return one.version
    return one.labels.get(by, "?")


def _group(by: str, value: str, seen: Sequence[Seen]) -> list[GroupFigures]:
    arms = list(dict.fromkeys(arm for _, own in seen for arm in own))
    return [_figures(by, value, arm, [own[arm] for _, own in seen if arm in own]) for arm in arms]


def _figures(by: str, value: str, arm: str, seen: Sequence[ArmSeen]) -> GroupFigures:
    medians = [median(one.back_s) for one in seen if one.back_s]
    known = [time for time in medians if time > 0]
    logs = [math.log(time) for time in known]
    sure = stats.mean_of_clusters(logs) if logs else None
    return GroupFigures(
        by=by,
        value=value,
        arm=arm,
        devices=len(seen),
        kept=sum(one.kept for one in seen),
        rounds=sum(one.rounds for one in seen),
        survival=stats.share_of_clusters([(one.kept, one.rounds) for one in seen]),
        back_s=math.exp(fmean(logs)) if logs else None,
        back=stats.Interval(math.exp(sure.low), math.exp(sure.high)) if sure else None,
        span_s=(min(known), max(known)) if known else None,
    )


def outliers(outcomes: Sequence[Outcome]) -> list[str]:
    """Devices that are far from the others under an arm: kept, or time to be back."""
    seen = by_device(outcomes)
    arms = list(dict.fromkeys(arm for _, own in seen for arm in own))
    return [
        line
        for arm in arms
        for line in _odd(arm, [(one, own[arm]) for one, own in seen if arm in own])
    ]


def _odd(arm: str, seen: Sequence[tuple[FleetDevice, ArmSeen]]) -> list[str]:
    if len(seen) < LEAST_TO_NAME:
        return []
    found = []
    times = {one.name: math.log(median(own.back_s)) for one, own in seen if own.back_s}
    for one, own in seen:
        others = [other for device, other in seen if device.name != one.name]
        rest = (sum(other.kept for other in others), sum(other.rounds for other in others))
        ours, theirs = stats.share(own.kept, own.rounds), stats.share(*rest)
        if ours and theirs and not ours.overlaps(theirs):
            found.append(
                f"{one.name} ({one.group}): {arm} kept in {own.kept} of {own.rounds}, "
                f"the others in {rest[0]} of {rest[1]}"
            )
        if one.name in times and _is_far(times[one.name], list(times.values())):
            usual = median(times.values())
            own_ms, usual_ms = (math.exp(log) * 1000 for log in (times[one.name], usual))
            found.append(
                f"{one.name} ({one.group}): back in {own_ms:.0f} ms under {arm}, "
                f"the others in {usual_ms:.0f} ms"
            )
    return found


def _is_far(value: float, all_values: Sequence[float]) -> bool:
    """Whether a logarithm of a time is far from the median of all, measured by their spread."""
    if len(all_values) < LEAST_TO_NAME:
        return False
    middle = median(all_values)
    spread = median(abs(one - middle) for one in all_values)
    least = math.log(1.25) * _MAD_OF_SIGMA / _FAR  # nobody looks after a quarter more
    return _MAD_OF_SIGMA * abs(value - middle) / max(spread, least) > _FAR
