"""Turning an unused zram into swap, and undoing that."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from .conftest import MIB, ZRAM, Zram, ask, swap_bytes

pytestmark = pytest.mark.linux


@pytest.fixture
def unused(zram_device: Zram, no_swap: None) -> Any:
    """A zram0 that nobody uses, and unused again afterwards."""
    yield zram_device
    zram_device.disable()


def test_swap_on_takes_an_unused_zram_and_off_gives_it_back(
    helper: Path, unused: Zram, victims: Any
) -> None:
    on = ask(helper, "swap_on", f"size_bytes={256 * MIB}").only("swap")
    assert on["path"] == "/dev/zram0"
    assert swap_bytes()[0] == 256 * MIB - 4096
    victim = victims("anon=16")
    moved = ask(helper, "pageout", f"targets={victim.target()}").only("target")
    assert moved["after"]["swap_bytes"] >= 16 * MIB
    off = ask(helper, "swap_off").only("swap")
    assert off["used_bytes"] >= 16 * MIB
    assert swap_bytes()[0] == 0
    assert (ZRAM / "disksize").read_text().strip() == "0"
    assert victim.bad_pages() == 0


def test_a_zram_in_use_is_left_alone(helper: Path, zram: Zram) -> None:
    assert ask(helper, "swap_on", f"size_bytes={64 * MIB}").end["error"] == "ENODEV"
    assert ask(helper, "swap_off").end["error"] == "ENOENT"
    assert swap_bytes()[0] == 2048 * MIB - 4096


def test_swap_that_does_not_fit_into_memory_stays(
    helper: Path, unused: Zram, victims: Any, tmp_path: Path
) -> None:
    """Use a made-up /proc with the real /sys and /dev, to choose how much memory is available."""
    ask(helper, "swap_on", f"size_bytes={64 * MIB}")
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "meminfo").write_text("MemAvailable:  1024 kB\n")
    (proc / "swaps").write_text(
        "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
        "/dev/zram0                              partition\t65532\t\t2048\t\t-2\n"
    )
    script = f"mount --bind {proc} /proc && exec {helper} swap_off"
    run = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    assert '"error":"ENOMEM"' in run.stdout, run.stderr
    assert swap_bytes()[0] == 64 * MIB - 4096


@pytest.mark.parametrize("size", ["0", "4097", "1048577", "x", str(1 << 60)])
def test_a_size_that_makes_no_sense_is_refused(helper: Path, size: str) -> None:
    assert ask(helper, "swap_on", f"size_bytes={size}").end["error"] == "EINVAL"
