"""Choosing one of the attached devices; with the list of candidates when none stands out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from droidreclaim.device import console
from droidreclaim.device.adb import AdbDevice, list_devices
from droidreclaim.device.attached import Attached
from droidreclaim.device.server import Server
from droidreclaim.errors import DeviceError, NoDevice, SeveralDevices, UsageError

# What to do about a state, by its first word (packages/modules/adb: connection_state_name).
_WHAT_NEXT = {
    "offline": "wait a moment, plug it in again, or run 'adb reconnect offline'",
    "unauthorized": "unlock the phone and accept 'Allow USB debugging'",
    "authorizing": "wait a moment, then try again",
    "connecting": "wait a moment, then try again",
    "no": "give your user access to the USB device: join the group plugdev and add a udev rule",
    "recovery": "boot Android: adb reboot",
    "rescue": "boot Android: adb reboot",
    "sideload": "boot Android: adb reboot",
    "bootloader": "boot Android: fastboot reboot",
    "fastboot": "boot Android: fastboot reboot",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """
    Which device is wanted, as adb's options say it.

    Attributes:
        serial: ``-s SERIAL`` or ``$ANDROID_SERIAL``; of an emulator the name of its AVD, too.
        usb: ``-d``: the one device on USB.
        emulator: ``-e``: the one emulator or device over TCP.
    """

    serial: str | None = None
    usb: bool = False
    emulator: bool = False

    def matches(self, attached: Attached) -> bool:
        """Whether *attached* is among the candidates."""
        if self.serial is not None:
            return attached.serial == self.serial
        if self.usb:
            return attached.kind == "usb"
        return attached.kind != "usb" if self.emulator else True

    def __str__(self) -> str:
        if self.serial is not None:
            return f"device {self.serial!r}"
        if self.usb:
            return "device on USB"
        return "emulator or device over TCP" if self.emulator else "device"


def read_choice(
    serial: str | None, usb: bool, emulator: bool, android_serial: str | None
) -> Choice:
    """
    The choice that the options make; ``$ANDROID_SERIAL`` counts where none is given.

    Raises:
        UsageError: more than one option is given.
    """
    if (serial is not None) + usb + emulator > 1:
        raise UsageError("-s, -d and -e exclude one another")
    if not (serial or usb or emulator):
        serial = android_serial
    return Choice(serial or None, usb, emulator)


def choose(listed: Sequence[Attached], choice: Choice) -> Attached:
    """
    The one online device that *choice* means.

    Raises:
        NoDevice: none, or several: the message lists every one.
        DeviceError: there is one, and it is not online; the hint says what to do.
    """
    candidates = [attached for attached in listed if choice.matches(attached)]
    if not candidates:
        raise _none(listed, choice)
    if len(candidates) > 1:
        raise SeveralDevices(
            f"{len(candidates)} devices to choose from:\n{describe(candidates)}",
            hint="choose one with -s SERIAL, -d (USB), -e (emulator or TCP) or $ANDROID_SERIAL",
        )
    (attached,) = candidates
    if not attached.online:
        raise DeviceError(f"{attached.serial}: {attached.state}", hint=what_next(attached))
    return attached


def select(server: Server, choice: Choice, timeout_s: float) -> AdbDevice:
    """
    List the server's devices and take the one that *choice* means.

    Raises:
        NoDevice, DeviceError, DeviceTimeout, DeviceLost: as `choose` and `list_devices`.
    """
    listed = list_devices(server, timeout_s)
    return AdbDevice(server, choose(listed, by_avd_name(server, listed, choice)))


def by_avd_name(server: Server, listed: Sequence[Attached], choice: Choice) -> Choice:
    """
    *choice*, or where its serial is the name of an AVD that runs here, the emulator's serial.

    Raises:
        SeveralDevices: several emulators run that AVD.
    """
    if choice.serial is None or any(one.serial == choice.serial for one in listed):
        return choice
    found = console.serial_of(server, listed, choice.serial)
    return choice if found is None else replace(choice, serial=found)


def describe(listed: Sequence[Attached]) -> str:
    """One indented line a device: serial, kind, state, model."""
    width = max((len(attached.serial) for attached in listed), default=0)
    rows = (
        (row.serial.ljust(width), row.kind.ljust(8), row.state, row.model or "") for row in listed
    )
    return "\n".join("  " + "  ".join(row).rstrip() for row in rows)


def what_next(attached: Attached) -> str | None:
    """What to do about a device that is not online; None when it is online, or nothing is known."""
    return _WHAT_NEXT.get(attached.state.split()[0])


def _none(listed: Sequence[Attached], choice: Choice) -> NoDevice:
    if listed:
        return NoDevice(
            f"no {choice} is attached, only:\n{describe(listed)}", hint="see 'adb devices -l'"
        )
    if choice.serial is not None and ":" in choice.serial:
        return NoDevice(f"no {choice} is attached", hint=f"run 'adb connect {choice.serial}'")
    return NoDevice(
        f"no {choice} is attached",
        hint="plug a phone in with USB debugging on, or start one with 'droidreclaim phone start', "
        "or, if a pocket phone runs, 'droidreclaim phone status' connects it again",
    )
