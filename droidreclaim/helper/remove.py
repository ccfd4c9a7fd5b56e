"""Removing every trace of the helper and the guard from a device."""

from __future__ import annotations

from dataclasses import dataclass

from droidreclaim.device import Device
from droidreclaim.device.root import RootWay
from droidreclaim.errors import NotPossible
from droidreclaim.helper.deploy import DEFAULT_PLACES, TEMP_PREFIX, Places, script_values

# Swap is ours when its header, 1024 bytes into the area, has our label 28 bytes further on.
# (Android before 6 has dd and no head, a small toybox the reverse.)
# A process is ours when its program is a file of our directory, or when it places one and stands in
# its working directory, where only root can get: by inode, since a path read from /proc could be
# another's that only looks like ours. What is not ours is never removed recursively. A placing that
# was faster than its end makes the directory anew: hence the turns.
_REMOVE = r"""
home=$1 temp=$2 prefix=$3
say() { echo "droidreclaim: $*"; }
there() { [ -e "$1" ] || [ -L "$1" ]; }
report() { if there "$1"; then say "left=$1"; else say "removed=$1"; fi; }
ours() {
  for file in "$home"/* "$home"/.new-*/program; do [ "$1/exe" -ef "$file" ] && return; done
  for work in "$home"/.new-*; do [ "$1/cwd" -ef "$work" ] && return; done
  return 1
}
running() {
  pids=
  for proc in /proc/[0-9]*; do ours "$proc" && pids="$pids ${proc#/proc/}"; done
  [ "$pids" ]
}
end() {
  running || return
  ended=$pids; kill $pids
  for turn in 1 2 3 4 5 6 7 8 9 10; do running || break; sleep 0.1; done
  running && kill -9 $pids && sleep 0.2
  running && say "left=process$pids" || say "removed=process$ended"
}
if there "$home"; then
  for again in 1 2 3; do
    end
    if [ ! -L "$home" ] && [ -O "$home" ]; then rm -rf "$home" 2>/dev/null; fi
    there "$home" || break
  done
  report "$home"
fi
while read -r area rest; do
  name=${area##*/}
  for device in "/dev/block/$name" "/dev/$name"; do
    [ -b "$device" ] || continue
    label=$(dd if="$device" bs=4 skip=263 count=3 || head -c 1064 "$device" | tail -c 12)
    [ "$label" = droidreclaim ] && say "swap=$device"
    break
  done
done 2>/dev/null </proc/swaps
for file in "$temp/$prefix"*; do
  there "$file" || continue
  if [ -d "$file" ] && [ ! -L "$file" ]; then
    rm -f "$file"/helper-* "$file"/.new-*/program; rmdir "$file"/.new-*; rmdir "$file"
  else rm -f "$file"
  fi 2>/dev/null
  report "$file"
done
say done
"""


@dataclass(frozen=True, slots=True)
class Removal:
    """
    What `remove` did, as paths of the device and ``process N``.

    Attributes:
        left: Still there: not ours, or not to be removed without root.
        swap: In use, and made by ``swap on``: undoing it can take memory that apps need.
    """

    removed: tuple[str, ...]
    left: tuple[str, ...]
    swap: tuple[str, ...] = ()


def remove(
    device: Device, way: RootWay | None, *, timeout_s: float, places: Places = DEFAULT_PLACES
) -> Removal:
    """
    End helpers and guards that still run, then remove our directory and our files in adb's.

    Args:
        way: None without root: then only what adb itself may remove goes, and the rest is listed.

    Raises:
        NotPossible: the script did not run to its end.
        DeviceTimeout, DeviceLost: the device went away.
    """
    script = ["sh", "-c", _REMOVE, "droidreclaim", places.home, places.temp, TEMP_PREFIX]
    result = device.run((way or RootWay.ADBD).wrap(script), timeout_s=timeout_s)
    words = list(script_values(result.text))
    if not words or words[-1][0] != "done":
        raise NotPossible(f"{device.serial}: uninstall: {result.complaint}")
    return Removal(
        removed=tuple(what for key, what in words if key == "removed"),
        left=tuple(what for key, what in words if key == "left"),
        swap=tuple(what for key, what in words if key == "swap"),
    )
