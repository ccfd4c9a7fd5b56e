"""How far an app is from its own limits: its memory cgroups (v2), and who set them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from droidreclaim.device import Device
from droidreclaim.device.root import RootWay
from droidreclaim.errors import ParseError
from droidreclaim.inspect.ask import ask_device
from droidreclaim.model import Process
from droidreclaim.parse.activity.limiter import parse_memory_limiter
from droidreclaim.policy.limits import AppLimits, limits_of

STATUS = "am memory-limiter status"
# The group of each process and all above it, a line a file: "PID GROUP FILE VALUE".
_GROUPS = r"""
for pid in {pids}; do
  group=; while IFS= read -r line; do case $line in 0::*) group=${{line#0::}};; esac; done </proc/$pid/cgroup
  while [ "${{group#/}}" ]; do
    for file in current high swap.current swap.max; do
      read -r value </sys/fs/cgroup$group/memory.$file && echo "$pid $group $file $value"
    done
    while read -r key value; do [ "$key" = anon ] && echo "$pid $group anon $value" && break; done \
      </sys/fs/cgroup$group/memory.stat
    group=${{group%/*}}
  done
done 2>/dev/null; true
"""  # noqa: E501
_ROW = re.compile(
    r"(?P<pid>[0-9]{1,9}) (?P<group>/.{0,1000}) (?P<file>anon|current|high|swap\.(?:current|max))"
    r" (?P<value>max|[0-9]{1,19})"
)


def of_processes(
    device: Device, way: RootWay | None, processes: Sequence[Process], *, timeout_s: float
) -> AppLimits:
    """
    Read the limits of *processes*; without root their cgroups may be hidden.

    Raises:
        DeviceError: the device was lost, or does not answer.
    """
    pids = " ".join(str(process.pid) for process in processes)
    commands = {"groups": _GROUPS.format(pids=pids), "limiter": STATUS}
    answers = ask_device(device, commands, way, timeout_s=timeout_s)
    rows = [row for line in answers["groups"].text.splitlines() if (row := _ROW.fullmatch(line))]
    limits = tuple(
        limits_of(one, _groups(row for row in rows if int(row["pid"]) == one.pid))
        for one in processes
    )
    try:
        return AppLimits(limits, answers["limiter"].read(parse_memory_limiter), None)
    except ParseError as error:
        return AppLimits(limits, None, error.hint or answers["limiter"].errno)


def _groups(rows: Iterable[re.Match[str]]) -> dict[str, dict[str, int | None]]:
    groups: dict[str, dict[str, int | None]] = {}
    for row in rows:
        value = None if row["value"] == "max" else int(row["value"])
        groups.setdefault(row["group"], {})[row["file"]] = value
    return groups
