"""
The same promises on arm64, which nearly every phone is, with pages of 4 and of 16 KiB.

Emulated on another processor, and so slow: nightly. Each is a phone of its own, of its own kernel.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands import run, run_json
from droidreclaim.errors import DroidReclaimError
from droidreclaim.lab.phone import arch, image
from droidreclaim.units import KIB, MIB
from handset import Handset, until

pytestmark = [pytest.mark.phone, pytest.mark.nightly]

GAME = "com.example.game"


@pytest.fixture(scope="module", params=[16, 4], ids=["16KiB", "4KiB"])
def arm64(boot_for_module: Callable[..., Handset], request: pytest.FixtureRequest) -> Handset:
    found = arch.find("arm64", request.param * KIB)
    assert found is not None
    try:
        image.ensure(lambda _: False, print, found)
    except DroidReclaimError as error:
        pytest.skip(f"no image for arm64: {error}")
    phone = boot_for_module(arch_name=found.name, page_bytes=found.page_bytes)
    until(lambda: phone.text("getprop pocket.settled") == "1", timeout_s=120)
    phone.text(f"rmdir /dev/ashmem; am force-stop {GAME}")  # its heap is anonymous: Android 10
    return phone


@pytest.fixture
def phone(arm64: Handset) -> Handset:
    """Return the phone with the game in the background, idle, and not paged out."""
    arm64.text(f"am start -W {GAME}; input keyevent HOME; pocket beat off; pocket verify {GAME}")
    until(lambda: adj(arm64) >= 700)
    return arm64


def adj(phone: Handset) -> int:
    return int(phone.text(f"cat /proc/$(pidof {GAME})/oom_score_adj"))


def swapped_kib(phone: Handset) -> int:
    return int(phone.text(f"grep VmSwap /proc/$(pidof {GAME})/status").split()[1])


def page_bytes(phone: Handset) -> int:
    return int(phone.text("getconf PAGE_SIZE"))


def middle_of_heap(phone: Handset) -> int:
    """An address in the middle of the largest mapping, at a multiple of 64 KiB."""
    rows = [row.split() for row in phone.text(f"cat /proc/$(pidof {GAME})/maps").splitlines()]
    spans = [tuple(int(end, 16) for end in row[0].split("-")) for row in rows if row[1] == "rw-p"]
    start, end = max(spans, key=lambda span: span[1] - span[0])
    return (start + end) // 2 // (64 * KIB) * (64 * KIB)


def reclaim(phone: Handset, *words: str) -> dict[str, Any]:
    return dict(run_json(phone, "reclaim", *words))


def test_it_is_what_it_says(phone: Handset) -> None:
    device = run_json(phone, "ps")["device"]
    assert (device["abi"], device["page_bytes"]) == ("arm64-v8a", page_bytes(phone))
    assert phone.phone.config.page_bytes == page_bytes(phone)


def test_what_is_paged_out_leaves_is_what_was_estimated_and_comes_back_whole(
    phone: Handset,
) -> None:
    estimate = reclaim(phone, GAME, "--dry-run")["estimate"]["leaves_bytes"]
    [target] = reclaim(phone, GAME)["targets"]
    left = target["before"]["rss_bytes"] - target["after"]["rss_bytes"]
    assert (target["outcome"], target["reason"]) == ("reclaimed", None)
    assert estimate == pytest.approx(left, rel=0.1)
    assert left > 16 * MIB
    assert target["advised_bytes"] % page_bytes(phone) == 0
    assert "LaunchState: HOT" in phone.text(f"am start -W {GAME}")
    assert json.loads(phone.text(f"pocket verify {GAME}"))["bad"] == 0


def test_a_prefetch_brings_it_back(phone: Handset) -> None:
    reclaim(phone, GAME)
    told = reclaim(phone, GAME, "--how", "prefetch")
    assert [one["outcome"] for one in told["targets"]] == ["prefetched"]
    # Pages of zeros come back without being read: since 6.12 the kernel does not count them.
    assert told["totals"]["came_in_bytes"] >= 0.8 * told["totals"]["advised_bytes"]
    assert told["totals"]["advised_bytes"] > 8 * MIB


def test_a_range_of_other_pages_is_refused_and_one_of_its_own_is_not(phone: Handset) -> None:
    start = middle_of_heap(phone)
    target = f"pid:{phone.text(f'pidof {GAME}')}"
    refused = run(phone, "reclaim", target, "--range", f"{start + 4096:x}+64KiB")
    if page_bytes(phone) == 4096:
        assert refused.returncode == 0
    else:
        assert refused.returncode == 2
        assert "a range is of whole pages, 16384 bytes each here" in refused.stderr
    [done] = reclaim(phone, target, "--range", f"{start + 256 * KIB:x}+256KiB")["targets"]
    assert done["advised_bytes"] == 256 * KIB


def test_the_guard_pages_out_by_itself(phone: Handset, tmp_path: Path) -> None:
    profile = tmp_path / "game.yaml"
    profile.write_text(
        "version: 1\nname: game\nwhen: {next_launch: false, available: 2GiB}\n"
        "who: {background: 0s}\nhow: {rung: leave}\n"
        f"packages:\n  - match: {GAME}\n    how: {{rung: pageout}}\n"
    )
    try:
        run_json(phone, "guard", "start", "--profile", str(profile), "--for", "5m")
        until(lambda: swapped_kib(phone) * KIB > 16 * MIB, timeout_s=60)
    finally:
        run(phone, "guard", "stop")
    assert json.loads(phone.text(f"pocket verify {GAME}"))["bad"] == 0
