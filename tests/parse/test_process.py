"""status and stat of one process."""

import os
from pathlib import Path

import pytest

from droidreclaim.errors import ParseError
from droidreclaim.parse.proc.process import (
    parse_stat,
    parse_status,
)


def test_picked_memory_lines_of_status(capture):
    status = parse_status(capture("proc_pid_status/android12-tv_xgimi_z6x-grep_vm.txt"))

    assert (status.name, status.threads, status.rss_bytes) == ("z6x_go_server", 5, 1980 * 1024)
    assert status.swap_bytes is None
    assert status.uid is None


def test_the_shell_has_no_capabilities(capture):
    status = parse_status(capture("proc_pid_status/android12-tv_xgimi_z6x-grep_cap_shell.txt"))

    assert int(status.fields["CapEff"], 16) == 0
    assert status.fields["CapBnd"].endswith("c0")


def test_this_very_process():
    status = parse_status(Path("/proc/self/status").read_text(encoding="utf-8"))
    stat = parse_stat(Path("/proc/self/stat").read_text(encoding="utf-8"))

    assert (status.pid, status.uid, status.state) == (os.getpid(), os.getuid(), "R")
    assert (stat.pid, stat.ppid) == (os.getpid(), os.getppid())
    assert status.rss_anon_bytes is not None


def test_a_comm_with_parentheses_does_not_shift_the_fields():
    stat = parse_stat("7 (a) S 1) R 3 " + " ".join(str(n) for n in range(5, 53)))

    assert (stat.comm, stat.state, stat.ppid, stat.start_ticks) == ("a) S 1", "R", 3, 22)


@pytest.mark.parametrize("text", ["", "7 (a R 3 4", "7 (a) R 3 4", "x (a) R " + "1 " * 30])
def test_what_is_no_stat_record_is_refused(text):
    with pytest.raises(ParseError):
        parse_stat(text)


@pytest.mark.parametrize("text", ["Pid:\tx\n", "VmRSS:\t 12\n", "Uid:\t0\n", "Status: ok\n", "x\n"])
def test_what_is_no_status_is_refused(text):
    with pytest.raises(ParseError):
        parse_status(text)
