"""A storm in words: what each arm is, what came out, and how busy the computer was. Pure."""

from __future__ import annotations

from droidreclaim.lab.storm.events import Run
from droidreclaim.lab.storm.result import BASELINE, Row, Storm, rows

_MEANINGS = {
    "no_swap": "lowmemorykiller on, no zram",
    "lowmemorykiller": "zram and lowmemorykiller on: today's phone, with which the others are "
    "compared",
    "kernel_swap": "zram on, lowmemorykiller off: the kernel's own OOM killer is left",
    "eager": "today's phone, and each app is paged out when it leaves the screen",
    "lazy": "today's phone, and the oldest apps are paged out when less memory is available than "
    "the largest launch so far took",
    "am_compact": "today's phone, and ActivityManager compacts cached apps by itself",
}


def meaning(arm: str) -> str:
    """Say in one sentence what an arm is."""
    kind, _, profile = arm.partition(":")
    if kind == "guard":
        return f"today's phone, and the guard pages out on the device, by profile {profile}"
    return _MEANINGS[arm]


def headline(storm: Storm) -> str:
    """Say the result in one sentence: how often the apps still ran when they were opened again."""
    if storm.not_comparable:
        return "These arms must not be compared"
    found = [row for row in rows(storm) if row.figures.reopenings]
    wrong = next((row for row in found if row.figures.checksum_faults), None)
    if wrong is not None:
        return f"{wrong.arm}: pages were not as the apps wrote them"
    if not found:
        return "No app was opened a second time"
    others = [row for row in found if row.arm != BASELINE]
    base = next((row for row in found if row.arm == BASELINE), None)
    if base is None or not others:
        best = max(found, key=_share)
        return f"With {best.arm}, {still_there(best)} when it was opened again"
    best = max(others, key=_share)
    if _share(best) == _share(base):
        return f"With {best.arm} as with {BASELINE}, {still_there(best)} when it was opened again"
    first, second = (best, base) if _share(best) > _share(base) else (base, best)
    again = f"{still_there(first)} when it was opened again"
    return f"With {first.arm}, {again}; with {second.arm}, {_hot_of_all(second)}"


def still_there(row: Row) -> str:
    """Say how often a re-opened app still ran: ``the app was still there 16 of 16 times``."""
    return f"the app was still there {_hot_of_all(row)} times"


def _hot_of_all(row: Row) -> str:
    return f"{row.figures.hot_resumes} of {row.figures.reopenings}"


def _share(row: Row) -> float:
    return row.figures.hot_resumes / row.figures.reopenings


def busy_hosts(storm: Storm) -> list[str]:
    """A line for each run during which the computer was too busy for its times to be trusted."""
    return [f"{name_of(run)}: the computer was busy ({run.host.busy}): times of this run and what "
            "follows from them, kills too, are worse than the arm's"
            for run in storm.runs if run.host is not None and run.host.busy]  # fmt: skip


def name_of(run: Run) -> str:
    """Arm and seed of a run."""
    return f"{run.begin.arm}, seed {run.begin.seed}"
