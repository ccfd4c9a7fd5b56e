"""How hot the phone is said to be: ``dumpsys thermalservice``, ``cmd thermalservice``."""

from .reply import Reply

_STATUSES = range(7)  # PowerManager's THERMAL_STATUS_NONE to THERMAL_STATUS_SHUTDOWN


class Thermal:
    """A phone without sensors: cool, unless the shell says otherwise."""

    def __init__(self) -> None:
        self._override: int | None = None

    def dump(self) -> str:
        """Print ``dumpsys thermalservice``, as ThermalManagerService does while no HAL answers."""
        return (
            f"IsStatusOverride: {str(self._override is not None).lower()}\n"
            "ThermalEventListeners:\n\tcallbacks: 0\n\tkilled: false\n\tbroadcasts count: -1\n"
            "ThermalStatusListeners:\n\tcallbacks: 0\n\tkilled: false\n\tbroadcasts count: -1\n"
            f"Thermal Status: {self._override or 0}\n"
            "Cached temperatures:\nHAL Ready: false\n"
        )

    def run(self, words: list[str], reply: Reply) -> int:
        """Run ``override-status N`` or ``reset``; return the exit status."""
        if words == ["reset"]:
            self._override = None
            return 0
        if words[:1] == ["override-status"] and len(words) == 2 and words[1].isdecimal():
            if int(words[1]) in _STATUSES:
                self._override = int(words[1])
                return 0
            reply.err(f"Invalid status: {words[1]}\n")
            return -1 & 0xFF
        reply.out("usage: override-status STATUS | reset\n")
        return -1 & 0xFF
