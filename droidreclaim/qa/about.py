"""What a run was played on, so that another can be compared with it."""

from __future__ import annotations

import re
from typing import Any

from droidreclaim.inspect.ask import ask_device
from droidreclaim.inspect.state import state_of
from droidreclaim.parse.proc.kernel import parse_meminfo
from droidreclaim.session import Phone

_MOST_TEXT = 1 << 20
# "    versionCode=12 minSdk=24 targetSdk=34", "    versionName=1.2.0", "    lastUpdateTime=..."
_VERSION = re.compile(
    r"^ +(versionCode|versionName|lastUpdateTime)=([^\n]{1,80}?)(?: minSdk=.*)?$", re.MULTILINE
)


def device(phone: Phone, package: str) -> dict[str, Any]:
    """
    Memory of the device, its settings, and which build of the app is installed there.

    Raises:
        DeviceError, ParseError: it was lost, or its answer cannot be read.
    """
    asked = ask_device(
        phone.device, {"meminfo": "cat /proc/meminfo"}, None, timeout_s=phone.timeout_s
    )
    memory = asked["meminfo"].read(parse_meminfo)
    return {
        "memory": {"ram_bytes": memory.total_bytes, "swap_bytes": memory.swap_total_bytes},
        "state": state_of(phone.device, phone.way_if_any(), timeout_s=phone.timeout_s),
        "app": build(phone, package),
    }


def build(phone: Phone, package: str) -> dict[str, str]:
    """The app's version, and when it was updated, as far as the device says."""
    done = phone.device.run(["dumpsys", "package", package], timeout_s=phone.timeout_s)
    return parse_build(done.text[:_MOST_TEXT]) if done.exit_code == 0 else {}


def parse_build(text: str) -> dict[str, str]:
    """
    Read ``dumpsys package NAME``; the first package's lines are the installed one's.

        versionCode=12 minSdk=24 targetSdk=34
        versionName=1.2.0
    """
    found: dict[str, str] = {}
    for key, value in _VERSION.findall(text):
        found.setdefault(key, value.strip())
    return found
