"""The demo's plan, its verdict, and what it shows, without a phone."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import socket
import subprocess
import threading
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from droidreclaim.errors import DroidReclaimError
from droidreclaim.lab.demo import page, scenario, table
from droidreclaim.lab.demo.result import (
    WITH,
    WITHOUT,
    Arm,
    Death,
    Demo,
    Game,
    Step,
    arm_of,
    steps_of,
    to_json,
)
from droidreclaim.lab.demo.table import short_name
from droidreclaim.lab.storm.events import (
    Begin,
    End,
    Gone,
    Kill,
    Launch,
    PageOut,
    Run,
    Sample,
    Verified,
)
from droidreclaim.report import document, render
from droidreclaim.units import MIB

AVAILABLE_BYTES = 330 * MIB
PLAN = scenario.plan(1, 4, AVAILABLE_BYTES)
LOW_SWAP = "low watermark is breached and swap is low (33140kB < 78642kB)"
KILLED = Death(12.5, "lmkd", 168, scenario.GAME, 940, LOW_SWAP)


def step(number: int, available_mib: int, **values: object) -> Step:
    app = PLAN.apps[number]
    launch = Launch(float(number), app.package, "COLD", 1.25, True, 167 + number, 9 * MIB)
    fields = {"killed": (), "paged_out": None, **values}
    return Step(launch, sample(number + 0.5, available_mib, number), **fields)  # type: ignore[arg-type]


def sample(at_s: float, available_mib: int, swap_mib: int = 0) -> Sample:
    swap = (swap_mib * MIB, swap_mib * MIB // 3)
    return Sample(at_s, available_mib * MIB, MIB, *swap, None, None, None, None)


def arm(name: str, game: Game, *deaths: Death, steps: tuple[Step, ...]) -> Arm:
    samples = tuple(one.sample for one in steps)
    checked = Verified(processes=3, missing=0, pages=1000, bad=0, duration_s=2.0)
    return Arm(name, "127.0.0.1:6520", 4, game, deaths, steps, samples, checked, 20.0)


def kept_game() -> Game:
    return Game(167, 21, 167, 21, "HOT", 0.2)


def lost_game() -> Game:
    return Game(168, 21, 298, 0, "COLD", 0.9)


@pytest.fixture
def shown() -> Demo:
    """Return a run as on the pocket phone: the score is lost without reclaim, kept with it."""
    short = (step(0, 300), step(1, 200), step(2, 100), step(3, 20, killed=(scenario.GAME,)))
    moved = PageOut(3.0, 2.5, 1, 60 * MIB, 50 * MIB, 50 * MIB, 33 * MIB, 50 * MIB, 0.1)
    roomy = tuple(step(number, 280, paged_out=moved) for number in range(4))
    arms = (
        arm(WITHOUT, lost_game(), KILLED, steps=short),
        arm(WITH, kept_game(), steps=roomy),
    )
    return Demo(PLAN, 512 * MIB, 768 * MIB, "tcg", arms, 90.0)


def with_arms(demo: Demo, **changes: dict[str, object]) -> Demo:
    """*demo* with values of its arms replaced: ``without={...}``, ``with_us={...}``."""
    without, with_us = demo.arms
    arms = (
        replace(without, **changes.get("without", {})),  # type: ignore[arg-type]
        replace(with_us, **changes.get("with_us", {})),  # type: ignore[arg-type]
    )
    return replace(demo, arms=arms)


# The plan


def test_a_seed_is_one_plan_and_another_seed_another() -> None:
    assert scenario.plan(1, 8, AVAILABLE_BYTES) == scenario.plan(1, 8, AVAILABLE_BYTES)
    assert scenario.plan(1, 8, AVAILABLE_BYTES) != scenario.plan(2, 8, AVAILABLE_BYTES)


@pytest.mark.parametrize("apps", [4, 8, 20, 21, 32])
def test_the_heaps_do_not_fit_memory_and_fit_it_compressed(apps: int) -> None:
    for seed in range(20):
        plan = scenario.plan(seed, apps, AVAILABLE_BYTES)
        assert len({app.package for app in plan.apps}) == apps
        assert plan.heap_bytes > 1.2 * AVAILABLE_BYTES
        largest = max(app.heap_bytes for app in plan.apps)
        assert (plan.heap_bytes - largest) / 2.5 + largest < AVAILABLE_BYTES


@pytest.mark.parametrize(("ram_mib", "available_mib"), [(384, 220), (640, 454), (4096, 3800)])
def test_a_fifth_of_the_swap_stays_free_when_all_but_one_are_in_it(
    ram_mib: int, available_mib: int
) -> None:
    plan = scenario.plan(3, 8, available_mib * MIB)
    assert plan.heap_bytes < 0.95 * scenario.zram_bytes(ram_mib * MIB)
    in_swap = plan.heap_bytes - min(app.heap_bytes for app in plan.apps)
    assert in_swap < 0.9 * scenario.zram_bytes(ram_mib * MIB)


def test_the_plan_is_a_job_of_the_storm_that_opens_the_game_first_and_last() -> None:
    job = PLAN.job(WITH)
    assert [app.package for app in job.launches] == [
        *(app.package for app in PLAN.apps), scenario.GAME,
    ]  # fmt: skip
    assert job.taps == (PLAN.taps, 0)


# From events


def opened(at_s: float, number: int, pid: int | None, **more: object) -> Launch:
    """Return the launch of an app that was on the screen a second after the request."""
    values = {"first": True, "state": "COLD", **more}
    return Launch(
        at_s + 1,
        PLAN.apps[number].package,
        took_s=1.0,
        pid=pid,
        took_bytes=0,
        asked_s=at_s,
        **values,
    )  # type: ignore[arg-type]


def run_of(*events: object) -> Run:
    run = Run(Begin(WITHOUT, 1, 5, 4096, {"serial": "127.0.0.1:6520"}, {}))
    for event in events:
        run.add(event)  # type: ignore[arg-type]
    return run


PLAYED = (
    sample(0.0, 300), opened(1.0, 0, 10, score=21, score_lost=False), sample(2.5, 250),
    opened(3.0, 1, 11), sample(4.5, 100), opened(5.0, 2, 12), sample(5.5, 20),
    Gone(5.5, 10, scenario.GAME), sample(6.5, 90), opened(7.0, 3, 13), sample(8.5, 60),
    Kill("2026-11-28T10:00:00", "lmkd", 10, scenario.GAME, 940, LOW_SWAP, True),
    Verified(4, 0, 1000, 0, 1.0), End(11.0, 20.0, 4, None, 0, 0, 0.1),
)  # fmt: skip
AGAIN = opened(9.0, 0, 14, first=False, score=0, score_lost=True)


def test_an_app_that_dies_while_another_opens_is_of_that_others_step() -> None:
    steps = steps_of(run_of(*PLAYED, AGAIN))
    assert [one.killed for one in steps] == [(), (), (scenario.GAME,), (), ()]
    # What was seen while the next app opened is not what this one left.
    assert [one.sample.available_bytes for one in steps[:4]] == [
        250 * MIB, 100 * MIB, 90 * MIB, 60 * MIB,
    ]  # fmt: skip


def test_of_what_was_played_it_is_told_who_died_and_what_became_of_the_score() -> None:
    arm = arm_of(run_of(*PLAYED, AGAIN), PLAN)
    assert (arm.name, arm.launched, arm.survived, len(arm.steps)) == (WITHOUT, 4, 3, 4)
    assert arm.deaths == (Death(5.5, "lmkd", 10, scenario.GAME, 940, LOW_SWAP),)
    assert arm.game == Game(10, 21, 14, 0, "COLD", 1.0)
    assert not arm.game.kept
    hot = opened(9.0, 0, 10, first=False, state="HOT", score=21, score_lost=False)
    kept = [one for one in PLAYED if not isinstance(one, Gone | Kill)]
    assert arm_of(run_of(*kept, hot), PLAN).game.kept


def test_a_process_that_no_log_speaks_of_is_dead_of_unknown_cause() -> None:
    silent = [one for one in PLAYED if not isinstance(one, Kill)]
    [death] = arm_of(run_of(*silent, AGAIN), PLAN).deaths
    assert (death.by, death.reason) == ("unknown", "no record of its end")


def test_the_end_of_a_process_that_was_opened_again_is_not_counted_twice() -> None:
    arm = arm_of(run_of(*PLAYED, AGAIN, Gone(10.5, 14, scenario.GAME)), PLAN)
    assert arm.survived == 3


@pytest.mark.parametrize(
    ("number", "pid", "score", "sentence"),
    [(3, None, None, "did not start"), (0, None, None, "did not start"),
     (0, 10, None, "gone before anything was short")],
)  # fmt: skip
def test_what_was_never_there_cannot_be_kept(
    number: int, pid: int | None, score: int | None, sentence: str
) -> None:
    package = PLAN.apps[number].package
    events = [
        replace(one, pid=pid, score=score)
        if isinstance(one, Launch) and one.package == package
        else one
        for one in PLAYED
    ]
    with pytest.raises(DroidReclaimError, match=sentence):
        arm_of(run_of(*events, AGAIN), PLAN)


# The verdict


def test_lost_without_and_kept_with_shows_the_difference(shown: Demo) -> None:
    assert shown.not_shown is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"without": {"deaths": (), "game": kept_game()}}, "never short enough"),
        ({"without": {"deaths": (replace(KILLED, by="kernel_oom"),)}}, "by kernel_oom"),
        ({"without": {"deaths": (replace(KILLED, pid=5),)}}, "never short enough"),
        ({"with_us": {"game": lost_game(), "deaths": (KILLED,)}}, "too: killed by lmkd"),
        ({"with_us": {"game": replace(kept_game(), reopened_score=20)}}, "too"),
        ({"with_us": {"game": replace(kept_game(), reopened_pid=9)}}, "too"),
        ({"with_us": {"game": replace(kept_game(), reopened_state="COLD")}}, "too"),
    ],
)
def test_anything_else_does_not_and_says_why(
    shown: Demo, changes: dict[str, dict[str, object]], sentence: str
) -> None:
    why = with_arms(shown, **changes).not_shown
    assert why is not None
    assert sentence in why


def test_json_is_the_contract_of_the_command_line(shown: Demo) -> None:
    told = json.loads(document(to_json(shown)))
    assert told["apps"] == 4
    contract = {
        *("arm", "launched", "killed", "survived", "score_before", "score_after"),
        *("game_pid_before", "game_pid_after"),
    }
    without, with_us = ({key: one[key] for key in contract} for one in told["arms"])
    assert without == {
        "arm": "lowmemorykiller",
        "launched": 4,
        "killed": 1,
        "survived": 3,
        "score_before": 21,
        "score_after": None,
        "game_pid_before": 168,
        "game_pid_after": None,
    }
    assert (with_us["killed"], with_us["survived"]) == (0, 4)
    assert with_us["score_after"] == with_us["score_before"] == 21
    assert with_us["game_pid_after"] == with_us["game_pid_before"] == 167


def test_the_table_names_the_dead_and_draws_what_is_available(shown: Demo) -> None:
    text = render(table.demo_table(shown))
    rows = text.splitlines()[1:5]
    assert "✗ game" in rows[3]
    lengths = [row.split("█", 1)[1].count("█") for row in rows]
    assert lengths == sorted(lengths, reverse=True)
    assert "score 21 lost" in table.verdict(shown)
    assert "score 21 kept, the same pid 167 (HOT in 0.20 s)" in table.verdict(shown)


@pytest.mark.parametrize(
    ("share", "cells"), [(0.0, ""), (1.0, "█" * 12), (0.5, "█" * 6), (7, "█" * 12)]
)
def test_a_bar_is_as_long_as_its_share(share: float, cells: str) -> None:
    assert table.bar(share).strip() == cells


# The page


def test_the_page_holds_every_figure_without_a_script(shown: Demo) -> None:
    text = re.sub(r"<script.*?</script>", "", page.render(shown), flags=re.S)
    for app in PLAN.apps:
        assert f"<th>{short_name(app.package)}</th>" in text
    for figure in ("21 → <b>0</b>", "21 → <b>21</b>", "300.0 MiB", "50.0 MiB", "low watermark"):
        assert figure in text


def test_text_of_a_device_stays_text_in_the_page(shown: Demo) -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    death = replace(KILLED, name=f"com.{evil}", reason=evil)
    text = page.render(with_arms(shown, without={"deaths": (death,)}))
    assert "<img" not in text
    assert "&lt;img src=x" in text


def test_nothing_in_the_page_is_fetched(shown: Demo) -> None:
    text = page.render(shown)
    assert "default-src 'none'" in text
    assert not re.search(r"<(link|img|iframe|object|embed|base|form)\b|@import|\burl\(", text)
    assert not re.search(r"<script[^>]*\bsrc", text)
    assert re.findall(r"https?://[^\s\"'<]*", text) == ["https://github.com/leeoniya/uPlot"]


def test_a_run_that_shows_nothing_says_so_on_top(shown: Demo) -> None:
    kept = with_arms(shown, without={"deaths": (), "game": kept_game()})
    heading = re.search(r"<h1>(.*?)</h1>", page.render(kept), re.S)
    assert heading is not None
    assert "does not show the difference" in heading[1]


def test_the_chart_library_is_the_one_that_was_vendored() -> None:
    folder = files("droidreclaim") / "report" / "web" / "uplot"
    sums = (folder / "SHA256SUMS").read_text().splitlines()
    assert len(sums) == 3
    for line in sums:
        digest, name = line.split()
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


class Gate:
    """A proxy that refuses every connection and records which hosts were wanted."""

    def __init__(self) -> None:
        self.hosts: set[str] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, contextlib.suppress(OSError):
                client.settimeout(5)
                words = client.recv(2000).split()
                if len(words) > 1:  # the browser also opens connections and asks nothing
                    self.hosts.add(re.sub(r"^\w+://|[:/].*$", "", words[1].decode()))

    def close(self) -> None:
        self._listener.close()


_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_OF_THE_BROWSER = (".google.com", ".googleapis.com", ".gstatic.com")  # asked for an empty page too


def browse(text: str, folder: Path) -> tuple[str, set[str]]:
    """Load a page in Chromium; return its text after its scripts ran, and the hosts it wanted."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium: apt-get install chromium")
    path = folder / "page.html"
    path.write_text(text, encoding="utf-8")
    gate = Gate()
    own = (f"--user-data-dir={folder / 'profile'}", f"--proxy-server=127.0.0.1:{gate.port}")
    words = [browser, *_QUIET, *own, "--dump-dom", path.as_uri()]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    finally:
        gate.close()
    return done.stdout, {host for host in gate.hosts if not host.endswith(_OF_THE_BROWSER)}


def test_a_browser_draws_both_charts_and_asks_nobody(shown: Demo, tmp_path: Path) -> None:
    drawn, asked = browse(page.render(shown), tmp_path)
    assert drawn.count("<canvas") == 2
    assert asked == set()


def test_a_page_that_asks_is_seen_and_our_policy_stops_it(shown: Demo, tmp_path: Path) -> None:
    image = '<img src="http://example.invalid/x.png">'
    _, asked = browse(f"<html>{image}</html>", tmp_path)
    assert asked == {"example.invalid"}
    _, asked = browse(page.render(shown).replace("<main>", f"<main>{image}"), tmp_path)
    assert asked == set()


def test_the_page_and_the_terminal_say_why_empty_swap_counted_as_low(shown: Demo) -> None:
    why = replace(shown, api=33).why_swap_is_low
    assert why is not None
    assert "since Android 13" in why
    assert why in table.verdict(shown)
    assert why in page.render(shown)


def test_before_android_13_lmkd_believes_the_kernel_and_nothing_is_explained(shown: Demo) -> None:
    assert replace(shown, api=32).why_swap_is_low is None


def test_a_kill_for_another_reason_is_not_explained_by_swap(shown: Demo) -> None:
    other = replace(KILLED, reason="device is thrashing (120%)")
    assert with_arms(shown, without={"deaths": (other,)}).why_swap_is_low is None
