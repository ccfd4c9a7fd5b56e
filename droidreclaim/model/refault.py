"""What came back after a page-out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refault:
    """
    One process some time after its page-out; None where it is gone or could not be read.

    Attributes:
        at_s: Seconds since the page-out ended, as asked for.
        major_faults: Since the page-out.
        came_back_bytes: What left and is resident again.
    """

    at_s: float
    rss_bytes: int | None
    swap_bytes: int | None
    major_faults: int | None
    came_back_bytes: int | None


@dataclass(frozen=True, slots=True)
class DeviceRefault:
    """
    The whole device some time after a page-out, since the page-out; None where it has no counter.

    Attributes:
        swapped_in_bytes: Read back from swap, whoever wanted it.
        from_flash_bytes: Of that, read from flash, where zram had written it: slower than zram.
        psi_some_s: How long at least one task waited for memory.
        psi_full_s: How long all of them did.
    """

    at_s: float
    swapped_in_bytes: int | None
    from_flash_bytes: int | None
    major_faults: int | None
    psi_some_s: float | None
    psi_full_s: float | None
