"""
Makes a phone that was restored from a saved machine state a phone of its own.

Without this the phone would have the time at which the state was saved, and share random numbers
and the boot id with every other phone that was restored from that state.
"""

import ctypes
import fcntl
import os
import struct
import time

from .log import Log
from .manager import ActivityManager

_ADD_ENTROPY, _RESEED = 0x40085203, 0x5207  # RNDADDENTROPY, RNDRESEEDCRNG (linux/random.h)
_BIND = 4096  # MS_BIND
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def wake(am: ActivityManager, log: Log, now_s: float, entropy: bytes) -> None:
    """Set the clock, reseed random numbers, take a new boot id, move dates written before."""
    jump_s = now_s - time.time()
    time.clock_settime(time.CLOCK_REALTIME, now_s)
    _stir(entropy)
    _take_boot_id()
    am.move_dates(jump_s)
    log.move_dates(jump_s)


def _stir(entropy: bytes) -> None:
    words = struct.pack("ii", len(entropy) * 8, len(entropy)) + entropy
    pool = os.open("/dev/urandom", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(pool, _ADD_ENTROPY, words)
        fcntl.ioctl(pool, _RESEED)
    finally:
        os.close(pool)


def _take_boot_id() -> None:
    """Mount a file over the kernel's boot id, which cannot be changed."""
    path = f"/dev/.boot_id-{os.getpid()}"
    with open("/proc/sys/kernel/random/uuid") as fresh, open(path, "w") as file:
        file.write(fresh.read())
    os.chmod(path, 0o444)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(path.encode(), _BOOT_ID.encode(), None, _BIND, None) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), _BOOT_ID)
    os.unlink(path)
