"""
Starting the helper on a device, and placing it first where it is absent.

The usual case costs no round trip: the session's own command line looks for the helper, says what
device this is, and becomes the helper, or says that it is absent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from droidreclaim.device import Channel, CommandResult, Device
from droidreclaim.device.link import Deadline
from droidreclaim.device.root import RootWay
from droidreclaim.errors import DroidReclaimError, NotPossible, NotRoot
from droidreclaim.helper.bundle import Bundle, Helper
from droidreclaim.helper.deploy import DEFAULT_PLACES, Places, place

_MAX_PREAMBLE_BYTES = 64 * 1024
_OUR_LINE = re.compile(rb"^[ \t\r]*droidreclaim: ([^\n]*)\n", re.MULTILINE)

# Without single quotes, as the script that places it; each program it starts delays every command.
_LAUNCH = r"""
home=$1 names=$2; shift 2
abis=$(getprop ro.product.cpu.abilist); [ "$abis" ] || abis=$(getprop ro.product.cpu.abi)
while read -r key real effective rest; do
  [ "$key" = Uid: ] && echo "droidreclaim: uid=$effective"
done </proc/self/status
echo "droidreclaim: sdk=$(getprop ro.build.version.sdk)"
echo "droidreclaim: model=$(getprop ro.product.model)"
echo "droidreclaim: abis=$abis"
IFS=,; name=
for abi in $abis; do for pair in $names; do
  [ "${pair%%=*}" = "$abi" ] && name=${pair#*=} && break 2
done; done
if [ -L "$home" ] || [ ! -O "$home" ] || [ ! -x "$home/$name" ] || [ ! "$name" ]; then
  echo "droidreclaim: absent"; exit 127
fi
echo "droidreclaim: ready"
exec "$home/$name" "$@"
"""


@dataclass(frozen=True, slots=True)
class Preamble:
    """
    What the device says about itself before the helper speaks.

    Attributes:
        present: Whether the helper is there and what follows is its own.
        uid: Whom the command runs as; root is 0.
        abis: As the device prefers them.
    """

    present: bool
    uid: int | None
    sdk: int | None
    model: str | None
    abis: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Started:
    """
    A running helper.

    Attributes:
        early: What it wrote already; comes before whatever the channel reads.
        abi: The ABI it was built for.
    """

    channel: Channel
    preamble: Preamble
    early: bytes
    abi: str


def launch_command(
    way: RootWay, bundle: Bundle, arguments: Sequence[str], places: Places = DEFAULT_PLACES
) -> list[str]:
    """The words that print the preamble and become the helper, or exit with 127 without it."""
    names = ",".join(f"{abi}={helper.name}" for abi, helper in bundle.helpers.items())
    return way.wrap(["sh", "-c", _LAUNCH, "droidreclaim", places.home, names, *arguments])


def split_preamble(data: bytes) -> tuple[Preamble, bytes] | None:
    """
    The preamble at the beginning of *data* and what follows it; None until its last line has come.

    Noise around its lines, of a linker or a su, is passed over.
    """
    facts: dict[str, str] = {}
    for line in _OUR_LINE.finditer(data):
        key, _, value = line[1].decode("utf-8", "replace").strip().partition("=")
        if key in ("ready", "absent"):
            return _preamble(key == "ready", facts), data[line.end() :]
        facts[key] = value
    return None


def start_helper(  # each is another thing than the others
    device: Device,
    way: RootWay,
    bundle: Bundle,
    arguments: Sequence[str],
    *,
    timeout_s: float,
    places: Places = DEFAULT_PLACES,
) -> Started:
    """
    Start the helper with *arguments*; place it first where it is absent.

    Raises:
        NotRoot: this way is not root (any more).
        NotPossible: no helper fits, or the device refuses it.
        DeviceTimeout: it did not start within *timeout_s* in all.
        DeviceLost: the link broke.
    """
    deadline = Deadline(timeout_s)
    command = launch_command(way, bundle, arguments, places)
    channel, preamble, early = _launch(device, way, command, deadline)
    if not preamble.present:
        channel.close()
        place(device, way, _fitting(device, bundle, preamble), deadline, places)
        channel, preamble, early = _launch(device, way, command, deadline)
    if not preamble.present:
        channel.close()
        raise NotPossible(f"{device.serial}: the helper was removed while it was started")
    return Started(channel, preamble, early, _fitting(device, bundle, preamble).abi)


def _launch(
    device: Device, way: RootWay, command: Sequence[str], deadline: Deadline
) -> tuple[Channel, Preamble, bytes]:
    channel = device.open(command, timeout_s=deadline.left_s())
    try:
        preamble, early = _read_preamble(device, way, channel, deadline)
        if preamble.uid != 0:
            raise NotRoot(f"{device.serial}: {way.value}: runs as uid {preamble.uid}, not root")
        return channel, preamble, early
    except DroidReclaimError:
        channel.close()
        raise


def _read_preamble(
    device: Device, way: RootWay, channel: Channel, deadline: Deadline
) -> tuple[Preamble, bytes]:
    data = b""
    while len(data) < _MAX_PREAMBLE_BYTES:
        came = channel.read(deadline.left_s())
        data += came
        split = split_preamble(data)
        if split is not None:
            return split
        if not came:
            break
    said = CommandResult(data, channel.stderr, channel.exit_code)
    raise NotRoot(f"{device.serial}: {way.value}: {said.complaint}")


def _preamble(present: bool, facts: dict[str, str]) -> Preamble:
    return Preamble(
        present=present,
        uid=_number(facts.get("uid", "")),
        sdk=_number(facts.get("sdk", "")),
        model=facts.get("model") or None,
        abis=tuple(abi for abi in facts.get("abis", "").split(",") if abi),
    )


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else None


def _fitting(device: Device, bundle: Bundle, preamble: Preamble) -> Helper:
    for abi in preamble.abis:
        if abi in bundle.helpers:
            return bundle.helpers[abi]
    raise NotPossible(
        f"{device.serial}: no helper for {', '.join(preamble.abis) or 'an unnamed ABI'}",
        hint=f"there are helpers for {', '.join(bundle.helpers)}",
    )
