"""Where an arm plays."""

from __future__ import annotations

from dataclasses import dataclass

from droidreclaim.device import Device
from droidreclaim.device.root import RootWay
from droidreclaim.helper.connect import RunningHelper


@dataclass(frozen=True)
class Stage:
    """
    A device that is ready for an arm.

    Attributes:
        ours: It was booted for this: apps are installed there, asked what they felt, and ended.
        accelerator: Of a phone that was booted for this: ``kvm`` or ``tcg``.
    """

    device: Device
    way: RootWay
    helper: RunningHelper
    ours: bool
    accelerator: str | None
    timeout_s: float
