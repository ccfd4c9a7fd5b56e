"""Where an arm plays."""

from __future__ import annotations

from dataclasses import dataclass

from droidreclaim.session import Phone


@dataclass(frozen=True)
class Stage:
    """
    A device that is ready for an arm.

    Attributes:
        ours: Whether it was booted for this arm: then apps are installed, checked and ended there.
        accelerator: ``kvm`` or ``tcg`` of a phone that was booted for this arm, else None.
        allow_flash: Whether arms page out though zram is written to flash, which wears it.
    """

    phone: Phone
    ours: bool
    accelerator: str | None
    allow_flash: bool = False
