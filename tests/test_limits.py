"""How far an app is from limits of its own, by what a shell reads in its cgroups."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from local_shell import LocalShell

from build_values import process
from droidreclaim.device import CommandResult
from droidreclaim.errors import ParseError
from droidreclaim.inspect import limits
from droidreclaim.inspect.ask import Answer
from droidreclaim.inspect.checks import Facts, device_checks
from droidreclaim.parse.activity.limiter import parse_memory_limiter
from droidreclaim.policy.limits import AppLimits
from droidreclaim.report.limits import limits_json, limits_text

MIB = 1 << 20
APP = process(7, "com.example.game", 10123, 905)
STATUS = (Path(__file__).parent / "captures/written/memory-limiter.txt").read_text()


class Tree(LocalShell):
    """The real shell with /proc and cgroups in a folder of the test."""

    def __init__(
        self, folder: Path, status: str = "echo 'Unknown command: memory-limiter'"
    ) -> None:
        super().__init__(f"am() {{ {status}; }}\n")
        self._folder = folder

    def run(self, argv: Sequence[str], *, timeout_s: float, stdin: bytes = b"") -> CommandResult:
        moved = [
            word.replace("/proc/", f"{self._folder}/proc/").replace("/sys/", f"{self._folder}/sys/")
            for word in argv
        ]
        return super().run(moved, timeout_s=timeout_s, stdin=stdin)


def group(folder: Path, path: str, **values: int | str) -> None:
    """A cgroup with the given files of its memory controller; ``swap_max`` is swap.max."""
    place = folder / "sys/fs/cgroup" / path
    place.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        text = f"file 5\nanon {value}\nanon_thp 0\n" if name == "stat" else f"{value}\n"
        (place / f"memory.{name.replace('_', '.')}").write_text(text)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "proc/7").mkdir(parents=True)
    (tmp_path / "proc/7/cgroup").write_text("2:cpu:/x\n0::/apps/uid_10123/pid_7\n")
    own = {"current": 60 * MIB, "high": 100 * MIB, "swap_current": 8 * MIB, "swap_max": 40 * MIB}
    group(tmp_path, "apps/uid_10123/pid_7", **own, stat=50 * MIB)
    group(tmp_path, "apps/uid_10123", current=70 * MIB, high="max", swap_current=9 * MIB,
          swap_max="max", stat=60 * MIB)  # fmt: skip
    return tmp_path


def limits_in(tree: Path, status: str = "false") -> AppLimits:
    return limits.of_processes(Tree(tree, status), None, [APP], timeout_s=10)


def test_what_is_left_of_each_limit_is_told_apart(tree: Path) -> None:
    [one] = limits_in(tree).processes
    assert one.group == "/apps/uid_10123/pid_7"
    assert (one.memory_left_bytes, one.swap_left_bytes) == (40 * MIB, 32 * MIB)
    assert one.kill_left_bytes == (100 + 40 - 50 - 8) * MIB


def test_the_group_that_leaves_least_decides(tree: Path) -> None:
    group(tree, "apps/uid_10123", swap_max=10 * MIB)
    [one] = limits_in(tree).processes
    assert (one.swap_left_bytes, one.swap_current_bytes) == (MIB, 9 * MIB)
    assert one.memory_left_bytes == 40 * MIB


def test_a_cached_app_has_no_limit_of_swap_and_no_kill_to_come(tree: Path) -> None:
    group(tree, "apps/uid_10123/pid_7", swap_max="max")
    [one] = limits_in(tree).processes
    assert (one.swap_left_bytes, one.kill_left_bytes) == (None, None)
    assert one.swap_current_bytes == 8 * MIB
    assert "swap 8.0 MiB of no limit" in limits_text(limits_in(tree))


def test_full_swap_and_a_kill_to_come_are_said(tree: Path) -> None:
    group(tree, "apps/uid_10123/pid_7", swap_current=48 * MIB, stat=100 * MIB)
    text = limits_text(limits_in(tree))
    assert "full: a page-out moves nothing" in text
    assert "OVER both: killed within 30 s" in text
    [row] = limits_json(limits_in(tree))["limits"]
    assert (row["swap_left_bytes"], row["kill_left_bytes"]) == (0, -8 * MIB)


def test_a_process_without_a_group_has_unknown_limits_and_not_none_of_them(tmp_path: Path) -> None:
    [one] = limits_in(tmp_path).processes
    assert (one.group, one.current_bytes) == (None, None)
    assert "no memory cgroup that can be read" in limits_text(limits_in(tmp_path))


def test_the_limiter_is_told_beside_them_or_why_not(tree: Path) -> None:
    told = limits_in(tree, f"printf '%s' '{STATUS}'")
    assert told.limiter == parse_memory_limiter(STATUS)
    assert "on: 1.8 GiB and 900.0 MiB of swap for an app in front" in limits_text(told)
    older = limits_in(tree, "echo 'Unknown command: memory-limiter'; return 255")
    assert older.limiter is None
    assert limits_json(older)["memory_limiter_detail"]


def test_a_limiter_that_is_off_has_no_limits_to_tell() -> None:
    off = parse_memory_limiter("Memory limiter\n  disabled monitoring=false ignored=10123\n")
    assert (off.enabled, off.visible_bytes, off.ignored) == (False, None, "10123")


@pytest.mark.parametrize("text", ["", "Unknown command: memory-limiter\n", "visibleMem=1MB\n"])
def test_what_is_no_limiter_is_no_limiter_without_limits(text: str) -> None:
    with pytest.raises(ParseError):
        parse_memory_limiter(text)


def test_doctor_has_a_line_where_there_is_a_limiter_and_none_elsewhere() -> None:
    with_it = {one.name: one for one in device_checks(Facts({"limiter": Answer(STATUS, 0)}))}
    assert "450.0 MiB of swap" in with_it["memory limiter"].fact
    without = Facts({"limiter": Answer("Unknown command: memory-limiter\n", 255)})
    assert "memory limiter" not in {one.name for one in device_checks(without)}
