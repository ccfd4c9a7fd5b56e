"""lmkd brought to each of its rules on the phone, and what `why` says of the app that it took."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from commands import run_json
from droidreclaim.parse.kills.event_values import LmkdKilled
from droidreclaim.parse.kills.events import parse_events
from droidreclaim.parse.kills.logcat import parse_logcat
from droidreclaim.units import MIB
from handset import Handset, until
from headroom_record import RULES

pytestmark = [pytest.mark.phone, pytest.mark.nightly, pytest.mark.timeout(600)]

APP, DECOY, OTHER = "com.example.staged", "com.example.decoy", "com.example.other"
_KEPT = "/proc/sys/vm/min_free_kbytes"
_USUAL_KB, _MUCH_KB = 14_176, 110_000
_MOST_KB, _ALL_KB = 160_000, 210_000  # kswapd alone does not get the first, nobody the second
_MARKS_S = 61  # lmkd reads the zones' marks once a minute
# No rule holds with these: it would take a stall of a whole second, and no adj is that high.
_QUIET = {
    "psi_partial_stall_ms": 1, "psi_complete_stall_ms": 1000, "swap_free_low_percentage": 0,
    "swap_util_max": 100, "thrashing_limit": 1_000_000, "thrashing_limit_critical": 1_000_000,
    "lowmem_min_oom_score": 1001, "pressure_after_kill_min_score": 1001,
}  # fmt: skip
# Read more of the disk than there is memory for, until the process is gone: file pages come back.
_READ = "n=0; while [ -d /proc/{pid} ] && [ $n -lt 60 ]; do {step}; n=$((n+1)); done"
_STEP = "head -c {mib}M /dev/vda >/dev/null"
# A stall that has nothing to do with the zones: of a group of its own that is at its limit.
_STALL = """
group=/sys/fs/cgroup/stall
echo +memory >/sys/fs/cgroup/cgroup.subtree_control; mkdir $group; echo 2M >$group/memory.high
sh -c 'echo $$ >/sys/fs/cgroup/stall/cgroup.procs; x=$(yes aaaaaaa | head -c 6M)'
"""


@dataclass(frozen=True)
class Staged:
    """
    How lmkd comes to one of its rules.

    Attributes:
        words: What its own line says of it.
        limits: Its settings, as `why` names them.
    """

    rule: str
    words: str
    settings: dict[str, int]
    limits: tuple[str, ...]
    keeps_kb: int = _MUCH_KB


_LOW_SWAP, _THRASHES = {"swap_free_low_percentage": 100}, {"thrashing_limit": 1}
_NEVER_STALLED = {"psi_complete_stall_ms": 0}  # which the kernel refuses: no such event comes
# By marks of the zones that lmkd read before the kernel was told to keep more free.
_ABOVE_MARKS = (
    Staged("direct_recl_and_thrashing", "device is in direct reclaim and thrashing",
           _THRASHES | _NEVER_STALLED, ("thrashing_limit",), _MOST_KB),
    Staged("low_swap_and_thrashing", "device is low on swap (", _LOW_SWAP | _THRASHES,
           ("swap_free_low_percentage", "thrashing_limit")),
    Staged("not_responding", "device is not responding", {"psi_complete_stall_ms": 1},
           ("psi_complete_stall_ms",)),
)  # fmt: skip
_BELOW_MARKS = (
    Staged("low_mem", "watermark is breached", {"lowmem_min_oom_score": 701},
           ("lowmem_min_oom_score",), _MOST_KB),
    Staged("low_mem_and_swap", "watermark is breached and swap is low (", _LOW_SWAP,
           ("swap_free_low_percentage",)),
    Staged("low_mem_and_swap_util", "watermark is breached and swap utilization is high (",
           {"swap_util_max": 1}, ("swap_util_max",)),
    Staged("low_mem_and_thrashing", "watermark is breached and thrashing (", _THRASHES,
           ("thrashing_limit",), _MOST_KB),
)  # fmt: skip
# The decoy is taken first, and leaves free memory below the lowest mark.
_AFTER_A_KILL = Staged(
    "pressure_after_kill", "min watermark is breached even after kill",
    {"pressure_after_kill_min_score": 701} | _NEVER_STALLED, ("pressure_after_kill_min_score",),
    _ALL_KB,
)  # fmt: skip


def set_lmkd(phone: Handset, settings: dict[str, int]) -> None:
    rows = (
        f"device_config put lmkd_native {name} {value}"
        for name, value in (_QUIET | settings).items()
    )
    phone.text("; ".join(rows))


def adj_of(phone: Handset, package: str) -> int:
    return int(phone.text(f"cat /proc/$(pidof {package})/oom_score_adj"))


def start(phone: Handset, *before: str) -> int:
    """Start the app and leave it for another, so that it is cached; return its pid."""
    set_lmkd(phone, {})
    for package in (*before, APP, OTHER):
        phone.text(f"am start -W {package}")
    phone.text("input keyevent HOME")
    until(lambda: all(adj_of(phone, package) >= 900 for package in (*before, APP)))
    return int(phone.text(f"pidof {APP}"))


def kill_by(phone: Handset, staged: Staged, pid: int) -> None:
    """Have lmkd come to the rule, until the app is gone."""
    set_lmkd(phone, staged.settings)
    mib = 60 if "thrashing_limit" in staged.settings else 250  # the same pages, or ever others
    read = _READ.format(pid=pid, step=_STEP.format(mib=mib))
    phone.text(f"echo {staged.keeps_kb} >{_KEPT}; {read}; echo {_USUAL_KB} >{_KEPT}")


def rule_of(phone: Handset, pid: int) -> str:
    """Return the rule by the number in killinfo, which `why` is compared with."""
    events = parse_events(parse_logcat(phone.text("logcat -b events -d -v epoch") + "\n"))
    [event] = [one for one in events if isinstance(one, LmkdKilled) and one.pid == pid]
    return RULES[event.reason]


def death_of(phone: Handset, pid: int) -> dict[str, Any]:
    [death] = [one for one in run_json(phone, "why", APP)["deaths"] if one["pid"] == pid]
    return dict(death)


def require_the_rule(phone: Handset, pid: int, staged: Staged) -> None:
    assert rule_of(phone, pid) == staged.rule
    death = death_of(phone, pid)
    said = [one["text"] for one in death["sentences"]]
    assert (death["cause"], death["by"]) == ("lmkd", "lmkd"), death
    assert staged.words in death["reason"], death
    [limits] = [text for text in said if "limits of this rule" in text]
    assert all(f"{name} {staged.settings[name]} (" in limits for name in staged.limits), limits
    assert any(text.startswith("At that moment ") for text in said), said
    assert not any("disagree" in text for text in said), said
    print(f"{staged.rule}: {said}")


def test_a_kill_by_each_rule_of_lmkd_is_named_by_that_rule(boot: Callable[..., Handset]) -> None:
    phone = boot(ram_bytes=320 * MIB, zram_bytes=128 * MIB, apps="none", api=34, once=True)
    set_lmkd(phone, {})
    phone.text(f"pocket install {APP} 24; pocket install {DECOY} 4; pocket install {OTHER} 4")
    phone.text(_STALL)
    read_at_s = time.monotonic()
    for staged in _ABOVE_MARKS:
        pid = start(phone)
        kill_by(phone, staged, pid)
        require_the_rule(phone, pid, staged)
    time.sleep(max(0.0, read_at_s + _MARKS_S - time.monotonic()))
    for staged in _BELOW_MARKS:
        pid = start(phone)
        kill_by(phone, staged, pid)
        require_the_rule(phone, pid, staged)
    time.sleep(_MARKS_S)  # the marks of more memory than there is are to be read
    pid = start(phone, DECOY)
    first = {"lowmem_min_oom_score": adj_of(phone, DECOY)}
    after = replace(_AFTER_A_KILL, settings=_AFTER_A_KILL.settings | first)
    kill_by(phone, after, pid)
    require_the_rule(phone, pid, after)
