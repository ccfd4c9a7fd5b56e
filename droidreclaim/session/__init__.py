"""What ``import droidreclaim`` gives: a device connected, its apps, its memory, its guard."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from droidreclaim.session.app import App, AppIdentity
    from droidreclaim.session.guard import Guard
    from droidreclaim.session.phone import Phone
    from droidreclaim.session.pressure import Pressure
    from droidreclaim.session.reach import connect, devices

_MODULE = {
    "App": "app", "AppIdentity": "app", "Guard": "guard", "Phone": "phone",
    "Pressure": "pressure", "connect": "reach", "devices": "reach",
}  # fmt: skip

__all__ = ["App", "AppIdentity", "Guard", "Phone", "Pressure", "connect", "devices"]


def __getattr__(name: str) -> Any:
    """Each name, looked up when it is used: a ``ps`` has no use for the guard's profiles."""
    if name not in _MODULE:
        raise AttributeError(f"module 'droidreclaim.session' has no attribute {name!r}")
    return getattr(import_module(f"droidreclaim.session.{_MODULE[name]}"), name)
