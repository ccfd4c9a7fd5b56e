"""What the jobs of a host have left is ended with the host's part of a fleet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stand_ins import until

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="orphans are adopted on Linux alone"
)

# As at a host: what is begun ends before what it has begun, which comes to this process.
_HOST = """
import subprocess, sys
from droidreclaim.fleet import orphans
orphans.adopt()
subprocess.run(["sh", "-c", sys.argv[1]], check=True)
orphans.end(within_s=600)
"""
_LEAVES_A_CHILD = "setsid sh -c 'sleep 600 & echo $! > left'"
_UNDOES_SOMETHING = "setsid sh -c 'sleep 0.3; touch undone' &"


def test_what_a_job_has_left_is_killed_at_once_and_a_job_that_undoes_something_is_waited_for(
    tmp_path: Path,
) -> None:
    words = [sys.executable, "-c", _HOST, f"{_LEAVES_A_CHILD}; {_UNDOES_SOMETHING}"]
    subprocess.run(words, cwd=tmp_path, check=True, timeout=120)
    assert (tmp_path / "undone").exists()
    assert not Path("/proc", (tmp_path / "left").read_text().strip()).exists()


def test_in_a_group_without_a_leader_what_has_no_group_of_its_own_yet_is_waited_for(
    tmp_path: Path,
) -> None:
    """As a host's part that a shell began and did not wait for."""
    (tmp_path / "host.py").write_text(_HOST)
    job = "sh -c 'sleep 0.3; touch undone' &"
    begins = f'{sys.executable} host.py "{job}" > said 2>&1 & '
    with subprocess.Popen(["sh", "-c", begins], cwd=tmp_path, start_new_session=True) as shell:
        assert shell.wait(60) == 0
    until((tmp_path / "undone").exists)
    assert (tmp_path / "said").read_text() == ""
