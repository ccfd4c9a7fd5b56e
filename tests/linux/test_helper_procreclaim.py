"""/proc/PID/reclaim of vendor kernels, in each of its dialects, on real processes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import MIB, WAITING, Reply, Victim, Zram, ask, missing, read_reply, require_root

pytestmark = pytest.mark.linux

FAKE = Path(__file__).with_name("fake_reclaim.py")


@pytest.fixture(autouse=True)
def _fuse() -> None:
    require_root()
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        missing("no /dev/fuse")


def reclaim(
    helper: Path,
    victim: Victim,
    dialect: str,
    folder: Path,
    *words: str,
    before: tuple[str, ...] = (),
) -> Reply:
    """One page-out where the victim's /proc has a ``reclaim`` of that dialect."""
    argv = [sys.executable, str(FAKE), str(victim.pid), dialect, str(folder), *before]
    asked = [str(helper), "pageout", f"targets={victim.target()}", "backend=proc_reclaim", *words]
    done = subprocess.run([*argv, *asked], capture_output=True, timeout=90, check=False)
    reply = read_reply(io.BytesIO(done.stdout))
    assert reply is not None, done.stderr.decode()
    return reply


@pytest.mark.parametrize("dialect", ["keyword", "numeric", "range", "nice"])
def test_each_dialect_pages_out_and_every_byte_returns(
    helper: Path, zram: Zram, victims: Any, tmp_path: Path, dialect: str
) -> None:
    victim = victims("anon=16")
    target = reclaim(helper, victim, dialect, tmp_path).only("target")
    assert (target["outcome"], target["reason"]) == ("advised", None)
    assert target["before"]["rss_bytes"] - target["after"]["rss_bytes"] >= 16 * MIB - WAITING
    assert victim.memory("VmSwap") >= 16 * MIB - WAITING
    assert victim.bad_pages() == 0


def test_a_write_that_succeeds_and_does_nothing_is_nothing(
    helper: Path, zram: Zram, victims: Any, tmp_path: Path
) -> None:
    target = reclaim(helper, victims("anon=16"), "lie", tmp_path).only("target")
    assert (target["outcome"], target["reason"]) == ("nothing", "not_proven")


def test_a_range_is_asked_for_by_address(
    helper: Path, zram: Zram, victims: Any, tmp_path: Path
) -> None:
    victim = victims("anon=16")
    start = next(
        int(line.split("-")[0], 16)
        for line in Path(f"/proc/{victim.pid}/maps").read_text().splitlines()
        if len(line.split()) == 5 and "rw-p" in line
        and int(line.split()[0].split("-")[1], 16) - int(line.split("-")[0], 16) >= 16 * MIB
    )  # fmt: skip
    words = f"range={start:x}-{start + 4 * MIB:x}"
    target = reclaim(helper, victim, "range", tmp_path, words).only("target")
    assert target["outcome"] == "advised"
    assert victim.memory("VmSwap") == 4 * MIB
    assert victim.bad_pages() == 0


def test_a_buffer_of_13_bytes_takes_no_range_and_that_is_said(
    helper: Path, zram: Zram, victims: Any, tmp_path: Path
) -> None:
    victim = victims("anon=16")
    target = reclaim(helper, victim, "keyword", tmp_path, "only=unnamed").only("target")
    assert (target["outcome"], target["reason"]) == ("unsupported", "unsupported")
    assert victim.memory("VmSwap") == 0


def test_without_cap_sys_nice_the_variant_that_wants_it_denies(
    helper: Path, zram: Zram, victims: Any, tmp_path: Path
) -> None:
    less = ("setpriv", "--bounding-set", "-sys_nice", "--inh-caps", "-sys_nice")
    victim = victims("anon=16")
    target = reclaim(helper, victim, "nice", tmp_path, before=less).only("target")
    assert (target["outcome"], target["reason"]) == ("denied", "denied")


def test_a_write_that_does_not_come_back_is_stuck_and_not_repeated(
    helper: Path, zram: Zram, victims: Any, tmp_path: Path
) -> None:
    victim = victims("anon=16")
    reply = reclaim(helper, victim, "hang", tmp_path, "deadline_ms=300")
    target = reply.only("target")
    assert (target["outcome"], target["reason"]) == ("stopped", "stuck")
    assert target["duration_us"] < 3_000_000


def test_a_kernel_without_the_file_is_unsupported(helper: Path, zram: Zram, victims: Any) -> None:
    victim = victims("anon=4")
    words = (f"targets={victim.target()}", "backend=proc_reclaim")
    target = ask(helper, "pageout", *words).only("target")
    assert (target["outcome"], target["reason"]) == ("unsupported", "unsupported")
