"""
Putting the helper on a device, so that root runs only what root alone can write.

A file in /data/local/tmp can be replaced by any adb user between check and use. So the pushed file
is only carried: root copies it into a directory of its own (0700, below /data/local, which is
root's), verifies *the copy*, runs it once, and only then gives it its final name, which holds the
hash of its content. What has such a name there was verified: it is neither pushed nor hashed again.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from droidreclaim.device import Device
from droidreclaim.device.link import Deadline
from droidreclaim.device.root import RootWay
from droidreclaim.errors import DeviceError, DroidReclaimError, NotPossible
from droidreclaim.helper.bundle import Helper

_STEP_TIMEOUT_S = 20.0  # a copy of 32 KiB and a hash; slow phones wake up for seconds
_TIDY_TIMEOUT_S = 5.0

# For mksh with toybox or toolbox, from Android 5 on. Its words come as arguments, none is written
# into the text. It holds no single quote: each would cost eight characters behind su -c.
_PLACE = r"""
set -f; umask 077
home=$1 pushed=$2 copy=$3 name=$4 sha256=$5 sha1=$6 md5=$7 verified=$8
say() { echo droidreclaim: $*; }
stop() { say failed="$*"; exit 1; }
tidy() { rm -f "$copy" "$pushed"; }
have() { command -v "$1" >/dev/null 2>&1; }
trap tidy EXIT; trap "exit 1" HUP INT TERM
if [ ! "$verified" ]; then
  words=$(mkdir "$home" 2>&1) || [ -d "$home" ] || [ -L "$home" ] || stop "$words"
  if [ -L "$home" ] || [ ! -d "$home" ] || [ ! -O "$home" ]; then
    stop "planted: $home is a link, no directory or of another owner"
  fi
  chmod 700 "$home"
  [ ! -L "$pushed" ] && [ -f "$pushed" ] || stop "replaced: $pushed"
  words=$( (cat "$pushed" >"$copy") 2>&1) || stop "$words"
  rm -f "$pushed"
  if have sha256sum; then got=$(sha256sum "$copy") want=$sha256
  elif have sha1sum; then got=$(sha1sum "$copy") want=$sha1
  elif have md5sum; then got=$(md5sum "$copy") want=$md5
  else trap - EXIT; say unverified; exit 0
  fi
  [ "${got%% *}" = "$want" ] || stop "replaced: the copy is not what was sent"
fi
chmod 700 "$copy"
words=$("$copy" hello 2>&1 </dev/null) || stop "not run: exit status $?: $words"
words=$(mv -f "$copy" "$home/$name" 2>&1) || stop "$words"
say placed
"""

_WHAT_NEXT = (
    (r"No space left|quota", "free some space in /data"),
    (r"Read-only", "/data is mounted read-only: boot Android normally"),
    (r"^planted|File exists|Not a directory", "look at it, then remove it: it is not ours"),
    (r"^replaced", "another program writes in /data/local/tmp: see who runs as shell"),
    (
        r"^not run.*(denied|not permitted)",
        "a noexec mount or SELinux forbids running programs there",
    ),
    (r"^not run.*(format|not executable|magic)", "the ABI that the device names is not its own"),
)


@dataclass(frozen=True, slots=True)
class Places:
    """
    Where things are on a device.

    Attributes:
        temp: Where adb may write.
        home: Our own directory; the one above it belongs to root.
    """

    temp: str = "/data/local/tmp"
    home: str = "/data/local/droidreclaim"


DEFAULT_PLACES = Places()
TEMP_PREFIX = ".droidreclaim-"


def place(
    device: Device,
    way: RootWay,
    helper: Helper,
    deadline: Deadline,
    places: Places = DEFAULT_PLACES,
) -> None:
    """
    Push *helper*, copy it as root, verify and try the copy, and give it its final name.

    Safe against another host doing the same: each works under names of its own until the last step.

    Raises:
        NotPossible: the device refuses, with its reason and what to do; nothing is left behind.
        DeviceTimeout, DeviceLost: the device went away; `remove` finds what it may have kept.
    """
    token = secrets.token_hex(8)
    pushed = f"{places.temp}/{TEMP_PREFIX}{token}"
    copy = f"{places.home}/.new-{token}"
    try:
        device.push(helper.read(), pushed, mode=0o600, timeout_s=_step_s(deadline))
        answer = _run_place(device, way, helper, (places.home, pushed, copy), deadline, "")
        if answer == "unverified":
            _read_back(device, way, helper, copy, deadline)
            answer = _run_place(
                device, way, helper, (places.home, pushed, copy), deadline, "verified"
            )
    except DroidReclaimError:
        _tidy(device, way, (pushed, copy))
        raise
    if answer != "placed":
        raise NotPossible(f"{device.serial}: the helper was not placed: {answer}")


def _run_place(  # the script's arguments
    device: Device,
    way: RootWay,
    helper: Helper,
    paths: tuple[str, str, str],
    deadline: Deadline,
    verified: str,
) -> str:
    words = [*paths, helper.name, helper.sha256, helper.sha1, helper.md5, verified]
    argv = way.wrap(["sh", "-c", _PLACE, "droidreclaim", *words])
    result = device.run(argv, timeout_s=_step_s(deadline))
    for line in result.text.splitlines():
        key, _, reason = line.removeprefix("droidreclaim: ").partition("=")
        if key in ("placed", "unverified"):
            return key
        if key == "failed":
            raise _refusal(device, reason, paths[0])
    raise NotPossible(f"{device.serial}: {way.value}: {result.complaint}")


def _refusal(device: Device, reason: str, home: str) -> NotPossible:
    hint = next((hint for words, hint in _WHAT_NEXT if re.search(words, reason)), None)
    return NotPossible(f"{device.serial}: cannot place the helper in {home}: {reason}", hint=hint)


def _read_back(device: Device, way: RootWay, helper: Helper, copy: str, deadline: Deadline) -> None:
    """Compare the copy byte by byte, where the device has no program that hashes (Android 5)."""
    result = device.run(way.wrap(["cat", copy]), timeout_s=_step_s(deadline))
    if result.stdout != helper.read():
        raise _refusal(device, "replaced: the copy is not what was sent", copy)


def _tidy(device: Device, way: RootWay, paths: Sequence[str]) -> None:
    with suppress(DeviceError):
        device.run(way.wrap(["rm", "-f", *paths]), timeout_s=_TIDY_TIMEOUT_S)


def _step_s(deadline: Deadline) -> float:
    return min(_STEP_TIMEOUT_S, deadline.left_s())
