"""Which devices there are, and whether each is ready."""

from __future__ import annotations

import math
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType

from droidreclaim.device import Device
from droidreclaim.device.adb import AdbDevice, list_devices
from droidreclaim.device.attached import Attached
from droidreclaim.device.link import Deadline
from droidreclaim.device.root import RootMemory, find_root
from droidreclaim.device.select import Choice, by_avd_name, what_next
from droidreclaim.device.server import Server
from droidreclaim.errors import DroidReclaimError
from droidreclaim.model import DeviceStatus

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

    def describe(attached: Attached) -> DeviceStatus:
        if attached.online and not begin_by.left_s():
            return _row(attached, f"not asked: those before it took {timeout_s:g} s")
        device = AdbDevice(server, attached)
        until = Deadline(math.inf if root_timeout_s is None else root_timeout_s)
        return _status(device, attached, memory, timeout_s, until, notify, adb_root)

    listed = list_devices(server, timeout_s)
    wanted = by_avd_name(server, listed, choice)
    rows = [one for one in listed if wanted.matches(one)]
    return _several_at_a_time(describe, rows)


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
    describe: Callable[[Attached], DeviceStatus], rows: Sequence[Attached]
) -> tuple[DeviceStatus, ...]:
    """Describe each row, in order; an interrupt does not wait for those that hang."""
    todo = deque(enumerate(rows))
    seen: dict[int, DeviceStatus] = {}
    failed: list[Exception] = []

    def work() -> None:
        while todo and not failed:
            with suppress(IndexError):  # another was quicker
                number, row = todo.popleft()
                try:
                    seen[number] = describe(row)
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
