"""Which processes run on a device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from droidreclaim import snapshot
from droidreclaim.errors import UsageError
from droidreclaim.helper import verbs
from droidreclaim.helper.connect import RunningHelper
from droidreclaim.model import Band, DeviceInfo, Process
from droidreclaim.policy import require_running
from droidreclaim.snapshot import Snapshot

SORTS = ("adj", "rss", "swap", "name", "pid")


def device_info(helper: RunningHelper) -> DeviceInfo:
    """
    What names the device: one round trip.

    Raises:
        DeviceError, ParseError: the device was lost, or its answer cannot be read.
    """
    return helper.device_info(verbs.hello_of(helper.session.call_all([verbs.HELLO])[0]))


def processes(
    helper: RunningHelper, ask: Callable[[], Mapping[int, snapshot.Member]] = dict
) -> tuple[DeviceInfo, Snapshot]:
    """
    One scan of the device, attributed to packages: one round trip.

    Args:
        ask: Who asks ActivityManager whose processes are that neither uid nor parent tells of; only
            done where there are such.

    Raises:
        DeviceError, ParseError: the device was lost, or its answer cannot be read.
    """
    replies = helper.session.call_all([verbs.HELLO, verbs.SCAN])
    hello, scan = verbs.hello_of(replies[0]), verbs.scan_of(replies[1])
    seen = snapshot.build(
        scan.processes, snapshot.packages_by_app_id(scan.packages_list), helper_pid=hello.pid
    )
    return helper.device_info(hello), seen.asking(ask)


def matching(
    processes: Iterable[Process],
    *,
    packages: tuple[str, ...] = (),
    bands: tuple[Band, ...] = (),
    user: int | None = None,
) -> list[Process]:
    """The processes of these packages, in these bands, of this user; an empty filter takes all."""
    return [
        process
        for process in processes
        if (not packages or set(packages) & set(process.packages))
        and (not bands or process.band in bands)
        and user in (None, process.user)
    ]


def listed(
    seen: Snapshot,
    *,
    packages: tuple[str, ...] = (),
    bands: tuple[Band, ...] = (),
    user: int | None = None,
    sort: str = "adj",
) -> tuple[Process, ...]:
    """
    The processes of *seen* that match, as `matching` does, in the order of *sort*.

    Raises:
        NotAchieved: a package has no process, or is not there.
        UsageError: there is no such order.
    """
    if sort not in SORTS:
        raise UsageError(f"sort {sort!r}", hint=f"one of {', '.join(SORTS)}")
    for name in packages:
        require_running(seen, name)
    found = matching(seen.processes, packages=packages, bands=bands, user=user)
    return tuple(sorted(found, key=lambda process: _sort_key(process, sort)))


def _sort_key(process: Process, sort: str) -> tuple[float, str, int]:
    memory, adj = process.memory, process.oom_score_adj
    value: float = {
        "adj": adj if adj is not None else -2000,
        "rss": -(memory.rss_bytes or 0),
        "swap": -(memory.swap_bytes or 0),
    }.get(sort, 0)
    return value, process.name if sort == "name" else "", process.pid
