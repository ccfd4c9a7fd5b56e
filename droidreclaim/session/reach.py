"""From the words of the command line to a connected device."""

from __future__ import annotations

import logging
import os

from droidreclaim.device.root import default_memory
from droidreclaim.device.select import Choice, read_choice, select
from droidreclaim.device.server import Server, find_server
from droidreclaim.model import DeviceStatus
from droidreclaim.session.phone import Phone
from droidreclaim.session.root import Search

DEFAULT_TIMEOUT_S = 30.0

_log = logging.getLogger("droidreclaim")


def connect(  # noqa: PLR0913 (one argument for each option of the command line)
    serial: str | None = None,
    *,
    usb: bool = False,
    emulator: bool = False,
    host: str | None = None,
    port: int | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    root_timeout_s: float | None = None,
    adb_root: bool = False,
    root: bool = True,
) -> Phone:
    """
    Choose a device, become root on it, and start the helper there.

        >>> import droidreclaim as dr
        >>> with dr.connect() as phone:
        ...     print(phone.info.abi, len(phone.ps(band="cached")) > 0)
        x86_64 True

    Args:
        serial: Serial as ``adb devices`` prints it, or the name of an AVD that runs here; else
            ``$ANDROID_SERIAL``, else the only one.
        usb: The one device on USB.
        emulator: The one emulator or device over TCP.
        host, port: Another adb server than ``$ADB_SERVER_SOCKET`` or ``$ANDROID_ADB_SERVER_PORT``.
        timeout_s: Deadline in seconds of each step that waits for the device.
        root_timeout_s: Deadline of the whole search for root; where None, a first ``su`` may wait
            75 s for its answer on the phone.
        adb_root: Allow ``adb root``, which restarts adbd.
        root: False waits with root and helper until something needs them. Without either these
            work: `Phone.ps`, `Phone.kills`, `Phone.headroom`, all of `App` but page-outs, and
            page-outs by ``am compact`` or trim.

    Raises:
        UsageError: more than one of *serial*, *usb* and *emulator*.
        DeviceError: no device, several, not online, lost, or silent for *timeout_s*.
        NotPossible: no root there; the message names each way that was tried, with its reason.
    """
    choice = read_choice(serial, usb, emulator, os.environ.get("ANDROID_SERIAL"))
    device = select(_server(host, port), choice, timeout_s)
    search = Search(device, default_memory(), root_timeout_s, adb_root)
    phone = Phone(device, search, timeout_s=timeout_s)
    if root:
        phone.start()
    return phone


def devices(
    serial: str | None = None,
    *,
    usb: bool = False,
    emulator: bool = False,
    host: str | None = None,
    port: int | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    root_timeout_s: float | None = None,
    adb_root: bool = False,
) -> tuple[DeviceStatus, ...]:
    """
    Every attached device that the arguments mean (see `connect`): ready, or why it is not.

        >>> import droidreclaim as dr
        >>> [device.state for device in dr.devices() if device.ready]
        ['device']

    Raises:
        DeviceError: the adb server does not answer. For a device that does not, the row says why.
    """
    choice: Choice = read_choice(serial, usb, emulator, os.environ.get("ANDROID_SERIAL"))
    from droidreclaim.inspect import devices as look  # noqa: PLC0415 (most callers connect)

    return look.devices(
        _server(host, port),
        default_memory(),
        choice,
        adb_root=adb_root,
        timeout_s=timeout_s,
        root_timeout_s=root_timeout_s,
        notify=_log.warning,
    )


def _server(host: str | None, port: int | None) -> Server:
    return find_server(host, port, os.environ)
