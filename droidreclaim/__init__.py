"""
Page background Android apps out on demand, instead of letting lowmemorykiller take them.

    import droidreclaim as dr

    with dr.connect() as phone:                    # the one device, or connect("SERIAL")
        game = phone.app("com.example.game")
        game.open()
        phone.home()
        result = game.page_out()                   # a ReclaimResult: every target, with its reason
        print(result.totals.gained_bytes, phone.headroom().next_rule)

`connect` gives a `Phone`, and `Phone.app` an `App`; what they return are frozen values, and what
goes wrong is an exception under `DroidReclaimError`, with the exit code of the command line.
Sizes are bytes or text like ``"256MiB"``, times seconds or text like ``"10s"``. Importing this
package loads nothing: each name is looked up when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from droidreclaim.errors import (
        DeviceError,
        DeviceLost,
        DeviceTimeout,
        DroidReclaimError,
        Interrupted,
        NoDevice,
        NotAchieved,
        NotPossible,
        ParseError,
        ProfileError,
        UsageError,
    )
    from droidreclaim.inspect.kills import Kills
    from droidreclaim.model import (
        Band,
        DeviceInfo,
        DeviceStatus,
        Outcome,
        Process,
        ProcessId,
        Reason,
        ReclaimResult,
        TargetResult,
    )
    from droidreclaim.model.footprint import Footprint
    from droidreclaim.model.pressure import PressureResult
    from droidreclaim.policy.lmkd import Headroom
    from droidreclaim.session import App, AppIdentity, Guard, Phone, Pressure, connect, devices

    __version__: str

_FROM = {
    "session": ("App", "AppIdentity", "Guard", "Phone", "Pressure", "connect", "devices"),
    "model": ("Band", "DeviceInfo", "DeviceStatus", "Outcome", "Process", "ProcessId", "Reason",
              "ReclaimResult",
              "TargetResult"),
    "inspect.kills": ("Kills",),
    "model.footprint": ("Footprint",),
    "model.pressure": ("PressureResult",),
    "policy.lmkd": ("Headroom",),
    "errors": ("DeviceError", "DeviceLost", "DeviceTimeout", "DroidReclaimError", "Interrupted",
               "NoDevice", "NotAchieved", "NotPossible", "ParseError", "ProfileError",
               "UsageError"),
}  # fmt: skip
_MODULE = {name: module for module, names in _FROM.items() for name in names}

__all__ = [  # noqa: RUF022 (by what they are, not by the alphabet)
    "connect", "devices",
    "Phone", "App", "AppIdentity", "Guard", "Pressure",
    "Band", "DeviceInfo", "DeviceStatus", "Footprint", "Headroom", "Kills", "Outcome",
    "PressureResult", "Process", "ProcessId", "Reason", "ReclaimResult", "TargetResult",
    "DroidReclaimError", "UsageError", "DeviceError", "NoDevice", "DeviceTimeout", "DeviceLost",
    "NotPossible", "ParseError", "ProfileError", "NotAchieved", "Interrupted",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """The names of ``__all__`` and ``__version__``, each looked up when it is used (PEP 562)."""
    if name == "__version__":
        return _version()
    if name not in _MODULE:
        raise AttributeError(f"module 'droidreclaim' has no attribute {name!r}")
    return getattr(import_module(f"droidreclaim.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


def _version() -> str:
    """It costs 40 ms that no command needs."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    try:
        return version("droidreclaim")
    except PackageNotFoundError:  # running from a source tree that was never installed
        return "0+unknown"
