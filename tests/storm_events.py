"""A made-up storm of six launches, for the tests of what becomes of one."""

from __future__ import annotations

from droidreclaim.lab.storm.events import (
    Begin,
    End,
    Event,
    Gone,
    Kill,
    Launch,
    PageOut,
    Run,
    Sample,
    Verified,
)
from droidreclaim.lab.storm.plan import Order, Pressure, parameters
from droidreclaim.lab.storm.result import Storm
from droidreclaim.lab.storm.state import difference
from droidreclaim.units import MIB

WHAT = parameters(Pressure.ROOMY, Order.UNIFORM, quick=True, apps=2, rounds=3)
DEVICE = {"serial": "127.0.0.1:6520", "model": "Pocket Phone", "kernel": "6.1.0"}
STATE: dict[str, str | None] = {"freezer": "off", "compaction": "on", "lmkd thrashing_limit": "100"}


def launch(at_s: float, app: str, state: str, took_s: float, **more: object) -> Launch:
    values: dict[str, object] = {"first": False, "pid": 100, "took_bytes": MIB, **more}
    return Launch(at_s, f"com.example.{app}", state, took_s, **values)  # type: ignore[arg-type]


def sample(at_s: float, **more: object) -> Sample:
    values: dict[str, object] = {
        "available_bytes": 100 * MIB, "free_bytes": 110 * MIB, "swap_used_bytes": 0,
        "zram_used_bytes": 0, "psi_some_us": 0, "psi_full_us": 0, "paged_out": 0, "paged_in": 0,
    }  # fmt: skip
    return Sample(at_s, **(values | more))  # type: ignore[arg-type]


def kill(pid: int, by: str = "lmkd", *, ours: bool = True) -> Kill:
    return Kill("2026-11-26T00:00:01.000", by, pid, "com.example.a", 900, "low on swap", ours)


# Six launches: two first ones, two hot, two that an earlier kill made cold; one kill by nobody.
EVENTS: tuple[Event, ...] = (
    sample(0.0, psi_some_us=500_000, paged_out=1000, paged_in=100),
    launch(1.0, "a", "COLD", 1.0, first=True, score_lost=False),
    launch(2.0, "b", "COLD", 3.0, first=True),
    launch(3.0, "a", "HOT", 0.1, score_lost=False),
    sample(3.5, available_bytes=20 * MIB, psi_some_us=600_000, paged_out=1100, paged_in=110),
    PageOut(3.6, 0.5, 1, 5 * MIB, 4 * MIB, 4 * MIB, 3 * MIB, 4 * MIB + 4096, 0.5),
    Gone(3.7, 100, "com.example.a"),
    Gone(3.8, 200, "com.example.b"),
    launch(4.0, "a", "COLD", 2.0, score_lost=True),
    launch(5.0, "b", "HOT", 0.3),
    launch(6.0, "b", "COLD", 5.0),
    sample(7.0, psi_some_us=1_500_000, psi_full_us=250_000, paged_out=3560, paged_in=612),
    kill(100),
    kill(999, "kernel_oom", ours=False),
    Verified(2, 0, 1000, 0, 1.0),
    End(8.0, 20.0, 2, 0.25, 300, 0, 0.07),
)


def run_of(arm: str, seed: int = 1, events: tuple[Event, ...] = EVENTS, **state: str) -> Run:
    run = Run(Begin(arm, seed, 6, 4096, dict(DEVICE), {**STATE, **state}))
    for event in events:
        run.add(event)
    return run


def storm_of(*runs: Run) -> Storm:
    return Storm(WHAT, runs, "phone", difference(runs))
