"""Small builders for values that many tests need."""

from __future__ import annotations

from droidreclaim.model import Memory, Process, band_of
from droidreclaim.snapshot import Snapshot, build

PACKAGES = {
    10001: ("com.example.game",),
    10002: ("com.example.mail",),
    10003: ("com.google.android.webview",),
    10004: ("com.example.shared.one", "com.example.shared.two"),
}
_MIB = 1 << 20


def process(pid: int, name: str, uid: int, adj: int | None, **changes: object) -> Process:
    """A process forked from the zygote (pid 50) with 10 MiB resident, unless told otherwise."""
    values: dict[str, object] = {
        "pid": pid,
        "start_ticks": pid * 10,
        "ppid": 50,
        "uid": uid,
        "name": name,
        "comm": name[-15:],
        "packages": (),
        "oom_score_adj": adj,
        "band": band_of(adj),
        "memory": Memory(10 * _MIB, 8 * _MIB, 2 * _MIB, 0),
    }
    return Process(**(values | changes))  # type: ignore[arg-type]


def phone(*more: Process, helper_pid: int | None = None) -> Snapshot:
    """A small phone: init, a zygote, system_server, a game in front, and what a test adds."""
    return build(
        [
            process(1, "/system/bin/init", 0, -1000, ppid=0),
            process(50, "zygote64", 0, -1000, ppid=1),
            process(60, "system_server", 1000, -900),
            process(100, "com.example.game", 10001, 0),
            *more,
        ],
        PACKAGES,
        helper_pid=helper_pid,
    )
