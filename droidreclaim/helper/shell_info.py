"""What names a device on which no helper runs."""

from __future__ import annotations

from droidreclaim.device import Device
from droidreclaim.model import DeviceInfo
from droidreclaim.parse.shell.props import parse_getprop


def device_info_without_root(device: Device, *, timeout_s: float) -> DeviceInfo:
    """
    What names the device, as far as an adb shell may ask.

    Raises:
        DeviceError, ParseError: the device was lost, or its answer cannot be read.
    """
    properties = device.run(["getprop"], timeout_s=timeout_s).read(parse_getprop)
    sdk = properties.get("ro.build.version.sdk", "")
    return DeviceInfo(
        serial=device.serial,
        model=properties.get("ro.product.model") or device.model,
        sdk=int(sdk) if sdk.isdecimal() else None,
        abi=properties.get("ro.product.cpu.abi"),
        kernel=device.run(["uname", "-r"], timeout_s=timeout_s).text.strip() or None,
        page_bytes=None,
    )
