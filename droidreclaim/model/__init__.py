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
from droidreclaim.model.refault import DeviceRefault, Refault

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
    "DeviceRefault",
    "DeviceStatus",
    "Memory",
    "Process",
    "ProcessId",
    "ReclaimResult",
    "Refault",
    "Refusal",
    "Skip",
    "SwapChange",
    "TargetResult",
    "Totals",
    "band_of",
]
