"""What ``import droidreclaim`` gives: a device connected, its apps, its memory, its guard."""

from droidreclaim.session.app import App, AppIdentity
from droidreclaim.session.guard import Guard
from droidreclaim.session.phone import Phone
from droidreclaim.session.reach import connect, devices

__all__ = ["App", "AppIdentity", "Guard", "Phone", "connect", "devices"]
