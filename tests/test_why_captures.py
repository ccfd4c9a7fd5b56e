"""Every kill in the captures of real devices, told by `why` of the same text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from droidreclaim.errors import DroidReclaimError
from droidreclaim.inspect import kills, why
from droidreclaim.parse.kills.records import KilledBy, KillRecord
from droidreclaim.policy.why import Cause, Death

OWN = Path(__file__).parent / "captures"
# What each killer's kills may be called; a kill of ActivityManager has a reason of any kind but
# those that others kill for.
_SHORT = {Cause.LMKD, Cause.KERNEL_LMK, Cause.KERNEL_OOM, Cause.UNRECORDED}
CALLED = {
    KilledBy.LMKD: {Cause.LMKD},
    KilledBy.KERNEL_LMK: {Cause.KERNEL_LMK},
    KilledBy.KERNEL_OOM: {Cause.KERNEL_OOM},
    KilledBy.MEMORY_LIMITER: {Cause.MEMORY_LIMITER},
    KilledBy.CRASH: {Cause.CRASH},
    KilledBy.ANR: {Cause.ANR},
    KilledBy.FREEZER: {Cause.FREEZER},
    KilledBy.USER: {Cause.FORCE_STOP, Cause.TASK_REMOVED, Cause.VENDOR},
    KilledBy.ACTIVITY_MANAGER: set(Cause) - _SHORT,
    KilledBy.UNKNOWN: {Cause.UNRECORDED, Cause.OWN_EXIT},
}


def kills_of(path: Path) -> tuple[KillRecord, ...]:
    """Return the kills with a name; none for text without a log and exit-info."""
    try:
        found = kills.of_capture(path, since_s=None)
    except DroidReclaimError:
        return ()
    return tuple(one for one in found.records if one.name)


def deaths_of(path: Path) -> Iterator[Death]:
    names = {one.name.partition(":")[0] for one in kills_of(path) if one.name}
    for name in sorted(names):
        yield from why.of_capture(path, name, since_s=None).deaths


def files_of(*folders: Path) -> list[Path]:
    return [one for folder in folders for one in sorted(folder.rglob("*")) if one.is_file()]


def check(path: Path) -> int:
    deaths = list(deaths_of(path))
    told = {(one.kill.pid, one.kill.at) for one in deaths}
    assert {(one.pid, one.at) for one in kills_of(path)} <= told, path
    for death in deaths:
        assert death.cause in CALLED[death.kill.by], (path, death)
        first, *_ = death.sentences
        assert first.lines, (path, death)
        for sentence in death.sentences:
            assert all(1 <= number <= len(death.lines) for number in sentence.lines), (path, death)
        texts = [death.lines[number - 1].text for number in first.lines]
        assert all(str(death.kill.pid) in text for text in texts), (path, death)
    return len(deaths)


def test_each_kill_of_a_real_capture_is_told_with_the_lines_that_say_it(fixtures: Path) -> None:
    """At least 300 kills: fewer would mean that a parser misses some."""
    assert sum(check(path) for path in files_of(fixtures, fixtures.parent / "cases")) >= 300


def test_each_kill_of_our_own_captures_is_told_with_the_lines_that_say_it() -> None:
    assert sum(check(path) for path in files_of(OWN)) >= 2


# Read by hand: what a person says of these lines.
@pytest.mark.parametrize(
    ("name", "causes"),
    [
        ("dumpsys_activity_exit_info/android13-mtk_tb8168-healer.txt",
         {Cause.CACHED_LIMIT: 33, Cause.UNRECORDED: 1}),
        ("dumpsys_activity_exit_info/android_localised_decimal_comma-atrainingtracker_excerpt.txt",
         {Cause.UPDATED: 1}),
        ("kernel_lmk/android7.1.2-vivo_pd1616.txt", {Cause.KERNEL_LMK: 4}),
        ("kernel_lmk/arc_chromeos-kmsg_escaped.txt", {Cause.KERNEL_LMK: 1}),
        ("logcat_events/android10_12-xiaomi-freezeit_notes.txt",
         {Cause.EXCESSIVE_USE: 3, Cause.VENDOR: 4}),
        ("logcat_events/android15-oplus_coloros-cachedclean.txt", {Cause.VENDOR: 5}),
        ("logcat_events/android8-gityuan_binder_bug.txt", {Cause.TASK_REMOVED: 1}),
        ("logcat_events/android8.1-smartron_tphone.txt",
         {Cause.CACHED_LIMIT: 39, Cause.TASK_REMOVED: 3, Cause.CRASH: 1, Cause.UNRECORDED: 1}),
        ("logcat_system/android12L-quest_pro-real_lmkd_minfree.txt", {Cause.LMKD: 6}),
        ("logcat_system/android12L-quest_pro-real_lmkd_psi.txt", {Cause.LMKD: 4}),
        ("logcat_system/android16-pixel-lars_dump.txt", {Cause.LMKD: 7}),
    ],
)  # fmt: skip
def test_the_causes_in_a_capture_are_those_that_its_lines_say(
    fixtures: Path, name: str, causes: dict[Cause, int]
) -> None:
    assert Counter(one.cause for one in deaths_of(fixtures / name)) == causes
