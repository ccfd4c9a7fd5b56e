"""The helper pages out exactly the chosen pages: by kind, by range, and in order."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import MIB, Victim, Zram, ask, start_ticks, status_bytes, wait_for_state

pytestmark = pytest.mark.linux


def private_ranges(victim: Victim, least_bytes: int) -> list[tuple[int, int]]:
    """Unnamed writable ranges of at least so many bytes."""
    found = []
    for line in Path(f"/proc/{victim.pid}/maps").read_text().splitlines():
        row = re.fullmatch(r"([0-9a-f]+)-([0-9a-f]+) rw-p \S+ 00:00 0 *", line)
        if row and int(row[2], 16) - int(row[1], 16) >= least_bytes:
            found.append((int(row[1], 16), int(row[2], 16)))
    return found


def kinds_of(target: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {row["kind"]: row for row in target["kinds"]}


def test_only_a_kind_leaves_the_others_where_they_are(
    helper: Path, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=16")
    stack = ask(helper, "pageout", f"targets={victim.target()}", "only=stack,native").only("target")
    assert 0 < stack["advised_bytes"] < MIB
    assert victim.memory("RssAnon") > 16 * MIB
    rest = ask(helper, "pageout", f"targets={victim.target()}", "only=unnamed").only("target")
    assert rest["advised_bytes"] >= 16 * MIB
    assert victim.bad_pages() == 0


def test_a_range_is_what_moves_and_nothing_beside_it(
    helper: Path, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=16")
    start, _ = private_ranges(victim, 16 * MIB)[0]
    asked = f"range={start + MIB:x}-{start + 3 * MIB:x}"
    target = ask(helper, "pageout", f"targets={victim.target()}", asked).only("target")
    assert target["advised_bytes"] == target["mapped_bytes"] == 2 * MIB
    assert victim.memory("VmSwap") == 2 * MIB
    pagemap = Path(f"/proc/{victim.pid}/pagemap")
    with pagemap.open("rb") as entries:
        entries.seek(start // 4096 * 8)
        swapped = [
            bool(int.from_bytes(entries.read(8), "little") >> 62 & 1) for _ in range(4 * 256)
        ]
    assert swapped == [False] * 256 + [True] * 512 + [False] * 256
    assert victim.bad_pages() == 0


@pytest.mark.parametrize(
    "words",
    [
        ("range=1000-1000",),
        ("range=1001-2000",),
        ("range=2000",),
        ("only=graphics",),
        ("only=dalvik", "what=all"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(helper: Path, words: tuple[str, ...]) -> None:
    reply = ask(helper, "pageout", "targets=1:1", *words)
    assert reply.end["error"] == "EINVAL"


def test_a_range_is_of_one_process(helper: Path) -> None:
    reply = ask(helper, "pageout", "targets=1:1,2:2", "range=1000-2000")
    assert reply.end["error"] == "EINVAL"


def test_a_dry_run_counts_each_kind_and_what_is_locked(
    helper: Path, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=16", "locked=4")
    dry = ask(helper, "pageout", f"targets={victim.target()}", "what=all", "dry=1").only("target")
    kinds = kinds_of(dry)
    assert kinds["unnamed"]["exclusive_bytes"] >= 20 * MIB
    assert kinds["unnamed"]["locked_bytes"] == 4 * MIB
    assert kinds["stack"]["locked_bytes"] == 0
    assert kinds["code"]["shared_bytes"] > 0
    assert "dalvik" not in kinds
    sums = {key: sum(row[key] for row in kinds.values()) for key in ("mapped_bytes",)}
    assert sums["mapped_bytes"] == dry["mapped_bytes"]
    assert victim.memory("VmSwap") == 0


def test_the_estimate_of_a_dry_run_is_what_then_happens(
    helper: Path, zram: Zram, victims: Any
) -> None:
    victim = victims("anon=32", "locked=8", "vmas=500")
    os.kill(victim.pid, signal.SIGSTOP)
    wait_for_state(victim.pid, "T")
    dry = ask(helper, "pageout", f"targets={victim.target()}", "dry=1").only("target")
    kinds = dry["kinds"]
    estimate = sum(row["exclusive_bytes"] - row["locked_bytes"] for row in kinds)
    done = ask(helper, "pageout", f"targets={victim.target()}").only("target")
    left = done["before"]["rss_bytes"] - done["after"]["rss_bytes"]
    assert left == pytest.approx(estimate, rel=0.10)


def test_what_is_stopped_comes_before_what_runs(helper: Path, zram: Zram, victims: Any) -> None:
    running, stopped = victims("anon=4"), victims("anon=4")
    os.kill(stopped.pid, signal.SIGSTOP)
    wait_for_state(stopped.pid, "T")
    targets = f"targets={running.target()},{stopped.target()}"
    reply = ask(helper, "pageout", targets, "idle_first=1")
    assert [row["pid"] for row in reply.all("target")] == [stopped.pid, running.pid]
    assert [row["frozen"] for row in reply.all("target")] == [True, False]
    plain = ask(helper, "pageout", targets)
    assert [row["pid"] for row in plain.all("target")] == [running.pid, stopped.pid]


_COPIES = """
import mmap, sys, time
with open(sys.argv[1], "w+b") as file:
    file.write(b"library" * (8 << 20 >> 3))
    file.truncate(8 << 20)
    own = mmap.mmap(file.fileno(), 8 << 20, access=mmap.ACCESS_COPY)
    for at in range(0, 4 << 20, 4096):
        own[at] = 1
    print("ready", flush=True)
    time.sleep(60)
"""


def test_what_a_process_wrote_to_its_copy_of_a_file_is_no_file_page(
    helper: Path, zram: Zram, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", _COPIES, str(tmp_path / "library.so")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as victim:
        assert victim.stdout is not None
        victim.stdout.readline()
        target = f"targets={victim.pid}:{start_ticks(victim.pid)}:-1000"
        ask(helper, "pageout", target, "what=file")
        assert status_bytes(victim.pid, "VmSwap") == 0
        both = ask(helper, "pageout", target, "what=all").only("target")
        assert both["after"]["swap_bytes"] >= 4 * MIB
        victim.kill()


def test_a_dry_run_keeps_to_the_budget_too(helper: Path, zram: Zram, victims: Any) -> None:
    victim = victims("anon=16")
    words = (f"targets={victim.target()}", f"budget_bytes={4 * MIB}", "dry=1")
    target = ask(helper, "pageout", *words).only("target")
    assert (target["outcome"], target["reason"]) == ("stopped", "budget")
    assert target["exclusive_bytes"] <= 4 * MIB + 4096
    assert victim.memory("VmSwap") == 0
