"""The cgroups (v2) of app processes, as Android 15 lays them out: ``apps/uid_N/pid_N``."""

import contextlib
import os

ROOT = "/sys/fs/cgroup/apps"


def path(uid: int, pid: int) -> str:
    """Return the group of one process; its isolated ones have a uid of their own."""
    return f"{ROOT}/uid_{uid}/pid_{pid}"


def write(group: str, name: str, value: object) -> bool:
    """Write one file of *group*; False when the process is gone or has no group."""
    try:
        with open(f"{group}/{name}", "w") as file:
            file.write(str(value))
    except OSError:
        return False
    return True


def number(group: str, name: str, key: str = "") -> int | None:
    """Return the number in a file, or after *key* in a table; None for ``max`` and no group."""
    with contextlib.suppress(OSError, ValueError), open(f"{group}/{name}") as file:
        for line in file:
            word, _, value = line.rstrip().rpartition(" ")
            if word == key:
                return int(value)
    return None


def remove(uid: int, pid: int) -> None:
    """Remove the group of a process that is dead, and its uid's when that is empty."""
    for group in (path(uid, pid), os.path.dirname(path(uid, pid))):
        with contextlib.suppress(OSError):
            os.rmdir(group)
