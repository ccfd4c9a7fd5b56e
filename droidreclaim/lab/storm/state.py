"""What else moves or kills apps on a device, and by which settings: equal, or not comparable."""

from __future__ import annotations

from collections.abc import Iterable

from droidreclaim.device import Device
from droidreclaim.device.root import RootWay
from droidreclaim.errors import NotAchieved, ParseError
from droidreclaim.inspect.ask import Answer, ask
from droidreclaim.inspect.doctor import INTERFERING
from droidreclaim.lab.storm.events import Run
from droidreclaim.parse.activity.settings import parse_settings
from droidreclaim.parse.shell.props import parse_getprop
from droidreclaim.policy.lmkd_settings import settings_in_force


def state_of(device: Device, way: RootWay, *, timeout_s: float) -> dict[str, str | None]:
    """
    The state of *device* by fixed names; None for what it has not, or does not say.

    Raises:
        DeviceError, ParseError: it was lost, or its answer cannot be read.
    """
    answers = ask(device, INTERFERING, way, timeout_s=timeout_s)
    properties = answers["props"].read(parse_getprop)
    lmkd = {
        f"lmkd {name}": one.value
        for name, one in settings_in_force(properties).items()
        if name != "use_new_strategy" or one.source != "default"  # storms of before have it not
    }
    others = {
        name: answer.text.strip() if answer.ok else None
        for name, answer in answers.items()
        if name not in ("props", "am-settings")
    }
    sdk = properties.get("ro.build.version.sdk")
    return {"sdk": sdk, **_activity_manager(answers["am-settings"]), **others, **lmkd}


def _activity_manager(answer: Answer) -> dict[str, str | None]:
    try:
        settings = parse_settings(answer.text)
    except ParseError:
        return {"compaction": None, "freezer": None}
    on = {True: "on", False: "off", None: None}
    return {"compaction": on[settings.use_compaction], "freezer": on[settings.use_freezer]}


def _compared(run: Run) -> dict[str, str | None]:
    """State and device of a run; the serial of a phone that was booted for it is its port."""
    device = run.begin.device
    names = ["model", "abi", "kernel", "page_bytes", "accelerator"]
    if device.get("accelerator") is None:
        names.append("serial")
    return run.begin.state | {f"device {name}": _word(device.get(name)) for name in names}


def _word(value: object) -> str | None:
    return None if value is None else str(value)


def difference(runs: Iterable[Run]) -> NotAchieved | None:
    """What forbids to compare *runs*: devices in different states, each difference named."""
    known = list(runs)
    states = {run.key: _compared(run) for run in known}
    differing = []
    for name in sorted({name for state in states.values() for name in state}):
        values = {state.get(name): key for key, state in states.items()}
        if len(values) > 1:
            told = ", ".join(
                f"{value or 'unknown'} ({arm}, seed {seed})"
                for value, (arm, seed) in values.items()
            )
            differing.append(f"{name}: {told}")
    if not differing:
        return None
    return NotAchieved(
        f"the arms are not comparable: {'; '.join(differing)}",
        hint="run them again on one device, with the same settings",
    )
