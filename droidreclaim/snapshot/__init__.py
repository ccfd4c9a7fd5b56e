"""The package-process map, live or (in `states`) from ActivityManager's dumps. Pure."""

from droidreclaim.snapshot.map import (
    Snapshot,
    build,
    packages_by_app_id,
)
from droidreclaim.snapshot.owners import Member, is_app, is_zygote

__all__ = [
    "Member",
    "Snapshot",
    "build",
    "is_app",
    "is_zygote",
    "packages_by_app_id",
]
