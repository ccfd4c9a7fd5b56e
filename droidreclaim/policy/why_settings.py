"""The settings of the rule that ended a process: ActivityManager's, the limiter's, lmkd's. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from droidreclaim.parse.activity.limiter import MemoryLimiter
from droidreclaim.policy.lmkd_settings import Setting
from droidreclaim.units import format_size

MONITOR_PHANTOMS = "settings_enable_monitor_phantom_procs"

# ActivityManager's, of `dumpsys activity settings`, in the order of the sentence.
_OF_CACHED = ("max_cached_processes", "CUR_MAX_CACHED_PROCESSES", "CUR_MAX_EMPTY_PROCESSES")
_OF_PHANTOMS = ("max_phantom_processes",)
_OF_FREEZER = ("use_freezer", "freeze_debounce_timeout")
_OF_USE = (
    "power_check_interval",
    *(f"power_check_max_cpu_{number}" for number in range(1, 5)),
)
_LONGEST_VALUE = 40


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What those who end processes are set to, as far as it was read.

    Attributes:
        whose: Where and when they were read, as a sentence goes on after "The limits of this rule".
        lmkd: In force, by lmkd's own names.
        manager: ActivityManager's constants, as ``dumpsys activity settings`` prints them.
        monitor_phantoms: The developer option by which phantom processes are counted; None where
            it is not set or was not read.
    """

    whose: str
    lmkd: Mapping[str, Setting] = field(default_factory=dict)
    manager: Mapping[str, str] = field(default_factory=dict)
    limiter: MemoryLimiter | None = None
    monitor_phantoms: str | None = None

    def of_cached(self) -> str:
        """Return the sentence on how many cached processes may be; empty where nothing is known."""
        return self._sentence(self._manager(_OF_CACHED))

    def of_phantoms(self) -> str:
        """Return the sentence on how many child processes of apps may be."""
        option = (f"{MONITOR_PHANTOMS} {self.monitor_phantoms}",) if self.monitor_phantoms else ()
        return self._sentence(self._manager(_OF_PHANTOMS), _from(option, "settings get global"))

    def of_freezer(self) -> str:
        """Return the sentence on when apps are frozen."""
        return self._sentence(self._manager(_OF_FREEZER))

    def of_use(self) -> str:
        """Return the sentence on how much processor time an app behind may use."""
        return self._sentence(self._manager(_OF_USE))

    def of_limiter(self) -> str:
        """Return the sentence on the sizes that Android 17's limiter allows."""
        return self._sentence(self._limiter())

    def _manager(self, names: tuple[str, ...]) -> str:
        """Those of ActivityManager's constants that are known, with where they were read."""
        known = ((name, self.manager.get(name)) for name in names)
        named = (f"{name} {value[:_LONGEST_VALUE]}" for name, value in known if value)
        return _from(named, "dumpsys activity settings")

    def _limiter(self) -> str:
        """Memory and swap of an app in front and of one behind."""
        seen = self.limiter
        if seen is None:
            return ""
        sizes = (
            ("in front", seen.visible_bytes, seen.visible_swap_bytes),
            ("behind", seen.hidden_bytes, seen.hidden_swap_bytes),
        )
        named = (
            f"{format_size(memory)}{_and_swap(swap)} {where}"
            for where, memory, swap in sizes
            if memory is not None
        )
        return _from(named, "am memory-limiter status")

    def _sentence(self, *groups: str) -> str:
        listed = ", ".join(filter(None, groups))
        return f"The limits of this rule {self.whose}: {listed}." if listed else ""


def _and_swap(size_bytes: int | None) -> str:
    return "" if size_bytes is None else f" and {format_size(size_bytes)} of swap"


def _from(named: Iterable[str], command: str) -> str:
    """Settings and the command that printed them; empty without any."""
    listed = ", ".join(named)
    return f"{listed} ({command})" if listed else ""
