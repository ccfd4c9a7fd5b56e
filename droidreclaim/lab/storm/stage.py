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
    """

    phone: Phone
    ours: bool
    accelerator: str | None
