"""Where an arm plays."""

from __future__ import annotations

from dataclasses import dataclass

from droidreclaim.session import Phone


@dataclass(frozen=True)
class Stage:
    """
    A device that is ready for an arm.

    Attributes:
        ours: It was booted for this: apps are installed there, asked what they felt, and ended.
        accelerator: Of a phone that was booted for this: ``kvm`` or ``tcg``.
    """

    phone: Phone
    ours: bool
    accelerator: str | None
