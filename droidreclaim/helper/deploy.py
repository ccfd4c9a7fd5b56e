"""
Putting the helper on a device, so that root runs what root alone could write.

Whatever lies in /data/local/tmp any adb user can replace: by another file, a link, a FIFO. So
nothing is put there. The helper travels through the stdin of root's own shell into a directory that
only root can enter (0700, below /data/local, which is root's). There root takes no more than the
helper's size, verifies it, runs it once, and only then gives it its final name, which holds the
hash of its content. What has such a name already is verified likewise, and replaced when damaged.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from droidreclaim.device import Device
from droidreclaim.device.link import Deadline
from droidreclaim.device.root import RootWay
from droidreclaim.errors import DeviceError, DroidReclaimError, NotPossible
from droidreclaim.helper.bundle import Helper

_STEP_TIMEOUT_S = 20.0  # a copy of 32 KiB and a hash; slow phones wake up for seconds
_TIDY_TIMEOUT_S = 1.0
_ENDED = (128 + 9, 128 + 15)  # by SIGKILL, SIGTERM

# For mksh with toybox or toolbox, from Android 5 on. Its words come as arguments, none is written
# into the text. It holds no single quote: each would cost eight characters behind su -c. Android
# before 6 has dd and no head; of a pipe dd reads single bytes, because it takes a short read for a
# block. Whoever stands in the working directory is ours: only root can get there (see remove).
_PLACE = r"""
set -f; umask 077
home=$1 work=$2 name=$3 size=$4 sha256=$5 sha1=$6 md5=$7 verified=$8 made=$8
say() { echo droidreclaim: $*; }
stop() {
  [ "$made" ] && [ ! -d "$work" ] && set -- "removed: $work went away meanwhile"
  say failed="$*"; exit 1
}
tidy() { cd /; rm -rf "$work"; }
have() { command -v "$1" >/dev/null 2>&1; }
take() {
  if head -c 1 </dev/null >/dev/null 2>&1; then head -c "$size"
  elif have dd; then dd ibs=1 obs=4096 count="$size"
  else cat
  fi
}
hashed() {
  if have sha256sum; then got=$(sha256sum "$1") want=$sha256
  elif have sha1sum; then got=$(sha1sum "$1") want=$sha1
  elif have md5sum; then got=$(md5sum "$1") want=$md5
  else return 1
  fi
  got=${got%% *}
}
whole() { [ ! -L "$1" ] && [ -f "$1" ] && hashed "$1" && [ "$got" = "$want" ]; }
trap tidy EXIT; trap "made=; stop removed: the placing was ended from outside" HUP INT TERM
if [ ! "$verified" ]; then
  # Again, for an uninstall may have removed what was there the first time.
  mkdir "$home" 2>/dev/null || [ -d "$home" ] || [ -L "$home" ] || words=$(mkdir "$home" 2>&1) ||
    [ -d "$home" ] || stop "$words"
  if [ -L "$home" ] || [ ! -d "$home" ] || [ ! -O "$home" ]; then
    [ -e "$home" ] || [ -L "$home" ] || made=1
    stop "planted: $home is a link, no directory or of another owner"
  fi
  chmod 700 "$home"
  words=$(mkdir "$work" 2>&1) || { [ -d "$home" ] || made=1; stop "$words"; }
  made=1
fi
cd "$work" 2>/dev/null || stop "cannot enter $work"
if [ ! "$verified" ]; then
  words=$( (take >program) 2>&1) || stop "$words"
  hashed program || { trap - EXIT; say unverified; exit 0; }
  [ "$got" = "$want" ] || stop "damaged: the copy is not what was sent"
fi
chmod 700 program
words=$(./program hello 2>&1 </dev/null) || stop "not run: exit status $?: $words"
there=$home/$name
whole "$there" && chmod 700 "$there" && say placed && exit
if [ -e "$there" ] || [ -L "$there" ]; then rm -rf "$there"; fi
# A link never takes the place of what another host has put there meanwhile, and runs.
ln program "$there" 2>/dev/null || whole "$there" || words=$(mv -f program "$there" 2>&1) ||
  stop "$words"
say placed
"""

_WHAT_NEXT = (
    (r"No space left|quota", "free some space in /data"),
    (r"Read-only", "/data is mounted read-only: boot Android normally"),
    (r"^planted|File exists|Not a directory", "look at it, then remove it: it is not ours"),
    (r"^removed", "an 'uninstall' in another terminal does that: try again"),
    (r"^damaged", "a su that changes what passes through it, or a bad cable"),
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
        temp: Where adb may write, and releases before this one did.
        home: Our own directory; the one above it belongs to root.
    """

    temp: str = "/data/local/tmp"
    home: str = "/data/local/droidreclaim"


DEFAULT_PLACES = Places()
TEMP_PREFIX = ".droidreclaim-"
JOURNAL = f"{DEFAULT_PLACES.temp}/{TEMP_PREFIX}setup"  # of what a QA run changed for a while


def place(
    device: Device,
    way: RootWay,
    helper: Helper,
    deadline: Deadline,
    places: Places = DEFAULT_PLACES,
) -> None:
    """
    Have root take *helper* from its stdin, verify and try it, and give it its final name.

    Safe against another host doing the same: each works in a directory of its own until the last
    step. What has the final name already stays when it is whole.

    Raises:
        NotPossible: the device refuses, with its reason and what to do; nothing is left behind.
        DeviceTimeout, DeviceLost: the device went away; the end of its stdin ends the script, which
            removes what it made.
    """
    work = f"{places.home}/.new-{secrets.token_hex(8)}"
    answer = _run_place(device, way, helper, (places.home, work), deadline)
    if answer != "unverified":
        return
    try:
        _read_back(device, way, helper, f"{work}/program", deadline)
        _run_place(device, way, helper, (places.home, work), deadline, verified="verified")
    except DroidReclaimError:
        with suppress(DeviceError):
            device.run(way.wrap(["rm", "-rf", work]), timeout_s=_TIDY_TIMEOUT_S)
        raise


def _run_place(
    device: Device,
    way: RootWay,
    helper: Helper,
    paths: tuple[str, str],
    deadline: Deadline,
    *,
    verified: str = "",
) -> str:
    """Run the script; its last word is ``placed``, or ``unverified`` where nothing hashes."""
    hashes = (helper.sha256, helper.sha1, helper.md5)
    words = [*paths, helper.name, str(helper.size_bytes), *hashes, verified]
    argv = way.wrap(["sh", "-c", _PLACE, "droidreclaim", *words])
    stdin = b"" if verified else helper.read()
    result = device.run(argv, timeout_s=_step_s(deadline), stdin=stdin)
    for key, reason in script_values(result.text):
        if key in ("placed", "unverified"):
            return key
        if key == "failed":
            raise _refusal(device, reason, paths[0])
    if result.exit_code in _ENDED:
        raise _refusal(device, "removed: the placing was killed", paths[0])
    raise NotPossible(f"{device.serial}: {way.value}: {result.complaint}")


def script_values(text: str) -> Iterator[tuple[str, str]]:
    """
    What our scripts say in *text*, by whole lines: key and value.

    A su may print a prompt without a newline in front of the first, and a terminal CR after each.
    """
    for line in text.splitlines(keepends=True):
        _, mark, words = line.partition("droidreclaim: ")
        if mark and line.endswith("\n"):
            key, _, value = words.rstrip().partition("=")
            yield key, value


def _refusal(device: Device, reason: str, home: str) -> NotPossible:
    hint = next((hint for words, hint in _WHAT_NEXT if re.search(words, reason)), None)
    return NotPossible(f"{device.serial}: cannot place the helper in {home}: {reason}", hint=hint)


def _read_back(device: Device, way: RootWay, helper: Helper, copy: str, deadline: Deadline) -> None:
    """Compare the copy byte by byte, where the device has no program that hashes (Android 5)."""
    result = device.run(way.wrap(["cat", copy]), timeout_s=_step_s(deadline))
    if result.stdout != helper.read():
        raise _refusal(device, "damaged: the copy is not what was sent", copy)


def _step_s(deadline: Deadline) -> float:
    return min(_STEP_TIMEOUT_S, deadline.left_s())
