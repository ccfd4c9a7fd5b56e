"""What a profile would do on a device at this moment: one round trip to the helper."""

from __future__ import annotations

import time

from droidreclaim import snapshot
from droidreclaim.errors import ParseError
from droidreclaim.guard import floor
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.model import DeviceInfo
from droidreclaim.model.profile import Profile
from droidreclaim.policy.guard import GuardPlan, plan
from droidreclaim.policy.killer import Found, Killer
from droidreclaim.policy.lmkd import headroom, sample_of

_FILES = ("meminfo", "vmstat", "zoneinfo")
_NOBODY = Found(Killer.NOT_KNOWN, "not asked: a guard goes by free memory")


def explain(helper: RunningHelper, profile: Profile) -> tuple[DeviceInfo, GuardPlan]:
    """
    The device, and what a guard with *profile* would do on it now. Nothing is touched.

    Raises:
        DeviceError, ParseError: it was lost, or an answer cannot be read.
    """
    asked = [verbs.HELLO, verbs.SCAN, verbs.read_files(*_FILES)]
    replies = helper.session.call_all(asked)
    hello, scan = verbs.hello_of(replies[0]), verbs.scan_of(replies[1])
    seen = snapshot.build(
        scan.processes, snapshot.packages_by_app_id(scan.packages_list), helper_pid=hello.pid
    )
    sample = sample_of(verbs.files_of(replies[2]), time.monotonic())
    if sample.meminfo is None:
        raise ParseError("/proc/meminfo", 1, "", hint="the helper could not read it")
    room = headroom(sample, (), {}, hello.page_bytes, _NOBODY)
    asked_here = floor.for_device(helper, profile)
    return helper.device_info(hello), plan(asked_here, seen, sample.meminfo, room)
