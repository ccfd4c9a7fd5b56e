"""A table of lmkd's decisions: headroom and the phone's killer decide so, `why` names the rule."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from droidreclaim.inspect import why
from droidreclaim.lab.phone.guest.framework.lmkd import Kill, kill_event, kill_line
from droidreclaim.parse.proc.kernel import parse_meminfo, parse_pressure, parse_vmstat
from droidreclaim.parse.proc.zoneinfo import parse_zoneinfo
from droidreclaim.policy.killer import Found, Killer
from droidreclaim.policy.lmkd import Sample, headroom
from droidreclaim.policy.lmkd_settings import settings_in_force
from droidreclaim.policy.why import Cause
from droidreclaim.units import format_size
from headroom_record import RULES

APP = "com.example.app"
_SOURCES = Path(__file__).parents[3] / "droidreclaim" / "lab" / "phone" / "guest" / "src"
_FILE_PAGES = 10_000
# Plenty of everything, in pages or KiB: 200 MiB free, 10,000 file pages, all swap free.
_CALM = {
    "free": 50_000, "cma": 0, "active_file": 0, "inactive_file": _FILE_PAGES, "dirty": 0,
    "anon_kb": 400_000,
    "swap_total_kb": 200_000, "swap_free_kb": 200_000, "thrashing": 0, "stall_ms": 0, "direct": 0,
    "min": 1000, "low": 2000, "high": 3000, "sdk": 33,
}  # fmt: skip
_LOW, _MIN = {"free": 1999}, {"free": 999}
_SWAP_LOW = {"swap_free_kb": 19_999}
_THRASHES, _DESPERATE = {"thrashing": 101}, {"thrashing": 300}
_ROOM = _LOW | {"inactive_file": 2500}  # with free memory 17,996 KiB: under a tenth of swap
_DIV = {"swap_compression_ratio": 263, "swap_compression_ratio_div": 100}
_RELAXED = {"relaxed_available_memory": 1}
_UTIL = {"swap_free_kb": 100_000, "swap_util_max": 19}  # 100,000 of 500,000 KiB are in swap

CASES = [
    ("calm", {}, None, None),
    ("low, until Android 13", _LOW, None, None),
    ("low, since Android 14", _LOW | {"sdk": 34}, "low_mem", 701),
    ("low, another floor", _LOW | {"sdk": 35, "lowmem_min_oom_score": 800}, "low_mem", 800),
    ("free pages of CMA do not count", {"free": 3000, "cma": 1500, "sdk": 34}, "low_mem", 701),
    ("at the mark is not below it", {"free": 2000, "sdk": 34}, None, None),
    ("swap low alone", _SWAP_LOW, None, None),
    ("swap low and below low", _SWAP_LOW | _LOW, "low_mem_and_swap", 201),
    ("swap low and below min", _SWAP_LOW | _MIN, "low_mem_and_swap", 0),
    ("swap low goes before low", _SWAP_LOW | _LOW | {"sdk": 34}, "low_mem_and_swap", 201),
    ("a share of swap that is set", _LOW | {"swap_free_kb": 39_999, "swap_free_low_percentage": 20},
     "low_mem_and_swap", 201),
    ("no room for swap", _LOW | {"inactive_file": 0}, "low_mem_and_swap", 201),
    ("room is not asked for", _LOW | {"inactive_file": 0, "swap_compression_ratio": 0}, None, None),
    ("room is not asked for until Android 12", _LOW | {"inactive_file": 0, "sdk": 31}, None, None),
    ("room by a ratio of 2.63", _ROOM | _DIV, None, None),
    ("the same ratio without its div", _ROOM | {"swap_compression_ratio": 263}, None, None),
    ("room by half", _ROOM | {"swap_compression_ratio": 1, "swap_compression_ratio_div": 2},
     "low_mem_and_swap", 201),
    ("too little of it", _ROOM | _DIV | {"inactive_file": 0, "free": 1900},
     "low_mem_and_swap", 201),
    ("active file pages are none", _ROOM | {"active_file": 5000}, "low_mem_and_swap", 201),
    ("but are if relaxed", _ROOM | {"active_file": 5000, **_RELAXED}, None, None),
    ("dirty ones are not", _ROOM | {"active_file": 5000, "dirty": 4900, **_RELAXED},
     "low_mem_and_swap", 201),
    ("nor does anon count at a ratio of 1", _ROOM | _RELAXED, "low_mem_and_swap", 201),
    ("what compressing would free", _ROOM | _RELAXED | {"swap_compression_ratio": 2}, None, None),
    ("no swap at all", _LOW | {"swap_total_kb": 0, "swap_free_kb": 0}, None, None),
    ("thrashing alone", _THRASHES, None, None),
    ("thrashing at the limit", _LOW | {"thrashing": 100}, None, None),
    ("thrashing and below low", _THRASHES | _LOW, "low_mem_and_thrashing", 201),
    ("thrashing thrice the limit", _DESPERATE | _LOW, "low_mem_and_thrashing", 0),
    ("thrashing and swap low", _THRASHES | _SWAP_LOW, "low_swap_and_thrashing", 201),
    ("the same, desperate", _DESPERATE | _SWAP_LOW, "low_swap_and_thrashing", 0),
    ("the same, below min", _THRASHES | _SWAP_LOW | _MIN, "low_swap_and_thrashing", 0),
    ("thrashing goes before low swap", _THRASHES | _SWAP_LOW | _LOW, "low_swap_and_thrashing", 201),
    ("direct reclaim alone", {"direct": 1}, None, None),
    ("direct reclaim and thrashing", _THRASHES | {"direct": 1}, "direct_recl_and_thrashing", 201),
    ("the same, desperate", _DESPERATE | {"direct": 1}, "direct_recl_and_thrashing", 0),
    ("below low goes before direct", _THRASHES | _LOW | {"direct": 1},
     "low_mem_and_thrashing", 201),
    ("a thrashing limit that is set", _LOW | {"thrashing": 31, "thrashing_limit": 30},
     "low_mem_and_thrashing", 201),
    ("too much is in swap", _UTIL | _LOW, "low_mem_and_swap_util", 0),
    ("as much as may be", _UTIL | _LOW | {"swap_util_max": 20}, None, None),
    ("in swap goes before thrashing", _UTIL | _LOW | _THRASHES, "low_mem_and_swap_util", 0),
    ("in swap and above the mark", _UTIL, None, None),
    ("nothing moves", {"stall_ms": 700}, "not_responding", 0),
    ("almost nothing moves", {"stall_ms": 699}, None, None),
    ("nothing moves goes first", _SWAP_LOW | _MIN | _THRASHES | {"stall_ms": 900},
     "not_responding", 0),
    ("a stall that is set", {"stall_ms": 100, "psi_complete_stall_ms": 100}, "not_responding", 0),
]  # fmt: skip
_EACH = pytest.mark.parametrize(
    ("given", "rule", "floor"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)


@_EACH
def test_headroom_decides_as_the_table(
    given: dict[str, int], rule: str | None, floor: int | None
) -> None:
    case = _CALM | given
    seen = headroom(
        _sample(case, ended=True),
        [_sample(case, ended=False)],
        _properties(case),
        4096,
        Found(Killer.PSI_NEW, "the phone's"),
    )
    assert (seen.next_rule if seen.firing else None) == rule
    assert (seen.adj_floor if seen.firing else None) == floor


@_EACH
def test_the_killer_decides_as_the_table(
    given: dict[str, int], rule: str | None, floor: int | None, killer: Path
) -> None:
    assert _decision(killer, _CALM | given) == (rule, floor)


def test_the_killer_kills_on_below_min_right_after_a_kill(killer: Path) -> None:
    again = _CALM | {"after_kill": 1}
    assert _decision(killer, again | _MIN) == ("pressure_after_kill", 0)
    assert _decision(killer, again | _MIN | {"pressure_after_kill_min_score": 900})[1] == 900
    assert _decision(killer, again | _LOW) == (None, None)


# The settings of each rule, of which a kill by it is to name all.
_LIMITS = {
    "pressure_after_kill": ("pressure_after_kill_min_score",),
    "not_responding": ("psi_complete_stall_ms",),
    "low_swap_and_thrashing": ("swap_free_low_percentage", "thrashing_limit"),
    "low_mem_and_swap": ("swap_free_low_percentage",),
    "low_mem_and_thrashing": ("thrashing_limit",),
    "direct_recl_and_thrashing": ("thrashing_limit",),
    "low_mem_and_swap_util": ("swap_util_max",),
    "low_mem": ("lowmem_min_oom_score",),
}
_KILLING = [(given, rule) for _, given, rule, _ in CASES if rule is not None]
_KILLING.append(({"after_kill": 1, "pressure_after_kill_min_score": 900} | _MIN,
                 "pressure_after_kill"))  # fmt: skip


def test_the_killer_can_be_brought_to_each_rule_that_it_has() -> None:
    off = {"low_filecache_after_thrashing"}  # in AOSP, so the phone's has none
    assert {rule for _, rule in _KILLING} == set(RULES) - off == set(_LIMITS)


@pytest.mark.parametrize(("given", "rule"), _KILLING)
@pytest.mark.parametrize("has_killinfo", [True, False])
def test_why_names_the_rule_by_what_the_killer_prints_and_its_limits(
    given: dict[str, int], rule: str, has_killinfo: bool, killer: Path, tmp_path: Path
) -> None:
    case = _CALM | given
    code, floor, words = _answer(killer, case)
    kill = Kill(4242, 10099, 900, floor, 80 << 20, 20 << 20, code, _numbers(case), APP, words)
    said = [("lowmemorykiller", kill_line(kill, case["sdk"]))]
    said += [("killinfo", kill_event(kill))] * has_killinfo
    report = tmp_path / "bugreport.txt"
    report.write_text(_report(said, _properties(case)), "utf-8")
    [death] = why.of_capture(report, APP, since_s=None).deaths
    texts = [one.text for one in death.sentences]
    assert (RULES[code], death.cause) == (rule, Cause.LMKD)
    assert words in texts[0]
    [limits] = [one for one in texts if one.startswith("The limits of this rule")]
    named = [
        f"{name} {settings_in_force(_properties(case))[name].value} (" for name in _LIMITS[rule]
    ]
    assert all(one in limits for one in named), limits
    assert limits.count(" (") == len(named), limits
    free = format_size(case["free"] * 4096)
    assert any(one.startswith(f"At that moment {free} were free") for one in texts) is has_killinfo
    assert bool(death.unknown) is not has_killinfo
    assert not any("disagree" in one for one in texts)


def _report(said: list[tuple[str, str]], properties: dict[str, str]) -> str:
    """A bug report with a log of these tags and messages, and with these properties."""
    rows = [f"11-28 10:00:00.010   400   400 I {tag}: {text}\n" for tag, text in said]
    values = [f"[{name}]: [{value}]\n" for name, value in properties.items()]
    end = "------ 0.1s was the duration of 'IT' ------\n"
    return "".join([
        "== dumpstate: 2026-11-28 10:05:00\n",
        "------ SYSTEM LOG (logcat -v threadtime -d *:v) ------\n", *rows, end,
        "------ SYSTEM PROPERTIES (getprop) ------\n", *values, end,
    ])  # fmt: skip


def _numbers(case: dict[str, int]) -> str:
    """killinfo's values behind its reason: 18 of meminfo in KiB, then what lmkd measured."""
    meminfo = [case["free"] * 4, case["inactive_file"] * 4, *[0] * 16]
    meminfo[6:8] = [case["swap_total_kb"], case["swap_free_kb"]]
    measured = [0, 0, 1, 0, 0, 20 << 10, 0, case["thrashing"], case["thrashing"], *[0.0] * 5]
    return ",".join(map(str, [*meminfo, *measured]))


@pytest.mark.parametrize(
    ("looks", "thrashing"),
    [
        ("1000:0 1500:5000 1900:9000", [0, 50, 90]),
        ("1000:0 2000:9000 2100:9000 3000:9000", [0, 45, 45, 0]),  # half of the window before
        ("1000:0 2000:15000 2100:16000", [0, 150, 160]),  # over the limit, and nobody was killed
        ("1000:0 3500:30000", [0, 75]),  # it was away for two windows
        ("1000:0 1900:15000 kill 1910:15000 1950:15500", [0, 150, 0, 5]),  # begins anew
    ],
)
def test_the_killer_counts_thrashing_by_windows(
    looks: str, thrashing: list[int], killer: Path
) -> None:
    done = subprocess.run([killer, *looks.split()], capture_output=True, text=True, check=True)
    assert [int(word) for word in done.stdout.split()] == thrashing


@pytest.fixture(scope="module")
def killer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the phone's lmkd with a main function that makes one decision and prints it."""
    compiler = shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    program = tmp_path_factory.mktemp("killer") / "rules"
    source = Path(__file__).with_name("lmkd_rules.c")
    flags = ["-g", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function"]
    flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    subprocess.run([compiler, *flags, "-I", _SOURCES, "-o", program, source], check=True)
    return program


def _decision(killer: Path, case: dict[str, int]) -> tuple[str | None, int | None]:
    reason, floor, _ = _answer(killer, case)
    return (None, None) if reason < 0 else (RULES[reason], floor)


def _answer(killer: Path, case: dict[str, int]) -> tuple[int, int, str]:
    """Return the reason's number, the adj down to which it kills, and the reason in words."""
    words = [f"{name}={value}" for name, value in case.items()]
    done = subprocess.run([killer, *words], capture_output=True, text=True, check=True)
    reason, floor, why_words = done.stdout.rstrip("\n").split(" ", 2)
    return int(reason), int(floor), why_words


def _properties(case: dict[str, int]) -> dict[str, str]:
    names = case.keys() - _CALM.keys()
    settings = {f"ro.lmk.{name}": str(case[name]) for name in names}
    return settings | {"ro.build.version.sdk": str(case["sdk"])}


def _sample(case: dict[str, int], *, ended: bool) -> Sample:
    """Return the sample of the case; with *ended* false, the one taken a second before."""
    stalled_us = case["stall_ms"] * 1000 * ended
    refaults = -(-case["thrashing"] * (case["inactive_file"] + 1) // 100) * ended
    stall = f"avg10=0.00 avg60=0.00 avg300=0.00 total={stalled_us}\n"
    inactive_kb, free_kb = case["inactive_file"] * 4, case["free"] * 4
    return Sample(
        at_s=float(ended),
        meminfo=parse_meminfo(
            f"MemFree: {free_kb} kB\nInactive(file): {inactive_kb} kB\n"
            f"Active(file): {case['active_file'] * 4} kB\n"
            f"Dirty: {case['dirty'] * 4} kB\n"
            f"Active(anon): {case['anon_kb']} kB\nInactive(anon): 0 kB\nShmem: 0 kB\n"
            f"SwapTotal: {case['swap_total_kb']} kB\nSwapFree: {case['swap_free_kb']} kB\n"
        ),
        vmstat=parse_vmstat(
            f"nr_free_pages {case['free']}\nnr_free_cma {case['cma']}\n"
            f"nr_active_file {case['active_file']}\n"
            f"nr_inactive_file {case['inactive_file']}\nworkingset_refault_file {refaults}\n"
            f"pgscan_direct {case['direct'] * ended}\n"
        ),
        zoneinfo=parse_zoneinfo(
            f"Node 0, zone   Normal\n  pages free     {case['free']}\n"
            f"        min      {case['min']}\n        low      {case['low']}\n"
            f"        high     {case['high']}\n        present  90000\n"
            "        protection: (0, 0)\n"
        ),
        pressure=parse_pressure(f"some {stall}full {stall}"),
    )
