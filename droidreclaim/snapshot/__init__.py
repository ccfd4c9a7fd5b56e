"""The package-process map, live or from captured text. Pure."""

from droidreclaim.snapshot.map import (
    Snapshot,
    build,
    is_managed,
    packages_by_app_id,
)
from droidreclaim.snapshot.owners import Member, is_app, is_zygote
from droidreclaim.snapshot.states import captured, members_of, members_of_lru, whose

__all__ = [
    "Member",
    "Snapshot",
    "build",
    "captured",
    "is_app",
    "is_managed",
    "is_zygote",
    "members_of",
    "members_of_lru",
    "packages_by_app_id",
    "whose",
]
