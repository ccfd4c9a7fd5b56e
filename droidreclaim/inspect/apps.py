"""Which devices there are, and which processes on one of them."""

from __future__ import annotations

import logging
import math
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from droidreclaim import snapshot
from droidreclaim.device import Device
from droidreclaim.device.adb import AdbDevice, list_devices
from droidreclaim.device.attached import Attached
from droidreclaim.device.link import Deadline
from droidreclaim.device.root import RootMemory, find_root
from droidreclaim.device.select import Choice, by_avd_name, what_next
from droidreclaim.device.server import Server
from droidreclaim.errors import DroidReclaimError, ParseError, UsageError
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.inspect.capture import read_capture
from droidreclaim.model import Band, DeviceInfo, DeviceStatus, Process
from droidreclaim.parse.activity.dump import parse_lru, parse_processes
from droidreclaim.parse.shell.ps import PsRow, parse_ps
from droidreclaim.parse.text.bugreport import Kind
from droidreclaim.parse.text.sections import split_activity_dump
from droidreclaim.policy import require_running
from droidreclaim.snapshot import Snapshot

_log = logging.getLogger("droidreclaim")
SORTS = ("adj", "rss", "swap", "name", "pid")

_PROPERTIES = {
    "model": "ro.product.model",
    "sdk": "ro.build.version.sdk",
    "abi": "ro.product.cpu.abi",
    "booted": "sys.boot_completed",
}
_SDK = re.compile(r"[0-9]{1,4}")
_AT_A_TIME = 16
_MAX_VALUE_CHARS = 92  # PROP_VALUE_MAX of bionic
_ASK = "; ".join(f'echo "{key}=$(getprop {name})"' for key, name in _PROPERTIES.items())


def devices(
    server: Server,
    memory: RootMemory,
    choice: Choice,
    *,
    timeout_s: float,
    notify: Callable[[str], None],
    root_timeout_s: float | None = None,
    adb_root: bool = False,
) -> tuple[DeviceStatus, ...]:
    """
    Every device the adb server lists that *choice* means, ready or why not.

    Several are asked at a time, and none begun after *timeout_s*; a su that is asked for the first
    time may then take its time.

    Args:
        root_timeout_s: Bounds the search for root on each; without, a first ``su`` may take 75 s.

    Raises:
        DeviceError: the adb server does not answer; a device that does not is a row with a reason.
    """
    begin_by = Deadline(timeout_s)

    def look(attached: Attached) -> DeviceStatus:
        if attached.online and not begin_by.left_s():
            return _row(attached, f"not asked: those before it took {timeout_s:g} s")
        device = AdbDevice(server, attached)
        until = Deadline(math.inf if root_timeout_s is None else root_timeout_s)
        return _status(device, attached, memory, timeout_s, until, notify, adb_root)

    listed = list_devices(server, timeout_s)
    wanted = by_avd_name(server, listed, choice)
    rows = [one for one in listed if wanted.matches(one)]
    return _several_at_a_time(look, rows)


def device_info(helper: RunningHelper) -> DeviceInfo:
    """
    What names the device: one round trip.

    Raises:
        DeviceError, ParseError: the device was lost, or its answer cannot be read.
    """
    return helper.device_info(verbs.hello_of(helper.session.call_all([verbs.HELLO])[0]))


def processes(
    helper: RunningHelper, ask: Callable[[], Mapping[int, snapshot.Member]] = dict
) -> tuple[DeviceInfo, Snapshot]:
    """
    One scan of the device, attributed to packages: one round trip.

    Args:
        ask: Who asks ActivityManager whose processes are that neither uid nor parent tells of; only
            done where there are such.

    Raises:
        DeviceError, ParseError: the device was lost, or its answer cannot be read.
    """
    replies = helper.session.call_all([verbs.HELLO, verbs.SCAN])
    hello, scan = verbs.hello_of(replies[0]), verbs.scan_of(replies[1])
    seen = snapshot.build(
        scan.processes, snapshot.packages_by_app_id(scan.packages_list), helper_pid=hello.pid
    )
    return helper.device_info(hello), seen.asking(ask)


def owners(device: Device, *, timeout_s: float) -> dict[int, snapshot.Member]:
    """
    ActivityManager's word on whose each process is; empty, with a line in the log, without one.

    It names processes by pid, name and uid as they are now; a target is held by its start time too.

    Raises:
        DeviceError: the device was lost.
    """
    answer = device.run(["dumpsys", "activity", "processes"], timeout_s=timeout_s)
    try:
        return snapshot.whose(snapshot.members_of(answer.read(parse_processes)))
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
    members = snapshot.members_of(answer.read(parse_processes))
    replies = helper.session.call_all([verbs.HELLO, verbs.SCAN])
    hello, scan = verbs.hello_of(replies[0]), verbs.scan_of(replies[1])
    lasting = {one.id for one in before.processes} & {one.id for one in scan.processes}
    known = {one.pid for one in lasting if one is not None}
    seen = snapshot.build(
        scan.processes,
        snapshot.packages_by_app_id(scan.packages_list),
        helper_pid=hello.pid,
        members={pid: member for pid, member in members.items() if pid in known},
    )
    return helper.device_info(hello), seen


def processes_without_root(device: Device, *, timeout_s: float) -> Snapshot:
    """
    What ActivityManager tells any adb shell: apps with their oom_score_adj, no memory of anybody.

    Raises:
        DeviceError, ParseError: as `processes`.
    """
    answer = device.run(["dumpsys", "activity", "processes"], timeout_s=timeout_s)
    return snapshot.captured(snapshot.members_of(parse_processes(answer.text)), ())


def captured_processes(path: Path) -> tuple[Snapshot, str | None, tuple[str, ...]]:
    """
    The processes in captured text, when it was taken where it says so, and what was left out.

    Raises:
        UsageError, ParseError: the file cannot be read, or holds no processes.
    """
    capture = read_capture(path, frozenset({Kind.PS, Kind.ACTIVITY}), Kind.PS)
    rows: list[PsRow] = []
    members: dict[int, snapshot.Member] = {}
    left_out = list(capture.left_out)
    for piece in capture.pieces(Kind.PS, Kind.ACTIVITY):
        try:
            if piece in capture.pieces(Kind.PS):
                rows += parse_ps(piece.text, piece.name)
            else:
                members |= _members(piece.text)
        except ParseError as error:
            left_out.append(f"{piece.name}: {error}"[:300])
    if not rows and not members:
        hint = "looked for ps and dumpsys activity processes: neither is in it"
        raise ParseError(str(path), 1, "", hint="; ".join([hint, *left_out[:3]]))
    return snapshot.captured(members, rows), capture.taken_at, tuple(left_out)


def _members(text: str) -> dict[int, snapshot.Member]:
    """The processes of a dump of ActivityManager's, or of the one dump in it that lists them."""
    try:
        parts = split_activity_dump(text)
    except ParseError:
        return snapshot.members_of(parse_processes(text))  # an excerpt without its title
    for name in ("processes", "oom"):
        if name in parts:
            return snapshot.members_of(parse_processes(parts[name]))
    return snapshot.members_of_lru(parse_lru(parts["lru"])) if "lru" in parts else {}


def matching(
    processes: Iterable[Process],
    *,
    packages: tuple[str, ...] = (),
    bands: tuple[Band, ...] = (),
    user: int | None = None,
) -> list[Process]:
    """The processes of these packages, in these bands, of this user; an empty filter takes all."""
    return [
        process
        for process in processes
        if (not packages or set(packages) & set(process.packages))
        and (not bands or process.band in bands)
        and user in (None, process.user)
    ]


def listed(
    seen: Snapshot,
    *,
    packages: tuple[str, ...] = (),
    bands: tuple[Band, ...] = (),
    user: int | None = None,
    sort: str = "adj",
) -> tuple[Process, ...]:
    """
    The processes of *seen* that match, as `matching` does, in the order of *sort*.

    Raises:
        NotAchieved: a package has no process, or is not there.
        UsageError: there is no such order.
    """
    if sort not in SORTS:
        raise UsageError(f"sort {sort!r}", hint=f"one of {', '.join(SORTS)}")
    for name in packages:
        require_running(seen, name)
    found = matching(seen.processes, packages=packages, bands=bands, user=user)
    return tuple(sorted(found, key=lambda process: _sort_key(process, sort)))


def _sort_key(process: Process, sort: str) -> tuple[float, str, int]:
    memory, adj = process.memory, process.oom_score_adj
    value: float = {
        "adj": adj if adj is not None else -2000,
        "rss": -(memory.rss_bytes or 0),
        "swap": -(memory.swap_bytes or 0),
    }.get(sort, 0)
    return value, process.name if sort == "name" else "", process.pid


def _status(
    device: AdbDevice,
    attached: Attached,
    memory: RootMemory,
    timeout_s: float,
    deadline: Deadline,
    notify: Callable[[str], None],
    adb_root: bool,
) -> DeviceStatus:
    properties: dict[str, str] = {}
    root = None
    reason = _not_online(attached)
    if reason is None:
        try:
            properties = _properties(device, timeout_s)
            root = find_root(
                device,
                memory,
                notify=notify,
                restart_adbd=device.restart_as_root if adb_root else None,
                deadline=deadline,
            ).value
            if properties.get("booted") != "1":
                reason = "still booting: 'droidreclaim devices --wait 300' waits for it"
        except DroidReclaimError as error:
            reason = str(error).removeprefix(f"{attached.serial}: ")
    return _row(attached, reason, root, properties)


def _several_at_a_time(
    look: Callable[[Attached], DeviceStatus], rows: Sequence[Attached]
) -> tuple[DeviceStatus, ...]:
    """What *look* says of each row, in order; an interrupt does not wait for those that hang."""
    todo = deque(enumerate(rows))
    seen: dict[int, DeviceStatus] = {}
    failed: list[Exception] = []

    def work() -> None:
        while todo and not failed:
            with suppress(IndexError):  # another was quicker
                number, row = todo.popleft()
                try:
                    seen[number] = look(row)
                except Exception as error:
                    failed.append(error)

    threads = [
        threading.Thread(target=work, daemon=True) for _ in range(min(_AT_A_TIME, len(rows)))
    ]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        todo.clear()
    if failed:
        raise failed[0]
    return tuple(seen[number] for number in range(len(rows)))


def _row(
    attached: Attached,
    reason: str | None,
    root: str | None = None,
    properties: Mapping[str, str] = MappingProxyType({}),
) -> DeviceStatus:
    sdk = properties.get("sdk", "")
    return DeviceStatus(
        serial=attached.serial,
        state=attached.state,
        kind=attached.kind,
        model=properties.get("model") or attached.model,
        sdk=int(sdk) if _SDK.fullmatch(sdk) else None,
        abi=properties.get("abi") or None,
        root=root,
        reason=reason,
    )


def _not_online(attached: Attached) -> str | None:
    if attached.online:
        return None
    hint = what_next(attached)
    return f"{attached.state}: {hint}" if hint else attached.state


def _properties(device: Device, timeout_s: float) -> dict[str, str]:
    text = device.run(["sh", "-c", _ASK], timeout_s=timeout_s).text
    pairs = (line.strip().partition("=") for line in text.splitlines())
    return {key: value[:_MAX_VALUE_CHARS] for key, _, value in pairs if key in _PROPERTIES}
