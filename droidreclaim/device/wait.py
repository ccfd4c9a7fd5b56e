"""Waiting until a device is ready for work: online, booted, with its swap, root, and calm."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from droidreclaim.device.adb import AdbDevice
from droidreclaim.device.link import Deadline
from droidreclaim.device.root import RootMemory, RootWay, find_root
from droidreclaim.device.select import Choice, select
from droidreclaim.device.server import Server
from droidreclaim.errors import DeviceError, DeviceTimeout, NotPossible, SeveralDevices

POLL_S = 1.0
SWAP_S = 60.0  # init swaps on some seconds after boot completed; a device that never does goes on
CALM_S = 60.0  # a device that is always busy goes on, too
_CALM_SHARE = 0.5
_STEP_TIMEOUT_S = 10.0
_MOST_DIGITS = 18
# Old devices have neither wc nor grep: the shell's own words do. A swap entry of an fstab:
#   /dev/block/zram0  none  swap  defaults  zramsize=75%
_STATE = """
echo booted=$(getprop sys.boot_completed)
pm path android
[ "$1" ] && echo installed=$(pm path "$1") && echo running=$(pidof "$1")
n=0; while read -r line; do n=$((n+1)); done </proc/swaps && echo swaps=$n
for f in /vendor/etc/fstab.* /odm/etc/fstab.* /fstab.*; do
  [ -r "$f" ] && while read -r dev at type rest; do
    case $dev in "#"*) ;; *) [ "$type" = swap ] && echo fstab=$f;; esac
  done <"$f"
done
echo zram=$(cat /sys/block/zram0/disksize)
echo mmd=$(getprop mmd.zram.enabled)
read -r line </proc/stat && echo "$line"
true
"""


@dataclass(frozen=True, slots=True)
class Ready:
    """A device that is ready, and how to be root on it."""

    device: AdbDevice
    way: RootWay


def wait_ready(
    server: Server,
    choice: Choice,
    memory: RootMemory,
    *,
    timeout_s: float,
    notify: Callable[[str], None],
    adb_root: bool = False,
    package: str | None = None,
) -> Ready:
    """
    Wait until the chosen device is ready.

    Args:
        notify: Told each second what is waited for, and what somebody must do on the phone.
        adb_root: Whether adbd may be restarted as root.
        package: Also wait until a process of this app runs.

    Raises:
        DeviceTimeout: not ready within *timeout_s*; says what was missing last.
        DeviceError: it is ready but for root, and there is no way to root.
    """
    deadline, look = Deadline(timeout_s), _Look(package)
    way, missing = None, ""
    while True:
        step_s = min(_STEP_TIMEOUT_S, deadline.left_s())
        try:
            device = select(server, choice, step_s)
            lacks = look.at(device, min(_STEP_TIMEOUT_S, deadline.left_s()))
        except SeveralDevices:
            raise
        except DeviceError as error:
            cut_short = missing and not deadline.left_s()  # then the step before knew better
            lacks = missing if cut_short else str(error)
        else:
            if lacks is None and way is None:
                way = _root(device, memory, notify, adb_root, deadline)
            lacks = lacks or look.busy(device)
            if lacks is None and way is not None:
                if look.gave_up:
                    notify(look.gave_up)
                return Ready(device, way)
        missing = lacks or missing
        if deadline.left_s() <= POLL_S:
            raise DeviceTimeout(f"not ready within {timeout_s:g} s: {missing}")
        notify(f"{missing}, {timeout_s - deadline.left_s():.0f} of {timeout_s:g} s")
        time.sleep(POLL_S)


class _Look:
    """
    What a booting device still lacks, look by look.

    Attributes:
        gave_up: What was waited for in vain, and is no reason to wait longer.
    """

    def __init__(self, package: str | None) -> None:
        self.gave_up = ""
        self._package = package
        self._swap: Deadline | None = None
        self._calm: Deadline | None = None
        self._before: tuple[int, int] | None = None
        self._share: float | None = None

    def at(self, device: AdbDevice, timeout_s: float) -> str | None:
        """What it lacks before anybody could be root; None when nothing."""
        words = ["sh", "-c", f"{{ {_STATE} }} 2>/dev/null", "sh", self._package or ""]
        lines = device.run(words, timeout_s=timeout_s).text.splitlines()
        seen = dict(line.split("=", 1) for line in lines if "=" in line)
        self._measure(lines)
        who = device.serial
        if seen.get("booted") != "1":
            return f"{who}: Android has not finished booting"
        if not any(line.startswith("package:") for line in lines):
            return f"{who}: the package manager does not answer yet"
        self._swap = self._swap or Deadline(SWAP_S)
        sign = _swap_is_to_come(seen)
        if sign and self._swap.left_s():
            return f"{who}: swap is not on yet ({sign})"
        if sign:
            self.gave_up = f"{who}: no swap came within {SWAP_S:g} s ({sign}): going on without"
        if self._package and not seen.get("installed"):
            return f"{who}: {self._package} is not installed"
        if self._package and not seen.get("running"):
            return f"{who}: {self._package} does not run"
        return None

    def busy(self, device: AdbDevice) -> str | None:
        """Whether its processors are still busy; None where they are not, or it does not say."""
        self._calm = self._calm or Deadline(CALM_S)
        if self._before is None:
            return None
        if self._share is None:
            return f"{device.serial}: seeing whether it is calm"
        if self._share <= _CALM_SHARE:
            return None
        words = f"{device.serial}: busy, {self._share:.0%} of its processors"
        if self._calm.left_s():
            return words
        self.gave_up = f"{words} after {CALM_S:g} s: going on, figures will vary"
        return None

    def _measure(self, lines: list[str]) -> None:
        """
        Take the share of time that the processors were busy since the look before.

        ``cpu  user nice system idle iowait irq softirq steal guest guest_nice``, in ticks.
        """
        line = next((one for one in lines if one.startswith("cpu ")), "")
        ticks = [int(one) for one in line.split()[1:9] if re.fullmatch(r"[0-9]{1,18}", one)]
        if len(ticks) < 5:
            self._before = self._share = None
            return
        now = sum(ticks), ticks[3] + ticks[4]
        if self._before is not None and now[0] > self._before[0]:
            idle = (now[1] - self._before[1]) / (now[0] - self._before[0])
            self._share = min(1.0, max(0.0, 1 - idle))
        self._before = now


def _swap_is_to_come(seen: dict[str, str]) -> str | None:
    """What says that a device without swap will have some; None where it has, or nothing says."""
    if seen.get("swaps") != "1":  # the head of /proc/swaps alone
        return None
    if "fstab" in seen:
        return f"{seen['fstab'][:80]} has some"
    if seen.get("mmd") == "true":
        return "mmd.zram.enabled is true"
    disksize = seen.get("zram", "")
    return "zram0 has a size" if disksize.isdecimal() and int(disksize[:_MOST_DIGITS]) else None


def _root(
    device: AdbDevice,
    memory: RootMemory,
    notify: Callable[[str], None],
    adb_root: bool,
    deadline: Deadline,
) -> RootWay:
    restart = device.restart_as_root if adb_root else None
    notify(f"{device.serial}: looking for root")
    try:
        return find_root(device, memory, notify=notify, restart_adbd=restart, deadline=deadline)
    except NotPossible as error:
        raise DeviceError(str(error)) from error
