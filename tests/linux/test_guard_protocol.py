"""PROTOCOL.md against the real guard: exchanges, keys, and what stands in the way of a start."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from .conftest import (
    ALWAYS,
    SOURCES,
    Guard,
    Session,
    Zram,
    load_build_script,
    missing,
)


def test_hello_names_the_sources_of_both_folders(guard: Guard) -> None:
    hello = guard.ask("hello").only("hello")
    assert hello["build"] == load_build_script().source_hash(SOURCES, ("common", "guard"))
    assert hello["protocol"] == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("guard_when available_bytes=x", "available_bytes"),
        ("guard_when often=1", "available_bytes next_launch"),
        ("guard_when next_launch=2", "next_launch"),
        ("guard_when pressure_window_us=100", "pressure_window_us"),
        ("guard_when pressure_some_us=500000", "pressure_some_us"),
        ("guard_when keep_swap_free_permille=1001", "keep_swap_free_permille"),
        ("guard_when look_every_ms=10", "look_every_ms"),
        ("guard_rule match=", "match=GLOB"),
        ("guard_rule match=" + "x" * 160, "1 to 159"),
        ("guard_rule match=* colour=red", "match adj_low adj_high"),
        ("guard_rule match=* adj_low=499", "adj_low"),
        ("guard_rule match=* adj_low=900 adj_high=800", "adj_low must be at most adj_high"),
        ("guard_rule match=* rung=kill", "pageout, cold, trim or leave"),
        ("guard_rule match=* what=some", "anon, file or all"),
        ("guard_rule match=* what=anon only=native", "or only:"),
        ("guard_rule match=* rate_bytes_per_s=1000", "rate_bytes_per_s"),
        ("guard_rule match=* background_ms=86400001", "background_ms"),
        ("guard_rule match=* last=yes", "last"),
        ("guard_start name=x", "for_s=N"),
        ("guard_start name=x for_s=0", "for_s=N"),
        ("guard_start for_s=60", "name=TEXT"),
        ("guard_start name=" + "x" * 64 + " for_s=60", "name=TEXT"),
    ],
)
def test_a_bad_line_is_refused_with_what_is_wrong(guard: Guard, line: str, why: str) -> None:
    end = guard.ask(*line.split(" ")).end
    assert (end["ok"], end["error"]) == (False, "EINVAL")
    assert why in end["why"]


def test_a_profile_has_at_most_64_rules(guard: Guard) -> None:
    session = Session(guard.program)
    for number in range(65):
        session.send(f"{number} guard_rule match=com.example.{number}")
    ends = [reply.end for _ in range(65) if (reply := session.reply())]
    session.close()
    assert [end["ok"] for end in ends] == [True] * 64 + [False]
    assert ends[-1]["error"] == "E2BIG"


def test_without_swap_it_does_not_start_and_says_why(guard: Guard, no_swap: None) -> None:
    end = guard.try_start(ALWAYS, "match=* rung=leave").end
    assert end["error"] == "ENODEV"
    assert "no swap" in end["why"]
    assert not guard.runs()


def test_swap_on_flash_is_refused_unless_allowed(guard: Guard, zram: Zram, tmp_path: Path) -> None:
    file = tmp_path / "swapfile"
    file.write_bytes(bytes(4 << 20))
    file.chmod(0o600)
    subprocess.run(["mkswap", file], check=True, capture_output=True)
    if subprocess.run(["swapon", file], check=False, capture_output=True).returncode != 0:
        missing("this file system holds no swap file")
    try:
        end = guard.try_start(ALWAYS, "match=* rung=leave").end
        assert end["error"] == "EPERM"
        assert "allow_flash=1" in end["why"]
        allowed = guard.try_start(ALWAYS, "match=* rung=leave", more="allow_flash=1")
        assert allowed.end["ok"]
    finally:
        subprocess.run(["swapoff", file], check=True)


def test_only_root_is_answered_through_the_socket(guard: Guard, zram: Zram) -> None:
    guard.start(ALWAYS, "match=* rung=leave")
    path = guard.home / "guard.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    guard.home.chmod(0o755)
    path.chmod(0o666)  # even if it could be reached
    for folder in guard.home.parents:
        if not os.access(folder, os.X_OK) or folder.stat().st_mode & 0o001 == 0:
            folder.chmod(folder.stat().st_mode | 0o011)
    code = (
        "import os,socket,sys\n"
        "os.setuid(10123)\n"
        "s=socket.socket(socket.AF_UNIX)\n"
        "s.connect(sys.argv[1])\n"
        "s.settimeout(5)\n"
        "print(len(s.recv(100)))\n"
    )
    os.chdir(guard.home)  # a path that fits a socket's
    run = subprocess.run(
        ["python3", "-c", code, "guard.sock"], capture_output=True, text=True, check=False
    )
    assert run.stdout == "0\n", run.stderr
    assert guard.status()["running"]
