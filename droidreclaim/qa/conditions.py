"""Whether a round is like the others: heat, a dark or locked screen, battery, who is in front."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from droidreclaim.errors import NotPossible
from droidreclaim.inspect.ask import ask_device
from droidreclaim.session import Phone

_TIMEOUT_S = 60.0
_SEVERE = 3  # of PowerManager's THERMAL_STATUS: from here on a device slows down a lot
THERMAL = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
# "Thermal Status: 0", "mWakefulness=Awake", "level: 85", "temperature: 310" (tenths of a degree),
# "mKeyguardShowing=true" (8 to 11), "KeyguardShowing=false AodShowing=false" (12 and later)
_COMMANDS = {
    "thermal": "dumpsys thermalservice | grep -m 1 'Thermal Status:'",
    "power": "dumpsys power | grep -m 1 mWakefulness=",
    "battery": "dumpsys battery | grep -E '^ +(level|temperature):'",
    "front": "dumpsys activity activities | grep -iE -m 8 '(KeyguardShowing=|ResumedActivity)'",
}
_NUMBER = {
    "thermal": re.compile(r"Thermal Status: (\d)\b"),
    "battery_percent": re.compile(r"^ +level: (\d{1,3})$", re.MULTILINE),
    "battery_tenths_c": re.compile(r"^ +temperature: (-?\d{1,4})$", re.MULTILINE),
}
_WAKEFULNESS = re.compile(r"mWakefulness=(\w{1,20})")
_KEYGUARD = re.compile(r"KeyguardShowing=(true|false)", re.IGNORECASE)
_FRONT = re.compile(r"ResumedActivity[:=] ?ActivityRecord\{[^}]{0,200}? ([\w.]{1,255})/")

Conditions = Mapping[str, str | float | None]


def read(phone: Phone, of: Collection[str] = _COMMANDS) -> dict[str, str | float | None]:
    """
    Read the conditions now; None for what the device does not say, or is not *of* the commands.

    ``thermal`` is its status (0 none to 6 shutdown), ``screen`` ``on``, ``off`` or ``locked``,
    ``front`` the package of the app in front.

    Raises:
        DeviceError, ParseError: the device was lost, or its shell does not answer as one.
    """
    commands = {name: _COMMANDS[name] for name in of}
    answers = ask_device(phone.device, commands, None, timeout_s=_TIMEOUT_S)
    texts = {name: answers[name].text if name in answers else "" for name in _COMMANDS}
    return parse(texts)


def parse(texts: Mapping[str, str]) -> dict[str, str | float | None]:
    """Read what the commands printed: one line each, or nothing where a device has it not."""
    thermal, percent, tenths = (
        float(match[1]) if (match := pattern.search(texts[source])) else None
        for source, pattern in zip(("thermal", "battery", "battery"), _NUMBER.values(), strict=True)
    )
    awake, locked = _WAKEFULNESS.search(texts["power"]), _KEYGUARD.search(texts["front"])
    front = _FRONT.search(texts["front"])
    screen = None
    if locked and locked[1].lower() == "true":
        screen = "locked"
    if awake:
        screen = screen or "on" if awake[1] in ("Awake", "Dreaming") else "off"
    return {
        "thermal": thermal,
        "screen": screen,
        "battery_percent": percent,
        "battery_c": None if tenths is None else tenths / 10,
        "front": front[1] if front else None,
    }


def unfit(found: Conditions) -> str | None:
    """Why a round under these conditions does not count; None where it counts."""
    thermal = found["thermal"]
    if isinstance(thermal, float) and thermal >= _SEVERE:
        return f"the device is too hot: thermal status {THERMAL[min(int(thermal), 6)]}"
    if found["screen"] in ("off", "locked"):
        return f"the screen is {found['screen']}"
    return None


def require(phone: Phone) -> None:
    """
    See that a run can begin.

    Raises:
        NotPossible: the screen is off or locked, or the device too hot.
    """
    why = unfit(read(phone))
    if why is not None:
        hint = "let it cool down" if "hot" in why else "wake and unlock it, and keep it on: setup"
        raise NotPossible(f"{phone.serial}: {why}: no round would count", hint=hint)
