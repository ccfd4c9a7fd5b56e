"""Play's judgement of samples that are known to the byte: states, percentiles, gaps, verdicts."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from droidreclaim.errors import UsageError
from droidreclaim.inspect.footprint.sampler import Sampler, hz_of
from droidreclaim.inspect.play_memory import load
from droidreclaim.model import DeviceInfo, ProcessId
from droidreclaim.model.footprint import (
    Bitmaps,
    Footprint,
    Limiter,
    Made,
    PlayState,
    Reading,
    Told,
    Track,
    Trimmed,
)
from droidreclaim.policy.footprint import (
    JUDGED,
    bound_by,
    gaps_of,
    judge,
    judged_as,
    percentile,
    play_state,
    ram_class,
    states_of,
)
from droidreclaim.policy.footprint_made import worst_look
from droidreclaim.report import footprint as report
from droidreclaim.report import perfetto
from droidreclaim.report.footprint import page
from droidreclaim.session.footprint import nothing_seen, packages_of

GB = 10**9
PERIOD_US = 100_000
CLASSES = load().classes


def track(*pieces: tuple[int, int, int], at_us: int = 1_000_000) -> Track:
    """Samples at 10 Hz: pieces of (how many, adj, bytes)."""
    made = Track(ProcessId(7, 70), "com.example.app", "com.example.app", 0, False)
    for count, adj, size in pieces:
        for _ in range(count):
            made.at_us.append(at_us)
            made.bytes_.append(size)
            made.swap_bytes.append(size // 4)
            made.adj.append(adj)
            at_us += PERIOD_US
    return made


def reading(
    from_s: float, until_s: float, name: str, adj: int | None, held_by: str | None = None
) -> Reading:
    return Reading(
        round(from_s * 1e6), round(until_s * 1e6), {7: Told(name, adj, "service", held_by)}
    )


def letters_of(states: tuple[PlayState, ...]) -> str:
    return "".join({"unsure": "?", "other": "o"}.get(one, one[0]) for one in states)


def test_samples_between_a_change_and_its_reading_are_unsure() -> None:
    seen = track((10, 0, 1), (10, 905, 1))  # 1.0 to 1.9 s, 2.0 to 2.9 s
    readings = [reading(1.0, 1.25, "TOP", 0), reading(2.1, 2.45, "CEM", 905)]
    assert letters_of(states_of(seen, readings)) == "???fffffff" + "?????ccccc"


def test_a_reading_while_adj_changes_says_nothing() -> None:
    seen = track((10, 0, 1), (10, 905, 1))
    assert letters_of(states_of(seen, [reading(1.8, 2.2, "TOP", 0)])) == "?" * 20


def test_a_reading_whose_adj_is_not_the_kernels_says_nothing() -> None:
    assert letters_of(states_of(track((10, 905, 1)), [reading(1.1, 1.2, "TOP", 0)])) == "?" * 10


def test_a_state_that_changed_without_adj_is_unsure_between_the_readings() -> None:
    readings = [reading(1.0, 1.15, "TOP", 0), reading(1.5, 1.65, "RCVR", 0)]
    assert letters_of(states_of(track((10, 0, 1)), readings)) == "???????bbb"


def test_the_same_state_read_twice_holds_all_the_way() -> None:
    readings = [reading(1.0, 1.15, "TOP", 0), reading(1.5, 1.65, "TOP", 0)]
    assert letters_of(states_of(track((10, 0, 1)), readings)) == "??ffffffff"


def test_no_reading_leaves_every_sample_unsure() -> None:
    assert set(states_of(track((5, 0, 1)), [])) == {PlayState.UNSURE}


def test_background_adj_0_of_a_receiver_is_background_and_not_foreground() -> None:
    assert play_state("RCVR") is PlayState.BACKGROUND
    assert play_state("PER") is PlayState.OTHER
    assert play_state(None) is PlayState.OTHER


def test_percentiles_are_those_of_a_sorted_list_of_any_length() -> None:
    for count in (1, 2, 3, 9, 10, 11, 99, 100, 101):
        values = sorted(random.Random(count).sample(range(10_000), count))
        for percent in (50, 90, 99):
            exact = percentile(values, percent)
            assert sum(one <= exact for one in values) * 100 >= percent * count
            assert sum(one < exact for one in values) * 100 < percent * count


def test_a_process_that_was_met_and_not_sampled_in_time_is_not_called_unseen() -> None:
    def sampler(**tracks: Track) -> Sampler:
        known = {one.id: one for one in tracks.values()}
        return Sampler(NotImplemented, NotImplemented, NotImplemented, {}, 10, tracks=known)

    late = nothing_seen(["com.example.app"], sampler(one=track()))
    assert "no sample was taken of com.example.app (pid 7)" in str(late)
    assert "was seen" in str(nothing_seen(["com.example.app"], sampler()))


@pytest.mark.parametrize(
    ("ram_gib", "expected"),
    [
        *[(0.6, None), (3.12, None), (3.125, 4), (3.6, 4), (4.6875, 6), (5.5, 6), (7.19, 8)],
        *[(11.2, 12), (15.3, 16), (18.0, 16), (18.01, None), (23.0, None)],
    ],
)
def test_the_class_of_a_device_is_the_ram_it_is_sold_with(
    ram_gib: float, expected: int | None
) -> None:
    assert ram_class(round(ram_gib * (1 << 30)), CLASSES) == expected


def test_a_device_that_play_does_not_judge_is_judged_as_the_nearest_class() -> None:
    sizes = (None, 600 << 20, 3500 << 20, 24 << 30)
    assert [judged_as(size, CLASSES) for size in sizes] == [4, 4, 4, 16]
    seen = replace(footprint(track((9, 0, GB)), reading(1.0, 1.05, "TOP", 0)), ram_gb=None)
    for size, said in ((24 << 30, "no phone of 25.77 GB"), (None, "does not tell its memory")):
        assert said in summary_of(replace(seen, ram_bytes=size))


def footprint(seen: Track, *readings: Reading, judged_gb: int = 6) -> Footprint:
    use = judge(seen, readings, CLASSES, 10.0)
    device = DeviceInfo("S", "M", 34, "x86_64", "6.1", 4096)
    return Footprint(
        device=device, packages=("com.example.app",), kind="app", hz=10.0, from_us=seen.at_us[0],
        until_us=seen.at_us[-1], booted_at_s=0.0, ram_bytes=1, ram_gb=judged_gb,
        judged_gb=judged_gb, processes=(use,), readings=readings, deaths=(),
        gaps=gaps_of([seen], 10.0), bound=bound_by([use], readings),
    )  # fmt: skip


def test_each_state_is_judged_by_its_own_limit() -> None:
    big = round(1.31 * GB)
    seen = footprint(
        track((20, 0, big), (20, 800, big)),
        reading(1.0, 1.05, "TOP", 0),
        reading(3.1, 3.15, "SVC", 800),
    )
    assert [(v.state, v.ram_gb) for _, v in seen.failing] == [(PlayState.BACKGROUND, 6)]
    [one] = seen.processes
    fails = {v.ram_gb for v in one.verdicts if not v.passes and v.state is PlayState.BACKGROUND}
    assert fails == {4, 6}
    text = report.summary(seen, "page", "2026-11-28", second_hand=True)
    assert "background P90 1.31 GB of 1.25 GB: would fail on phones of 4, 6 GB" in text
    assert "second-hand" in text
    assert "estimate" in text
    document = report.footprint_json(seen, {})
    assert document["passes"] is False
    background = next(s for s in document["processes"][0]["states"] if s["state"] == "background")
    assert background["max_since_left_s"] > 0


def test_what_keeps_an_app_from_being_cached_is_named_with_who_binds_it() -> None:
    tile = "com.example.app/.Tile by com.android.systemui (pid 117)"
    seen = footprint(
        track((20, 0, GB), (600, 100, GB)),
        reading(1.0, 1.05, "TOP", 0),
        reading(3.1, 3.15, "BFGS", 100, tile),
        reading(60.0, 60.1, "BFGS", 100, tile),
    )
    text = report.summary(seen, "page", "2026-11-28", second_hand=True)
    assert f"com.example.app never reached cached in 60 s behind: service: {tile}" in text
    [bound] = report.footprint_json(seen, {})["never_cached"]
    assert bound["reasons"] == [f"service: {tile}"]


def test_an_app_that_was_cached_or_never_left_is_not_called_held() -> None:
    for name, adj in (("CEM", 905), ("TOP", 0)):
        seen = footprint(
            track((20, 0, GB), (20, adj, GB)),
            reading(1.0, 1.05, "TOP", 0),
            reading(3.1, 3.15, name, adj),
        )
        assert seen.bound == ()


def test_p90_at_the_limit_passes_and_a_byte_more_does_not() -> None:
    for extra, passes in ((0, True), (1, False)):
        seen = footprint(track((20, 0, 2 * GB + extra)), reading(1.0, 1.05, "TOP", 0), judged_gb=4)
        assert (seen.failing == ()) is passes


def test_a_peak_of_a_tenth_does_not_fail_and_is_told() -> None:
    seen = footprint(track((19, 0, GB), (1, 0, 5 * GB)), reading(1.0, 1.05, "TOP", 0), judged_gb=4)
    [one] = seen.processes
    [use] = [use for use in one.uses if use.state is PlayState.FOREGROUND]
    assert (use.max_bytes, use.p90_bytes) == (5 * GB, GB)
    assert seen.failing == ()
    assert {v.over_share for v in one.verdicts} == {1 / use.samples}


def test_a_gap_is_a_gap_and_no_time_in_a_state() -> None:
    seen = track((10, 0, 1))
    later = track((10, 0, 1), at_us=60_000_000)
    for name in ("at_us", "bytes_", "swap_bytes", "adj"):
        getattr(seen, name).extend(getattr(later, name))
    assert gaps_of([seen], 10.0) == ((1_900_000, 60_000_000),)
    use = judge(seen, [reading(1.0, 1.05, "TOP", 0)], CLASSES, 10.0).uses
    assert sum(one.time_s for one in use) == pytest.approx(2.0)


def test_an_isolated_process_decides_nothing() -> None:
    sandbox = track((20, 0, 9 * GB))
    sandbox.isolated = True
    seen = footprint(sandbox, reading(1.0, 1.05, "TOP", 0))
    assert seen.failing == ()
    assert report.footprint_json(seen, {})["processes"][0]["counted"] is None


def test_every_sample_is_a_line_whatever_the_name() -> None:
    seen = footprint(track((20, 0, 400)), reading(1.0, 1.05, "TOP", 0))
    seen.processes[0].track.name = 'a,"b\x1b[0m'
    lines = list(report.csv_lines(seen))
    assert len(lines) == 21
    assert lines[-1].endswith(",foreground,0,300,100")
    assert "\x1b" not in "".join(lines)


def test_ten_thousand_samples_a_minute_are_refused_with_what_is_possible() -> None:
    with pytest.raises(UsageError, match="6000 a minute"):
        hz_of(10_000 / 60)


@pytest.mark.parametrize("names", [[], ["pid:7"], ["com.example.app:remote"], ["a;b"]])
def test_what_is_no_package_is_refused(names: list[str]) -> None:
    with pytest.raises(UsageError):
        packages_of(names)


def test_a_game_is_judged_by_its_own_table_whose_figures_are_not_lower() -> None:
    apps, games = load(), load(game=True)
    assert (apps.second_hand, games.second_hand) == (False, True)
    assert [one.ram_gb for one in games.classes] == [one.ram_gb for one in CLASSES]
    assert [one.ram_gb for one in CLASSES] == [4, 6, 8, 12, 16]
    for own, other in zip(apps.classes, games.classes, strict=True):
        for state in JUDGED:
            assert own.limit_bytes(state) < other.limit_bytes(state)
    assert games.classes[0].limit_bytes(PlayState.FOREGROUND) == 2_250_000_000
    assert [one.until_mb for one in CLASSES[:-1]] == [one.from_mb for one in CLASSES[1:]]


def test_what_is_held_while_cached_is_told_and_not_judged() -> None:
    seen = footprint(
        track((20, 0, GB), (20, 905, 9 * GB)),
        reading(1.0, 1.05, "TOP", 0), reading(3.1, 3.15, "CAC", 905),
    )  # fmt: skip
    assert seen.failing == ()
    assert seen.most(PlayState.CACHED, "p90") == 9 * GB
    assert {v.state for one in seen.processes for v in one.verdicts} == {PlayState.FOREGROUND}


def test_the_page_holds_the_verdict_every_state_and_the_peak() -> None:
    seen = footprint(
        track((6000, 0, GB), (1, 0, 5 * GB), (6000, 800, GB // 3)),
        reading(1.0, 1.05, "TOP", 0),
        reading(700, 700.05, "SVC", 800),
    )
    text = page.render(seen, source="page", read="2026-11-28", second_hand=True)
    assert "<h1>com.example.app passes on 6 GB phones</h1>" in text
    assert "left the foreground" in text
    assert str(5 * GB / 10**6) in text  # fewer points, and no peak is lost
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert len(text) < 1_000_000


def test_every_class_of_phones_has_its_lines_and_the_one_that_decides_is_red() -> None:
    seen = footprint(
        track((50, 0, 13 * GB // 10), (50, 800, 13 * GB // 10)),
        reading(1.0, 1.05, "TOP", 0), reading(7.0, 7.05, "SVC", 800),
    )  # fmt: skip
    text = page.render(seen, source="p", read="r", second_hand=False)
    [chart] = json.loads(text.split('id="charts">')[1].split("</script>")[0])["charts"]
    lines = {one["label"]: (one["colour"], one["values"][0]) for one in chart["lines"]}
    assert lines["1.00 GB: behind, 4 GB phones"] == ("faint", 1000.0)
    assert lines["1.25 GB: behind, 6 GB phones"] == ("lost", 1250.0)
    assert lines["2.25 GB: in front, 6, 8 GB phones"] == ("lost", 2250.0)
    assert lines["2.00 GB: behind, 16 GB phones"] == ("faint", 2000.0)
    assert not any("4.25 GB" in label for label in lines)  # too far off


def test_a_gap_is_drawn_as_one() -> None:
    seen = track((10, 0, 1 << 20))
    later = track((10, 0, 1 << 20), at_us=60_000_000)
    for name in ("at_us", "bytes_", "swap_bytes", "adj"):
        getattr(seen, name).extend(getattr(later, name))
    text = page.render(
        footprint(seen, reading(1.0, 1.05, "TOP", 0)), source="p", read="r", second_hand=False
    )
    data = json.loads(text.split('id="charts">')[1].split("</script>")[0])
    [chart] = data["charts"]
    assert None in chart["lines"][0]["values"]


def test_a_trace_fills_perfettos_own_tracks_of_the_process() -> None:
    proto = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    seen = footprint(track((20, 0, 400 << 10)), reading(1.0, 1.05, "TOP", 0))
    packets = proto.Trace.FromString(perfetto.render(report.happenings(seen))).packet
    stats = [(one.timestamp, one.process_stats.processes[0]) for one in packets
             if one.HasField("process_stats")]  # fmt: skip
    assert len(stats) == 20
    assert {(one.rss_anon_kb, one.vm_swap_kb) for _, one in stats} == {(300, 100)}
    assert stats[0][0] == 1_000_000_000
    states = [one.track_event.name for one in packets if one.HasField("track_event")]
    assert states == ["unsure", "foreground"]


def test_a_work_profiles_process_is_told_from_the_owners() -> None:
    own, work = track((20, 0, 4)), track((20, 0, 4))
    work.user = 10
    for one, said in ((own, "com.example.app: fore"), (work, "com.example.app (user 10): fore")):
        seen = footprint(one, reading(1.0, 1.05, "TOP", 0))
        assert said in report.summary(seen, "page", "day", second_hand=True)
        assert report.footprint_json(seen, {})["processes"][0]["user"] == one.user


def look_of(
    state: PlayState, at_s: float, source: str, bitmaps: Bitmaps | None = None, mib: int = 4
) -> Made:
    parts = {"Native Heap": 3 * mib << 20, "Stack": mib << 20}
    return Made(7, round(at_s * 1e6), state, source, parts, bitmaps)


def left_behind(*looks: Made, **more: Any) -> Footprint:
    """Return a footprint in front until 3 s with a peak at 2.5 s, then in the background."""
    samples = track((15, 0, GB), (1, 0, 2 * GB), (4, 0, GB), (30, 800, GB // 2))
    readings = (reading(1.0, 1.05, "TOP", 0), reading(3.1, 3.15, "SVC", 800))
    return replace(footprint(samples, *readings), looks=looks, **more)


def summary_of(seen: Footprint) -> str:
    return report.summary(seen, "page", "day", second_hand=True)


def test_the_worst_moment_is_told_by_the_largest_smaps_else_by_the_nearest_of_its_state() -> None:
    front = look_of(PlayState.FOREGROUND, 1.2, "meminfo")
    behind = look_of(PlayState.BACKGROUND, 3.2, "meminfo")
    seen = left_behind(behind, front)
    [one] = seen.processes
    assert worst_look(one, seen.looks) is front
    peak = look_of(PlayState.FOREGROUND, 2.5, "smaps", mib=9)
    assert worst_look(one, (behind, peak, look_of(PlayState.FOREGROUND, 1.0, "smaps"))) is peak
    assert worst_look(one, ()) is None
    assert "at its worst: Native Heap 13 MB, Stack 4 MB (PSS and swap" in summary_of(seen)
    document = report.footprint_json(seen, {})
    assert document["processes"][0]["worst_made_of"]["bytes"] == {
        "Native Heap": 12 << 20,
        "Stack": 4 << 20,
    }


def test_another_process_under_the_same_pid_says_nothing_of_this_one() -> None:
    seen = left_behind(
        look_of(PlayState.FOREGROUND, 0.5, "smaps"), look_of(PlayState.BACKGROUND, 90, "smaps")
    )
    assert worst_look(seen.processes[0], seen.looks) is None


@pytest.mark.parametrize(
    ("bitmaps", "said"),
    [
        (Bitmaps(150 * 10**6, None, None), "at most 0.15 GB of 0.20 GB: passes"),
        (Bitmaps(300 * 10**6, None, None), "at most 0.30 GB of 0.20 GB: not known"),
        (Bitmaps(300 * 10**6, 12, 90 * 10**6), "12 counted, 90 MB: passes"),
        (Bitmaps(300 * 10**6, 12, 250 * 10**6), "12 counted, 0.25 GB: would fail"),
    ],
)
def test_bitmaps_are_a_bound_and_called_one(bitmaps: Bitmaps, said: str) -> None:
    seen = left_behind(
        look_of(PlayState.BACKGROUND, 3.2, "meminfo", bitmaps),
        look_of(PlayState.FOREGROUND, 1.2, "meminfo", Bitmaps(10**9, None, None)),
        bitmap_limits=load().bitmaps_bytes,
    )
    lines = [line for line in summary_of(seen).splitlines() if "bitmaps" in line]
    [line] = lines  # in front there is no limit
    assert "bitmaps in background" in line
    assert said in line


def test_the_distance_to_the_limiter_goes_by_its_own_limits() -> None:
    seen = left_behind(limiter=Limiter(True, 3 * GB, GB // 4, {}))
    text = summary_of(seen)
    assert "at most 2.00 GB in front, 1.00 GB below what Android's memory limiter" in text
    assert "at most 0.50 GB behind, 0.25 GB OVER what Android's" in text
    off = left_behind(limiter=Limiter(False, None, None, {}))
    assert "memory limiter is off" in summary_of(off)


def test_page_outs_and_trims_are_marks_of_the_page() -> None:
    samples = track((20, 0, GB), (20, 800, GB))
    for index in range(40):
        samples.swap_bytes[index] = 0 if index < 25 else 30 << 20
    trimmed = Reading(3_050_000, 3_100_000, {7: Told("SVC", 800, "service", None, 40)})
    seen = footprint(samples, reading(1.0, 1.05, "TOP", 0), trimmed)
    text = page.render(seen, source="p", read="r", second_hand=False)
    data = json.loads(text.split('id="charts">')[1].split("</script>")[0])
    names = [mark["name"] for mark in data["charts"][0]["kills"]]
    assert names == ["left the foreground", "paged out, 31 MB", "trimmed by Android, level 40"]


def test_what_a_trim_gave_back_or_why_it_was_not_asked_is_said() -> None:
    one = ProcessId(7, 70)
    seen = left_behind(
        trimmed=(
            Trimmed(one, "a", 300 * 10**6, 100 * 10**6, None),
            Trimmed(one, "b", 5, None, "refused: it is at that level"),
            Trimmed(one, "c", 5, 9, None),
        )
    )
    text = summary_of(seen)
    assert "a (pid 7), asked to trim as hidden: gave back 0.20 GB" in text
    assert "hidden: refused: it is at that level" in text
    assert "hidden: gave back nothing" in text
    given = [each["given_bytes"] for each in report.footprint_json(seen, {})["trimmed"]]
    assert given == [200 * 10**6, None, -4]
