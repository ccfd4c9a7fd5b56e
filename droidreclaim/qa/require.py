"""What a scenario wants of a device before it is played there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from droidreclaim.errors import NotPossible
from droidreclaim.inspect.ask import ask_device
from droidreclaim.parse.proc.kernel import parse_meminfo
from droidreclaim.policy.bounds import is_within, parse_bounds
from droidreclaim.qa import conditions
from droidreclaim.qa.form import RequireForm, ScenarioForm
from droidreclaim.session import Phone
from droidreclaim.units import format_size

_LEVELS = ("none", "light", "moderate")


@dataclass(frozen=True, slots=True)
class Has:
    """
    What a device has; None for what it does not say.

    Attributes:
        thermal: PowerManager's status, 0 (none) to 6 (shutdown).
    """

    sdk: int | None
    ram_bytes: int | None
    swap_bytes: int | None
    thermal: float | None
    screen: str | None


def met_by(phone: Phone, scenario: ScenarioForm) -> Phone:
    """
    Return *phone*, which has all that *scenario* requires.

    Raises:
        NotPossible: it has not; each thing with what is.
        DeviceError, ParseError: it was lost, or its answer cannot be read.
    """
    wanted = scenario.require
    if wanted is None:
        return phone
    lacking = check(wanted, _look(phone))
    if lacking:
        raise NotPossible(
            f"{phone.serial}: {scenario.name} requires {'; '.join(lacking)}",
            hint="another device, or change require",
        )
    return phone


def root(scenario: ScenarioForm) -> bool:
    """Whether a step wants root, whatever the arms do: to hold memory by ourselves does."""
    return any(step.pressure is not None and step.pressure.until for step in scenario.steps)


def check(wanted: RequireForm, has: Has) -> list[str]:
    """Each requirement that is not met, with what there is; what is not known is not met."""
    lacking = []
    if wanted.sdk is not None and not (
        has.sdk is not None and is_within(has.sdk, parse_bounds(wanted.sdk))
    ):
        lacking.append(f"sdk {wanted.sdk}: it is {has.sdk or 'not known'}")
    for name, least, is_bytes in (
        ("ram", wanted.ram, has.ram_bytes),
        ("swap", wanted.swap, has.swap_bytes),
    ):
        if least is not None and (is_bytes is None or is_bytes < least):
            is_there = "not known" if is_bytes is None else format_size(is_bytes)
            lacking.append(f"{name} of {format_size(least)}: it is {is_there}")
    if wanted.thermal is not None:
        most = _LEVELS.index(wanted.thermal)
        if has.thermal is None or has.thermal > most:
            lacking.append(f"thermal {wanted.thermal} at most: it is {_heat(has.thermal)}")
    if wanted.screen is not None and has.screen != "on":
        lacking.append(f"screen {wanted.screen}: it is {has.screen or 'not known'}")
    return lacking


def _heat(status: float | None) -> str:
    return "not known" if status is None else conditions.THERMAL[min(int(status), 6)]


def _look(phone: Phone) -> Has:
    asked = ask_device(
        phone.device, {"meminfo": "cat /proc/meminfo"}, None, timeout_s=phone.timeout_s
    )
    memory = asked["meminfo"].read(parse_meminfo)
    now: Mapping[str, str | float | None] = conditions.read(phone)
    thermal, screen = now["thermal"], now["screen"]
    return Has(
        phone.info.sdk,
        memory.total_bytes,
        memory.swap_total_bytes,
        thermal if isinstance(thermal, float) else None,
        screen if isinstance(screen, str) else None,
    )
