"""Whose a process is: packages by uid, where several may share one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from droidreclaim.device import Device
from droidreclaim.errors import NotAchieved
from droidreclaim.inspect.ask import ask_device
from droidreclaim.model import USER_RANGE
from droidreclaim.parse.activity.packages import parse_pm_list


@dataclass(frozen=True, slots=True)
class Owners:
    """
    The packages of one app id (a uid without its user).

    Attributes:
        asked: Those whose processes are sampled.
        others: Packages that share the uid (``android:sharedUserId``) and were not asked for.
    """

    asked: tuple[str, ...]
    others: frozenset[str]

    def owner(self, process_name: str) -> str | None:
        """
        Whose process it is by its name; "" for a package that was not asked for.

        None where several share the uid and the name is no package's: ActivityManager knows.
        """
        base = process_name.partition(":")[0]
        if base in self.asked:
            return base
        if base in self.others:
            return ""
        return self.asked[0] if len(self.asked) == 1 and not self.others else None


def owners(device: Device, packages: tuple[str, ...], *, timeout_s: float) -> Mapping[int, Owners]:
    """
    The packages asked for by their app ids.

    Raises:
        NotAchieved: one is not installed.
    """
    answer = ask_device(device, {"list": "pm list packages -U"}, None, timeout_s=timeout_s)["list"]
    ids = {one.name: one.uids[0] % USER_RANGE for one in answer.read(parse_pm_list) if one.uids}
    for name in packages:
        if name not in ids:
            raise NotAchieved(f"no package {name} on this device", hint="see 'droidreclaim ps'")
    found = {}
    for app_id in dict.fromkeys(ids[name] for name in packages):
        chosen = tuple(name for name in packages if ids[name] == app_id)
        sharing = frozenset(name for name, one in ids.items() if one == app_id)
        found[app_id] = Owners(chosen, sharing - frozenset(chosen))
    return found
