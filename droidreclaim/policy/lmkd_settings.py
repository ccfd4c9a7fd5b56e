"""lmkd's settings on a device: what is set, over the defaults of the device's release. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_FLAGS = "persist.device_config.lmkd_native."  # beats the next since Android 12
_PROPERTIES = "ro.lmk."
EASY_SWAP_SDK = 33  # until then lmkd believed SwapFree
_FLAGS_SDK = 31
PSI_SDK = 29  # Android 10 has PSI and the old strategy alone
NEW_STRATEGY_SDK = 30
_CRITICAL_FACTOR = 3  # thrashing_limit_critical, in thrashing_limits

# AOSP's defaults; on a device with ro.config.low_ram the second one.
_DEFAULTS = {
    "use_minfree_levels": ("false", "false"),
    "psi_partial_stall_ms": ("70", "200"),
    "psi_complete_stall_ms": ("700", "700"),
    "swap_free_low_percentage": ("10", "10"),
    "swap_compression_ratio": ("1", "1"),
    "swap_util_max": ("100", "100"),
    "thrashing_limit": ("100", "30"),
    "thrashing_limit_decay": ("10", "50"),
    "filecache_min_kb": ("0", "0"),
    "stall_limit_critical": ("100", "100"),
    "pressure_after_kill_min_score": ("0", "0"),
    "lowmem_min_oom_score": ("701", "701"),
    "kill_heaviest_task": ("false", "false"),
    "kill_timeout_ms": ("100", "100"),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of lmkd; *source* is the property it came from, or ``default``."""

    value: str
    source: str

    @property
    def number(self) -> int:
        """The value as a number; 0 for one that is none, as lmkd reads it."""
        return int(self.value) if self.value.lstrip("-").isdecimal() else 0

    @property
    def is_on(self) -> bool:
        """The value as a switch."""
        return self.value in ("true", "1", "y", "yes", "on")


def settings_in_force(properties: Mapping[str, str]) -> dict[str, Setting]:
    """
    lmkd's settings: a server flag over a property of the build over AOSP's default.

    Vendors' own settings (``ro.lmk.*`` names that AOSP has not) are listed as well.
    """
    sdk = sdk_of(properties)
    low_ram = is_low_ram(properties)
    found = {name: Setting(pair[low_ram], "default") for name, pair in sorted(_DEFAULTS.items())}
    if 0 < sdk < EASY_SWAP_SDK:
        found["swap_compression_ratio"] = Setting("0", "default")
    prefixes = [_PROPERTIES, _FLAGS] if sdk >= _FLAGS_SDK else [_PROPERTIES]
    for prefix in prefixes:
        for key, value in properties.items():
            if key.startswith(prefix) and value:
                found[key.removeprefix(prefix)] = Setting(value, key)
    critical = found["thrashing_limit"].number * _CRITICAL_FACTOR
    found.setdefault("thrashing_limit_critical", Setting(str(critical), "default"))
    if sdk >= NEW_STRATEGY_SDK:
        new = low_ram or not found["use_minfree_levels"].is_on
        found.setdefault("use_new_strategy", Setting(str(new).lower(), "default"))
    return dict(sorted(found.items()))


def number_of(settings: Mapping[str, Setting], name: str, default: int) -> int:
    """The number of a setting without a default of its own; *default* where no device sets it."""
    return settings[name].number if name in settings else default


def is_on(settings: Mapping[str, Setting], name: str, *, default: bool) -> bool:
    """The switch of a setting without a default of its own; *default* where no device sets it."""
    return settings[name].is_on if name in settings else default


def is_low_ram(properties: Mapping[str, str]) -> bool:
    """Whether the device is one of Android Go, which have defaults of their own."""
    return properties.get("ro.config.low_ram") == "true"


def sdk_of(properties: Mapping[str, str]) -> int:
    """Release of the device as a number; 0 where it does not say."""
    sdk = properties.get("ro.build.version.sdk", "")
    return int(sdk) if sdk.isdecimal() and len(sdk) < 4 else 0


# What a fingerprint or a dump calls a release, by its number.
_SDK_OF_RELEASE = {
    "5": 21, "5.0": 21, "5.1": 22, "6": 23, "7": 24, "7.0": 24, "7.1": 25, "8": 26, "8.0": 26,
    "8.1": 27, "9": 28, "10": 29, "11": 30, "12": 31, "13": 33, "14": 34, "15": 35, "16": 36,
    "17": 37,
}  # fmt: skip


def sdk_of_release(release: str) -> int:
    """
    The number of a release as people write it (``8.1.0``, ``13``); 0 for one that is not known.

    12L is told apart from 12 nowhere outside the properties, and lmkd is the same in both.
    """
    parts = release.strip().split(".")
    known = (_SDK_OF_RELEASE.get(".".join(parts[:count])) for count in (2, 1))
    return next((sdk for sdk in known if sdk), 0)
