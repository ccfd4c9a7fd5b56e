"""Swap where there is none: an unused zram, and undone again. Gone with a reboot either way."""

from __future__ import annotations

from droidreclaim.errors import NotPossible, UsageError
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.helper.session import HelperError
from droidreclaim.model import DeviceInfo, SwapDevice
from droidreclaim.parse.proc.kernel import parse_meminfo
from droidreclaim.units import MIB

DEFAULT_SHARE = 0.5  # of memory, as most phones have it
LEAST_BYTES = 16 * MIB

_OFF_BYTES_PER_S = 16 << 20  # swapoff under software emulation; a phone is ten times faster


def require_enough(size_bytes: int) -> int:
    """
    Return the size, where it is enough for swap.

    Raises:
        UsageError: it is not.
    """
    if size_bytes < LEAST_BYTES:
        raise UsageError(f"{size_bytes} bytes is too small for swap", hint="16MiB is the least")
    return size_bytes


def enable(helper: RunningHelper, size_bytes: int | None) -> tuple[DeviceInfo, SwapDevice]:
    """
    Make an unused zram swap, of half the device's memory where *size_bytes* is None.

    Raises:
        NotPossible: it has swap already, or no unused zram.
    """
    replies = helper.session.call_all([verbs.HELLO, verbs.read_files("meminfo")])
    hello = verbs.hello_of(replies[0])
    memory = parse_meminfo(verbs.files_of(replies[1]).get("/proc/meminfo") or "")
    if memory.swap_total_bytes:
        raise NotPossible(
            f"this device has swap already, {memory.swap_total_bytes // MIB} MiB of it",
            hint="'droidreclaim swap off' undoes only what 'swap on' did",
        )
    size = size_bytes or int((memory.total_bytes or 0) * DEFAULT_SHARE)
    size = max(size, LEAST_BYTES) // hello.page_bytes * hello.page_bytes
    device = helper.device_info(hello)
    try:
        [made] = verbs.swap_on(helper.session, size)
    except HelperError as error:
        raise NotPossible(
            f"no swap was made: {error.errno}: {error.why}",
            hint="zram must be in the kernel and unused",
        ) from error
    return device, made


def disable(helper: RunningHelper) -> tuple[DeviceInfo, tuple[SwapDevice, ...]]:
    """
    Undo `enable`: everything that was swapped comes back into memory.

    Raises:
        NotPossible: there is no swap of ours, or what is in it does not fit into memory.
    """
    replies = helper.session.call_all([verbs.HELLO, verbs.read_files("meminfo")])
    device = helper.device_info(verbs.hello_of(replies[0]))
    memory = parse_meminfo(verbs.files_of(replies[1]).get("/proc/meminfo") or "")
    swapped = (memory.swap_total_bytes or 0) - (memory.swap_free_bytes or 0)
    try:
        undone = verbs.swap_off(helper.session, patience_s=swapped / _OFF_BYTES_PER_S)
    except HelperError as error:
        hint = "close apps first, or reboot" if error.errno == "ENOMEM" else None
        raise NotPossible(f"nothing was undone: {error.why}", hint=hint) from error
    return device, undone
