"""The values that cross module borders. Nothing here does anything."""

from droidreclaim.model.outcome import (
    Advice,
    ReclaimResult,
    Refusal,
    Skip,
    SwapChange,
    TargetResult,
    Totals,
)
from droidreclaim.model.process import (
    BAND_FLOORS,
    FIRST_APP_ID,
    FIRST_APP_ZYGOTE_ID,
    FIRST_ISOLATED_ID,
    LAST_ISOLATED_ID,
    USER_RANGE,
    Band,
    DeviceInfo,
    DeviceStatus,
    Memory,
    Process,
    ProcessId,
    band_of,
)

__all__ = [
    "BAND_FLOORS",
    "FIRST_APP_ID",
    "FIRST_APP_ZYGOTE_ID",
    "FIRST_ISOLATED_ID",
    "LAST_ISOLATED_ID",
    "USER_RANGE",
    "Advice",
    "Band",
    "DeviceInfo",
    "DeviceStatus",
    "Memory",
    "Process",
    "ProcessId",
    "ReclaimResult",
    "Refusal",
    "Skip",
    "SwapChange",
    "TargetResult",
    "Totals",
    "band_of",
]
