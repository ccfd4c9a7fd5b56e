"""Names of states and processes, and sizes in the thresholds' own unit."""

from __future__ import annotations

from droidreclaim.model.footprint import PlayState, Track

_GB = 10**9
WORDS = {
    PlayState.FOREGROUND: "foreground",
    PlayState.SERVICES: "user-perceived services",
    PlayState.BACKGROUND: "background",
    PlayState.CACHED: "cached",
    PlayState.UNSURE: "unsure (state just changed)",
    PlayState.OTHER: "other state",
}


def name_of(track: Track) -> str:
    """A process for people, with its user where that is not the owner."""
    return f"{track.name} (user {track.user})" if track.user else track.name


def decimal(size_bytes: int) -> str:
    """A size in the thresholds' own unit, to be compared with them: ``1.29 GB``, ``43 MB``."""
    if size_bytes < _GB // 10:
        return f"{size_bytes / 10**6:.0f} MB"
    return f"{size_bytes / _GB:.2f} GB"
