"""Which rule of lmkd's fires, on which settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from droidreclaim.parse.proc.kernel import parse_meminfo, parse_pressure, parse_vmstat
from droidreclaim.parse.proc.zoneinfo import parse_zoneinfo
from droidreclaim.policy.killer import Found, Killer
from droidreclaim.policy.lmkd import Headroom, Sample, Waits, headroom
from droidreclaim.policy.lmkd_settings import settings_in_force
from droidreclaim.report.headroom import headroom_line, headroom_text

_SDK = "ro.build.version.sdk"
_A13 = {_SDK: "33"}
_A14 = {_SDK: "34"}
_FILE_PAGES = 20_000
_NEW = Found(Killer.PSI_NEW, "as most devices")
_LOW = 3000  # low 2000 + protection 1000; min is 1000 + 1000


def sample(
    at_s: float = 1.0,
    *,
    free: int = 50_000,
    cma: int = 0,
    refaults: int = 0,
    stalled_us: int = 0,
    swap_total: int = 100_000,
    swap_free: int = 90_000,
    mem_free: int = 900_000,
) -> Sample:
    """Return a sample with plenty of what is not given: vmstat in pages, meminfo in KiB."""
    return Sample(
        at_s=at_s,
        meminfo=parse_meminfo(
            f"MemTotal: 2000000 kB\nMemFree: {mem_free} kB\nInactive(file): 0 kB\n"
            f"Active(anon): 500000 kB\nInactive(anon): 0 kB\nCached: 40000 kB\nShmem: 0 kB\n"
            f"SwapTotal: {swap_total} kB\nSwapFree: {swap_free} kB\n"
        ),
        vmstat=parse_vmstat(
            f"nr_free_pages {free}\nnr_free_cma {cma}\nnr_active_file {_FILE_PAGES}\n"
            f"nr_inactive_file 0\nworkingset_refault_file {refaults}\n"
        ),
        zoneinfo=parse_zoneinfo(
            f"Node 0, zone   Normal\n  pages free     {free}\n        min      1000\n"
            "        low      2000\n        high     4000\n        present  90000\n"
            "        protection: (0, 1000)\n"
        ),
        pressure=parse_pressure(
            f"some avg10=0.00 avg60=0.00 avg300=0.00 total={stalled_us}\n"
            f"full avg10=0.00 avg60=0.00 avg300=0.00 total={stalled_us}\n"
        ),
    )


def judged(
    now: Sample,
    properties: dict[str, str] = _A14,
    killer: Found = _NEW,
    levels: tuple[tuple[int, int], ...] = (),
) -> Headroom:
    return headroom(now, [sample(0.0)], properties, 4096, killer, levels)


def test_headroom_is_free_less_cma_over_low_marks_with_protection() -> None:
    seen = judged(sample(free=50_000, cma=10_000))
    assert seen.free_bytes == 40_000 * 4096
    assert seen.low_watermark_bytes == _LOW * 4096
    assert seen.headroom_bytes == (40_000 - _LOW) * 4096
    assert (seen.next_rule, seen.firing, seen.adj_floor) == ("low_mem", False, 701)


@pytest.mark.parametrize(
    ("now", "properties", "rule", "floor"),
    [
        (sample(free=_LOW - 1), _A14, "low_mem", 701),
        (sample(free=_LOW - 1, swap_free=5_000), _A14, "low_mem_and_swap", 201),
        (sample(free=1_999, swap_free=5_000), _A13, "low_mem_and_swap", 0),
        (sample(free=_LOW - 1, refaults=_FILE_PAGES * 2), _A13, "low_mem_and_thrashing", 201),
        (sample(free=_LOW - 1, refaults=_FILE_PAGES * 4), _A13, "low_mem_and_thrashing", 0),
        (sample(refaults=_FILE_PAGES * 2, swap_free=0), _A13, "low_swap_and_thrashing", 201),
        (sample(stalled_us=700_000), _A13, "not_responding", 0),
    ],
)
def test_the_first_rule_whose_conditions_hold_fires(
    now: Sample, properties: dict[str, str], rule: str, floor: int
) -> None:
    seen = judged(now, properties)
    assert (seen.next_rule, seen.firing, seen.adj_floor) == (rule, True, floor)


def test_before_android_14_low_memory_alone_fires_nothing() -> None:
    seen = judged(sample(free=_LOW - 1), _A13)
    assert not seen.firing
    assert seen.next_rule == "low_mem_and_swap"


def test_swap_is_low_when_nothing_is_left_to_hold_it() -> None:
    seen = judged(sample(mem_free=5_000))
    assert seen.swap_free_share == pytest.approx(0.05)
    assert seen.swap_is_low
    no_ratio = judged(sample(mem_free=5_000), _A14 | {"ro.lmk.swap_compression_ratio": "0"})
    assert no_ratio.swap_free_share == pytest.approx(0.9)


def test_until_android_12_lmkd_believes_the_kernel_about_free_swap() -> None:
    seen = judged(sample(mem_free=5_000), _A13 | {"ro.build.version.sdk": "32"})
    assert seen.swap_free_share == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("free", "rule"), [(4_999, "low_mem_and_thrashing"), (5_000, "direct_recl_and_thrashing")]
)
def test_direct_reclaim_up_to_the_high_mark_means_low_memory_soon(free: int, rule: str) -> None:
    def sample_at(at_s: float, refaults: int, scanned: int) -> Sample:
        text = f"nr_free_pages {free}\nnr_active_file 99\nnr_inactive_file 0\n"
        text += f"workingset_refault_file {refaults}\npgscan_direct {scanned}\n"
        return replace(sample(at_s), vmstat=parse_vmstat(text))

    seen = headroom(sample_at(1.0, 200, 1), [sample_at(0.0, 0, 0)], _A13, 4096, _NEW)
    assert (seen.next_rule, seen.firing) == (rule, True)


def test_thrashing_counts_from_the_look_that_shows_the_most() -> None:
    # A kill began lmkd's own window anew, when few file pages were left.
    text = "nr_active_file 99\nnr_inactive_file 0\nworkingset_refault_file 100\n"
    looks = [sample(0.0), replace(sample(0.8), vmstat=parse_vmstat(text))]
    now = sample(refaults=250)
    assert headroom(now, looks, _A13, 4096, _NEW).thrashing_share == 1.5
    assert headroom(now, looks[:1], _A13, 4096, _NEW).thrashing_share < 0.1


def test_swap_that_will_be_low_by_then_is_foreseen() -> None:
    # At the low mark 12,000 KiB are free, less than a tenth of this swap; now it is not low yet.
    seen = judged(sample(swap_total=200_000, swap_free=190_000))
    assert not seen.swap_is_low
    assert (seen.next_rule, seen.firing, seen.adj_floor) == ("low_mem_and_swap", False, 201)


@pytest.mark.parametrize(
    ("now", "settings", "rule"),
    [
        (sample(refaults=_FILE_PAGES * 2), {}, "low_mem_and_thrashing"),
        (sample(swap_total=200_000, swap_free=190_000, refaults=_FILE_PAGES * 2), {},
         "low_swap_and_thrashing"),
        (sample(swap_free=10_000), {"swap_util_max": "10"}, "low_mem_and_swap_util"),
        (sample(), {"swap_util_max": "90"}, "low_mem_and_swap_util"),
        (sample(), {"swap_free_low_percentage": "0"}, "low_mem_and_thrashing"),
        (sample(swap_total=0, swap_free=0), {}, "low_mem_and_thrashing"),
        (sample(swap_total=0, swap_free=0, stalled_us=70_000), {}, "not_responding"),
        (sample(swap_total=0, swap_free=0, stalled_us=70_000, refaults=_FILE_PAGES // 5), {},
         "low_mem_and_thrashing"),
    ],
)  # fmt: skip
def test_the_rule_in_line_is_the_first_that_will_hold_at_the_mark(
    now: Sample, settings: dict[str, str], rule: str
) -> None:
    seen = judged(now, _A13 | {f"ro.lmk.{name}": value for name, value in settings.items()})
    assert (seen.next_rule, seen.firing) == (rule, False)


def test_a_stall_beyond_its_limit_spares_no_adj() -> None:
    far = _A14 | {"ro.lmk.stall_limit_critical": "20"}
    stalled = parse_pressure("full avg10=20.50 avg60=0.00 avg300=0.00 total=0\n")
    now = sample()
    stuck = Sample(now.at_s, now.meminfo, now.vmstat, now.zoneinfo, stalled)
    assert (judged(stuck, far).adj_floor, judged(stuck).adj_floor) == (0, 701)


def test_without_swap_nothing_is_low() -> None:
    seen = judged(sample(swap_total=0, swap_free=0))
    assert (seen.swap_free_share, seen.swap_is_low) == (None, None)


def test_one_sample_shows_no_thrashing_and_no_stall() -> None:
    seen = headroom(sample(), (), _A14, 4096, _NEW)
    assert (seen.thrashing_share, seen.full_stall_share) == (None, None)


def test_an_unreadable_zoneinfo_leaves_headroom_unknown() -> None:
    whole = sample()
    seen = judged(Sample(1.0, whole.meminfo, whole.vmstat, None, None))
    assert seen.free_bytes is not None
    assert (seen.headroom_bytes, seen.next_rule, seen.adj_floor) == (None, None, None)


def test_a_server_flag_beats_the_build_from_android_12() -> None:
    properties = {
        "ro.lmk.thrashing_limit": "50",
        "persist.device_config.lmkd_native.thrashing_limit": "30",
    }
    new = settings_in_force(properties | _A13)["thrashing_limit"]
    old = settings_in_force(properties | {_SDK: "30"})["thrashing_limit"]
    assert (new.number, new.source) == (30, "persist.device_config.lmkd_native.thrashing_limit")
    assert (old.number, old.source) == (50, "ro.lmk.thrashing_limit")


def test_low_ram_devices_have_other_defaults() -> None:
    settings = settings_in_force({"ro.config.low_ram": "true"})
    assert settings["thrashing_limit"].number == 30
    assert settings["thrashing_limit"].source == "default"


def test_the_critical_limit_of_thrashing_follows_the_device_s_own_limit() -> None:
    settings = settings_in_force(_A13 | {"ro.lmk.thrashing_limit": "60"})
    assert settings["thrashing_limit_critical"].number == 180
    set_ = settings_in_force(_A13 | {"ro.lmk.thrashing_limit_critical": "70"})
    assert set_["thrashing_limit_critical"].number == 70


_LEVELS = ((1000, 0), (20_000, 900), (60_000, 950))
_OLD = Found(Killer.PSI_OLD, "set so")
_MINFREE = _A13 | {
    "ro.lmk.use_minfree_levels": "true",
    "ro.lmk.use_new_strategy": "false",
    "sys.lmk.minfree_levels": "1000:0,20000:900,60000:950",
}


@pytest.mark.parametrize(
    ("killer", "properties", "levels"),
    [
        (_OLD, _MINFREE, ()),
        (Found(Killer.KERNEL_DRIVER, "it is there"), {_SDK: "25"}, _LEVELS),
    ],
    ids=["lmkd's levels", "the driver's levels"],
)
def test_levels_name_the_one_that_free_and_file_pages_are_both_under(
    killer: Found, properties: dict[str, str], levels: tuple[tuple[int, int], ...]
) -> None:
    # 10,000 pages of file cache; free less the high marks (5,000) against each level
    assert judged(sample(free=50_000), properties, killer, levels).adj_floor == 950
    near = judged(sample(free=10_000), properties, killer, levels)
    assert (near.next_rule, near.firing, near.adj_floor) == ("minfree", True, 900)
    far = judged(sample(free=80_000), properties, killer, levels)
    assert (far.firing, far.adj_floor) == (False, 950)


def test_levels_that_nobody_set_kill_nobody() -> None:
    none = {key: value for key, value in _MINFREE.items() if key != "sys.lmk.minfree_levels"}
    seen = judged(sample(free=10), none, _OLD)
    assert (seen.next_rule, seen.firing, seen.adj_floor) == (None, False, None)
    assert seen.no_rule is not None
    assert "no minfree levels" in seen.no_rule


@pytest.mark.parametrize(
    ("stalled_us", "settings", "expected"),
    [
        (0, {}, ("pressure_medium", False, 800)),
        (69_000, {}, ("pressure_medium", False, 800)),
        (70_000, {}, ("pressure_critical", True, 0)),
        (0, {"medium": "902", "critical": "1"}, ("pressure_medium", False, 902)),
        (0, {"medium": "1001"}, ("pressure_critical", False, 0)),
        (700_000, {"medium": "1001", "critical": "1001"}, (None, False, None)),
        (700_000, {"critical_upgrade": "true"}, (None, False, None)),
        (700_000, {"downgrade_pressure": "60"}, (None, False, None)),
    ],
)
def test_the_old_strategy_without_levels_goes_by_stalls(
    stalled_us: int, settings: dict[str, str], expected: tuple[str | None, bool, int | None]
) -> None:
    own = {f"ro.lmk.{name}": value for name, value in settings.items()}
    seen = judged(sample(stalled_us=stalled_us), _A13 | own, _OLD)
    assert (seen.next_rule, seen.firing, seen.adj_floor) == expected


@pytest.mark.parametrize("killer", [Killer.NONE, Killer.NOT_KNOWN])
def test_where_nobody_or_nobody_known_kills_no_rule_is_named(killer: Killer) -> None:
    seen = judged(sample(free=10, swap_free=0, stalled_us=900_000), _A14, Found(killer, "because"))
    assert (seen.next_rule, seen.firing, seen.adj_floor) == (None, False, None)
    assert (seen.no_rule, seen.waits, seen.swap_is_low) == ("because", None, None)
    assert seen.headroom_bytes is not None


def test_a_killer_without_a_rule_of_swap_counts_it_as_the_kernel_does() -> None:
    now = sample(mem_free=5_000)
    assert judged(now).swap_free_share == pytest.approx(0.05)
    assert judged(now).kernel_swap_free_share == pytest.approx(0.9)
    assert judged(now, _A14, _OLD).swap_free_share == pytest.approx(0.9)


def test_where_swap_free_is_a_rule_s_number_the_text_says_whose() -> None:
    text = headroom_text(judged(sample(mem_free=5_000)), {})
    assert "5% (low) as lmkd counts: since Android 13 no more than what is easily" in text
    assert "swap itself is 90% free" in text
    assert "as lmkd counts" not in headroom_text(judged(sample()), {})


def test_a_ratio_is_divided_by_its_own_divisor() -> None:
    vendor = _A14 | {"ro.lmk.swap_compression_ratio": "263"}
    far = judged(sample(mem_free=5_000), vendor)
    near = judged(sample(mem_free=5_000), vendor | {"ro.lmk.swap_compression_ratio_div": "100"})
    assert far.swap_free_share == pytest.approx(0.9)
    assert near.swap_free_share == pytest.approx(0.1315)


def test_relaxed_available_memory_counts_what_compressing_would_free() -> None:
    relaxed = _A14 | {
        "ro.lmk.swap_compression_ratio": "2",
        "ro.lmk.relaxed_available_memory": "true",
    }
    # 5,000 KiB free and half of 500,000 KiB of anonymous memory, twice: more than all swap
    assert judged(sample(mem_free=5_000), relaxed).swap_free_share == pytest.approx(0.9)


def test_conditions_that_hold_wait_for_a_stall_and_the_text_says_so() -> None:
    quiet = judged(sample(free=_LOW - 1))
    assert (quiet.firing, quiet.is_woken) == (True, False)
    assert quiet.waits == Waits(0.07, 0.7)
    said = "low_mem (its conditions hold; lmkd kills when a stall of 70 ms in a second wakes it: 0"
    assert said in headroom_text(quiet, {})
    assert "AT THE NEXT STALL: low_mem" in headroom_line(quiet)
    pressed = judged(sample(free=_LOW - 1, stalled_us=80_000))
    assert pressed.is_woken
    assert "tasks wait long enough to wake lmkd: 80 ms" in headroom_text(pressed, {})
    assert "KILLS NOW: low_mem" in headroom_line(pressed)
    alone = headroom(sample(free=_LOW - 1), (), _A14, 4096, _NEW)
    assert alone.is_woken is None


def test_low_ram_devices_and_settings_wait_for_stalls_of_their_own() -> None:
    low_ram = _A14 | {"ro.config.low_ram": "true"}
    assert judged(sample(), low_ram).waits == Waits(0.2, 0.7)
    own = _A14 | {"ro.lmk.psi_partial_stall_ms": "50"}
    assert judged(sample(), own).waits == Waits(0.05, 0.7)
    assert judged(sample(), _A14, _OLD).waits == Waits(0.07, 0.07)


def test_a_real_device_s_counters_give_its_headroom(capture: Callable[[str], str]) -> None:
    # Pages and marks of this capture, added up by hand: Normal and DMA32 hold all memory.
    name = "android13-mtk_tb8168-healer"
    now = Sample(
        0.0,
        parse_meminfo(capture(f"proc_meminfo/{name}.txt")),
        parse_vmstat(capture(f"proc_vmstat/{name}.txt")),
        parse_zoneinfo(capture(f"proc_zoneinfo/{name}.txt")),
        None,
    )
    seen = headroom(now, (), _A13, 4096, _NEW)
    assert now.zoneinfo is not None
    by_hand = sum(
        zone.low_pages + max(zone.protection_pages)
        for zone in now.zoneinfo.zones
        if zone.present_pages
    )
    assert seen.low_watermark_bytes == by_hand * 4096
    assert seen.headroom_bytes is not None
    assert seen.headroom_bytes > 0
