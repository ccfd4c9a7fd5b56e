"""
Starting the helper on a device, and placing it first where it is absent.

In the usual case the session's own command line looks for the helper, says what device this is,
and becomes the helper, or says that it is absent. That it did become the helper one question shows:
what does not answer it is verified on the device, and replaced when it is damaged.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from droidreclaim.device import Channel, CommandResult, Device
from droidreclaim.device.link import Deadline
from droidreclaim.device.root import RootWay
from droidreclaim.errors import (
    DeviceError,
    DeviceLost,
    DeviceTimeout,
    DroidReclaimError,
    NotPossible,
    NotRoot,
    ParseError,
    TooMuchOutput,
)
from droidreclaim.helper.bundle import Bundle, Helper
from droidreclaim.helper.deploy import DEFAULT_PLACES, JOURNAL, TEMP_PREFIX, Places, place
from droidreclaim.helper.protocol import ReplyReader, request

_MAX_PREAMBLE_BYTES = 64 * 1024
_TIDY_TIMEOUT_S = 10.0
_TURNS = 2  # as it is, and as it was placed
_ABSENT = "it was removed while it was started"
_START_ID = "start"  # of the question that shows it runs; a session counts its own from 1
# A su may print a prompt without a newline in front of the first.
_OUR_LINE = re.compile(rb"droidreclaim: ([^\n]{0,512})\n")

# Without single quotes, as the script that places it; each program it starts delays every command.
# A shell takes for a script what the kernel refuses to execute: a file whose disk lost its content.
_LAUNCH = r"""
home=$1 names=$2 journal=$3; shift 3
abis=$(getprop ro.product.cpu.abilist); [ "$abis" ] || abis=$(getprop ro.product.cpu.abi)
while read -r key real effective rest; do
  [ "$key" = Uid: ] && echo "droidreclaim: uid=$effective"
done </proc/self/status
echo "droidreclaim: sdk=$(getprop ro.build.version.sdk)"
echo "droidreclaim: model=$(getprop ro.product.model)"
echo "droidreclaim: abis=$abis"
[ -f "$journal" ] && echo "droidreclaim: journal=left"
IFS=,; name=
for abi in $abis; do for pair in $names; do
  [ "${pair%%=*}" = "$abi" ] && name=${pair#*=} && break 2
done; done
there=$home/$name
absent() { echo "droidreclaim: absent"; exit 127; }
if [ -L "$home" ] || [ ! -O "$home" ] || [ -L "$there" ] || [ ! -f "$there" ] ||
  [ ! -x "$there" ] || [ ! "$name" ]; then
  absent
fi
read -r -N 4 magic <"$there" 2>/dev/null || read -r magic <"$there"
case $magic in ?ELF*|"#!"*) ;; *) absent ;; esac
echo "droidreclaim: ready"
exec "$there" "$@"
"""


@dataclass(frozen=True, slots=True)
class Preamble:
    """
    What the device says about itself before the helper speaks.

    Attributes:
        present: Whether the helper is there and what follows is its own.
        uid: Whom the command runs as; root is 0.
        abis: As the device prefers them.
        journal_left: Whether a run has changed settings and may not have undone that.
    """

    present: bool
    uid: int | None
    sdk: int | None
    model: str | None
    abis: tuple[str, ...]
    journal_left: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """
    A running helper.

    Attributes:
        abi: The ABI it was built for.
    """

    channel: Channel
    preamble: Preamble
    abi: str


def launch_command(
    way: RootWay, bundle: Bundle, arguments: Sequence[str], places: Places = DEFAULT_PLACES
) -> list[str]:
    """The words that print the preamble and become the helper, or exit with 127 without it."""
    names = ",".join(f"{abi}={helper.name}" for abi, helper in bundle.helpers.items())
    return way.wrap(["sh", "-c", _LAUNCH, "droidreclaim", places.home, names, JOURNAL, *arguments])


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
    as_root: bool = True,
) -> Started:
    """
    Start the helper with *arguments*; place it first where it is absent or damaged.

    Args:
        as_root: False takes whoever the command runs as.

    Raises:
        NotRoot: this way is not root (any more).
        NotPossible: no helper fits, the device refuses it, or it does not start although it is
            whole.
        DeviceTimeout: it did not start within *timeout_s* in all.
        DeviceLost: the link broke.
    """
    deadline = Deadline(timeout_s)
    for turn in range(_TURNS):
        channel, preamble, early = _launch(device, way, bundle, arguments, deadline, places)
        if as_root and preamble.uid != 0:
            channel.close()
            raise NotRoot(f"{device.serial}: {way.value}: runs as uid {preamble.uid}, not root")
        try:
            fault = _fault(channel, early, bundle, deadline) if preamble.present else _ABSENT
        except DeviceLost as error:
            # What ends at once can look so; whether the device is there the next step shows.
            channel.close()
            if turn > 0:
                raise
            fault = str(error)
        helper = _fitting(device, bundle, preamble)
        if fault is None:
            return Started(channel, preamble, helper.abi)
        channel.close()
        if turn == 0:
            place(device, way, helper, deadline, places)
    raise NotPossible(
        f"{device.serial}: the {helper.kind} does not start: {fault}",
        hint="try again if an 'uninstall' runs in another terminal",
    )


def start_as_shell(
    device: Device, bundle: Bundle, arguments: Sequence[str], *, timeout_s: float
) -> Started:
    """
    Start the helper as the adb shell, where there is no root: it reads what the shell may read.

    It is placed and verified anew for each start, in a directory of its own that only the shell
    can enter, and removed as soon as it runs. Whoever could replace it there is the shell already.

    Raises:
        NotPossible: no helper fits, or the device runs no program from there.
        DeviceError: the device was lost or did not answer within *timeout_s*.
    """
    home = f"{DEFAULT_PLACES.temp}/{TEMP_PREFIX}{secrets.token_hex(8)}"
    places = Places(home=home)
    try:
        return start_helper(
            device,
            RootWay.ADBD,
            bundle,
            arguments,
            timeout_s=timeout_s,
            places=places,
            as_root=False,
        )
    finally:
        with suppress(DeviceError):
            device.run(["rm", "-rf", home], timeout_s=_TIDY_TIMEOUT_S)


def _launch(
    device: Device,
    way: RootWay,
    bundle: Bundle,
    arguments: Sequence[str],
    deadline: Deadline,
    places: Places,
) -> tuple[Channel, Preamble, bytes]:
    command = launch_command(way, bundle, arguments, places)
    channel = device.open(command, timeout_s=deadline.left_s())
    try:
        # Asked before it runs: the pipe keeps the question, and the answer costs no round trip of
        # its own. What has ended already has last words that are still to be read.
        with suppress(DeviceLost):
            channel.write(request(_START_ID, "hello"))
        preamble, early = _read_preamble(device, way, channel, deadline)
        return channel, preamble, early
    except DroidReclaimError:
        channel.close()
        raise


def _fault(channel: Channel, early: bytes, bundle: Bundle, deadline: Deadline) -> str | None:
    """Why what was started is not the helper; None when it says that it is."""
    reader = ReplyReader({_START_ID})
    half = Deadline(deadline.left_s() / 2)  # the rest is for replacing it
    try:
        data = early
        while True:
            for reply in reader.feed(data):
                builds = [line.get("build") for line in reply.of_type("hello")]
                known = builds == [bundle.build]
                return None if known else f"it is build {', '.join(map(str, builds)) or 'unknown'}"
            data = channel.read(half.left_s())
            if not data:
                return CommandResult(b"", channel.stderr, channel.exit_code).complaint
    except (ParseError, TooMuchOutput) as error:
        return str(error)
    except DeviceTimeout:
        return f"it does not answer within {half.timeout_s:.3g} s"


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
    result = CommandResult(data, channel.stderr, channel.exit_code)
    raise NotRoot(f"{device.serial}: {way.value}: {result.complaint}")


def _preamble(present: bool, facts: dict[str, str]) -> Preamble:
    return Preamble(
        present=present,
        uid=_number(facts.get("uid", "")),
        sdk=_number(facts.get("sdk", "")),
        model=facts.get("model") or None,
        abis=tuple(abi for abi in facts.get("abis", "").split(",") if abi),
        journal_left="journal" in facts,
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
