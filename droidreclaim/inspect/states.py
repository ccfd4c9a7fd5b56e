"""What ActivityManager knows of processes: whose they are, their states, all that adb may ask."""

from __future__ import annotations

import logging

from droidreclaim import snapshot
from droidreclaim.device import Device
from droidreclaim.errors import ParseError
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.model import DeviceInfo
from droidreclaim.parse.activity.dump import parse_processes
from droidreclaim.snapshot import Snapshot, states

_log = logging.getLogger("droidreclaim")


def owners(device: Device, *, timeout_s: float) -> dict[int, snapshot.Member]:
    """
    ActivityManager's word on whose each process is; empty, with a line in the log, without one.

    It names processes by pid, name and uid as they are now; a target is held by its start time too.

    Raises:
        DeviceError: the device was lost.
    """
    answer = device.run(["dumpsys", "activity", "processes"], timeout_s=timeout_s)
    try:
        return states.owners_only(states.members_of(answer.read(parse_processes)))
    except ParseError as error:
        _log.warning("whose isolated processes are is not known: %s", error)
        return {}


def processes_with_states(
    helper: RunningHelper, device: Device, *, timeout_s: float
) -> tuple[DeviceInfo, Snapshot]:
    """
    A scan, and ActivityManager's word on every process of it.

    The dump names processes by pid alone and takes up to seconds, so it is taken between two
    scans: what it says is believed of those that were there, with the same start time, in both.

    Raises:
        DeviceError, ParseError: as `processes`; the dump cannot be read.
    """
    before = verbs.scan_of(helper.session.call_all([verbs.SCAN])[0])
    answer = device.run(["dumpsys", "activity", "processes"], timeout_s=timeout_s)
    members = states.members_of(answer.read(parse_processes))
    replies = helper.session.call_all([verbs.HELLO, verbs.SCAN])
    hello, scan = verbs.hello_of(replies[0]), verbs.scan_of(replies[1])
    lasting = {one.id for one in before.processes} & {one.id for one in scan.processes}
    known = {one.pid for one in lasting if one is not None}
    lasted = {pid: member for pid, member in members.items() if pid in known}
    seen = snapshot.build(
        [states.with_uid(one, lasted) for one in scan.processes],
        snapshot.packages_by_app_id(scan.packages_list),
        helper_pid=hello.pid,
        members=lasted,
    )
    if scan.unreadable or scan.hidden:
        seen = states.with_unseen(seen, members)
    return helper.device_info(hello), seen


def processes_without_root(device: Device, *, timeout_s: float) -> Snapshot:
    """
    What ActivityManager tells any adb shell: apps with their oom_score_adj, no memory of anybody.

    Raises:
        DeviceError, ParseError: as `processes`.
    """
    answer = device.run(["dumpsys", "activity", "processes"], timeout_s=timeout_s)
    return states.captured(states.members_of(answer.read(parse_processes)), ())
