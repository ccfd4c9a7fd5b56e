"""What else moves or kills apps on a device: runs are comparable only where it is the same."""

from __future__ import annotations

from droidreclaim.device import Device
from droidreclaim.device.root import RootWay
from droidreclaim.errors import ParseError
from droidreclaim.inspect.ask import Answer, ask_device
from droidreclaim.inspect.doctor import INTERFERING
from droidreclaim.inspect.system_checks import MMD
from droidreclaim.parse.activity.settings import parse_settings
from droidreclaim.parse.shell.props import parse_getprop
from droidreclaim.policy.lmkd_settings import settings_in_force


def state_of(device: Device, way: RootWay | None, *, timeout_s: float) -> dict[str, str | None]:
    """
    The state of *device* by fixed names; None for what it has not, or does not say.

    Raises:
        DeviceError, ParseError: it was lost, or its answer cannot be read.
    """
    answers = ask_device(device, INTERFERING, way, timeout_s=timeout_s)
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
    mmd = sorted(f"{key}={value}" for key, value in properties.items() if key.startswith(MMD))
    others["mmd"] = ", ".join(mmd) or None
    return {"sdk": sdk, **_activity_manager(answers["am-settings"]), **others, **lmkd}


def _activity_manager(answer: Answer) -> dict[str, str | None]:
    try:
        settings = parse_settings(answer.text)
    except ParseError:
        return {"compaction": None, "freezer": None}
    on = {True: "on", False: "off", None: None}
    return {"compaction": on[settings.use_compaction], "freezer": on[settings.use_freezer]}
