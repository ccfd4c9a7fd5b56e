"""Files that show how a round went: screens as left and as back, log, exit-info, start-info."""

from __future__ import annotations

from dataclasses import dataclass

from droidreclaim.errors import DeviceError
from droidreclaim.session import Phone

LEFT, BACK = "left.png", "screen.png"
_TIMEOUT_S = 30.0
# What a device that has it prints; one that does not says that the service has no such option.
_RECORDS = {"exit-info": b"PROCESS EXIT INFO", "start-info": b"ApplicationStartInfo"}
_PNG = b"\x89PNG"


@dataclass
class Screens:
    """Takes screenshots of one device; one that cannot is asked once."""

    phone: Phone
    refused: bool = False

    def take(self) -> bytes | None:
        """
        The screen now, as PNG; None where the device has no picture of it.

        Raises:
            DeviceError: the device was lost.
        """
        if self.refused:
            return None
        done = self.phone.device.run(["screencap", "-p"], timeout_s=_TIMEOUT_S)
        if done.exit_code == 0 and done.stdout.startswith(_PNG):
            return done.stdout
        self.refused = True
        return None


def collect(
    phone: Phone, package: str, log: str | None, left: bytes | None, screens: Screens
) -> dict[str, bytes]:
    """Collect evidence as files by name; what a device does not have is left out."""
    found = {"log.txt": None if log is None else log.encode(), LEFT: left}
    try:
        found[BACK] = screens.take()
        for name, record in _RECORDS.items():
            words = ["dumpsys", "activity", name, package]
            done = phone.device.run(words, timeout_s=_TIMEOUT_S)
            known = done.exit_code == 0 and record in done.stdout
            found[f"{name}.txt"] = done.stdout if known else None
    except DeviceError:
        pass  # the round is over: what was seen of it stays
    return {name: data for name, data in found.items() if data}
